"""Parallel Q-learning without replay (Q(λ), after Gallici et al. 2024), level 5: it acts on a learned prediction of reward."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import annealed, by, chosen, epsilon_greedy, greedily
from rewardlab.inputs.fields import divides
from rewardlab.rules import optimisers
from rewardlab.rules.losses import descend, flat, masked_mean
from rewardlab.rules.returns import lambda_returns
from rewardlab.types import Policy, Rule


class State(NamedTuple):
    params: Any
    opt_state: Any
    updates: jax.Array


@struct.dataclass
class ParallelQ(Rule):
    """Regression of Q(s, a) on λ-returns with max_a Q(s', a), from many lanes at once; ε-greedy.

    ε falls linearly from 1 to `epsilon` over the first `anneal` updates. The λ-return is Peng's: it is not cut at exploring
    actions. A layer-normalised network is what keeps it stable without a target network.
    """

    title = "parallel Q"
    level = 5
    whole = False

    learning_rate: float = struct.field(default=1e-3, metadata={"range": (0.0, 1.0), "search": (1e-4, 1e-1, "log")})
    gamma: float = struct.field(default=0.97, metadata={"range": (0.0, 1.0), "search": (0.8, 0.999, "log1m")})
    q_lambda: float = struct.field(default=0.8, metadata={"range": (0.0, 1.0), "search": (0.5, 1.0, "linear")})
    epsilon: float = struct.field(default=0.05, metadata={"range": (0.0, 1.0), "search": (0.01, 0.3, "log")})
    anneal: float = struct.field(default=150.0, metadata={"range": (0.0, 1e9)})
    max_grad_norm: float = struct.field(default=10.0, metadata={"range": (0.0, 1e6)})
    optimiser: Any = optimisers.field()
    num_envs: int = struct.field(default=64, pytree_node=False)
    unroll_length: int = struct.field(default=32, pytree_node=False)
    epochs: int = struct.field(default=2, pytree_node=False)
    minibatches: int = struct.field(default=4, pytree_node=False)

    def check(self):
        divides("minibatches", self.minibatches, "num_envs", self.num_envs)

    def heads(self, num_actions):
        return {"q": num_actions}

    def init(self, agent, key):
        params = agent.init(key)
        return State(
            params, optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm).init(params), jnp.int32(0)
        )

    def behave(self, agent, state, key):
        return Policy(state.params, by(epsilon_greedy("q", annealed(self.epsilon, state.updates, self.anneal))))

    def update(self, agent, state, experience, key):
        next_value = agent.apply(state.params, flat(experience.next_obs))["q"].max(-1).reshape(experience.reward.shape)
        target = lambda_returns(
            experience.reward, next_value, experience.terminated, experience.done, self.gamma, self.q_lambda
        )
        data = (experience.obs, experience.action, target, experience.mask)

        def loss(params, batch):
            obs, action, target, lived = flat(batch)
            q = chosen(agent.apply(params, obs)["q"], action)
            return masked_mean(0.5 * (q - target) ** 2, lived)

        optimiser = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm)
        params, opt_state, mean_loss = descend(
            loss, state.params, state.opt_state, optimiser, key, data, self.epochs, self.minibatches
        )
        return State(params, opt_state, state.updates + 1), {"loss": mean_loss, "value": next_value.mean()}

    def deploy(self, agent, state):
        return Policy(state.params, greedily("q"))


rule = ParallelQ
