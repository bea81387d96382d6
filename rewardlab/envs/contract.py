"""What a world has to offer, and one line for a world that offers something else.

Everything here looks at types, shapes and dtypes alone, so it costs nothing while a world is traced: `adapter.py`, through
which every world is asked, checks here whatever it is given. Numbers are not looked at; what only shows in them is counted
where episodes are (`probes/references.py`, `compare.py`).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.analysis import wording
from rewardlab.envs.world import REQUIRED, lacks, offers
from rewardlab.inputs.errors import calling, returned, show
from rewardlab.inputs.fields import LARGEST_SIZE, storable

UNNAMED = tuple(wording.UNNAMED)  # the outcomes of a world that names none
CLOCK = "max_steps_in_episode"
STEP = "(obs, state, reward, terminated, info)"
PARAMS = f"an object of a flax.struct.dataclass with a field {CLOCK}"


def name_of(env: Any) -> str:
    """What messages call a world."""
    name = env.name if offers(env, "name") else None
    return name if isinstance(name, str) else type(env).__name__


def outcomes_of(env: Any) -> Any:
    """What a world says of the ways in which an episode can end; UNNAMED where it says nothing."""
    return env.outcomes if offers(env, "outcomes") else UNNAMED


def offers_anything(env: Any) -> bool:
    """Whether an object is meant as a world: it has something that every world has."""
    return not isinstance(env, type) and len(lacks(env)) < len(REQUIRED)


def declared(env: Any) -> None:
    """Checks what a world says of itself: its params and its outcomes. Raises InputError."""
    world = name_of(env)
    if missing := lacks(env):
        raise returned(
            f"world {world}", f"lacks {', '.join(missing)}", f"a gymnax Environment, with {', '.join(REQUIRED)}"
        )
    with calling(f"default_params of {world}"):
        params = env.default_params
    _params(f"default_params of {world}", params)
    if (names := outcomes_of(env)) != UNNAMED:
        _outcomes(f"outcomes of {world}", names)


def _params(what: str, params: Any) -> None:
    if isinstance(params, type) or callable(params):
        kind = "a class" if isinstance(params, type) else "a method"
        raise returned(what, f"is {kind}", f"the params themselves, as a property gives them: {PARAMS}")
    if not (dataclasses.is_dataclass(params) and callable(getattr(params, "replace", None))):
        raise returned(what, f"is {show(params)}", PARAMS)
    try:
        hash(jax.tree.structure(params))
    except TypeError:
        raise returned(
            what, "has a static field that has no hash", "numbers, texts or tuples as static fields"
        ) from None
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        if not _real(leaf):
            raise returned(
                f"{what}{_at(path)}", f"is {show(leaf, 60)}", "numbers and arrays of them, the rest static fields"
            )
    static = static_fields(params)
    if CLOCK not in {field.name for field in dataclasses.fields(params)}:
        raise returned(what, f"has no {CLOCK}", "that field, the longest possible episode in steps")
    limit = getattr(params, CLOCK)
    if CLOCK in static:
        raise returned(f"{what}: {CLOCK}", "is a static field", "a field that may differ between conditions")
    if np.ndim(limit) or isinstance(limit, bool) or not (1 <= limit <= LARGEST_SIZE and int(limit) == limit):
        raise returned(f"{what}: {CLOCK}", f"is {show(limit)}", "a whole number, at least 1")


def static_fields(params: Any) -> set[str]:
    """The fields of params that are compiled into programs, and can't differ between conditions."""
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    return {field.name for field in dataclasses.fields(params)} - {str(getattr(path[0], "name", "")) for path in paths}


def _outcomes(what: str, names: Any) -> None:
    expected = (
        "a tuple of at least one text, all different, none of them 'return', as ('won', 'lost'); "
        "or a dict of such names, {name: what the agent did, in words}"
    )
    good = isinstance(names, (tuple, list, Mapping)) and names
    if good and isinstance(names, Mapping) and not all(isinstance(text, str) for text in names.values()):
        raise returned(what, f"is {show(dict(names))}", expected)
    if not (good and all(isinstance(name, str) and name and storable(name) for name in names)):
        raise returned(what, f"is {show(names)}", expected)
    if len({*names}) < len(names) or "return" in names:
        raise returned(what, f"is {show(names)}", expected)


def size(env: Any, space: Any) -> int:
    """The number of actions of a discrete space. Raises InputError where the world says two numbers."""
    world = name_of(env)
    with calling(f"num_actions of {world}"):
        number = count = space.n
        with contextlib.suppress(AttributeError, NotImplementedError):  # gymnax's base class asks for it, and has none
            number = env.num_actions
    for what, given in ((f"action_space of {world}", count), (f"num_actions of {world}", number)):
        if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or not 1 <= given <= LARGEST_SIZE:
            raise returned(
                what, f"is {show(space if given is count else number)}", "a whole number of actions, at least 1"
            )
    if int(number) != int(count):
        raise returned(f"num_actions of {world}", f"is {number}", f"{count}, the size of its action_space")
    if (names := action_names(env)) and len(names) != count:
        raise returned(f"actions of {world}", f"is {show(names)}", f"{count} names, the size of its action_space")
    return int(count)


def action_names(env: Any) -> tuple[str, ...]:
    """The names that a world gives its actions in `actions`, if it does."""
    names = env.actions if offers(env, "actions") else ()
    return names if isinstance(names, tuple) and all(isinstance(name, str) for name in names) else ()


def reset(env: Any, given: Any) -> tuple[Any, Any]:
    """What `reset_env` gave, checked: (obs, state)."""
    what = f"reset_env of {name_of(env)}"
    if not isinstance(given, tuple) or len(given) != 2:
        raise returned(what, f"returned {form(given)}", "(obs, state)")
    _seen(f"{what} returned as obs", given[0])
    _tree(f"{what} returned as state", given[1])
    return given


def step(env: Any, before: Any, given: Any) -> tuple[Any, Any, Any, Any, dict]:
    """What `step_env` gave in the state `before`, checked: (obs, state, reward, terminated, info)."""
    what = f"step_env of {name_of(env)}"
    if not isinstance(given, tuple) or len(given) != 5:
        raise returned(what, f"returned {form(given)}", STEP)
    obs, state, reward, terminated, info = given
    _seen(f"{what} returned as obs", obs)
    _tree(f"{what} returned as state", state)
    _widened(f"state from {what}", _shapes(before), _shapes(state))
    if not _real(reward) or np.shape(reward):
        raise returned(what, f"returned {form(reward)} as reward", "one real number, of shape []")
    flag(f"{what} returned as terminated", terminated)
    if not isinstance(info, Mapping) or not all(isinstance(name, str) for name in info):
        raise returned(what, f"returned {form(info)} as info", "a dict {name: array}")
    _tree(f"{what} returned as info", dict(info))
    _outcome(env, what, info)
    return obs, state, reward, terminated, dict(info)


def _outcome(env: Any, what: str, info: Mapping) -> None:
    names = tuple(outcomes_of(env))
    if "outcome" not in info:
        if names != UNNAMED:
            raise returned(
                what, f"returned info without 'outcome', though outcomes are {show(names)}",
                f"info['outcome'], int[] from 0 to {len(names) - 1}",
            )  # fmt: skip
        return
    if names == UNNAMED:
        raise returned(
            what,
            "returned info['outcome'], but the world names no outcomes",
            "`outcomes` of the world, or no 'outcome'",
        )
    outcome = info["outcome"]
    if not _real(outcome) or np.shape(outcome) or not jnp.issubdtype(jnp.result_type(outcome), jnp.integer):
        allowed = f"int[], a whole number from 0 to {len(names) - 1}, one of {show(names)}"
        raise returned(what, f"returned {form(outcome)} as info['outcome']", allowed)


def flag(what: str, given: Any) -> None:
    """Raises InputError unless what was given is one bool."""
    if not _real(given) or np.shape(given) or jnp.result_type(given) != jnp.bool_:
        raise returned(what, form(given), "bool[]")


def same(what: str, then: Any, now: Any, source: str = "as before") -> None:
    """Raises InputError unless two trees of shapes have one structure, and all leaves the same shape and dtype.

    source: where the first is from, for the message.
    """
    if not _alike(then, now):
        raise returned(what, f"is {_outline(now)}", f"{_outline(then)}, {source}")
    for (path, old), new in zip(jax.tree_util.tree_leaves_with_path(then), jax.tree.leaves(now), strict=True):
        if (old.shape, old.dtype) != (new.shape, new.dtype):
            raise returned(f"{what}{_at(path)}", f"is {form(new)}", f"{form(old)}, {source}")


def _alike(one: Any, other: Any) -> bool:
    """Whether two trees have one structure."""
    structure: Any = jax.tree.structure(one)
    return structure == jax.tree.structure(other)


def _widened(what: str, before: Any, after: Any) -> None:
    """Raises InputError unless the state after a step has the shapes of the one before, and dtypes that can hold it."""
    if not _alike(before, after):
        raise returned(what, f"is {_outline(after)}", f"{_outline(before)}, as before")
    for (path, old), new in zip(jax.tree_util.tree_leaves_with_path(before), jax.tree.leaves(after), strict=True):
        if old.shape != new.shape or _rank(old.dtype) > _rank(new.dtype):
            raise returned(f"{what}{_at(path)}", f"is {form(new)}", f"{form(old)}, as before")


def _shapes(tree: Any) -> Any:
    def shape(x):
        return jax.ShapeDtypeStruct(np.shape(x), x.dtype if hasattr(x, "dtype") else jnp.result_type(x))

    return jax.tree.map(shape, tree)


def _rank(dtype: Any) -> int:
    """Numbers of a lower rank can be told as those of a higher one."""
    kinds = (jnp.bool_, jnp.integer, jnp.floating, jnp.complexfloating)
    return next((rank for rank, kind in enumerate(kinds) if jnp.issubdtype(dtype, kind)), len(kinds))


def several(obs: Any) -> bool:
    """Whether an observation is a pytree of arrays: a dict, a tuple, a dataclass of them. A list of numbers is one array."""
    if isinstance(obs, (list, tuple)):
        return any(hasattr(x, "dtype") for x in jax.tree.leaves(obs))
    return not jax.tree_util.all_leaves([obs]) and bool(jax.tree.leaves(obs))


def _seen(what: str, obs: Any) -> None:
    if not several(obs):
        _array(what, obs)
        return
    for path, leaf in jax.tree_util.tree_leaves_with_path(obs):
        if not _real(leaf):
            raise returned(f"{what}{_at(path)}", form(leaf), "arrays of real numbers, or one array")


def _array(what: str, x: Any) -> None:
    if isinstance(x, (list, tuple)):  # of numbers, perhaps
        try:
            x = jnp.asarray(x)
        except (TypeError, ValueError):
            raise returned(what, form(x), "one array of real numbers") from None
    if not _real(x):
        raise returned(what, form(x), "one array of real numbers")


def _tree(what: str, tree: Any) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        key = hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        if not (key or isinstance(leaf, complex) or _real(leaf)):
            raise returned(f"{what}{_at(path)}", form(leaf), "arrays")


def _real(x: Any) -> bool:
    if isinstance(x, (bool, int, float)):
        return True
    if not (hasattr(x, "shape") and hasattr(x, "dtype")):
        return False
    try:
        return x.dtype == bool or jnp.issubdtype(x.dtype, jnp.integer) or jnp.issubdtype(x.dtype, jnp.floating)
    except TypeError:  # dtypes of others
        return False


def form(x: Any) -> str:
    """What a value is, for a message: "float32[2, 3]", "a tuple of 4", "a dict"."""
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return f"{x.dtype}{list(x.shape)}"
    if isinstance(x, (bool, int, float)) or x is None:
        return show(x)
    if isinstance(x, (tuple, list)):
        return f"a {type(x).__name__} of {len(x)}"
    name = type(x).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _outline(tree: Any) -> str:
    return show(jax.tree.map(form, tree), 160)


def _at(path: Any) -> str:
    return f", {jax.tree_util.keystr(path).lstrip('.')}," if path else ""
