"""The one place that touches gymnax's step and reset: everything else sees strongly typed arrays of fixed dtype.

gymnax environments differ in reward dtype, return Python numbers inside states, and leave observation dtypes loose.
Continuous actions are float32[D] outside, whatever their space's shape; the world takes the nearest that its bounds allow.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.errors import InputError, show
from rewardlab.randomness import fast, key_for
from rewardlab.types import Box


class Step(NamedTuple):
    """One transition of one lane; `obs` is the observation before any reset."""

    obs: jax.Array
    state: object
    terminated: jax.Array
    truncated: jax.Array
    signals: dict[str, jax.Array]


def _raw_step(env, key, state, action, params):
    with jax.numpy_dtype_promotion("standard"):  # worlds of other people mix dtypes
        action = _within_bounds(env, action, params)
        obs, state, reward, terminated, info = env.step_env(key_for(env.step_env, key), state, action, params)
        truncated = env.is_truncated(state, params)
    signals = jax.tree.map(jnp.asarray, dict(info)) | {"reward": jnp.asarray(reward, jnp.float32)}
    return Step(_plain(obs), state, jnp.asarray(terminated, bool), jnp.asarray(truncated, bool), signals)


def _within_bounds(env, action, params):
    """An action as the world takes it: discrete ones as they are, continuous ones clipped, in the shape of their space."""
    space = env.action_space(params)  # of these params: a world may have other bounds in training than in a test
    return action if hasattr(space, "n") else jnp.clip(action.reshape(space.shape), space.low, space.high)


def _plain(obs):
    obs = jnp.asarray(obs)
    return obs if obs.dtype in (jnp.bool_, jnp.uint8) else obs.astype(jnp.float32)


def _as(tree, like):
    """`tree` with the dtypes of `like`, weak types made strong."""
    return jax.tree.map(lambda x, ref: jax.lax.convert_element_type(jnp.asarray(x), ref.dtype), tree, like)


def _state_types(env, params):
    """The state's dtypes, as they are after a step (a reset may hold Python ints)."""

    def one_step(key):
        reset_key, step_key = jax.random.split(key)
        with jax.numpy_dtype_promotion("standard"):
            _, state = env.reset_env(key_for(env.reset_env, reset_key), params)
        return _raw_step(env, step_key, state, sample_action(env, params), params).state

    return jax.eval_shape(one_step, jax.eval_shape(lambda: fast(jax.random.key(0))))


def sample_action(env, params):
    """An action of the world's, for its shape and dtype: int32[] for discrete ones, float32 zeros for continuous ones."""
    space = env.action_space(params)
    return jnp.zeros(getattr(space, "shape", ()), jnp.int32 if hasattr(space, "n") else jnp.float32)


def actions(env) -> int | Box:
    """What there is to choose from: the number of discrete actions, or the Box of continuous ones, under the default params.

    Raises InputError for any other space, and for bounds that leave nothing to choose.
    """
    with jax.ensure_compile_time_eval():  # bounds are numbers, whoever is being traced
        space = env.action_space(env.default_params)
    if hasattr(space, "n"):
        return int(space.n)
    if hasattr(space, "low") and jnp.issubdtype(space.dtype, jnp.floating):
        bounds = (space.low, space.high)
        low, high = (np.broadcast_to(np.asarray(x, np.float64), space.shape).ravel() for x in bounds)
        if low.size and (low < high).all():
            return Box(tuple(low.tolist()), tuple(high.tolist()))
    raise InputError(f"actions of the world are {show(space)}; allowed: Discrete, or a Box of floats with low < high")


def reset(env, key, params):
    """A fresh episode of one lane: (obs, state). Consumes the key."""
    with jax.numpy_dtype_promotion("standard"):
        obs, state = env.reset_env(key_for(env.reset_env, key), params)
    return _plain(obs), _as(state, _state_types(env, params))


def step(env, key, state, action, params) -> Step:
    """One step of one lane, without auto-reset. Consumes the key."""
    out = _raw_step(env, key, state, action, params)
    return out._replace(state=_as(out.state, _state_types(env, params)))


def observe(env, state, params):
    """The observation of one lane's state, in a world that `observes`."""
    with jax.numpy_dtype_promotion("standard"):
        return _plain(env.observation(state, params))


def observes(env) -> bool:
    """Whether a world has `observation(state, params) -> obs` of its own.

    One that a world passes on from another world inside it knows nothing of the outer one's states and observations.
    """
    return own_method(env, "observation")


def own_method(env, name: str) -> bool:
    """Whether a world has a method of its own, not one of a world inside it."""
    return getattr(getattr(env, name, None), "__self__", None) is env or any(
        isinstance(vars(cls).get(name), staticmethod) for cls in type(env).__mro__
    )


def observation_channels(env, params, shape: tuple[int, ...]) -> np.ndarray:
    """int[shape], the number of the channel that each entry of an observation belongs to.

    A world says so by `observation_channels(params)`; without that, the last axis has the channels. Raises InputError for
    anything but whole numbers of an observation's shape.
    """
    if not own_method(env, "observation_channels"):
        return np.broadcast_to(np.arange(shape[-1] if shape else 1), shape or (1,)).reshape(shape)
    found = np.asarray(env.observation_channels(params))
    if found.shape != shape or found.dtype.kind not in "iu" or found.min(initial=0) < 0:
        raise InputError(
            f"observation_channels of the world gives {found.dtype}{list(found.shape)}; "
            f"allowed: whole numbers from 0 on, of an observation's shape, {list(shape)}"
        )
    return found


def time_limit(env) -> int:
    """The longest possible episode, in steps."""
    return int(env.default_params.max_steps_in_episode)


def outcomes(env) -> tuple[str, ...]:
    """Names of the ways in which an episode of this world can end. The first one is success where a world names any."""
    return tuple(getattr(env, "outcomes", ("terminated", "truncated")))


def set_params(default, changes: dict):
    """Params with some fields set, all leaves arrays of the default's dtypes: they all fit the same compiled program."""
    changed = default.replace(**{f: jnp.asarray(v, jnp.asarray(getattr(default, f)).dtype) for f, v in changes.items()})
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.asarray(x).dtype), changed)


def stack_params(default, changes: list[dict]) -> dict[str, jax.Array]:
    """{field: [E]} of all fields that any of E changes names, to `vmap` over; where one does not, the default's value."""
    fields = sorted({field for change in changes for field in change} or {"max_steps_in_episode"})  # never nothing
    values = {field: [change.get(field, getattr(default, field)) for change in changes] for field in fields}
    return {field: jnp.asarray(v, jnp.asarray(getattr(default, field)).dtype) for field, v in values.items()}
