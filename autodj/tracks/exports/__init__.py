"""What is known of tracks in the formats of other programs: values in, text or bytes out."""
