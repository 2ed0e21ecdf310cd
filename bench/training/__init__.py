"""How the network that ships was trained: docs/training.md tells the story.

``features`` runs in autodj's own environment and reads the truth set with the product's own
filters; ``fit`` needs PyTorch, NumPy and SciPy and nothing else, in an environment of its own.
"""
