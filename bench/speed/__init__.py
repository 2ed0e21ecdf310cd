"""What ``python -m bench.analysis_speed`` starts: one task in a process of its own."""
