"""Continuous policies: a Gaussian without correlations, what a head that is given a Box says."""

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.types import Box


@struct.dataclass
class Gaussian:
    """Independent normal distributions over actions float32[..., D], one for each observation.

    mean, log_std: float32[..., D], in the world's units and the logarithm of these. box: what the world takes; actions that are
    drawn may lie outside of it, and their density is that of the unbounded Gaussian.
    """

    mean: jax.Array
    log_std: jax.Array
    box: Box = struct.field(pytree_node=False)

    def sample(self, key: jax.Array) -> jax.Array:
        """Actions float32[..., D]. Consumes the key."""
        return self.mean + jnp.exp(self.log_std) * jax.random.normal(key, self.mean.shape, self.mean.dtype)

    def uniform(self, key: jax.Array) -> jax.Array:
        """Actions float32[..., D], each as likely, anywhere in the box; from -1 to 1 without bounds. Consumes the key."""
        centre, half = self.box.scale
        return centre + half * jax.random.uniform(key, self.mean.shape, self.mean.dtype, -1.0, 1.0)

    def log_prob(self, action: jax.Array) -> jax.Array:
        """Logarithm of the density at actions float32[..., D]: float32[...]."""
        z = (action - self.mean) * jnp.exp(-self.log_std)
        return -(0.5 * z**2 + self.log_std + 0.5 * math.log(2.0 * math.pi)).sum(-1)

    def entropy(self) -> jax.Array:
        """Differential entropy in nats: float32[...]. It is negative where the density is high."""
        return (self.log_std + 0.5 * math.log(2.0 * math.pi * math.e)).sum(-1)

    def divergence(self, other: Gaussian) -> jax.Array:
        """KL(self ‖ other) in nats: float32[...]."""
        spread = jnp.exp(2.0 * (self.log_std - other.log_std))
        apart = (self.mean - other.mean) * jnp.exp(-other.log_std)
        return (other.log_std - self.log_std + 0.5 * (spread + apart**2 - 1.0)).sum(-1)

    def fisher(self, moved: Gaussian) -> Gaussian:
        """The product of the Fisher matrix of (mean, log_std), which is diagonal, and a change of them."""
        return dataclasses.replace(moved, mean=moved.mean * jnp.exp(-2.0 * self.log_std), log_std=2.0 * moved.log_std)
