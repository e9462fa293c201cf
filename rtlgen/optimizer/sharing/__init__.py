"""Sharing of operators between branches that never need them at once."""
