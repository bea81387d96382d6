"""What comes from outside: names, files and fields, checked, and refused in one line."""
