"""Natural policy gradient (Kakade 2001) with a fixed step, level 4: it is told which step paid."""

from __future__ import annotations

from flax import struct

from rewardlab.rules.natural import NaturalPolicyGradient


@struct.dataclass
class NaturalGradient(NaturalPolicyGradient):
    """θ ← θ + η F⁻¹ g, with η = `learning_rate`: the same change of behaviour whatever the parameters that make it.

    Without damping, a tabular softmax policy becomes π' ∝ π exp(η A): on a bandit that is Hedge, the discrete replicator
    equation. Nothing bounds the step; `trpo` does.
    """

    title = "natural gradient"

    learning_rate: float = struct.field(default=0.01, metadata={"range": (0.0, 1e6), "search": (1e-3, 1.0, "log")})

    def move(self, theta, objective, direction):
        return theta + self.learning_rate * direction


rule = NaturalGradient
