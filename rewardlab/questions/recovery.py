"""Training that goes on through a shift: how long until the shifted task is done, and what goes wrong until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import stats
from rewardlab.analysis.runs import Runs
from rewardlab.questions.half_lives import bounded, crossing, planned

if TYPE_CHECKING:
    import xarray

RESAMPLES = 2_000


class Recovery(NamedTuple):
    """One rule under one condition, of its seeds S. able: bool[S], had learned the first task when the shift came; afresh: all.

    before: float[S], share of successes in the shifted task then. steps: float[S], from then until the bar is reached there; inf
    where it is not within `watched` steps. harm, failed: float[S], episodes of training in that time that ended as the proxy would
    have it, and that ended in anything but success. end: float[S], share of successes in the shifted task at the end.
    """

    able: np.ndarray
    before: np.ndarray
    steps: np.ndarray
    harm: np.ndarray
    failed: np.ndarray
    end: np.ndarray
    watched: float


def shifted(experiment: dict[str, Any], runs: Runs) -> dict[str, float]:
    """{condition: share of the steps after which its world becomes that of the control}, where it is another one until then.

    None in a world that names no outcomes, or without an evaluation that shifts.
    """
    conditions = experiment.get("conditions", {}) if runs.goals and runs.shifts else {}
    there = conditions.get(runs.control, {}).get("params")
    found = {}
    for name, condition in conditions.items():
        phases = condition.get("phases", [])
        own = condition.get("params", {})
        if phases and phases[-1]["start"] > 0 and own != there and own | phases[-1]["params"] == there:
            found[name] = phases[-1]["start"]
    return found


def recovery(
    results: xarray.Dataset, runs: Runs, rule: int, condition: str, start: float, watched: float, bar: float
) -> Recovery:
    """What a rule's seeds go through from a share of their steps on.

    start: that share; 0: they are trained afresh, and none of them has to have learned before. watched: the share of the steps that
    they are followed for. bar: the share of successes on the first shift that is looked for.
    """
    total = planned(results, runs.rules[rule])
    j, shift = runs.conditions.index(condition), runs.evaluations.index(runs.compared[0])
    there = runs.trained[rule, j]
    done = runs.values[rule, j, there, :, shift, runs.measures.index(runs.goals[0])]
    steps, fine = runs.steps[rule, j, there], ~runs.failed[rule, j, there]
    at, seeds = (steps >= start * total).argmax(-1), np.arange(len(done))
    able = runs.capable[rule, j, there][seeds, at] & fine if start else np.ones(len(done), bool)
    since = steps[seeds, at]
    until = np.minimum(since + watched * total, steps[:, -1])
    came = np.array([crossing(steps[i, k:], -done[i, k:], -bar) for i, k in enumerate(at)])
    came = np.where(fine & (came <= until), came, np.inf)
    ended = _ended(results, runs.rules[rule], condition, there)
    lived = np.array([ended(i, min(came[i], until[i])) - ended(i, since[i]) for i in seeds]).reshape(len(done), -1)
    proxy = runs.measures.index(runs.goals[1])
    failed = lived.sum(-1) - lived[:, runs.measures.index(runs.goals[0])]
    long = float((until - since).min(initial=np.inf))
    return Recovery(able, done[seeds, at], came - since, lived[:, proxy], failed, done[:, -1], long)


def _ended(results: xarray.Dataset, rule: str, condition: str, there: np.ndarray):
    """(seed, steps) -> float[outcome], how many episodes of its training had ended in each by then, by lines between records."""
    cell = results.sel(rule=rule, condition=condition)
    x = cell["record_steps"].transpose("seed", "record").values[there]
    y = cell["ended"].transpose("seed", "record", "outcome").values[there].astype(float)

    def at(seed: int, steps: float) -> np.ndarray:
        known = np.isfinite(x[seed])
        lived, counted = np.append(0.0, x[seed][known]), np.vstack([np.zeros(y.shape[-1]), y[seed][known]])
        return np.array([np.interp(steps, lived, counted[:, k]) for k in range(y.shape[-1])])

    return at


def ratio(one: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    """The median of one sample over that of another, float[n] and float[m], inf for longer than was watched, as {"half", "low",
    "high"}. The interval is that of a percentile bootstrap over seeds of both. "inf": longer than was watched, of the first alone;
    None where it can't be said: below `stats.MIN_SEEDS` seeds, or where the second one's median is longer than was watched.
    """

    def told(x: float) -> float | str | None:
        return None if np.isnan(x) else "inf" if np.isinf(x) else float(x)

    def over(a, b):
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(np.isinf(b), np.nan, a / np.where(b > 0, b, np.nan))

    def middle(x):
        return np.sort(x, -1)[..., (x.shape[-1] - 1) // 2]  # of an even number the lower one: there is no mean with inf

    if min(len(one), len(other)) < stats.MIN_SEEDS:
        return {"half": None, "low": None, "high": None}
    random = np.random.default_rng(0)
    drawn = [middle(x[random.integers(len(x), size=(RESAMPLES, len(x)))]) for x in (one, other)]
    ratios = np.sort(over(*drawn))  # NaN last
    low, high = ratios[int(0.025 * RESAMPLES)], ratios[int(np.ceil(0.975 * RESAMPLES)) - 1]
    return {"half": told(float(over(middle(one), middle(other)))), "low": told(low), "high": told(high)}


def figures_of(one: Recovery) -> dict[str, Any]:
    """What a summary says, of the able seeds: able, seeds; before, end, harm, failed: figures; steps {"half", "low", "high", "n",
    "above"}, "inf" for longer than `watched`, as `half_lives.half_life` tells. Plain JSON values.
    """
    told = bounded(one.steps[one.able])
    names = ("before", "end", "harm", "failed")
    figures = {name: stats.figure(getattr(one, name)[one.able]) for name in names}
    watched = {"steps": stats.plain(one.watched)}
    return {"able": int(one.able.sum()), "seeds": len(one.able), "steps": told, "watched": watched} | figures


def times(found: dict[str, Any]) -> str:
    """ "0.62 [0.51-0.80]", a ratio; "-" where there is none."""

    def one(x: Any) -> str:
        return "∞" if x == "inf" else "?" if x is None else f"{x:.2g}"

    return "–" if found["half"] is None else f"{one(found['half'])} [{one(found['low'])}–{one(found['high'])}]"
