"""Observations of bits, 32 to a word: what a device for large arrays stores, moves and chooses among until a network reads them.

A byte for each bit, which is what such a device takes for a bool, is most of what a step costs there. On a CPU it is not.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from rewardlab.envs.gymnax_api import spaces
from rewardlab.types import Agent

WORD = 32


class Packed:
    """A world that gives the words of its observations, uint32[words], in place of the bits. `packed` is the inner world's."""

    def __init__(self, inner: Any):
        self.inner = inner

    def __getattr__(self, name: str):
        if name.startswith("__") or name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)

    def observation(self, state, params) -> jax.Array:
        return self.inner.packed(state, params)

    def observation_space(self, params) -> spaces.Box:
        entries = self.inner.observation_space(params).shape[0]
        return spaces.Box(0, 2**WORD - 1, (-(-entries // WORD),), jnp.uint32)

    def reset_env(self, key, params):
        state = self.inner.reset_env(key, params)[1]
        return self.observation(state, params), state

    def step_env(self, key, state, action, params):
        _, state, *rest = self.inner.step_env(key, state, action, params)
        return self.observation(state, params), state, *rest


def unpacking(agent: Agent) -> Agent:
    """An agent for observations of bits, for their words instead."""
    assert agent.obs is not None  # of agents that `agents.make` made
    (entries,) = agent.obs.shape
    words = jax.ShapeDtypeStruct((-(-entries // WORD),), jnp.uint32)

    def of(function):
        return lambda params, memory, obs, *first: function(params, memory, unpack(obs, entries), *first)

    model = agent.model
    if model is not None:
        represent = model.represent
        model = model._replace(represent=lambda params, obs: represent(params, unpack(obs, entries)))
    return agent._replace(step=of(agent.step), unroll=of(agent.unroll), model=model, obs=words)


def unpack(words: jax.Array, entries: int) -> jax.Array:
    """uint32[..., words] as bool[..., entries]: the lowest bit of the first word first."""
    bits = (words[..., None] >> jnp.arange(WORD, dtype=jnp.uint32)) & jnp.uint32(1)
    return bits.astype(bool).reshape(*words.shape[:-1], -1)[..., :entries]
