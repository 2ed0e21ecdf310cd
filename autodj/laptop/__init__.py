"""autodj on one machine without an account, an installation or root: broker, S3 server, edge."""
