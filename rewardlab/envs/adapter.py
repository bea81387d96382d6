"""The one place that touches gymnax's step and reset: everything else sees strongly typed arrays of fixed dtype.

gymnax environments differ in reward dtype, return Python numbers inside states, and leave observation dtypes loose.
Continuous actions are float32[D] outside, whatever their space's shape; the world takes the nearest that its bounds allow.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.backend.memory import Memory
from rewardlab.backend.randomness import key_for
from rewardlab.envs import contract
from rewardlab.envs.world import offers
from rewardlab.inputs.errors import InputError, calling, out_of_range, show
from rewardlab.types import Box


class Step(NamedTuple):
    """One transition of one lane; `obs` is the observation before any reset."""

    obs: jax.Array
    state: object
    terminated: jax.Array
    truncated: jax.Array
    signals: dict[str, jax.Array]


class Signature(NamedTuple):
    """Shapes and dtypes of one lane of a world: the observation, the state after a step, and a step's signals.

    parts: the observation as the world gives it, where that is several arrays, in a dict or a tuple, say; None for one array.
    """

    obs: jax.ShapeDtypeStruct
    state: object
    signals: dict[str, jax.ShapeDtypeStruct]
    parts: Any = None


_signatures = Memory()


def signature(env, params=None) -> Signature:
    """What a world gives under params like these, its default ones if None: traced once for each world and kind of params.

    Raises InputError for a world that does not do what it has to (`contract.py`), or not what it says of itself.
    """
    known = _signatures.of(env)
    if "declared" not in known:
        contract.declared(env)
        known["declared"] = actions(env)
    params = set_params(env.default_params, {}) if params is None else params
    leaves, tree = jax.tree.flatten(params)
    kind = (tree, *map(jax.typeof, leaves))
    if kind not in known:
        known[kind] = _traced(env, params)
    return known[kind]


def scalars(env) -> list[str]:
    """The signals of a world that are one number a step, in order."""
    return sorted(name for name, x in signature(env).signals.items() if getattr(x, "shape", None) == ())


def _traced(env, params) -> Signature:
    world, key = contract.name_of(env), jax.eval_shape(lambda: jax.random.key(0))

    def go(key, state, params):
        out = _raw_step(env, key, state, sample_action(env, params), params)
        return out.obs, out.state, out.signals

    obs, state = jax.eval_shape(lambda key, params: _raw_reset(env, key, params), key, params)
    after, later, signals = jax.eval_shape(go, key, state, params)
    contract.same(f"obs from step_env of {world}", obs, after)
    later, signals = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), (later, signals))
    again = jax.eval_shape(go, key, later, params)
    contract.same(f"what a second step_env of {world} returned", (obs, later, signals), again)
    if observes(env):
        seen = jax.eval_shape(lambda state, params: observe(env, state, params), later, params)
        contract.same(f"observation of {world}", obs, seen)
    return Signature(jax.ShapeDtypeStruct(obs.shape, obs.dtype), later, signals, _parts(env, world, key, state, params))


def _parts(env, world, key, state, params):
    """The observation's arrays as the world gives them, None where it is one: the same from reset, step and `observation`."""

    def given(obs):
        return jax.tree.map(jnp.asarray, obs)

    def step(key, state, params):
        action = _within_bounds(env, sample_action(env, params), params)
        return given(env.step_env(key_for(env.step_env, key), state, action, params)[0])

    with jax.numpy_dtype_promotion("standard"):
        parts = jax.eval_shape(
            lambda key, params: given(env.reset_env(key_for(env.reset_env, key), params)[0]), key, params
        )
        if not contract.several(parts):
            return None
        contract.same(f"obs from step_env of {world}", parts, jax.eval_shape(step, key, state, params))
        if observes(env):
            seen = jax.eval_shape(lambda state, params: given(env.observation(state, params)), state, params)
            contract.same(f"observation of {world}", parts, seen)
    return parts


def unpacked(parts, obs):
    """Observations float32[..., D] as the world gives them, leaves [..., *their own shape]; whole numbers as such, others float32.

    parts: as of `Signature`.
    """
    leaves, tree = jax.tree.flatten(parts)
    cut = jnp.split(obs, np.cumsum([math.prod(x.shape) for x in leaves])[:-1], axis=-1)
    kinds = [x.dtype if jnp.issubdtype(x.dtype, jnp.integer) else jnp.float32 for x in leaves]
    several = [x.reshape(*obs.shape[:-1], *part.shape) for x, part in zip(cut, leaves, strict=True)]
    return jax.tree.unflatten(tree, [x.astype(kind) for x, kind in zip(several, kinds, strict=True)])


def _raw_reset(env, key, params):
    with jax.numpy_dtype_promotion("standard"), calling(f"reset_env of {contract.name_of(env)}"):
        obs, state = contract.reset(env, env.reset_env(key_for(env.reset_env, key), params))
    return _plain(obs), state


def _raw_step(env, key, before, action, params):
    world = contract.name_of(env)
    with jax.numpy_dtype_promotion("standard"):  # worlds of other people mix dtypes
        action = _within_bounds(env, action, params)
        with calling(f"step_env of {world}"):
            obs, state, reward, terminated, info = contract.step(
                env, before, env.step_env(key_for(env.step_env, key), before, action, params)
            )
        with calling(f"is_truncated of {world}"):
            truncated = env.is_truncated(state, params)
        contract.flag(f"is_truncated of {world} returned", truncated)
    signals = jax.tree.map(jnp.asarray, info) | {"reward": jnp.asarray(reward, jnp.float32)}
    return Step(_plain(obs), state, jnp.asarray(terminated, bool), jnp.asarray(truncated, bool), signals)


def _within_bounds(env, action, params):
    """An action as the world takes it: discrete ones as they are, continuous ones clipped, in the shape of their space."""
    space = env.action_space(params)  # of these params: a world may have other bounds in training than in a test
    return action if hasattr(space, "n") else jnp.clip(action.reshape(space.shape), space.low, space.high)


def _plain(obs):
    """An observation as one array: as it is, or, of several arrays, all their numbers in a row, float32[D] (`unpacked`)."""
    if contract.several(obs):
        return jnp.concatenate([jnp.ravel(jnp.asarray(x)).astype(jnp.float32) for x in jax.tree.leaves(obs)])
    obs = jnp.asarray(obs)
    return obs if obs.dtype in (jnp.bool_, jnp.uint8, jnp.uint32) else obs.astype(jnp.float32)


def _as(tree, like):
    """`tree` with the dtypes of `like`, weak types made strong."""
    return jax.tree.map(lambda x, ref: jax.lax.convert_element_type(jnp.asarray(x), ref.dtype), tree, like)


def sample_action(env, params):
    """An action of the world's, for its shape and dtype: int32[] for discrete ones, float32 zeros for continuous ones."""
    space = env.action_space(params)
    return jnp.zeros(getattr(space, "shape", ()), jnp.int32 if hasattr(space, "n") else jnp.float32)


def actions(env) -> int | Box:
    """What there is to choose from: the number of discrete actions, or the Box of continuous ones, under the default params.

    Raises InputError for any other space, and for bounds that leave nothing to choose.
    """
    with jax.ensure_compile_time_eval(), calling(f"action_space of {contract.name_of(env)}"):
        space = env.action_space(env.default_params)  # its bounds are numbers, whoever is being traced
    if hasattr(space, "n"):
        return contract.size(env, space)
    if hasattr(space, "low") and jnp.issubdtype(space.dtype, jnp.floating):
        bounds = (space.low, space.high)
        low, high = (np.broadcast_to(np.asarray(x, np.float64), space.shape).ravel() for x in bounds)
        if low.size and (low < high).all():
            return Box(tuple(low.tolist()), tuple(high.tolist()))
    raise InputError(f"actions of the world are {show(space)}; allowed: Discrete, or a Box of floats with low < high")


def reset(env, key, params):
    """A fresh episode of one lane: (obs, state). Consumes the key."""
    obs, state = _raw_reset(env, key, params)
    return obs, _as(state, signature(env, params).state)


def step(env, key, state, action, params) -> Step:
    """One step of one lane, without auto-reset. Consumes the key."""
    out = _raw_step(env, key, state, action, params)
    return out._replace(state=_as(out.state, signature(env, params).state))


def observe(env, state, params):
    """The observation of one lane's state, in a world that `observes`."""
    with jax.numpy_dtype_promotion("standard"), calling(f"observation of {contract.name_of(env)}"):
        return _plain(env.observation(state, params))


def observes(env) -> bool:
    """Whether a world has `observation(state, params) -> obs` of its own.

    One that a world passes on from another world inside it knows nothing of the outer one's states and observations.
    """
    return offers(env, "observation")


def observation_channels(env, params, shape: tuple[int, ...]) -> np.ndarray:
    """int[shape], the number of the channel that each entry of an observation belongs to.

    A world says so by `observation_channels(params)`; without that, the last axis has the channels. Raises InputError for
    anything but whole numbers of an observation's shape.
    """
    if not offers(env, "observation_channels"):
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


def check_limit(env, params, where: str = contract.CLOCK) -> None:
    """Raises InputError for params of longer episodes than the world's default ones have: they would be cut. Traced ones pass."""
    given, limit = getattr(params, contract.CLOCK), time_limit(env)
    if not isinstance(given, jax.core.Tracer) and np.max(given) > limit:
        raise out_of_range(where, np.max(given).item(), f"up to the world's own, {limit}")


def outcomes(env) -> tuple[str, ...]:
    """Names of the ways in which an episode of this world can end. The first one is success where a world names any."""
    return tuple(contract.outcomes_of(env))


def names_outcomes(env) -> bool:
    """Whether a world says how its episodes can end, so that the first way is success."""
    return outcomes(env) != contract.UNNAMED


def scripted(env) -> dict:
    """The world's scripted policies by name, `policy(obs, state, params, key) -> action`; {} where it has none."""
    return env.references(env.default_params) if offers(env, "references") else {}


def action_names(env) -> tuple[str, ...]:
    """The names of a world's discrete actions; their numbers where it names none."""
    count: Any = actions(env)
    return contract.action_names(env) or tuple(map(str, range(count)))


def set_params(default, changes: dict):
    """Params with some fields set, all leaves arrays of the default's dtypes: they all fit the same compiled program."""
    changed = default.replace(**{f: jnp.asarray(v, jnp.asarray(getattr(default, f)).dtype) for f, v in changes.items()})
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.asarray(x).dtype), changed)


def stack_params(default, changes: list[dict]) -> dict[str, jax.Array]:
    """{field: [E]} of all fields that any of E changes names, to `vmap` over; where one does not, the default's value."""
    fields = sorted({field for change in changes for field in change} or {"max_steps_in_episode"})  # never nothing
    values = {field: [change.get(field, getattr(default, field)) for change in changes] for field in fields}
    return {field: jnp.asarray(v, jnp.asarray(getattr(default, field)).dtype) for field, v in values.items()}
