"""How right the analysis is, beside others, over a truth set: ``python -m bench.analysis``."""
