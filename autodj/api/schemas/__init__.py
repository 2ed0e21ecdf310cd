"""The bodies that leave the server, as models: the documented shape is the sent shape."""
