"""Registers that the design does not need: constant, duplicate, computable from others, or read by nobody."""
