"""Ours against what one would use instead, both measured in the same run."""
