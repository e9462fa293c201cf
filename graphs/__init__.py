"""Front ends and design graphs: everything that reads HDL source."""
