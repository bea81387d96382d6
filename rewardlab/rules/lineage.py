"""Who descends from whom, and with what fitness: the record that selection rules keep. No rule reads it."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

GENERATIONS = 32  # remembered; older ones are forgotten, so that memory is bounded


class Lineage(NamedTuple):
    """The last `GENERATIONS` successions, the latest in the last row.

    fitness: float32[G, C], of each candidate of one generation.
    parents: int32[G, C, 2], the two of them from whom each candidate of the *next* generation stems: the same one twice where
        there was no crossover, -1 in rows that have not happened yet.
    """

    fitness: jax.Array
    parents: jax.Array


def blank(candidates: int) -> Lineage:
    """Nothing has happened yet."""
    return Lineage(jnp.zeros((GENERATIONS, candidates)), jnp.full((GENERATIONS, candidates, 2), -1, jnp.int32))


def record(lineage: Lineage, fitness: jax.Array, parents: jax.Array) -> Lineage:
    """One more succession: float32[C], int32[C, 2]. The oldest row is forgotten."""
    parents = parents.astype(jnp.int32)
    return Lineage(
        *(jnp.concatenate([old[1:], new[None]]) for old, new in zip(lineage, (fitness, parents), strict=True))
    )


def offspring(parents: jax.Array) -> jax.Array:
    """How many of the next generation stem from each candidate: int32[C, 2] -> float32[C]. Of two parents each has half a child."""
    return jnp.zeros(parents.shape[0]).at[parents].add(0.5)
