"""Worlds, one per file: a file that defines `make` is one. gymnax's own environments go by their gymnax names."""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from rewardlab import registry
from rewardlab.errors import InputError, show, unknown
from rewardlab.fields import coerce

FAMILY = registry.Family("world", "rewardlab.envs", "make")
_origins: dict[int, tuple[str, dict[str, Any]]] = {}
_made: dict[tuple, Any] = {}  # a fresh instance is a new static argument to jit: everything would compile again


def names() -> tuple[str, ...]:
    """Names of the worlds that come with the package."""
    return tuple(FAMILY.names())


@functools.cache
def _built_in_gymnax() -> tuple[str, ...]:
    # Importing gymnax takes seconds, too long for a message about a typing error: its registry's file is read instead.
    spec = importlib.util.find_spec("gymnax")
    path = Path(spec.origin).parent / "registration.py"
    for node in ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else ():
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_BUILTIN_ENV_IDS":
            return tuple(ast.literal_eval(node.value))
    import gymnax

    return tuple(gymnax.registered_envs)


def gymnax_names() -> tuple[str, ...]:
    """Names of the environments that gymnax has, those that the user registered included."""
    gymnax = sys.modules.get("gymnax")
    return tuple(gymnax.registered_envs) if hasattr(gymnax, "registered_envs") else _built_in_gymnax()


def make(world: str | Path | Any, /, **kwargs: Any) -> Any:
    """A gymnax 1.x Environment, the same instance for the same arguments.

    world: a name ("coinrun", "CartPole-v1"), the path of a file that defines `make`, or an Environment, given back as it is.
    kwargs: sizes and the like, for the world's own `make`. Raises InputError for unknown names.
    """
    if not isinstance(world, (str, Path)) or world not in gymnax_names():
        check_name(world, kwargs)
    if not isinstance(world, (str, Path)):
        return world
    maker = _gymnax_maker(world) if world in gymnax_names() else FAMILY.load(world)
    if not callable(maker):
        raise InputError(f"`make` in {show(str(world))} is {show(maker)}; allowed: a function that returns an Environment")
    try:
        key = (maker, tuple(sorted(kwargs.items())))
        hash(key)
    except TypeError:
        raise InputError(f"arguments of world {show(str(world))} are {show(kwargs)}; allowed: numbers, texts, and tuples of them") from None
    if key not in _made:
        try:
            env = maker(**kwargs)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"world {show(str(world))} can't be made with {show(kwargs)}: {type(error).__name__}: {error}") from error
        if not is_env(env):
            raise InputError(f"`make` in {show(str(world))} returned {show(env)}; allowed: a gymnax Environment")
        _made[key] = env
        _origins[id(env)] = (str(registry.python_file(world)) if registry.is_path(world) else world, kwargs)
    return _made[key]


def origin(env: Any) -> tuple[str, dict[str, Any]] | None:
    """The (name or path, arguments) that `make` made this very instance from, or None."""
    return _origins.get(id(env))


@functools.cache
def _gymnax_maker(name: str):
    import gymnax

    return lambda **kwargs: gymnax.make(name, **kwargs)[0]


def is_env(env: Any) -> bool:
    """Whether an object offers what a gymnax Environment offers."""
    return all(hasattr(env, name) for name in ("reset_env", "step_env", "is_truncated", "default_params"))


def params(env: Any, **changes: bool | int | float) -> Any:
    """The world's default params with some values changed, each as the type that the default has.

    Raises InputError for a name that the params do not have (the nearest one suggested) and for a value of another type.
    """
    defaults = env.default_params
    known, new = _numbers(defaults), {}
    for name, value in changes.items():
        if name not in known:
            raise unknown("world parameter", name, known)
        default = known[name]
        kind = type(default.item()) if hasattr(default, "dtype") else type(default)
        new[name] = coerce(value, kind, f"world parameter {name}")
    return defaults.replace(**new)


def check_name(world: Any, kwargs: dict[str, Any]) -> None:
    """Raises InputError when there is no such world, or its `make` takes no such argument. Runs nothing of the world's."""
    if not isinstance(world, (str, Path)):
        if not is_env(world):
            raise InputError(f"world = {show(world)}; allowed: {', '.join(names())}, a gymnax name, the path of a .py file, an Environment")
        if kwargs:
            raise InputError(f"world = {show(world)} is made already, so it takes no arguments; given: {', '.join(map(str, kwargs))}")
        return
    if world in gymnax_names():
        if kwargs:
            make(world, **kwargs)
        return
    accepted = registry.outline(FAMILY.file(world, gymnax_names())).functions.get("make")
    for name in kwargs:
        if accepted is not None and name not in accepted:
            raise unknown(f"argument of world {world}", name, accepted)


def _numbers(defaults: Any) -> dict[str, Any]:
    """{name: default} of the params that are numbers."""
    values = {f.name: getattr(defaults, f.name) for f in fields(defaults)}
    return {name: value for name, value in values.items() if isinstance(value, (bool, int, float)) or getattr(value, "ndim", None) == 0}


def params_names(world: Any) -> frozenset[str] | None:
    """Names of a world's params; of a world in a file without running it, and then None when the file does not tell."""
    if not isinstance(world, (str, Path)) or world in gymnax_names():
        return frozenset(_numbers(make(world).default_params))
    classes = registry.outline(FAMILY.file(world)).classes
    told = [annotated for name, annotated in classes.items() if name.endswith("Params")]
    numbers = {name for annotated in told for name, kind in annotated.items() if kind.rpartition(".")[2] != "Any"}
    return frozenset(numbers | {"max_steps_in_episode"}) if told else None
