"""Rewrites of the datapath: expressions, shared operators, multiplexers, constant factors, comparisons."""
