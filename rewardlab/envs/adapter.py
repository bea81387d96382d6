"""The one place that touches gymnax's step and reset: everything else sees strongly typed arrays of fixed dtype.

gymnax environments differ in reward dtype, return Python numbers inside states, and leave observation dtypes loose.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Step(NamedTuple):
    """One transition of one lane; `obs` is the observation before any reset."""

    obs: jax.Array
    state: object
    terminated: jax.Array
    truncated: jax.Array
    signals: dict[str, jax.Array]


def _raw_step(env, key, state, action, params):
    with jax.numpy_dtype_promotion("standard"):  # worlds of other people mix dtypes
        obs, state, reward, terminated, info = env.step_env(key, state, action, params)
        truncated = env.is_truncated(state, params)
    signals = jax.tree.map(jnp.asarray, dict(info)) | {"reward": jnp.asarray(reward, jnp.float32)}
    return Step(_plain(obs), state, jnp.asarray(terminated, bool), jnp.asarray(truncated, bool), signals)


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
            _, state = env.reset_env(reset_key, params)
        return _raw_step(env, step_key, state, sample_action(env, params), params).state

    return jax.eval_shape(one_step, jax.eval_shape(lambda: jax.random.key(0)))


def sample_action(env, params):
    """Any valid action, for its shape and dtype: int32[] for discrete worlds."""
    space = env.action_space(params)
    return jnp.zeros(getattr(space, "shape", ()), jnp.int32 if hasattr(space, "n") else jnp.float32)


def reset(env, key, params):
    """A fresh episode of one lane: (obs, state). Consumes the key."""
    with jax.numpy_dtype_promotion("standard"):
        obs, state = env.reset_env(key, params)
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
    return getattr(getattr(env, "observation", None), "__self__", None) is env


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
