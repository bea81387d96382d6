"""The expected step of every rule beside the gradient: how far it points along it, how long it is, and what it costs to see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading, stats
from rewardlab.analysis.runs import Runs
from rewardlab.analysis.wording import STEPS, figure
from rewardlab.questions import Contrast
from rewardlab.questions.claims import side

if TYPE_CHECKING:
    import xarray

NEAR = 0.95  # an angle of 18 degrees
# Where the step of a rule points, and the answer that this makes.
ALONG, LEANS = "its step points along the gradient", "its step leans towards the gradient"
AWAY = "its step points away from the gradient somewhere"
UNCLEAR = "no clear difference from a step without selection"
ANSWERS = {
    ALONG: "the mean step of {who} points along the gradient (cosine {figures})",
    LEANS: "that of {who} leans towards it ({figures})",
    AWAY: "that of {who} points away from it somewhere",
    UNCLEAR: "that of {who} can't be told from a step without selection",
}


class Strides(NamedTuple):
    """Float[rule, seed, place] of the main condition, NaN where a seed was not trained.

    aligned: cosine of the expected step with the gradient. along: that step along the gradient, in the gradient's lengths.
    missed: squared distance of the expected step from the gradient, in the same; noise is taken off, so it may be below 0.
    rate: signal per environment step: of as many steps as 1 / rate, the mean has as much along the gradient as it has noise;
    negative where it goes down. bred: along, in what the breeder's equation expects of it; NaN where nobody breeds.
    """

    aligned: np.ndarray
    along: np.ndarray
    missed: np.ndarray
    rate: np.ndarray
    bred: np.ndarray


def recorded(results: xarray.Dataset, name: str) -> np.ndarray:
    """An array of the probe `steps` at its last record, float[rule, seed, place, ...]."""
    there = results.isel(condition=0)
    number = there["record_updates"].transpose("rule", "seed", "record").values
    last = np.where(np.isfinite(number), np.arange(number.shape[-1]), -1).max(-1)
    values = there[name].transpose("rule", "seed", "record", "place", ...).values.astype(float)
    at = np.maximum(last, 0).reshape(*last.shape, *[1] * (values.ndim - 2))
    found = np.take_along_axis(values, at, axis=2)[:, :, 0]
    return np.where((last < 0).reshape(*last.shape, *[1] * (found.ndim - 2)), np.nan, found)


def strides(results: xarray.Dataset) -> Strides:
    """What the run measured."""
    names = ("aligned", "along", "stride", "variance", "slope", "lived", "foretold")
    aligned, along, stride, variance, slope, lived, foretold = (recorded(results, name) for name in names)
    missed = (stride / slope) ** 2 - 2 * along + 1
    still = variance <= 0  # who never moves: no signal, no noise
    rate = np.where(still, 0.0, along * np.abs(along) * slope**2 / np.where(still, 1.0, variance * lived))
    bred = along / np.where(foretold == 0, np.nan, foretold)
    return Strides(aligned, along, missed, rate, bred)


def paths(results: xarray.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """(environment steps float[rule, seed, place, N], cosine with the gradient of the mean of the steps that they pay for)."""
    averaged = results["averaged"].values.astype(float)
    return recorded(results, "lived")[..., None] * averaged, recorded(results, "cosine")


def varied(results: xarray.Dataset) -> dict[str, dict[str, tuple[float, int]]]:
    """{kind of rule: {rule: (standard deviation of what it tries, its candidates)}}, of the kinds that stand there in several such
    sizes, and differ in nothing else from the kind's first one.
    """
    kinds: dict[str, dict[str, tuple[float, int]]] = {}
    first: dict[str, dict[str, Any]] = {}
    sizes = ("sigma", "mutation", "candidates", "num_envs", "parents")
    for name, one in reading.config_of(results)["rules"].items():
        h = one["hyperparameters"]
        spread = h.get("sigma", h.get("mutation"))
        rest = {k: v for k, v in h.items() if k not in sizes}
        if spread is not None and str(name) in results.rule.values and rest == first.setdefault(one["rule"], rest):
            kinds.setdefault(one["rule"], {})[str(name)] = (float(spread), int(h["candidates"]))
    return {kind: of for kind, of in kinds.items() if len(of) > 1}


def figures_of(found: Strides, rule: int, there: np.ndarray, places: list[str]) -> dict[str, Any]:
    """{place: {each of `Strides`: figure over seeds}} of a rule; of `bred` the seeds that have one."""

    def of(values: np.ndarray) -> dict[str, Any]:
        return stats.figure(values[np.isfinite(values)])

    return {
        place: {name: of(x[rule, there, k]) for name, x in found._asdict().items()} for k, place in enumerate(places)
    }


def unselected(found: Strides, runs: Runs, there: np.ndarray, rules: list[str]) -> np.ndarray:
    """float[seeds, place]: cosines of the steps of those of these rules that move at all, of their seeds one after the other."""
    blind = [i for i in map(runs.rules.index, rules) if np.nanmax(np.abs(found.along[i, there[i]]), initial=0.0) > 0]
    return np.concatenate([found.aligned[i, there[i]] for i in blind] or [np.zeros((0, found.aligned.shape[-1]))])


def against(rule: str, one: np.ndarray, name: str, other: np.ndarray, places: list[str]) -> Contrast:
    """A rule's sample float[seeds, place] against another one, place by place."""
    return Contrast([{"a": rule, "b": name, "place": place} for place in places], one, other)


def cost(of: dict[str, Any]) -> str:
    """ "1,730 [1,500–2,040]" environment steps until a mean step is half signal; "–" where it may never be."""
    rate = of["rate"]
    if rate["iqm"] is None or min(rate["iqm"], rate["iqm"] if rate["low"] is None else rate["low"]) <= 0:
        return "–"
    ends = {"low": None, "high": None} if rate["low"] is None else {"low": 1 / rate["high"], "high": 1 / rate["low"]}
    return figure({"iqm": 1 / rate["iqm"]} | ends, STEPS)


def bias(of: dict[str, Any]) -> str:
    """ "0.08 [0.06–0.11]", how far an expected step ends from the gradient's, in its lengths."""
    return figure({k: x if k == "n" or x is None else max(x, 0.0) ** 0.5 for k, x in of["missed"].items()}, "return")


def pointing(summary: dict[str, Any], rule: str) -> str:
    """Where a rule's step points, in a few words."""
    of, rows = summary["rules"][rule]["breeder"], summary["pairwise"]["aligned"]
    sides = {place: side(rows, a=rule, place=place) for place in summary["breeder"]["places"]}
    if -1 in sides.values():
        return AWAY
    if 0 in sides.values():
        return UNCLEAR
    return ALONG if all(of[place]["aligned"]["low"] >= NEAR for place in sides) else LEANS
