"""Changes to an experiment, by dotted path: what the command line's `--rules.ppo.learning-rate 1e-3` does."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from rewardlab import registry, rules
from rewardlab.errors import InputError, unknown
from rewardlab.experiment import Experiment
from rewardlab.fields import hints, parse, parse_free
from rewardlab.types import Rule


def override(experiment: Experiment, changes: Mapping[str, Any]) -> Experiment:
    """A changed copy: {"seeds": "64", "rules.ppo.learning_rate": "1e-3", "agent.hidden": ["64", "64"]}.

    Texts, and lists of them, are read by the field's type; other values are taken as they are. - and _ are the same in names.
    For `rules`, `conditions` and `evaluations` as a whole, a list of names keeps those; `rules` may name further rules.
    Raises InputError for a field that is not there, with the nearest one, and for what the experiment then can't be.
    """
    every = list(paths(experiment))
    new = {f.name: getattr(experiment, f.name) for f in fields(experiment)}
    for path, value in changes.items():
        name, _, rest = path.partition(".")
        name = name.replace("-", "_")
        if name not in new:
            raise unknown("field", path, new, near=every)
        new[name] = _changed(new[name], hints(Experiment)[name], name, rest, value, every)
    return Experiment(**new)


def paths(node: Any, prefix: str = "") -> Iterator[str]:
    """Every field of an experiment that is there to be changed, as a dotted path."""
    for name, (value, _) in _children(node, Any).items():
        yield f"{prefix}{name}"
        yield from paths(value, f"{prefix}{name}.")


def _changed(node: Any, hint: Any, where: str, rest: str, value: Any, every: list[str]) -> Any:
    """`node` with what `rest` points at, inside of it, changed."""
    if not rest:
        return _read(node, hint, where, value)
    children = _children(node, hint)
    key = max((name for name in children if _begins(rest, name)), key=len, default=None)
    if key is None:
        if not (isinstance(node, Mapping) and _is_open(hint)):
            raise unknown("field", f"{where}.{rest}", [f"{where}.{name}" for name in children], near=every)
        key, children = rest.replace("-", "_"), {**children, rest.replace("-", "_"): (None, Any)}
    inner = _changed(*children[key], f"{where}.{key}", rest[len(key) + 1 :], value, every)
    return {**node, key: inner} if isinstance(node, Mapping) else replace(node, **{key: inner})


def _children(node: Any, hint: Any) -> dict[str, tuple[Any, Any]]:
    """{name: (value, type)} of what is inside a dict or a dataclass; empty for anything else."""
    if isinstance(node, Mapping):
        inner = (*typing.get_args(hint), Any, Any)[1]
        return {name: (value, inner) for name, value in node.items()}
    if is_dataclass(node) and not isinstance(node, type):
        return {name: (getattr(node, name), inner) for name, inner in hints(type(node)).items()}
    return {}


def _is_open(hint: Any) -> bool:
    """Whether a dict takes names that it does not have yet: those of numbers, params that were at the world's defaults."""
    return (*typing.get_args(hint), None, None)[1] in (Any, bool | int | float)


def _begins(rest: str, name: str) -> bool:
    rest, name = rest.replace("-", "_"), name.replace("-", "_")
    return rest == name or rest.startswith(name + ".")


def _read(node: Any, hint: Any, where: str, value: Any) -> Any:
    """The new value of a node, from text or as it is."""
    words = [value] if isinstance(value, str) else value
    if not (isinstance(words, (list, tuple)) and all(isinstance(word, str) for word in words)):
        return value
    if isinstance(node, Mapping):
        names = [name for word in words for name in word.replace(",", " ").split()]
        return {_label(name): _pick(node, hint, where, name) for name in names}
    if isinstance(node, Rule):
        return rules.make(parse(words, str, where))
    if where == "env":
        return parse(words, str, where)
    if hint in (Any, bool | int | float):
        return parse_free(parse(words, str, where))
    return parse(words, hint, where)


def _label(name: str) -> str:
    return Path(name).stem if registry.is_path(name) else name


def _pick(node: Mapping[str, Any], hint: Any, where: str, name: str) -> Any:
    for known in node:
        if known.replace("-", "_") == name.replace("-", "_"):
            return node[known]
    if where == "rules":
        return rules.make(name)
    if _is_open(hint):
        raise InputError(f"{where} is set one by one, as {where}.NAME; given: {name!r}")
    raise unknown(f"name in {where}", name, node)
