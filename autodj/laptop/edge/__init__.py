"""The local edge: in front of any S3 bucket, it answers as CloudFront's data plane does.

``service.open_edge`` opens one; ``app.Edge`` is the part that answers.
"""
