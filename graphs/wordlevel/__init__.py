"""Word-level bit-vector terms and the view of a module in them."""
