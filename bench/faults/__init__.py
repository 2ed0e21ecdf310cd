"""A real S3 server behind a proxy that misbehaves, and what the store makes of it."""
