"""Proximal policy optimisation (Schulman et al. 2017), level 4: it is told which step paid."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
from flax import struct

from rewardlab.agents.select import by, entropy, greedily, log_prob, sample
from rewardlab.inputs.fields import divides
from rewardlab.rules import optimisers
from rewardlab.rules.losses import (
    begins,
    clipped_surrogate,
    descend,
    flat,
    masked_mean,
    next_outputs,
    standardise,
)
from rewardlab.rules.returns import lambda_returns
from rewardlab.types import Policy, Rule


class State(NamedTuple):
    params: Any
    opt_state: Any


@struct.dataclass
class PPO(Rule):
    """Clipped policy gradient with advantages by GAE(λ) and a learned value that bootstraps what the clock cut off.

    The γᵗ weight of the exact gradient is dropped, as everywhere in practice (Nota & Thomas 2020): with γ < 1 the direction
    is that of the undiscounted objective with discounted, hence less noisy, advantages.
    """

    title = "PPO"
    level = 4
    whole = False
    continuous = True
    remembers = True

    learning_rate: float = struct.field(default=1e-3, metadata={"range": (0.0, 1.0), "search": (1e-4, 1e-1, "log")})
    gamma: float = struct.field(default=0.99, metadata={"range": (0.0, 1.0), "search": (0.8, 0.999, "log1m")})
    gae_lambda: float = struct.field(default=0.95, metadata={"range": (0.0, 1.0), "search": (0.8, 1.0, "linear")})
    clip: float = struct.field(default=0.2, metadata={"range": (0.0, 1.0), "search": (0.1, 0.4, "linear")})
    entropy_weight: float = struct.field(default=0.01, metadata={"range": (0.0, 1.0), "search": (1e-4, 1e-1, "log")})
    value_weight: float = struct.field(default=0.5, metadata={"range": (0.0, 10.0)})
    max_grad_norm: float = struct.field(default=0.5, metadata={"range": (0.0, 1e6)})
    optimiser: Any = optimisers.field()
    num_envs: int = struct.field(default=64, pytree_node=False)
    unroll_length: int = struct.field(default=32, pytree_node=False)
    epochs: int = struct.field(default=4, pytree_node=False)
    minibatches: int = struct.field(default=4, pytree_node=False)

    def check(self):
        divides("minibatches", self.minibatches, "num_envs", self.num_envs)

    def heads(self, actions):
        return {"logits": actions, "value": 1}

    def init(self, agent, key):
        params = agent.init(key)
        return State(params, optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm).init(params))

    def behave(self, agent, state, key):
        def select(outputs, key):
            action, extras = sample("logits")(outputs, key)
            return action, {**extras, "value": outputs["value"][:, 0]}

        return Policy(state.params, by(select))

    def update(self, agent, state, experience, key):
        value = experience.extras["value"]
        next_value = next_outputs(agent, state.params, experience)["value"].reshape(value.shape)
        target = lambda_returns(
            experience.reward, next_value, experience.terminated, experience.done, self.gamma, self.gae_lambda
        )
        seen = (experience.memory, experience.obs, begins(experience.done))
        told = (
            experience.action,
            experience.extras["log_prob"],
            target - value,
            target,
            experience.mask,
        )

        def loss(params, batch):
            (memory, obs, first), told = batch
            action, log_prob_old, advantage, target, lived = flat(told)
            outputs, _ = agent.unroll(params, jax.tree.map(lambda x: x[0], memory), obs, first)
            outputs = flat(outputs)
            policy_loss = clipped_surrogate(
                log_prob(outputs["logits"], action), log_prob_old, standardise(advantage, lived), self.clip
            )
            value_loss = 0.5 * (outputs["value"][:, 0] - target) ** 2
            bonus = entropy(outputs["logits"])
            return masked_mean(policy_loss + self.value_weight * value_loss - self.entropy_weight * bonus, lived)

        optimiser = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm)
        params, opt_state, mean_loss = descend(
            loss, state.params, state.opt_state, optimiser, key, (seen, told), self.epochs, self.minibatches
        )
        return State(params, opt_state), {"loss": mean_loss, "value": value.mean()}

    def deploy(self, agent, state):
        return Policy(state.params, greedily("logits"))


rule = PPO
