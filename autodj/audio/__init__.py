"""What a file of audio is and what can be measured from it.

Nothing here does I/O but on the one file it is given. ``identify``, ``facts`` and ``sandbox``
are light and may be imported anywhere; everything that decodes is imported only inside the
sandbox's child, and by tools that make audio.
"""
