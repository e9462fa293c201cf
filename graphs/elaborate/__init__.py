"""Elaboration of a design into the rows of the database: hierarchy, ports, signals, control flow and data flow."""
