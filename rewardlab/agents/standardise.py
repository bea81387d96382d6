"""Inputs of unit variance: each channel of the observation is centred and scaled before it enters the network.

A bit that is rarely on, and decides everything, is drowned by the noise of seventy others where all weights are perturbed
alike. So every channel gets a total variance of 1 under a random policy on training levels, whatever it stands for, as far as
a gain of LARGEST_GAIN does that.
"""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.agents.memory import memoryless
from rewardlab.agents.select import by
from rewardlab.backend import devices
from rewardlab.backend.randomness import fast
from rewardlab.collect import collect, start
from rewardlab.envs import adapter
from rewardlab.inputs.errors import InputError
from rewardlab.types import Policy

LANES, STEPS, BLOCKS = 512, 256, 16  # how long the random policy is watched, and in how many pieces
LARGEST_GAIN = 8.0


class Standardisation(NamedTuple):
    """(x - shift) * gain, for observations of the same shape: float32[...] each."""

    shift: np.ndarray
    gain: np.ndarray


_measured: dict[tuple[int, str], tuple[Any, Standardisation]] = {}


def measured(env, changes: dict | None = None) -> Standardisation:
    """The standardisation of a world whose params have these `changes` while training. It depends on nothing else.

    A channel's gain is 1 / sqrt(sum of its entries' variances), no more than LARGEST_GAIN, and 1 where nothing varies. Computed
    once for each world of this process. Raises InputError for observations that are empty or not finite.
    """
    key = (id(env), repr(sorted((changes or {}).items())))
    known = _measured.get(key)
    if known is None or known[0]() is not env:
        with jax.ensure_compile_time_eval():
            known = weakref.ref(env), _measure(env, adapter.set_params(env.default_params, changes or {}))
        _measured[key] = known
    return known[1]


def amplified(by: Standardisation, env, gains: tuple[float, ...]) -> Standardisation:
    """The same with each channel's gain multiplied by its factor. Raises InputError for other than one factor a channel."""
    channel = adapter.observation_channels(env, env.default_params, by.gain.shape)
    if len(gains) != channel.max() + 1:
        raise InputError(
            f"agent.gains has {len(gains)} factors; allowed: none, or one for each of {channel.max() + 1} channels"
        )
    return by._replace(gain=by.gain * np.asarray(gains, np.float32)[channel])


def _measure(env, params) -> Standardisation:
    measure = jax.jit(lambda p: moments(env, p), compiler_options=devices.well())
    means, variances = (np.asarray(x, np.float64) for x in measure(params))
    if not means.size or not np.isfinite([means, variances]).all():
        what = "empty" if not means.size else "not all finite numbers"
        raise InputError(f"observations of the world are {what}; allowed: finite ones for inputs = 'standardised'")
    shift, variance = means.mean(0), variances.mean(0) + means.var(0)
    channel = adapter.observation_channels(env, params, shift.shape)
    total = np.bincount(channel.ravel(), variance.ravel())
    gain = np.where(total > 0, np.minimum(1 / np.sqrt(np.maximum(total, 1e-12)), LARGEST_GAIN), 1.0)
    return Standardisation(shift.astype(np.float32), gain[channel].astype(np.float32))


def moments(env, params) -> tuple[jax.Array, jax.Array]:
    """Means and variances of each entry of an observation under a uniform policy, float32[BLOCKS, ...] each, piece by piece."""
    start_key, collect_key = jax.random.split(fast(jax.random.key(0)))
    agent, policy = memoryless(lambda key: (), lambda params, obs: {}), Policy((), by(uniform_policy(env)))

    def piece(lanes, number):
        key = jax.random.fold_in(collect_key, number)
        lanes, seen = collect(env, params, agent, policy, lanes, key, STEPS // BLOCKS)
        x = seen.obs.astype(jnp.float32)
        return lanes, (x.mean((0, 1)), x.var((0, 1)))

    return jax.lax.scan(piece, start(env, params, start_key, LANES), jnp.arange(BLOCKS))[1]


def uniform_policy(env):
    """A `select` that draws LANES actions, whatever the network says: uniform, in a Box between its bounds."""
    actions = adapter.actions(env)

    def select(outputs, key):
        if isinstance(actions, int):
            return jax.random.randint(key, (LANES,), 0, actions), {}
        centre, half = actions.scale
        return centre + half * jax.random.uniform(key, (LANES, actions.size), minval=-1.0, maxval=1.0), {}

    return select


def standardised(x: jax.Array, by: Standardisation) -> jax.Array:
    """Observations [B, ...], standardised, float32[B, ...]."""
    return (x.astype(jnp.float32) - by.shift) * by.gain
