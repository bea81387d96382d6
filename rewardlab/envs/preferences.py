"""Rewards learned from comparisons (Bradley and Terry 1952), as pure functions.

An episode is its features φ float32[F]; what it is worth is w · φ. Of two, the first is preferred with the probability
σ(w · (φ₁ - φ₂)). So w is known up to what two episodes always have in common: an amount a step where all are as long.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from rewardlab.backend.elimination import solved

PRECISION = 1.0  # of the normal prior of each weight, around 0
ROUNDS = 50  # of `fit`
ROWS = 64  # comparisons that are summed at once: longer sums would be split among threads, and round otherwise on other machines


def preferred(key: jax.Array, apart: jax.Array, noise: jax.Array | float) -> jax.Array:
    """Whether the first of two is preferred, bool[...], their returns being `apart` float32[...]. Consumes the key.

    With the probability σ(apart / noise); without noise the better one is, and either of two that are as good.
    """
    sure = jnp.where(apart > 0, 1.0, jnp.where(apart < 0, 0.0, 0.5))
    noisy = jax.nn.sigmoid(apart / jnp.where(noise > 0, noise, 1.0))
    return jax.random.uniform(key, apart.shape) < jnp.where(noise > 0, noisy, sure)


def log_posterior(weights: jax.Array, margins: jax.Array, counts: jax.Array) -> jax.Array:
    """log of likelihood times prior, float32[], up to a constant, of weights float32[F].

    margins: float32[C, F], features of the preferred one less those of the other. counts: float32[C], how often each counts.
    """
    return counts @ jax.nn.log_sigmoid(margins @ weights) - PRECISION / 2 * weights @ weights


def slope(weights: jax.Array, margins: jax.Array, counts: jax.Array) -> jax.Array:
    """The gradient of `log_posterior`, float32[F]: a comparison adds its margin times the probability that it went otherwise."""
    return (counts * jax.nn.sigmoid(-(margins @ weights))) @ margins - PRECISION * weights


def fit(margins: jax.Array, counts: jax.Array) -> jax.Array:
    """The most probable weights, float32[F]. No step lowers the posterior (Böhning and Lindsay 1988): σ' is nowhere above 1/4."""
    inverse = solved(squares(margins, counts) / 4 + PRECISION * jnp.eye(margins.shape[1]), jnp.eye(margins.shape[1]))

    def step(_, weights):
        return weights + inverse @ slope(weights, margins, counts)

    return jax.lax.fori_loop(0, ROUNDS, step, jnp.zeros(margins.shape[1]))


def squares(margins: jax.Array, counts: jax.Array) -> jax.Array:
    """The sum of counts · margin marginᵀ, float32[F, F]."""
    pad = -len(margins) % ROWS
    blocks = (
        jnp.pad(x, ((0, pad), (0, 0))).reshape(-1, ROWS, x.shape[1]) for x in (margins, margins * counts[:, None])
    )
    zero = jnp.zeros((margins.shape[1],) * 2)
    return jax.lax.scan(lambda total, both: (total + both[0].T @ both[1], None), zero, tuple(blocks))[0]


def redrawn(key: jax.Array, most: int, number: jax.Array | int, members: int) -> jax.Array:
    """How often each of `most` comparisons counts for the members of an ensemble that is told of the first `number` of them, which
    may be traced.

    float32[members, most]: each member's are as many, drawn from these with replacement; one member alone has them as they are.
    Consumes the key.
    """
    there = (jnp.arange(most) < number).astype(jnp.float32)
    if members == 1:
        return there[None]
    drawn = jax.random.randint(key, (members, most), 0, number)
    return jax.vmap(lambda which: jnp.bincount(which, there, length=most))(drawn)


def worth(said: jax.Array, caution: jax.Array | float = 0.0) -> jax.Array:
    """What an ensemble's words float32[members] come to, float32[]: their mean, less `caution` times their spread."""
    return said.mean() - caution * said.std()
