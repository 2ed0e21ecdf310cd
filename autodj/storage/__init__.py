"""Where bytes live: the port, its two stores and the keys."""
