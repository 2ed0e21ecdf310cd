"""The store beside other clients of S3: the same files, the same server, in turns."""
