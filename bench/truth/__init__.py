"""A set of music whose tempo, beats, bars and key are known exactly, made on this machine.

Grooves are invented and scores are played by synthesisers, so the truth is what was played and
not what somebody heard. Nothing of it is kept in the repository: ``python -m bench.truth build``
makes the same set again from free packages.
"""
