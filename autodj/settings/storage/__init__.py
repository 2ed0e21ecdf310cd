"""The storage section of a configuration file, and the baskets it describes."""
