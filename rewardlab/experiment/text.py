"""Experiments as JSON text, and back: numbers exact, rules and worlds by name or by path."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from rewardlab import agents, rules
from rewardlab.experiment.conditions import Budget, Condition, Phase
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, show, unknown, wrong_type
from rewardlab.inputs.fields import coerce, renamed
from rewardlab.inputs.files import read_json, sha256
from rewardlab.types import Rule

FORMAT = 1
PROSE = ("question", "published", "claim", "source")  # what people alone read: it may have a slash in it
TOLD = ("claim", "source")  # what may be reworded at any time: no run is another one for it
# Configs are older than these fields, and have to stay the same text: they are left out where they have their defaults.
LATER = ("capable_return", "probes", "asks", "points_at", "policies", *TOLD)


def to_json(experiment: Any) -> str:
    """The whole experiment as JSON text: numbers exact, rules and worlds by name or by path.

    What was defined in a notebook is recorded by its module and name, which `from_json` refuses: no file holds it.
    """
    plain = {f.name: getattr(experiment, f.name) for f in fields(experiment)}
    usual = {f.name: f.default for f in fields(experiment) if f.name in LATER}
    plain = {name: value for name, value in plain.items() if not (name in usual and value == usual[name])}
    plain["conditions"] = {name: _condition_to_plain(condition) for name, condition in experiment.conditions.items()}
    plain["budgets"] = {name: dataclasses.asdict(budget) for name, budget in experiment.budgets.items()}
    plain["rules"] = {name: _rule_to_plain(rule) for name, rule in experiment.rules.items()}
    plain["agent"] = _agent_to_plain(experiment.agent)
    plain["agents"] = {name: _agent_to_plain(agent) for name, agent in experiment.agents.items()}
    plain["env"] = experiment.env if isinstance(experiment.env, str) else {"object": _address(type(experiment.env))}
    try:
        return _written({"format": FORMAT} | plain)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the experiment can't be recorded: {error}; allowed: numbers, texts, and lists of them"
        ) from error


def from_json(kind: Any, text: str, files: bool, where: str) -> Any:
    """The experiment that `to_json` wrote, of class `kind`. Raises InputError.

    files: whether worlds and rules that live in the user's own Python files may be loaded, which runs those files.
    """
    plain = read_json(text, where)
    if not isinstance(plain, dict):
        raise wrong_type(where, plain, "a JSON object")
    if not files:
        names_only(plain)
    if (given := plain.pop("format", None)) != FORMAT:
        raise InputError(f"{where} has format = {show(given)}, which this version can't read; allowed: {FORMAT}")
    plain = renamed(kind, plain, where)
    _only(where, plain, [f.name for f in fields(kind)])
    missing = [
        f.name
        for f in fields(kind)
        if f.name in ("name", "question", "conditions", "evaluations", "rules") and f.name not in plain
    ]
    if missing:
        raise InputError(f"{where} lacks {', '.join(missing)}")
    plain["conditions"] = {
        name: _condition(f"conditions.{name}", value)
        for name, value in _object("conditions", plain["conditions"]).items()
    }
    plain["rules"] = {name: _rule(f"rules.{name}", value) for name, value in _object("rules", plain["rules"]).items()}
    plain["budgets"] = {
        name: _budget(f"budgets.{name}", value) for name, value in _object("budgets", plain.get("budgets", {})).items()
    }
    plain["agent"] = _agent("agent", plain["agent"]) if "agent" in plain else agents.MLP()
    plain["agents"] = {
        name: _agent(f"agents.{name}", value) for name, value in _object("agents", plain.get("agents", {})).items()
    }
    if isinstance(plain.get("env"), dict):
        raise _not_in_a_file("env", plain["env"])
    if "env" in plain:
        coerce(plain["env"], str, "env")
    return kind(**plain)


def _rule_to_plain(rule: Rule) -> dict[str, Any]:
    name = rules.name_of(type(rule))
    values = {f.name: getattr(rule, f.name) for f in fields(rule) if f.init}
    added = {f.name: f.default for f in fields(rule) if f.metadata.get("added")}  # since configs were first written
    values = {k: _argument_to_plain(v) for k, v in values.items() if not (k in added and v == added[k])}
    return ({"rule": name} if name else {"object": _address(type(rule))}) | {"hyperparameters": values}


def _argument_to_plain(value: Any) -> Any:
    if isinstance(value, Rule):
        return _rule_to_plain(value)
    if isinstance(value, agents.Spec):
        return _agent_to_plain(value)
    if callable(value):
        return {"object": _address(value if hasattr(value, "__qualname__") else type(value))}
    return value


def _rule(where: str, plain: Any) -> Rule:
    if isinstance(plain, str):
        plain = {"rule": plain}
    if isinstance(plain, dict) and "object" in plain:
        raise _not_in_a_file(where, plain)
    _only(where, _object(where, plain), ("rule", "hyperparameters"))
    values = _object(f"{where}.hyperparameters", plain.get("hyperparameters", {}))
    name = coerce(plain.get("rule"), str, f"{where}.rule")
    values = {k: _argument(f"{where}.{k}", v) for k, v in values.items()}
    try:
        return rules.make(name, **values)
    except InputError as error:
        raise _within(where, error) from error


def _within(where: str, error: InputError) -> InputError:
    """The error, with the place that it is of, where it does not say so: of several rules or networks, this one."""
    return error if where in str(error) else InputError(f"{where}: {error}")


def _argument(where: str, plain: Any) -> Any:
    """An argument of a rule's or of a network's, which may itself be one."""
    if isinstance(plain, dict) and "agent" in plain:
        return _agent(where, plain)
    return _rule(where, plain) if isinstance(plain, dict) and ("rule" in plain or "object" in plain) else plain


def _budget(where: str, plain: Any) -> Budget:
    return Budget(**_only(where, renamed(Budget, _object(where, plain), where), ("total_steps", "seeds")))


def _condition(where: str, plain: Any) -> Condition:
    given = dict(_only(where, _object(where, plain), ("params", "seeds", "phases")))
    phases = given.pop("phases", [])
    if not isinstance(phases, list):
        raise wrong_type(f"{where}.phases", phases, "a list of phases")
    fields_ = ("start", "params", "reward", "forks")
    every = [_only(f"{where}.phases.{i}", _object(f"{where}.phases.{i}", one), fields_) for i, one in enumerate(phases)]
    return Condition(**given, phases=tuple(Phase(**one) for one in every))


def _condition_to_plain(condition: Condition) -> dict[str, Any]:
    plain = dataclasses.asdict(condition)
    if not condition.phases:  # configs are older than phases, and have to stay the same text
        del plain["phases"]
    return plain


def _agent_to_plain(agent: Any) -> dict[str, Any]:
    name, own = agents.name_of(agent), agents.own_fields(agent)
    values = {f: _argument_to_plain(getattr(agent, f)) for f in own}
    return ({"agent": name} if name else {"object": _address(type(agent))}) | values


def _agent(where: str, plain: Any) -> Any:
    plain = {"agent": plain} if isinstance(plain, str) else plain
    values = dict(_object(where, plain))
    if "object" in values:
        raise _not_in_a_file(where, values)
    name = coerce(values.pop("agent", "mlp"), str, f"{where}.agent")
    name = "mlp" if name == "MLP" else name  # as older configs have it
    try:
        found = agents.spec(name)
        values = _only(where, values, agents.own_fields(found))
        return replace(found, **{k: _argument(f"{where}.{k}", v) for k, v in values.items()})
    except InputError as error:
        raise _within(where, error) from error


def network(plain: Any, where: str = "agent") -> Any:
    """The specification of a network, of what a config says of it. Runs no file. Raises InputError."""
    names_only(plain, where)
    return _agent(where, plain)


def _object(where: str, plain: Any) -> dict[str, Any]:
    if not isinstance(plain, dict):
        raise wrong_type(where, plain, "a JSON object")
    return plain


def _only(where: str, plain: dict[str, Any], allowed: Sequence[str]) -> dict[str, Any]:
    for name in plain:
        if name not in allowed:
            raise unknown(f"field in {where}", name, allowed)
    return plain


def _address(cls: Any) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _not_in_a_file(where: str, plain: dict[str, Any]) -> InputError:
    address = show(plain.get("object"))
    return InputError(
        f"{where} was an object of Python's, {address}, that no file holds; "
        "run it from Python, or move it to a .py file and name that"
    )


def names_only(plain: Any, where: str = "") -> None:
    """Raises InputError where anything that a config says, at whatever depth, could be taken for the path of a Python file.

    Worlds and rules take worlds and rules as arguments, by name or by path, so no place is exempt but what is prose.
    """
    if isinstance(plain, str) and registry.is_path(plain):
        raise InputError(
            f"{where} lives in the Python file {show(plain)}, which reading does not run; "
            "rewardlab.load of the config.json does"
        )
    items = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for name, value in items:
        if where or name not in PROSE:
            names_only(value, f"{where}.{name}" if where else str(name))


def digest(config: str) -> str:
    """SHA-256 of a config's text without what may differ between two runs of the same seeds: their number, and the width."""
    return sha256(json.dumps(_bare(json.loads(config), width=True), sort_keys=True).encode())


def same(one: str, other: str) -> bool:
    """Whether two texts are of one experiment, whichever names its fields had when they were written."""
    try:
        return one == other or _first_names(json.loads(one)) == _first_names(json.loads(other))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False


def first_text(config: str) -> str:
    """A config's text as it was before any field was renamed, without what is told beside the experiment."""
    return _written(_first_names(json.loads(config)))


def texts(config: str) -> set[str]:
    """All texts that an experiment's config may have been written as: it was renamed since, or had nothing told beside it."""
    plain = json.loads(config)
    return {config, first_text(config), _written({name: v for name, v in plain.items() if name not in TOLD})}


def _written(plain: dict[str, Any]) -> str:
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def todays_names(plain: dict[str, Any]) -> dict[str, Any]:
    """A config as plain data, its own fields and those of its budgets by the names that they have today."""
    budgets = plain.get("budgets")
    if isinstance(budgets, dict):
        plain = plain | {"budgets": {k: _put(b, Budget.was) if isinstance(b, dict) else b for k, b in budgets.items()}}
    return _put(plain, Budget.was)


def _first_names(plain: dict[str, Any]) -> dict[str, Any]:
    """A config as plain data, its fields by the names that they had first, without what is told beside the experiment: digests and
    comparisons go by these, so that no run is another one for a name or a wording.
    """
    plain = {name: value for name, value in plain.items() if name not in TOLD}

    def rule(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return _put({name: rule(inner) for name, inner in value.items()}, first_of_rules)

    first, first_of_rules = ({new: old for old, new in was.items()} for was in (Budget.was, Rule.was))
    return _put(plain, first) | {
        "rules": {name: rule(one) for name, one in plain["rules"].items()},
        "budgets": {name: _put(budget, first) for name, budget in plain.get("budgets", {}).items()},
    }


def _put(plain: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name if names.get(name) in plain else names.get(name, name): value for name, value in plain.items()}


def _bare(plain: dict[str, Any], width: bool) -> dict[str, Any]:
    """A config without its numbers of seeds, and, with `width`, without that."""
    plain = _first_names(plain)
    left_out = {
        "seeds",
        *(["width"] if width else []),
        *(name for name in ("agents", "temperatures") if not plain.get(name)),
    }
    bare = {name: value for name, value in plain.items() if name not in left_out}
    budgets = {name: b["steps"] for name, b in plain["budgets"].items() if b["steps"]}
    return bare | {
        "conditions": {
            name: {what: c[what] for what in ("params", "phases") if what in c}
            for name, c in plain["conditions"].items()
        },
        "budgets": budgets,
    }


def grows(old: str, new: str, width: bool = False) -> bool:
    """Whether config `new` asks for what `old` did, and for more seeds; with `width`, the width may be another, too."""
    try:
        before, after = read_json(old, "the config that is there"), read_json(new, "the config")
        if _bare(before, width) != _bare(after, width):
            return False
        cells = itertools.product(after["rules"], after["conditions"])
        return all(_seeds(after, *cell) >= _seeds(before, *cell) for cell in cells)
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def _seeds(plain: dict[str, Any], rule: str, condition: str) -> int:
    own = (plain["seeds"], plain["conditions"][condition]["seeds"], plain["budgets"].get(rule, {}).get("seeds"))
    return min(limit for limit in own if limit is not None)
