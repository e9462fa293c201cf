"""Narrowing: declarations and operators made no wider than the values that occur and the bits that count."""
