"""What rules and worlds call themselves and what happens in them, gathered for a run's results and reports."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardlab.analysis.wording import Words, plain
from rewardlab.envs.contract import CLOCK
from rewardlab.envs.world import offers
from rewardlab.inputs.errors import one_line

if TYPE_CHECKING:
    import xarray

    from rewardlab.experiment import Experiment
    from rewardlab.types import Rule


def of(experiment: Experiment, env: Any) -> Words:
    """The words for everything that an experiment names; `env` is its world."""
    from rewardlab import rules

    titles: dict[str, str] = {}
    for name, rule in experiment.rules.items():
        registered, called = rules.name_of(type(rule)), title(type(rule))
        own = name if registered is None else Path(registered).stem
        titles |= {own: called, name: _variant(name, own, called)}
    return words(
        titles,
        env.outcomes if offers(env, "outcomes") else {},
        experiment.evaluations,
        env.place if offers(env, "place") else None,
    )


def words(titles: dict[str, str], outcomes: Any, evaluations: dict[str, dict], place: Any) -> Words:
    """Words in one line each; what has none is left out. Two evaluations of one place go by their names."""
    if len({changes.get(CLOCK) for changes in evaluations.values()}) == 1:  # the same time everywhere tells no place
        evaluations = {name: {k: v for k, v in changes.items() if k != CLOCK} for name, changes in evaluations.items()}
    told = {name: place(**changes) for name, changes in evaluations.items()} if place else {}
    often = Counter(told.values())
    told = {name: text for name, text in told.items() if often[text] == 1}
    ended = outcomes if hasattr(outcomes, "items") else {}
    return Words(*({str(k): one_line(v, 200) for k, v in one.items() if v} for one in (titles, ended, told)))


def title(rule: type[Rule]) -> str:
    """A rule's title: its class's own, as one that inherits from it is another rule."""
    return vars(rule).get("title", "")


def _variant(name: str, own: str, title: str) -> str:
    """What an experiment calls a rule: its title; RULE-VARIANT is that rule in a variant, "PPO, linear"; any other name is its
    own.
    """
    if title and name.startswith(f"{own}-"):
        return f"{title}, {plain(name.removeprefix(f'{own}-'))}"
    return title if name == own else ""


def read(results: xarray.Dataset) -> Words:
    """The words that came with results. Those of results without any are what this package's own rules and worlds say."""
    try:
        found = json.loads(results.attrs["words"])
        return Words(*({str(k): str(v) for k, v in found[field].items()} for field in Words._fields))
    except (KeyError, TypeError, ValueError, AttributeError):
        return _ours(results)


def _ours(results: xarray.Dataset) -> Words:
    from rewardlab import envs, rules
    from rewardlab.envs.base import DiscreteWorld

    titles: dict[str, str] = {}
    for name in map(str, results.rule.values):
        own = name.partition("-")[0]
        if own in rules.names():
            titles |= {own: title(rules.load(own)), name: _variant(name, own, title(rules.load(own)))}
    world, cls = str(results.attrs.get("env", "")), DiscreteWorld
    if world in envs.names():
        module = importlib.import_module(envs.FAMILY.load(world).__module__)
        defined = [c for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__]
        cls = next((c for c in defined if issubclass(c, DiscreteWorld)), DiscreteWorld)
    try:
        evaluations = json.loads(results.attrs["experiment"])["evaluations"]
        return words(titles, getattr(cls, "outcomes", {}), evaluations, cls.place)
    except (KeyError, TypeError, ValueError, AttributeError):
        return words(titles, getattr(cls, "outcomes", {}), {}, None)


def level(rule: str) -> int | None:
    """What a rule of this package reads of reward, None for any other: for results that do not say it."""
    from rewardlab import rules

    return rules.load(rule).level if rule in rules.names() else None
