"""Half-lives of behaviour: how long after a change of pay it takes to come halfway down, and the curves that show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading, stats
from rewardlab.analysis.curves import median
from rewardlab.analysis.runs import Runs, runs_of
from rewardlab.analysis.wording import listed, plain

if TYPE_CHECKING:
    import xarray

USUAL = {"reward": 1.0}

Curve = tuple[np.ndarray, np.ndarray, float | None]


class Lives(NamedTuple):
    """One rule under one condition. able: bool[S], competent when pay changed. before, end: float[S], behaviour then and at
    the end.

    steps, updates: float[S], half-lives, inf where censored, NaN for seeds that are not able. watched: steps, updates after the
    change that all able seeds lived, NaN without any.
    """

    able: np.ndarray
    before: np.ndarray
    end: np.ndarray
    steps: np.ndarray
    updates: np.ndarray
    watched: tuple[float, float]

    def capped(self) -> np.ndarray:
        """float[able seeds]: half-lives in steps, those that are censored as long as was watched."""
        return np.minimum(self.steps[self.able], self.watched[0])


def together(one: np.ndarray, other: np.ndarray, watched: float) -> tuple[np.ndarray, np.ndarray]:
    """Two samples of times as they can be compared, float[n, 1] and float[m, 1]: none counts for more than both were watched, and
    seeds that do not count, NaN, are left out.
    """
    first, second = (np.minimum(x[~np.isnan(x)], watched)[:, None] for x in (one, other))
    return first, second


def changes(experiment: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """{condition: {start, reward}} of the last phase whose reward is another than the one before, of conditions that have one."""
    found = {}
    for name, condition in experiment.get("conditions", {}).items():
        before = USUAL
        for phase in condition.get("phases", []):
            if phase["reward"] != before and phase["start"] > 0:
                found[name] = {"start": phase["start"], "reward": phase["reward"]}
            before = phase["reward"]
    main = next(iter(experiment.get("conditions", {})), "")
    return {name: change for name, change in found.items() if name != main}


def lives(
    results: xarray.Dataset, runs: Runs, rule: int, condition: str, start: float, nothing: float | None = None
) -> Lives:
    """How long the behaviour of a rule's seeds lasts under a condition.

    nothing: what it comes halfway down to; None: what the rule's untrained networks do.
    """
    there = runs.trained[rule, (j := runs.conditions.index(condition))]
    y = runs.values[rule, j, there, :, 0, runs.measures.index(runs.score)]
    steps = runs.steps[rule, j, there]
    changed = start * planned(results, runs.rules[rule])
    at = (steps >= changed).argmax(-1)  # the evaluation at which pay changes: no update is paid otherwise before it
    rows = np.arange(len(y))
    able = runs.capable[rule, j, there][rows, at] & ~runs.failed[rule, j, there]
    if nothing is None:
        nothing = float(stats.iqm(runs.values[rule, 0, runs.trained[rule, 0], 0, 0, runs.measures.index(runs.score)]))
    before, found = y[rows, at], np.full((2, len(y)), np.nan)
    updates = _updates(results, runs.rules[rule], condition, there)
    after = np.full((2, len(y)), np.nan)
    for i in np.flatnonzero(able):
        half = nothing + (before[i] - nothing) / 2
        came = crossing(steps[i, at[i] :], y[i, at[i] :], half)
        since = steps[i, at[i]]
        after[:, i] = steps[i, -1] - since, updates(i, steps[i, -1]) - updates(i, since)
        found[:, i] = (np.inf, np.inf) if np.isinf(came) else (came - since, updates(i, came) - updates(i, since))
    watched = tuple(after[:, able].min(-1)) if able.any() else (np.nan, np.nan)
    found = np.where(
        found > np.array(watched)[:, None], np.inf, found
    )  # nobody is watched for longer than anybody else
    return Lives(able, before, y[:, -1], found[0], found[1], watched)


def planned(results: xarray.Dataset, rule: str) -> float:
    """The steps that a rule's seeds live by the plan; where none says, as they did."""
    experiment = reading.config_of(results)
    steps = experiment.get("budgets", {}).get(rule, {}).get("total_steps") or experiment.get("total_steps")
    return float(np.nanmax(results.steps.sel(rule=rule))) if steps is None else steps  # a config says it


def crossing(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """Where a line through the points first comes down to a level, inf for never."""
    below = np.flatnonzero(y <= level)
    if not below.size:
        return np.inf
    k = below[0]
    if k == 0:
        return float(x[0])
    return float(x[k - 1] + (x[k] - x[k - 1]) * (y[k - 1] - level) / (y[k - 1] - y[k]))


def _updates(results: xarray.Dataset, rule: str, condition: str, there: np.ndarray):
    """(seed, steps) -> how many updates it had made by then, by straight lines between the records."""
    cell = results.sel(rule=rule, condition=condition)
    x, y = (cell[name].transpose("seed", "record").values[there] for name in ("record_steps", "record_updates"))

    def at(seed: int, steps: float) -> float:
        known = np.isfinite(x[seed])
        return float(np.interp(steps, np.append(0.0, x[seed][known]), np.append(0.0, y[seed][known])))

    return at


def end_while_paid(runs: Runs, rule: int, condition: str, able: np.ndarray) -> np.ndarray:
    """Behaviour at the end of training with pay, of the seeds that were able when pay changed elsewhere: the same until then."""
    seeds = np.flatnonzero(runs.trained[rule, runs.conditions.index(condition)])[able]
    seeds = seeds[runs.trained[rule, 0, seeds]]
    return runs.values[rule, 0, seeds, -1, 0, runs.measures.index(runs.score)]


def figures_of(one: Lives, main_end: np.ndarray) -> dict[str, Any]:
    """What a summary says of half-lives: plain JSON values.

    able: seeds that were competent when the change came. before, end, paid: figures of their behaviour then, at the end, and
    at the end where nothing changes, `main_end`. steps, updates: {"half", "low", "high", "n", "above"}: the median half-life,
    its interval, how many seeds, how many of them censored; "inf" stands for longer than was watched, `watched`.
    """

    return {
        "able": int(one.able.sum()),
        "seeds": len(one.able),
        "before": stats.figure(one.before[one.able]),
        "end": stats.figure(one.end[one.able]),
        "paid": stats.figure(main_end),
        "steps": bounded(one.steps),
        "updates": bounded(one.updates),
        "watched": {name: stats.plain(x) for name, x in zip(("steps", "updates"), one.watched, strict=True)},
    }


def bounded(values: np.ndarray) -> dict[str, Any]:
    """The median of times float[n], NaN for seeds that do not count, inf for longer than was watched, as JSON holds it:
    {"half", "low", "high", "n", "above"}, with "inf".
    """
    found = {name: x for name, x in median(values).items() if name != "below"}
    return {name: "inf" if isinstance(x, float) and np.isinf(x) else x for name, x in found.items()}


def half_life(of: dict[str, Any], units: tuple[str, ...] = ("steps", "updates"), ends: bool = True) -> str:
    """ "12,300 steps [9,800-15,000], 24 updates", with > for longer than was watched; without updates where there are none.

    ends: whether intervals are said.
    """

    def told(unit: str) -> str:
        found, watched = of[unit], of["watched"][unit]

        def one(x) -> str:
            return f"> {watched:,.0f}" if x == "inf" else f"{x:,.0f}" if x >= 10 else "< 1" if x < 1 else f"{x:.2g}"

        known = ends and found["low"] is not None
        interval = f" [{'–'.join(dict.fromkeys((one(found['low']), one(found['high']))))}]" if known else ""
        return f"{one(found['half'])} {unit}{interval}"

    if of["steps"]["half"] is None:
        return "–"
    return ", ".join(told(unit) for unit in units if of[unit]["half"] is not None)


def reward_in_words(reward: dict[str, float]) -> str:
    """ "nothing is paid", "the reverse is paid"."""
    paid = {name: weight for name, weight in reward.items() if weight}
    if not paid:
        return "nothing is paid"
    if set(paid) == {"reward"} and paid["reward"] < 0:
        return "the reverse is paid"
    return f"{listed(f'{weight:g} × {plain(name)}' for name, weight in paid.items())} is paid"


def curves(results: xarray.Dataset, rule: str) -> tuple[float, dict[str, Curve | None]]:
    """(steps at which pay changes first, {condition: (steps float[P], behaviour of able seeds float[n, P], median half-life)})."""
    runs, changed = runs_of(results), changes(reading.config_of(results))
    i, k = runs.rules.index(rule), runs.measures.index(runs.score)
    found: dict[str, Curve | None] = {}
    able = None
    for condition, change in changed.items():
        one, j = lives(results, runs, i, condition, change["start"]), runs.conditions.index(condition)
        seeds = np.flatnonzero(runs.trained[i, j])[one.able]
        half = median(one.steps)["half"]
        found[condition] = (
            (runs.steps[i, j, seeds].mean(0), runs.values[i, j, seeds, :, 0, k], half) if len(seeds) else None
        )
        able = seeds if able is None else able
    able = able[runs.trained[i, 0, able]] if able is not None else np.zeros(0, int)
    main: Curve | None = (runs.steps[i, 0, able].mean(0), runs.values[i, 0, able, :, 0, k], None) if len(able) else None
    start = min(change["start"] for change in changed.values()) * planned(results, rule)
    return start, {runs.conditions[0]: main} | found
