"""Resynthesis: find a cheaper word-level expression for what a signal computes, by search and by algebra."""
