"""Parameter vectors of populations: flat float32[C, P] arrays, so that one draw mutates everything."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from rewardlab.types import Agent


def newborns(agent: Agent, key: jax.Array, count: int) -> jax.Array:
    """`count` fresh parameter vectors from the agent's own initial distribution: float32[count, P]. Consumes the key."""
    return jax.vmap(lambda k: ravel_pytree(agent.init(k))[0])(jax.random.split(key, count))


def unflatten(agent: Agent, flat: jax.Array):
    """The parameters behind flat vectors float32[P] or float32[C, P]."""
    like = jax.eval_shape(agent.init, jax.eval_shape(lambda: jax.random.key(0)))
    unravel = ravel_pytree(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), like))[1]
    return unravel(flat) if flat.ndim == 1 else jax.vmap(unravel)(flat)


def pick(flat: jax.Array, which: jax.Array) -> jax.Array:
    """Rows of a population: float32[C, P], int32[N] -> float32[N, P].

    As a product with one-hot rows, exact for finite parameters: XLA's CPU gather takes ten times as long under `vmap`.
    """
    rows = jax.nn.one_hot(which, flat.shape[0], dtype=flat.dtype)
    return jnp.matmul(rows, flat, precision=jax.lax.Precision.HIGHEST)


def best_first(fitness: jax.Array) -> jax.Array:
    """Indices from the fittest to the least fit, int32[C]; ties keep their order. Reads nothing but the order of fitness."""
    return jnp.argsort(-fitness, stable=True)
