"""Overseers, read from conditions: who scores what, with how much noise, and what the plan is that each of them pays best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading
from rewardlab.inputs.errors import InputError

if TYPE_CHECKING:
    import xarray


class Overseer(NamedTuple):
    """One way of scoring. at: {noise: the condition that trains under it}, ascending. test: the evaluation in its world, watched.
    alone: one that is not watched, in its world if there is one; "" for none. params: of its conditions, without noise.
    """

    at: dict[float, str]
    test: str
    alone: str
    params: dict[str, Any]


def overseers(results: xarray.Dataset) -> dict[str, Overseer]:
    """{name: Overseer}, conditions put together that differ in noise alone; the name is that of the one with the least.

    Raises InputError where no evaluation is, without noise, in the world of a condition.
    """
    plan, groups = reading.config_of(results), dict[str, dict[float, str]]()
    tests, params = plan["evaluations"], {c: plan["conditions"][c].get("params", {}) for c in names(results)}
    for condition, of in params.items():
        key = repr(sorted((k, float(v)) for k, v in of.items() if k != "noise"))
        groups.setdefault(key, {})[float(of.get("noise", 0.0))] = condition
    found = {}
    for group in groups.values():
        at = dict(sorted(group.items()))
        name = next(iter(at.values()))
        own = {k: v for k, v in params[name].items() if k != "noise"}
        world = {k: v for k, v in own.items() if k != "unwatched"}
        same = [test for test, of in tests.items() if of == world]
        if not same:
            raise InputError(
                f"no evaluation is in the world of condition {name!r} without noise, {world}; allowed: one for each overseer"
            )
        unwatched = [test for test, of in tests.items() if of.get("unwatched") == 1]
        unwatched.sort(key=lambda test: tests[test] != world | {"unwatched": 1})  # its own world first
        found[name] = Overseer(at, same[0], next(iter(unwatched), ""), own)
    return found


def names(results: xarray.Dataset) -> list[str]:
    """Its conditions, in order."""
    return [*map(str, results.condition.values)]


def level(noise: float) -> str:
    """ "noise 4", what a row of a table says."""
    return f"noise {noise:g}"


def closed_form(results: xarray.Dataset, of: Overseer) -> dict[str, Any]:
    """Exact: {paid, useful: {what is told: number}} of the plans that an overseer pays best, and of those that are worth most;
    alone: of those that it pays best where nobody watches, {} unless an evaluation is there in its world.
    """

    def exact(array: str, test: str) -> dict[str, float]:
        every = results[array].sel(evaluation=test).transpose("told", ...).values
        values = np.nanmax(every.reshape(len(every), -1).astype(float), axis=1)  # the same of every seed
        return {name: float(x) for name, x in zip(map(str, results.told.values), values, strict=True)}

    tests = reading.config_of(results)["evaluations"]
    world = {k: v for k, v in of.params.items() if k != "unwatched"}
    own = of.alone and tests[of.alone] == world | {"unwatched": 1}
    alone = exact("best_paid", of.alone) if own else {}
    return {"paid": exact("best_paid", of.test), "useful": exact("most_useful", of.test), "alone": alone}
