"""Trust region policy optimisation (Schulman et al. 2015), level 4: it is told which step paid."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.rules.natural import NaturalPolicyGradient


@struct.dataclass
class TRPO(NaturalPolicyGradient):
    """The natural gradient, as far as the mean KL divergence from the old policy allows: at most `max_kl` nats.

    The first step is the one that reaches the bound in the quadratic model of the divergence. It is shortened by the factor
    `backtrack` until the surrogate rises and the bound holds, at most `line_search` times; then the policy stays as it was.
    """

    title = "TRPO"

    max_kl: float = struct.field(default=0.01, metadata={"range": (0.0, 1e3), "search": (1e-3, 1e-1, "log")})
    backtrack: float = struct.field(default=0.8, metadata={"range": (0.0, 1.0)})
    line_search: int = struct.field(default=10, pytree_node=False)

    def move(self, theta, objective, direction):
        curvature = direction @ (objective.fisher(direction) + self.damping * direction)
        step = jnp.sqrt(2.0 * self.max_kl / jnp.maximum(curvature, 1e-20)) * direction
        before = objective.surrogate(theta)

        def candidate(shortened):
            return theta + self.backtrack ** shortened.astype(theta.dtype) * step

        def refused(shortened):
            after = candidate(shortened)
            return ~((objective.surrogate(after) > before) & (objective.kl(after) <= self.max_kl))

        tries = jax.lax.while_loop(lambda i: (i < self.line_search) & refused(i), lambda i: i + 1, jnp.int32(0))
        return jnp.where(tries < self.line_search, candidate(tries), theta)


rule = TRPO
