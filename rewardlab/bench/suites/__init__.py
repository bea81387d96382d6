"""What is measured, one file a suite: `rows() -> list[Row]`, a comparison of contenders at one size each."""
