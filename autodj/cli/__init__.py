"""The command line: one file for each group, heavy imports only where a command needs them."""
