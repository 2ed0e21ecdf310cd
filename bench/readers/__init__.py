"""Readers of our exports that are not Python."""
