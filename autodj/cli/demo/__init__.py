"""``autodj demo``: the whole path with real parts, told step by step and checked."""
