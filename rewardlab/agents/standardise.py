"""Inputs of unit variance: each channel of the observation is centred and scaled before it enters the network.

A bit that is rarely on, and decides everything, is drowned by the noise of seventy others where all weights are perturbed
alike. So every channel gets a total variance of 1 under a random policy on training levels, whatever it stands for.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.collect import collect, start
from rewardlab.envs import adapter
from rewardlab.errors import InputError
from rewardlab.randomness import fast
from rewardlab.types import Acting, Agent

LANES, STEPS = 512, 256  # how long the random policy is watched
LARGEST_GAIN = 8.0


class Standardisation(NamedTuple):
    """(x - shift) * gain, for observations of the same shape: float32[...] each."""

    shift: np.ndarray
    gain: np.ndarray


_measured: dict[tuple[int, str], tuple[Any, Standardisation]] = {}


def of(env, changes: dict | None = None) -> Standardisation:
    """The standardisation of a world whose params have these `changes` while training. It depends on nothing else.

    A channel's gain is 1 / sqrt(sum of its entries' variances), no more than LARGEST_GAIN, and 1 where nothing varies.
    Computed once for each world of this process.
    """
    key = (id(env), repr(sorted((changes or {}).items())))
    known = _measured.get(key)
    if known is None or known[0]() is not env:
        with jax.ensure_compile_time_eval():
            known = weakref.ref(env), _measure(env, adapter.set_params(env.default_params, changes or {}))
        _measured[key] = known
    return known[1]


def _measure(env, params) -> Standardisation:
    seen = np.asarray(watched(env, params)).astype(np.float64)
    seen = seen.reshape(-1, *seen.shape[2:])
    channel, variance = channels(env, params, seen.shape[1:]), seen.var(0)
    total = np.bincount(channel.ravel(), variance.ravel())
    gain = np.where(total > 0, np.minimum(1 / np.sqrt(np.maximum(total, 1e-12)), LARGEST_GAIN), 1.0)
    return Standardisation(seen.mean(0).astype(np.float32), gain[channel].astype(np.float32))


def channels(env, params, shape: tuple[int, ...]) -> np.ndarray:
    """int[shape], the number of the channel that each entry of an observation belongs to.

    A world says so by `observation_channels(params)`; without that, the last axis has the channels.
    """
    if adapter.own_method(env, "observation_channels"):
        found = np.asarray(env.observation_channels(params))
        if found.shape != shape or found.dtype.kind not in "iu" or found.min(initial=0) < 0:
            raise InputError(
                f"observation_channels of the world gives {found.dtype}{list(found.shape)}; "
                f"allowed: whole numbers from 0 on, of an observation's shape, {list(shape)}"
            )
        return found
    last = shape[-1] if shape else 1
    return np.broadcast_to(np.arange(last), shape or (1,)).reshape(shape)


@partial(jax.jit, static_argnums=0)
def watched(env, params) -> jax.Array:
    """Observations [STEPS, LANES, ...] under a policy that takes every action with the same probability."""
    start_key, collect_key = jax.random.split(fast(jax.random.key(0)))
    agent = Agent(init=lambda key: (), apply=lambda params, obs: {})
    lanes = start(env, params, start_key, LANES)
    return collect(env, params, agent, Acting((), anything(env)), lanes, collect_key, STEPS)[1].obs


def anything(env):
    """A `select` that draws LANES actions, whatever the network says: uniform, in a Box between its bounds."""
    actions = adapter.actions(env)

    def select(outputs, key):
        if isinstance(actions, int):
            return jax.random.randint(key, (LANES,), 0, actions), {}
        centre, half = actions.scale
        return centre + half * jax.random.uniform(key, (LANES, actions.size), minval=-1.0, maxval=1.0), {}

    return select


def standardised(x: jax.Array, by: Standardisation) -> jax.Array:
    """Observations [B, ...] as float32[B, entries], standardised."""
    x = x.reshape(x.shape[0], -1).astype(jnp.float32)
    return (x - by.shift.ravel()) * by.gain.ravel()
