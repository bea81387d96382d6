"""Advantage actor-critic (A2C, the synchronous form of Mnih et al. 2016) with GAE, level 4: it is told which step paid."""

from __future__ import annotations

from typing import Any, NamedTuple

from flax import struct

from rewardlab.agents.select import by, greedily, sample
from rewardlab.rules import optimisers
from rewardlab.rules.losses import actor_critic, gradient_step, next_outputs
from rewardlab.rules.returns import lambda_returns
from rewardlab.types import Policy, Rule


class State(NamedTuple):
    params: Any
    opt_state: Any


@struct.dataclass
class A2C(Rule):
    """One gradient step per batch of steps, with advantages by GAE(λ) and a learned value that bootstraps what was cut off.

    Lanes carry on across updates, so T can be far below an episode. As in `reinforce` the γᵗ weight is dropped (Nota & Thomas
    2020): with exact values the step follows Σ_s d(s) π(a|s) A(s, a), with d the states as they were visited, undiscounted.
    """

    title = "A2C"
    level = 4
    whole = False
    continuous = True
    remembers = True

    learning_rate: float = struct.field(default=3e-3, metadata={"range": (0.0, 1.0), "search": (1e-4, 1e-1, "log")})
    gamma: float = struct.field(default=0.99, metadata={"range": (0.0, 1.0), "search": (0.8, 0.999, "log1m")})
    gae_lambda: float = struct.field(default=0.95, metadata={"range": (0.0, 1.0), "search": (0.8, 1.0, "linear")})
    entropy_weight: float = struct.field(default=0.01, metadata={"range": (0.0, 1.0), "search": (1e-4, 1e-1, "log")})
    value_weight: float = struct.field(default=0.5, metadata={"range": (0.0, 10.0)})
    max_grad_norm: float = struct.field(default=0.5, metadata={"range": (0.0, 1e6)})
    optimiser: Any = optimisers.field()
    num_envs: int = struct.field(default=16, pytree_node=False)
    unroll_length: int = struct.field(default=16, pytree_node=False)

    def heads(self, actions):
        return {"logits": actions, "value": 1}

    def init(self, agent, key):
        params = agent.init(key)
        return State(params, optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm).init(params))

    def behave(self, agent, state, key):
        return Policy(state.params, by(sample("logits")))

    def targets(self, agent, params, experience):
        """λ-returns float32[T, N] by the values of these parameters."""
        next_value = next_outputs(agent, params, experience)["value"].reshape(experience.reward.shape)
        return lambda_returns(
            experience.reward, next_value, experience.terminated, experience.done, self.gamma, self.gae_lambda
        )

    def loss(self, agent, params, experience, target):
        """The surrogate whose gradient is the update's direction, negated: float32[]."""
        return actor_critic(agent, params, experience, target, self.value_weight, self.entropy_weight)

    def update(self, agent, state, experience, key):
        target = self.targets(agent, state.params, experience)
        optimiser = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm)
        loss = lambda params: self.loss(agent, params, experience, target)  # noqa: E731
        params, opt_state, before = gradient_step(loss, state.params, state.opt_state, optimiser)
        return State(params, opt_state), {"loss": before}

    def deploy(self, agent, state):
        return Policy(state.params, greedily("logits"))


rule = A2C
