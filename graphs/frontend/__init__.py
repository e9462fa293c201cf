"""HDL front ends; pyslang is the first."""
