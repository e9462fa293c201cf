"""Rewrites proposed by a language model: asked, parsed, gated; proved and measured by the search like any other."""
