"""Tournament selection with mutation (Goldberg & Deb 1991), level 2: whoever wins a small tournament has a child."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.rules.population import Generational


@struct.dataclass
class Tournament(Generational):
    """The parent of each child is the fittest of `size` candidates drawn at random, with replacement.

    So the candidate of rank r, of C from the best, r = 1, wins with probability ((C − r + 1)ᵏ − (C − r)ᵏ) / Cᵏ for size k. Only
    the order of fitness is read. Among equals the first drawn wins, which is any of them at even odds.
    """

    title = "tournament selection"
    level = 2

    size: int = struct.field(default=4, pytree_node=False)

    def choose(self, score, key):
        drawn = jax.random.randint(key, (self.candidates, self.size), 0, self.candidates)
        return jnp.take_along_axis(drawn, jnp.argmax(score[drawn], axis=1, keepdims=True), axis=1)[:, 0]


rule = Tournament
