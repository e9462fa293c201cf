"""Other state variables for the same behaviour: digits of a counter, a register that holds a sum, shared registers."""
