"""Agents from functions of one step: without a memory, and with one that starts anew with each episode."""

from __future__ import annotations

import chex
import jax

from rewardlab.collect import where
from rewardlab.types import Agent


def memoryless(init, apply, obs=None) -> Agent:
    """An agent without a memory. init: key -> params. apply: (params, observations [B, ...]) -> outputs {head: [B, size]}."""

    def unroll(params, memory, obs, first):
        chex.assert_rank(first, 2)
        chex.assert_tree_shape_prefix(obs, first.shape)
        outputs = apply(params, jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), obs))
        return jax.tree.map(lambda x: x.reshape(*first.shape, *x.shape[1:]), outputs), ()

    return Agent(init, lambda params, lanes: (), lambda params, memory, obs: (apply(params, obs), ()), unroll, obs)


def recurrent(init, start, step, obs=None) -> Agent:
    """An agent with a memory, unrolled step by step. The arguments are those of `Agent`."""

    def unroll(params, memory, obs, first):
        chex.assert_rank(first, 2)
        chex.assert_tree_shape_prefix(obs, first.shape)
        chex.assert_tree_shape_prefix(memory, first.shape[1:])
        new = start(params, first.shape[1])

        def one(memory, now):
            obs_t, first_t = now
            outputs, memory = step(params, where(first_t, new, memory), obs_t)
            return memory, (outputs, memory)

        return jax.lax.scan(one, memory, (obs, first))[1]

    return Agent(init, start, step, unroll, obs)
