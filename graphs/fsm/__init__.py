"""State machines: exact extraction on the word-level view, a structural one beside it, and what users read."""
