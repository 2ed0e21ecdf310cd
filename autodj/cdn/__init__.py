"""CloudFront: the links it honours."""
