"""REINFORCE (Williams 1992) with reward-to-go and a learned baseline, level 4: it is told which step paid."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import optax
from flax import struct

from rewardlab.agents.select import entropy, log_prob, sample
from rewardlab.rules.losses import adam, masked_mean
from rewardlab.rules.returns import reward_to_go
from rewardlab.types import Acting, Rule


class State(NamedTuple):
    params: Any
    opt_state: Any


@struct.dataclass
class Reinforce(Rule):
    """One gradient step per batch of whole episodes: Σ_t (G_t − b(s_t)) ∇log π(a_t|s_t), averaged over the steps lived.

    The baseline b is the network's value head, fitted to G_t by least squares; it never bootstraps. The γᵗ weight is dropped
    (Nota & Thomas 2020), so with γ = 1 this is the exact gradient of the return, up to the factor of the mean.
    A step of truncated episodes counts as the end: what the clock cut off is not guessed.
    """

    level = 4
    whole = True

    learning_rate: float = struct.field(default=3e-3, metadata={"range": (0.0, 1.0)})
    gamma: float = struct.field(default=0.99, metadata={"range": (0.0, 1.0)})
    entropy_weight: float = struct.field(default=0.01, metadata={"range": (0.0, 1.0)})
    value_weight: float = struct.field(default=0.5, metadata={"range": (0.0, 10.0)})
    max_grad_norm: float = struct.field(default=0.5, metadata={"range": (0.0, 1e6)})
    lanes: int = struct.field(default=16, pytree_node=False)
    steps: int = struct.field(default=128, pytree_node=False)

    def heads(self, num_actions):
        return {"logits": num_actions, "value": 1}

    def init(self, agent, key):
        params = agent.init(key)
        return State(params, adam(self.learning_rate, self.max_grad_norm).init(params))

    def behave(self, agent, state, key):
        return Acting(state.params, sample("logits"))

    def returns(self, experience):
        """G_t, what the action of each step is credited with: float32[T, N]."""
        return reward_to_go(experience.reward, experience.done, self.gamma)

    def loss(self, agent, params, experience):
        """The surrogate whose gradient is the update's direction, negated: float32[]."""
        steps = experience.reward.size
        outputs = agent.apply(params, experience.obs.reshape(steps, *experience.obs.shape[2:]))
        returns = self.returns(experience).reshape(steps)
        value = outputs["value"][:, 0]
        advantage = jax.lax.stop_gradient(returns - value)
        policy_loss = -advantage * log_prob(outputs["logits"], experience.action.reshape(steps))
        value_loss = 0.5 * (value - returns) ** 2
        bonus = entropy(outputs["logits"])
        total = policy_loss + self.value_weight * value_loss - self.entropy_weight * bonus
        return masked_mean(total, experience.lived.reshape(steps))

    def update(self, agent, state, experience, key):
        value, gradient = jax.value_and_grad(lambda params: self.loss(agent, params, experience))(state.params)
        optimiser = adam(self.learning_rate, self.max_grad_norm)
        updates, opt_state = optimiser.update(gradient, state.opt_state, state.params)
        return State(optax.apply_updates(state.params, updates), opt_state), {"loss": value}

    def policy(self, agent, state):
        return state.params


rule = Reinforce
