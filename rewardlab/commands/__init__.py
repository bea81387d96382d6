"""The commands, one file each: `main(words)` reads arguments, calls what a notebook would call, returns the exit code."""
