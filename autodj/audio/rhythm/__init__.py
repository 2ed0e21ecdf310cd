"""Tempo, beats and bars."""
