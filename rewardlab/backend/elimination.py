"""Linear systems by elimination: many small ones at once are one loop, with no call of a library for each.

A library's call may hold up a CPU for good where programs of two of its devices make one at the same time.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp


def solved(matrix: jax.Array, right: jax.Array) -> jax.Array:
    """x of matrix @ x = right: float32[n, n], float32[n] or [n, k] -> the shape of `right`. Gauss and Jordan's, without pivots.

    That is stable for I - γ P, P the transitions of a chain and γ < 1, and for its transpose: the diagonal dominates. And for
    symmetric matrices that are positive definite.
    """
    n = len(matrix)
    both = jnp.concatenate([matrix, right.reshape(n, -1)], axis=1)

    def eliminate(i, both):
        pivot = both[i] / both[i, i]
        return jnp.where(jnp.arange(n)[:, None] == i, pivot, both - both[:, i, None] * pivot)

    return jax.lax.fori_loop(0, n, eliminate, both)[:, n:].reshape(right.shape)
