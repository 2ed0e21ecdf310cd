"""What people know better about a track's beats, bars and key, laid over what was measured."""
