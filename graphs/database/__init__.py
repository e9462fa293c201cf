"""The design database: SQLite on disk, arrays in memory for traversal."""
