"""What a repository of Verilog consists of, and what of it to elaborate: discovery, file lists, cores, the plan."""
