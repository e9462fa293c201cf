"""Questions to a design database, one a file."""
