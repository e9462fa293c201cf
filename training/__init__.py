"""Datasets, rewards and fine-tuning recipes."""
