"""How close a text is to the one that was expected; no tool, no meaning."""

from __future__ import annotations


def exact_match(text: str, expected: str) -> bool:
    """Return whether two texts have the same words, split at white space (EM of RTL-Repo)."""
    return text.split() == expected.split()


def edit_similarity(text: str, expected: str) -> int:
    """Return the similarity of two texts from 0 to 100 (ES of RTL-Repo: `fuzz.ratio` on the raw strings).

    100 · (1 - d / (|a| + |b|)), d the number of insertions and deletions, rounded to a whole number.

    Example:
        >>> edit_similarity("assign y = a;", "assign y = b;")
        92
    """
    from rapidfuzz import fuzz

    return round(fuzz.ratio(text, expected))
