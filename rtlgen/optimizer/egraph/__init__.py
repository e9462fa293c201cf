"""Word-level equality saturation: proved rules, a technology-aware cost, and extraction of several candidates."""
