"""State machines: exact minimisation, re-encoding, and writing the result back into the source."""
