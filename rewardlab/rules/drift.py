"""Neutral drift: survivors are kept at random, level 0. A control: what variation and inheritance do without selection."""

from __future__ import annotations

import jax
from flax import struct

from rewardlab.rules.truncation import Truncation


@struct.dataclass
class Drift(Truncation):
    """Truncation selection in everything but who survives: any `parents` of the `candidates`, at even odds (Kimura 1968)."""

    title = "neutral drift"
    level = 0

    def survivors(self, score, key):
        return jax.random.permutation(key, self.candidates)[: self.parents]


rule = Drift
