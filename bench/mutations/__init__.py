"""Thousands of broken audio files against the sandbox: ``python -m bench.mutations``."""
