"""Yoked reward: any rule, paid the returns of a twin. Level 0, a control: what the rule does with no information."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.backend.randomness import key_for
from rewardlab.inputs.errors import InputError, show
from rewardlab.rules.ppo import PPO
from rewardlab.rules.returns import episode_returns
from rewardlab.types import Policy, Rule


class State(NamedTuple):
    """own, twin: states of the rule. earned: float32[lanes], of episodes under way."""

    own: Any
    twin: Any
    earned: jax.Array


def drawn(key: jax.Array, x: jax.Array, mask: jax.Array) -> jax.Array:
    """x.size independent draws from the masked entries of x less their mean, in its shape; 0 without any. Consumes the key."""
    among = jnp.cumsum(mask.reshape(-1))
    count = among[-1].astype(jnp.float32)
    rank = jnp.floor(jax.random.uniform(key, (x.size,)) * count).astype(among.dtype)
    which = jnp.searchsorted(among, jnp.minimum(rank, among[-1] - 1), side="right")
    mean = jnp.where(mask, x, 0.0).sum() / jnp.maximum(count, 1.0)
    return jnp.where(count > 0, x.reshape(-1)[which] - mean, 0.0).reshape(x.shape)


@struct.dataclass
class Yoked(Rule):
    """Two agents under one rule, on the same levels: the twin is paid what it earns, this one what the twin earns.

    Each episode of its own is paid, at its end, a return drawn from those that the twin's episodes came to in the same update,
    less their mean. So pay varies as it does for an agent that learns, and depends on nothing that this agent ever did; and
    since it is 0 on average, a rule that discounts has nothing to gain by ending an episode early or late. (Permuting returns
    among the episodes of one update does not do that: it leaves 1/n of the policy gradient, for n episodes.) Half of the
    lanes are the twin's, and its steps count: for the same steps there are half as many updates.

    Pay without information can still move a rule where behaviour decides how many episodes there are: selection by order
    favours candidates of few episodes, whose mean is the noisiest, and a greedy value rule stays with what it has tried least.
    In a world where one of two actions ends the episode, 20, 25 and 29 % of 256 seeds of Q-learning, parallel Q and truncation
    selection end up with that action, 49 and 47 % of REINFORCE and PPO (`tests/test_yoked.py`, the world `Quit`).
    """

    title = "yoked reward"
    level = 0

    rule: Rule = PPO()

    continuous = property(lambda self: self.rule.continuous)
    remembers = property(lambda self: self.rule.remembers)
    imagines = property(lambda self: self.rule.imagines)
    asks = property(lambda self: self.rule.asks)
    whole = property(lambda self: self.rule.whole)
    candidates = property(lambda self: 2 * max(self.rule.candidates, 1))
    num_envs = property(lambda self: 2 * self.rule.num_envs)
    unroll_length = property(lambda self: self.rule.unroll_length)
    episodes = property(lambda self: self.rule.episodes)

    def check(self) -> None:
        if self.rule.told:
            raise InputError(
                f"yoked.rule.told = {show(self.rule.told)}; allowed: (), as only reward has a twin's to be paid"
            )
        if self.rule.shown:
            raise InputError(
                f"yoked.rule.shown = {show(self.rule.shown)}; allowed: a rule that is taught by reward alone"
            )

    def heads(self, actions):
        return self.rule.heads(actions)

    def init(self, agent, key):
        own_key, twin_key = (key_for(self.rule.init, k) for k in jax.random.split(key))
        return State(self.rule.init(agent, own_key), self.rule.init(agent, twin_key), jnp.zeros(self.num_envs))

    def around(self, agent, params, key):
        own_key, twin_key = (key_for(self.rule.around, k) for k in jax.random.split(key))
        own, twin = (self.rule.around(agent, params, k) for k in (own_key, twin_key))
        return State(own, twin, jnp.zeros(self.num_envs))

    def behave(self, agent, state, key):
        own_key, twin_key = (key_for(self.rule.behave, k) for k in jax.random.split(key))
        own = self.rule.behave(agent, state.own, own_key)
        twin = self.rule.behave(agent, state.twin, twin_key)
        join = jnp.concatenate if self.rule.candidates else jnp.stack
        # How outputs become actions depends on hyperparameters and the number of the update, which the two share.
        return Policy(jax.tree.map(lambda x, y: join([x, y]), own.params, twin.params), own.act)

    def update(self, agent, state, experience, key):
        pay_key, *keys = jax.random.split(key, 3)
        own_key, twin_key = (key_for(self.rule.update, k) for k in keys)
        earned = episode_returns(experience.reward, experience.done, state.earned)
        own, twin = (jax.tree.map(lambda x, h=half: x[:, h], experience) for half in self.halves)
        paid = jnp.where(own.done, drawn(pay_key, earned[:, self.halves[1]], twin.done), 0.0)
        after, log = self.rule.update(agent, state.own, own._replace(reward=paid), own_key)
        twin_after, _ = self.rule.update(agent, state.twin, twin, twin_key)
        return State(after, twin_after, jnp.where(experience.done[-1], 0.0, earned[-1])), log

    @property
    def halves(self) -> tuple[slice, slice]:
        """This agent's lanes, and the twin's."""
        return slice(None, self.rule.num_envs), slice(self.rule.num_envs, None)

    def deploy(self, agent, state):
        return self.rule.deploy(agent, state.own)


rule = Yoked
