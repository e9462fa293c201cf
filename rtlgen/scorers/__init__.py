"""What a candidate is worth: one function per question, the same for benchmarks and for training rewards."""
