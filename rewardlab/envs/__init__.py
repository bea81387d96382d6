"""Worlds, one per file: a file that defines `make` is one. gymnax's own environments go by their gymnax names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from rewardlab.envs import catalogue
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, show, unknown
from rewardlab.inputs.fields import LARGEST_SIZE, coerce

FAMILY = registry.Family("world", "rewardlab.envs", "make")
KINDS = {
    "bool": bool,
    "int": int,
    "float": float,
    "Any": Any,
}  # annotations of params that tell their type; Any: not a number
LIMITS: dict[type, tuple[float, float]] = {int: (-(2**31), LARGEST_SIZE)}  # of params, which have 32 bits
_origins: dict[int, tuple[str, dict[str, Any]]] = {}
_made: dict[
    tuple[Any, ...], Any
] = {}  # a fresh instance is a new static argument to jit: everything would compile again


def names() -> tuple[str, ...]:
    """Names of the worlds that come with the package."""
    return tuple(FAMILY.names())


def make(world: str | Path | Any, /, **kwargs: Any) -> Any:
    """A gymnax 1.x Environment, the same instance for the same arguments.

    world: a name ("coinrun", "CartPole-v1"), the path of a file that defines `make`, or an Environment, returned as is.
    kwargs: sizes and the like, for the world's own `make`. Raises InputError for unknown names, and for a world that does
    not do what it has to, or not what it says of itself (`adapter.signature`).
    """
    from rewardlab.envs import adapter, contract

    if not isinstance(world, (str, Path)) or world not in catalogue.names():
        check_name(world, kwargs)
    if not isinstance(world, (str, Path)):
        adapter.signature(world)
        return world
    maker = _gymnax_maker(world) if world in catalogue.names() else FAMILY.load(world)
    if not callable(maker):
        raise InputError(
            f"`make` in {show(str(world))} is {show(maker)}; allowed: a function that returns an Environment"
        )
    try:
        key = (maker, tuple(sorted(kwargs.items())))
        hash(key)
    except TypeError:
        raise InputError(
            f"arguments of world {show(str(world))} are {show(kwargs)}; allowed: numbers, texts, and tuples of them"
        ) from None
    if key not in _made:
        try:
            env = maker(**kwargs)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"world {show(str(world))} can't be made with {show(kwargs)}: {type(error).__name__}: {error}"
            ) from error
        if not contract.offers_anything(env):
            raise InputError(f"`make` in {show(str(world))} returned {show(env)}; allowed: a gymnax Environment")
        adapter.signature(env)
        _made[key] = env
        _origins[id(env)] = (str(registry.python_file(world)) if registry.is_path(world) else str(world), kwargs)
    return _made[key]


def origin(env: Any) -> tuple[str, dict[str, Any]] | None:
    """The (name or path, arguments) that `make` made this very instance from, or None."""
    return _origins.get(id(env))


@functools.cache
def _gymnax_maker(name: str) -> Callable[..., Any]:
    from rewardlab.envs import gymnax_api

    return lambda **kwargs: gymnax_api.make(name, **kwargs)[0]


def params(env: Any, where: str = "the world's params", /, **changes: bool | int | float) -> Any:
    """The world's default params with some values changed, each as the type that the default has. where: begins messages.

    Raises InputError for a name that the params do not have, for a value of another type, for a longer episode than the
    world's own, and for what the world's own `check_params` refuses, where it has that.
    """
    from rewardlab.envs import adapter, contract
    from rewardlab.envs.world import offers

    for name in contract.static_fields(env.default_params).intersection(changes):
        raise InputError(
            f"{where}.{name} is a static field of the world's params, the same for all; allowed: the others"
        )
    changed = env.default_params.replace(**typed(where, changes, params_kinds(env) or {}))
    adapter.check_limit(env, changed, f"{where}.{contract.CLOCK}")
    if offers(env, "check_params"):
        env.check_params(changed)
    return changed


def typed(where: str, values: dict[str, Any], kinds: dict[str, type]) -> dict[str, Any]:
    """The values of params, each as the type that its param has. Raises InputError as `params` does."""
    for name in values:
        if name not in kinds:
            raise unknown(f"name in {where}", name, kinds)
    return {
        name: coerce(value, kinds[name], f"{where}.{name}", LIMITS.get(kinds[name])) for name, value in values.items()
    }


def params_kinds(world: Any) -> dict[str, type] | None:
    """{param: its type} of a world's numbers. A named world is not run for it: None when its file does not tell."""
    if isinstance(world, (str, Path)):
        file = catalogue.built_in().get(world) if world in catalogue.names() else FAMILY.file(world)
        classes = registry.outline(file).classes if file else {}
        told = [annotated for name, annotated in classes.items() if name.endswith("Params")]
        kinds = {name: KINDS.get(kind, object) for annotated in told for name, kind in annotated.items()}
        kinds = {"max_steps_in_episode": int} | {name: kind for name, kind in kinds.items() if kind is not Any}
        return kinds if told else None
    defaults = world.default_params
    values = {f.name: getattr(defaults, f.name) for f in fields(defaults)}
    values = {name: value.item() if getattr(value, "ndim", None) == 0 else value for name, value in values.items()}
    return {name: type(value) for name, value in values.items() if isinstance(value, (bool, int, float))}


def check_name(world: Any, kwargs: dict[str, Any]) -> None:
    """Raises InputError when there is no such world, or its `make` takes no such argument. Runs no world."""
    if not isinstance(world, (str, Path)):
        from rewardlab.envs import contract

        if not contract.offers_anything(world):
            raise InputError(
                f"world = {show(world)}; allowed: {', '.join(names())}, a gymnax name, the path of a .py file, "
                "an Environment"
            )
        if kwargs:
            raise InputError(
                f"world = {show(world)} is made already, so it takes no arguments; given: {', '.join(map(str, kwargs))}"
            )
        contract.declared(world)
        return
    if world in catalogue.names():
        if kwargs:
            make(world, **kwargs)
        return
    accepted = registry.outline(FAMILY.file(world, catalogue.names())).functions.get("make")
    for name in kwargs:
        if accepted is not None and name not in accepted:
            raise unknown(f"argument of world {world}", name, accepted)
