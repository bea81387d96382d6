"""What worlds share: spaces, the check of params, sizes, and a draw from weights.

A world's params are values: the training distribution and each shift of it, mixed by probabilities. A float or int field
made with `within` says what it allows. Where what is trained on, what is displayed and what is worth something differ, a
step's signals hold "displayed" and "true" beside the reward, float32[] each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab.envs.gymnax_api import environment, spaces
from rewardlab.inputs.errors import out_of_range, wrong_type

LARGEST = 2**31 - 1


def within(default: float | int, low: float, high: float = LARGEST) -> Any:
    """A field of params: its default, and the lowest and highest value allowed."""
    return struct.field(default=default, metadata={"range": (low, high)})


def share(default: float = 0.0) -> Any:
    """A field of params that is a probability."""
    return within(default, 0.0, 1.0)


def size(name: str, value: Any, low: int, high: int) -> int:
    """A constructor's whole number from `low` to `high`. Raises InputError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise wrong_type(name, value, "a whole number")
    if not low <= value <= high:
        raise out_of_range(name, value, f"{low} to {high}")
    return int(value)


def choose(key: jax.Array, weights: jax.Array) -> jax.Array:
    """An index int32[] drawn in proportion to weights float32[N], none negative, by one draw. Consumes the key.

    What has no weight is never drawn. Independent choices cost one draw where the weights are those of their joint
    outcomes: draws are most of the time that a small world takes.
    """
    edges = jnp.cumsum(weights)
    return jnp.sum(jax.random.uniform(key) * edges[-1] >= edges, dtype=jnp.int32)


def chance(probability: jax.Array | float) -> jax.Array:
    """The weights float32[2] of no and yes."""
    yes = jnp.asarray(probability, jnp.float32)
    return jnp.stack([1 - yes, yes])


class DiscreteWorld(environment.Environment):
    """A gymnax Environment with discrete actions that are named.

    actions: their names. outcomes: the ways an episode can end, success first, then the proxy: what else an agent may have
    learned. {name: what the agent did then, as a report says it}, such as {"coin": "reached the coin"}.
    Subclasses set `_params`, the default params, and `_shape`, that of the observation, bool unless `_dtype` says other;
    and they have `observation(state, params)`, which is what `reset_env` and `step_env` return beside that state.
    """

    actions: tuple[str, ...] = ()
    outcomes: Mapping[str, str]
    _params: Any
    _shape: tuple[int, ...]
    _dtype: Any = jnp.bool_

    @property
    def default_params(self):
        return self._params

    def check_params(self, params) -> None:
        """Raises InputError on values out of their range. Host only: the values must not be traced."""
        for field in dataclasses.fields(params):
            low, high = field.metadata.get(
                "range", (1, LARGEST) if field.name == "max_steps_in_episode" else (None,) * 2
            )
            value = getattr(params, field.name)
            if low is not None and not np.all((np.asarray(value) >= low) & (np.asarray(value) <= high)):
                allowed = f"{low:g} or more" if high == LARGEST else f"{low:g} to {high:g}"
                raise out_of_range(field.name, value, allowed)

    @property
    def num_actions(self) -> int:
        return len(self.actions)

    def action_space(self, params=None) -> spaces.Discrete:
        return spaces.Discrete(self.num_actions)

    def observation_space(self, params) -> spaces.Box:
        return spaces.Box(0, 1, self._shape, self._dtype)

    def get_obs(self, state, params=None, key=None) -> jax.Array:
        """gymnax's name for `observation`, which needs no key."""
        return self.observation(state, self.default_params if params is None else params)

    @staticmethod
    def place(**changes) -> str:
        """Where an evaluation takes place whose params differ by `changes` from the defaults, as a report says it: "with the
        coin at a detour". "": the world has no words for these; then the evaluation goes by its name. Host only.
        """
        del changes
        return ""

    def random_policy(self, obs, state, params, key):
        """Any action, each as likely."""
        return jax.random.randint(key, (), 0, self.num_actions)


def check_weights(name: str, weights: Any, count: int) -> None:
    """Raises InputError unless `weights` [..., count] are finite, none negative, and some positive. Host only."""
    given = np.asarray(weights)
    good = given.ndim and given.shape[-1] == count and np.isfinite(given).all() and (given >= 0).all()
    if not (good and (given.sum(-1) > 0).all()):
        raise out_of_range(name, weights, f"{count} numbers, none negative, not all 0")
