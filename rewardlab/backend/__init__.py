"""What there is to compute on, and random numbers: beside jax itself."""
