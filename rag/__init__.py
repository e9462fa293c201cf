"""Retrieval over HDL repositories."""
