"""Observations of bits, 32 to a word: what a device for large arrays stores, moves and chooses among until a network reads them.

A byte for each bit, which is what such a device takes for a bool, is most of what a step costs there. On a CPU it is not.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from rewardlab.backend.randomness import key_for
from rewardlab.types import Agent

WORD, OCTET = 32, 8


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

    @property
    def references(self):
        """The inner world's scripted policies, which see its bits."""
        inner = self.inner.references

        def seeing(policy):
            def see(obs, state, params, key):
                bits = unpack(obs, self.inner.observation_space(params).shape[0])
                return policy(bits, state, params, key_for(policy, key))

            return see

        return lambda params: {name: seeing(policy) for name, policy in inner(params).items()}

    def observation_space(self, params):
        from rewardlab.envs.gymnax_api import spaces  # it starts jax

        entries = self.inner.observation_space(params).shape[0]
        return spaces.Box(0, 2**WORD - 1, (-(-entries // WORD),), jnp.uint32)

    def reset_env(self, key, params):
        state = self.inner.reset_env(key, params)[1]
        return self.observation(state, params), state

    def step_env(self, key, state, action, params):
        _, state, *rest = self.inner.step_env(key, state, action, params)
        return self.observation(state, params), state, *rest


def unpacking(agent: Agent) -> Agent:
    """An agent for observations of bits, for their words, or, as outside of training, for the bits themselves."""
    assert agent.obs is not None  # of agents that `agents.make` made
    (entries,) = agent.obs.shape
    words = jax.ShapeDtypeStruct((-(-entries // WORD),), jnp.uint32)

    def bits(obs):
        return unpack_p.bind(obs, entries=entries) if obs.dtype == jnp.uint32 else obs

    def of(function):
        return lambda params, memory, obs, *first: function(params, memory, bits(obs), *first)

    model = agent.model
    if model is not None:
        represent = model.represent
        model = model._replace(represent=lambda params, obs: represent(params, bits(obs)))
    return agent._replace(step=of(agent.step), unroll=of(agent.unroll), model=model, obs=words)


def unpack(words: jax.Array, entries: int) -> jax.Array:
    """uint32[..., words] as bool[..., entries]: the lowest bit of the first word first."""
    bits = (words[..., None] >> jnp.arange(WORD, dtype=jnp.uint32)) & jnp.uint32(1)
    return bits.astype(bool).reshape(*words.shape[:-1], -1)[..., :entries]


def by_product(words, *, entries):
    """The same on a TPU, where spreading a word over 32 places costs more than all that comes after, but for the matrix unit: it
    puts each octet, which bfloat16 holds exactly, wherever one of its bits is to be looked up.
    """
    octets = (words[..., None] >> jnp.arange(0, WORD, OCTET, dtype=jnp.uint32)) & jnp.uint32(2**OCTET - 1)
    octets = octets.astype(jnp.int32).astype(jnp.bfloat16).reshape(*words.shape[:-1], -1)
    place = jnp.arange(entries, dtype=jnp.int32)
    spread = (place // OCTET == jnp.arange(octets.shape[-1], dtype=jnp.int32)[:, None]).astype(jnp.bfloat16)
    there = jnp.matmul(octets, spread, preferred_element_type=jnp.float32).astype(jnp.int32)
    return ((there >> (place % OCTET)) & 1).astype(bool)


def _batched(operands, axes, *, entries):
    (words,), (axis,) = operands, axes
    return unpack_p.bind(jnp.moveaxis(words, axis, 0), entries=entries), 0


unpack_p = Primitive("unpack")
unpack_p.def_impl(jax.jit(unpack_p.bind, static_argnames="entries"))
unpack_p.def_abstract_eval(
    lambda words, *, entries: words.update(shape=(*words.shape[:-1], entries), dtype=jnp.dtype(bool))
)
mlir.register_lowering(unpack_p, mlir.lower_fun(unpack, multiple_results=False))
mlir.register_lowering(unpack_p, mlir.lower_fun(by_product, multiple_results=False), platform="tpu")
batching.primitive_batchers[unpack_p] = _batched
