"""What a terminal or a notebook shows: progress, tables, a world played by hand."""
