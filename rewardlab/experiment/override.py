"""Changes to an experiment, by dotted path: what the command line's `--rules.ppo.learning-rate 1e-3` does."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from rewardlab import agents, rules
from rewardlab.experiment import Budget, Experiment
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, one_word, unknown
from rewardlab.inputs.fields import bounds, checked, coerce, describe, hints, parse, parse_free
from rewardlab.types import Rule


def override(experiment: Experiment, changes: Mapping[str, Any]) -> Experiment:
    """A changed copy: {"seeds": "64", "rules.ppo.learning_rate": "1e-3", "agent.hidden": ["64", "64"]}.

    Texts, and lists of them, are read by the field's type; other values are taken as they are.
    In names, -, _ and blanks are the same.
    Another `env` has none of the old one's `env_kwargs`.
    For `rules`, `conditions` and `evaluations` as a whole, a list of names keeps those; `rules` may name further rules.
    Raises InputError for a field that is not there, with the nearest one, and for what the experiment then can't be.
    """
    every = list(paths(experiment))
    new = {f.name: getattr(experiment, f.name) for f in fields(experiment)}
    new["budgets"] = {name: experiment.budgets.get(name, Budget()) for name in experiment.rules}
    if changes.get("env", experiment.env) not in (experiment.env, [experiment.env]):
        new["env_kwargs"] = {}  # they are the other world's
    for path, value in changes.items():
        name, _, rest = path.partition(".")
        name = name.replace("-", "_")
        if name in Experiment.was and Experiment.was[name] in {p.replace("-", "_") for p in changes}:
            raise InputError(f"{Experiment.was[name]} is given twice, once by its old name, {name}; allowed: once")
        name = Experiment.was.get(name, name)
        if name not in new:
            raise unknown("field", path, new, near=every)
        hint = hints(Experiment)[name]
        new[name] = coerce(_changed(new[name], hint, name, rest, value, every), hint, name)
    for given in new["agents"]:  # a dict of anything, which takes any name
        if given not in new["rules"] and given not in experiment.agents:
            raise unknown("field", f"agents.{given}", [f"agents.{rule}" for rule in new["rules"]], near=every)
    for own in ("budgets", "agents"):
        new[own] = {name: value for name, value in new[own].items() if name in new["rules"]}
    return Experiment(**new)


def agent(spec: Any, changes: Mapping[str, Any]) -> Any:
    """A changed copy of a network's specification: {"agent.hidden": ["64", "64"]}. Raises InputError, as `override` does."""
    allowed = [f"agent.{f.name}" for f in fields(spec)]
    for path, value in changes.items():
        name, _, field = path.partition(".")
        if name != "agent" or not field:
            raise unknown("option", f"--{path}", [f"--{name}" for name in ("rule", "agent", "env", *allowed)])
        spec = _changed(spec, type(spec), "agent", field, value, allowed)
    return checked(spec, "agent")


def paths(node: Any, prefix: str = "") -> Iterator[str]:
    """Every field of an experiment that is there to be changed, as a dotted path."""
    for name, (value, _) in _children(node, Any).items():
        yield f"{prefix}{name}"
        yield from paths(value, f"{prefix}{name}.")


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """(dotted path, value as the command line takes it, what is allowed) of every field that holds a single value."""
    limits = {f.name: f for f in fields(node)} if is_dataclass(node) else {}
    for name, (value, hint) in _children(node, Any).items():
        if _children(value, hint) or isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            own = limits[name].metadata.get("allowed") if name in limits else ""  # what the type does not tell
            allowed = own or (describe(hint, bounds(limits[name], hint)) if name in limits else "")
            yield f"{prefix}{name}", _text(value), allowed


def _text(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return " ".join(map(_text, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) and " " in value else str(value)


def _changed(node: Any, hint: Any, where: str, rest: str, value: Any, every: list[str]) -> Any:
    """`node` with what `rest` points at, inside of it, changed."""
    if not rest:
        return _read(node, hint, where, value)
    rest = _by_todays_name(node, rest)
    children = _children(node, hint)
    key = max((name for name in children if _begins(rest, name)), key=len, default=None)
    if key is None:
        if not (isinstance(node, Mapping) and _is_open(hint)):
            raise unknown("field", f"{where}.{rest}", [f"{where}.{name}" for name in children], near=every)
        key, children = rest.replace("-", "_"), {**children, rest.replace("-", "_"): (None, Any)}
    inner = _changed(*children[key], f"{where}.{key}", rest[len(key) + 1 :], value, every)
    return {**node, key: inner} if isinstance(node, Mapping) else replace(node, **{key: inner})


def _by_todays_name(node: Any, rest: str) -> str:
    """The path with its first name as the field of a dataclass has it today."""
    name, dot, further = rest.partition(".")
    own = {f.name for f in fields(node)} if is_dataclass(node) else {name}
    return rest if name in own else f"{getattr(node, 'was', {}).get(name, name)}{dot}{further}"


def _children(node: Any, hint: Any) -> dict[str, tuple[Any, Any]]:
    """{name: (value, type)} of what is inside a dict or a dataclass; empty for anything else."""
    if isinstance(node, Mapping):
        inner = (*typing.get_args(hint), Any, Any)[1]
        return {name: (value, inner) for name, value in node.items()}
    if is_dataclass(node) and not isinstance(node, type):
        return {name: (getattr(node, name), inner) for name, inner in hints(type(node)).items()}
    return {}


def _is_open(hint: Any) -> bool:
    """Whether a dict takes names that it does not have yet: one of numbers, the others being at their defaults."""
    return (*typing.get_args(hint), None, None)[1] in (Any, bool | int | float)


def _begins(rest: str, name: str) -> bool:
    rest, name = one_word(rest), one_word(name)
    return rest == name or rest.startswith(name + ".")


def _read(node: Any, hint: Any, where: str, value: Any) -> Any:
    """The new value of a node, from text or as it is."""
    words = [value] if isinstance(value, str) else value
    if not (isinstance(words, (list, tuple)) and all(isinstance(word, str) for word in words)):
        return value
    if isinstance(node, Mapping):
        return _chosen(node, hint, where, [name for word in words for name in word.replace(",", " ").split()])
    if isinstance(node, Rule):
        return rules.make(parse(words, str, where))
    if isinstance(node, agents.Spec):
        return agents.spec(parse(words, str, where))
    if where == "env":
        return parse(words, str, where)
    if hint in (Any, bool | int | float):
        return parse_free(parse(words, str, where))
    return parse(words, hint, where)


def _chosen(node: Mapping[str, Any], hint: Any, where: str, names: list[str]) -> dict[str, Any]:
    """The entries of those names; for rules, made where there is none yet."""
    if _is_open(hint):
        raise InputError(f"{where} is set one by one, as {where}.NAME; given: {' '.join(names)}")
    same = {one_word(known): known for known in node}
    new = {}
    for name in names:
        known = same.get(one_word(name))
        if known is None and where != "rules":
            raise unknown(f"name in {where}", name, node)
        if known is None:
            new[Path(name).stem if registry.is_path(name) else name] = rules.make(name)
        else:
            new[known] = node[known]
    return new
