"""External EDA tools: simulators, Yosys and ABC, equivalence, timing and power."""
