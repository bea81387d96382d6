"""Shuffled reward: any rule, told the returns of other episodes. Level 0, a control: what the rule does with no information."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.rules.ppo import PPO
from rewardlab.rules.returns import episode_returns
from rewardlab.types import Rule


class State(NamedTuple):
    inner: Any
    earned: jax.Array


def permute_where(key: jax.Array, x: jax.Array, mask: jax.Array) -> jax.Array:
    """A uniformly random permutation of the masked entries among themselves, 0 elsewhere; any shape. Consumes the key."""
    flat, here = x.reshape(-1), mask.reshape(-1)
    givers = jnp.argsort(jnp.where(here, jax.random.uniform(key, flat.shape), jnp.inf))
    takers = jnp.argsort(~here, stable=True)
    shuffled = jnp.zeros_like(flat).at[takers].set(flat[givers], unique_indices=True)
    return jnp.where(here, shuffled, 0.0).reshape(x.shape)


@struct.dataclass
class Shuffled(Rule):
    """Permutes episode returns between the episodes that end in one update's experience, and pays them at the episode's end.

    The distribution of reward stays as it was; what it depended on is gone.
    """

    level = 0

    rule: Rule = PPO()

    continuous = property(lambda self: self.rule.continuous)
    whole = property(lambda self: self.rule.whole)
    candidates = property(lambda self: self.rule.candidates)
    lanes = property(lambda self: self.rule.lanes)
    steps = property(lambda self: self.rule.steps)

    def heads(self, actions):
        return self.rule.heads(actions)

    def init(self, agent, key):
        return State(self.rule.init(agent, key), jnp.zeros(self.lanes))

    def behave(self, agent, state, key):
        return self.rule.behave(agent, state.inner, key)

    def update(self, agent, state, experience, key):
        shuffle_key, update_key = jax.random.split(key)
        earned = episode_returns(experience.reward, experience.done, state.earned)
        paid = permute_where(shuffle_key, earned, experience.done)
        inner, log = self.rule.update(agent, state.inner, experience._replace(reward=paid), update_key)
        return State(inner, jnp.where(experience.done[-1], 0.0, earned[-1])), log

    def policy(self, agent, state):
        return self.rule.policy(agent, state.inner)


rule = Shuffled
