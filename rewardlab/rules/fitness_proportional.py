"""Fitness-proportional selection with mutation (roulette wheel; Holland 1975), level 3: how much fitter counts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.rules.population import Generational


@struct.dataclass
class FitnessProportional(Generational):
    """Each child's parent is drawn in proportion to fitness: E[p'] = p f / f̄, so Δf̄ = Var(f) / f̄ before mutation (Fisher 1930).

    f is the mean return per episode above `zero`, the return that is worth no children; below it there are none either. So where
    returns are negative `zero` has to be set to the lowest that matters. While no candidate is above it, all are equally likely.
    """

    title = "fitness-proportional selection"
    level = 3

    zero: float = struct.field(default=0.0, metadata={"range": (-1e9, 1e9)})

    def choose(self, score, key):
        worth = jnp.maximum(score - self.zero, 0.0)
        worth = jnp.where((worth > 0.0).any(), worth, jnp.ones_like(worth))
        return jax.random.choice(key, self.candidates, (self.candidates,), p=worth / worth.sum())


rule = FitnessProportional
