"""How often sections and cue points lie where a piece has them: ``python -m bench.form``."""
