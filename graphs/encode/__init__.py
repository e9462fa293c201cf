"""Graphs of one body as compact text, for prompts and training data."""
