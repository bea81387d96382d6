"""REINFORCE (Williams 1992) with reward-to-go, with or without a learned baseline, level 4: it is told which step paid."""

from __future__ import annotations

from typing import Any, NamedTuple

from flax import struct

from rewardlab.agents.select import by, greedily, sample
from rewardlab.rules import optimisers
from rewardlab.rules.losses import actor_critic, gradient_step
from rewardlab.rules.returns import reward_to_go
from rewardlab.types import Policy, Rule


class State(NamedTuple):
    params: Any
    opt_state: Any


@struct.dataclass
class Reinforce(Rule):
    """One gradient step per batch of whole episodes: Σ_t (G_t − b(s_t)) ∇log π(a_t|s_t), averaged over the steps lived.

    The baseline b is the network's value head, fitted to G_t by least squares; it never bootstraps. Without `baseline`, b = 0
    and there is no value head. The γᵗ weight is dropped (Nota & Thomas 2020), so with γ = 1 this is the exact gradient of the
    return, up to the factor of the mean. A step of truncated episodes counts as the end: what the clock cut off is not guessed.
    """

    title = "REINFORCE"
    level = 4
    whole = True
    continuous = True
    remembers = True

    learning_rate: float = struct.field(default=3e-3, metadata={"range": (0.0, 1.0), "search": (1e-4, 1e-1, "log")})
    gamma: float = struct.field(default=0.99, metadata={"range": (0.0, 1.0), "search": (0.8, 0.999, "log1m")})
    entropy_weight: float = struct.field(default=0.01, metadata={"range": (0.0, 1.0), "search": (1e-4, 1e-1, "log")})
    value_weight: float = struct.field(default=0.5, metadata={"range": (0.0, 10.0)})
    max_grad_norm: float = struct.field(default=0.5, metadata={"range": (0.0, 1e6)})
    optimiser: Any = optimisers.field()
    baseline: bool = struct.field(default=True, pytree_node=False)
    num_envs: int = struct.field(default=16, pytree_node=False)
    unroll_length: int = struct.field(default=128, pytree_node=False)

    def heads(self, actions):
        return {"logits": actions} | ({"value": 1} if self.baseline else {})

    def init(self, agent, key):
        params = agent.init(key)
        return State(params, optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm).init(params))

    def behave(self, agent, state, key):
        return Policy(state.params, by(sample("logits")))

    def returns(self, experience):
        """G_t, what the action of each step is credited with: float32[T, N]."""
        return reward_to_go(experience.reward, experience.done, self.gamma)

    def loss(self, agent, params, experience):
        """The surrogate whose gradient is the update's direction, negated: float32[]."""
        return actor_critic(agent, params, experience, self.returns(experience), self.value_weight, self.entropy_weight)

    def update(self, agent, state, experience, key):
        optimiser = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm)
        loss = lambda params: self.loss(agent, params, experience)  # noqa: E731
        params, opt_state, before = gradient_step(loss, state.params, state.opt_state, optimiser)
        return State(params, opt_state), {"loss": before}

    def deploy(self, agent, state):
        return Policy(state.params, greedily("logits"))


rule = Reinforce
