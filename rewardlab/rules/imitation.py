"""Imitation of a scripted policy: behavioural cloning, or DAgger (Ross et al. 2011), level 0: it reads nothing of reward.

It is no control: what it learns by is what the demonstrator would do at each step, whoever takes that step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import by, greedily, log_prob, sample
from rewardlab.inputs.fields import divides
from rewardlab.rules import optimisers
from rewardlab.rules.losses import begins, descend, flat, masked_mean
from rewardlab.types import Policy, Rule


class State(NamedTuple):
    """demonstrates: float32[], the chance that the demonstrator takes a step of the next update."""

    params: Any
    opt_state: Any
    demonstrates: jax.Array


@struct.dataclass
class Imitation(Rule):
    """Gradient steps down the cross-entropy to what the demonstrator would do, −log π(a*|s), averaged over the steps lived.

    Each step is taken by the demonstrator with the chance `demonstrates`, times `decay` after every update, else by the learner,
    which draws from its softmax. Always the demonstrator (1, 1) is behavioural cloning. A chance that decays is DAgger, and never
    the demonstrator (0) is what DAgger comes to: labels are at the states that the learner visits. DAgger as published refits to
    all data so far; here every update descends on its own data alone, which is DAgger with gradient descent as its online learner.
    All steps count, the demonstrator's too.
    """

    title = "imitation"
    level = 0
    whole = False
    remembers = True

    learning_rate: float = struct.field(default=3e-3, metadata={"range": (0.0, 1.0), "search": (1e-4, 1e-1, "log")})
    demonstrates: float = struct.field(default=1.0, metadata={"range": (0.0, 1.0)})
    decay: float = struct.field(default=1.0, metadata={"range": (0.0, 1.0)})
    max_grad_norm: float = struct.field(default=10.0, metadata={"range": (0.0, 1e6)})
    optimiser: Any = optimisers.field()
    shown: str = struct.field(default="optimal", pytree_node=False)
    num_envs: int = struct.field(default=64, pytree_node=False)
    unroll_length: int = struct.field(default=32, pytree_node=False)
    epochs: int = struct.field(default=1, pytree_node=False)
    minibatches: int = struct.field(default=4, pytree_node=False)

    def check(self):
        divides("minibatches", self.minibatches, "num_envs", self.num_envs)

    def heads(self, actions):
        return {"logits": actions}

    def init(self, agent, key):
        params = agent.init(key)
        opt_state = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm).init(params)
        return State(params, opt_state, jnp.asarray(self.demonstrates, jnp.float32))

    def behave(self, agent, state, key):
        return Policy(state.params, by(sample("logits")), demonstrates=state.demonstrates)

    def loss(self, agent, params, seen):
        """Mean over the steps lived of −log π(a*|s), of lanes (memory, obs, first, shown, mask), [T, N, ...]: float32[]."""
        memory, obs, first, shown, mask = seen
        outputs, _ = agent.unroll(params, jax.tree.map(lambda x: x[0], memory), obs, first)
        outputs, shown, mask = flat((outputs, shown, mask))
        return masked_mean(-log_prob(outputs["logits"], shown), mask)

    def update(self, agent, state, experience, key):
        seen = (experience.memory, experience.obs, begins(experience.done), experience.shown, experience.mask)
        optimiser = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm)
        loss = lambda params, seen: self.loss(agent, params, seen)  # noqa: E731
        params, opt_state, mean_loss = descend(
            loss, state.params, state.opt_state, optimiser, key, seen, self.epochs, self.minibatches
        )
        return State(params, opt_state, state.demonstrates * self.decay), {"loss": mean_loss}

    def deploy(self, agent, state):
        return Policy(state.params, greedily("logits"))


rule = Imitation
