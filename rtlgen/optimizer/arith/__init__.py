"""Sums, constant products and constant divisions in cheaper forms."""
