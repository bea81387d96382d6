"""Results, `reading.filled`, -> the numbers that figures and tables show, as pure functions of their labelled arrays.

Centres are interquartile means over seeds, intervals are bootstraps over seeds (`stats.iqm_interval`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from rewardlab.analysis import doses, naming, reading, stats


class Curve(NamedTuple):
    """x: float[P]; centre, low, high: float[P], interquartile mean over n seeds and its interval."""

    x: np.ndarray
    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: int


def main_condition(results: xr.Dataset) -> str:
    return str(results.condition.values[0])


def per_seed(values: xr.DataArray) -> np.ndarray:
    """float[seeds, ...] with the seed axis first; seeds that the condition did not have are left out."""
    array = values.transpose("seed", ...).values.astype(float)
    return array[~np.isnan(array).reshape(len(array), -1).any(1)]


def summarise(x, values: np.ndarray) -> Curve:
    """values: float[seeds, P]. Without seeds all is NaN; with few the interval is (`stats.MIN_SEEDS`)."""
    centre, low, high = stats.iqm_interval(values) if len(values) else (np.full(values.shape[1:], np.nan),) * 3
    return Curve(np.asarray(x), centre, low, high, len(values))


def learning(results: xr.Dataset, rule: str, evaluation: str | None = None, outcome: str | None = None) -> Curve:
    """Return (or the share of one outcome) on an evaluation against environment steps, main condition."""
    run = results.sel(rule=rule, condition=main_condition(results))
    evaluation = str(results.evaluation.values[0]) if evaluation is None else evaluation
    values = run["return"] if outcome is None else run.outcome_share.sel(outcome=outcome)
    return summarise(per_seed(run.steps).mean(0), per_seed(values.sel(evaluation=evaluation)))


def matched(results: xr.Dataset, rule: str, evaluation: str, outcome: str) -> np.ndarray:
    """float[seeds that became capable]: share of an outcome at each seed's first capable snapshot."""
    point = reading.first_capable(results).sel(rule=rule)
    run = results.outcome_share.sel(
        rule=rule, condition=main_condition(results), evaluation=evaluation, outcome=outcome
    )
    return run.isel(point=point).values[point.values >= 0].astype(float)


def final_success(results: xr.Dataset, rule: str, condition: str, evaluation: str) -> np.ndarray:
    """float[seeds]: share of the first outcome at the last point; the return in a world that names no outcomes."""
    values = results.outcome_share.isel(outcome=0) if reading.has_goals(results) else results["return"]
    return per_seed(values.sel(rule=rule, condition=condition, evaluation=evaluation).isel(point=-1))


def swept(results: xr.Dataset) -> tuple[str, np.ndarray]:
    """The param that orders the conditions, and its value per condition; ("", [0, 1, …]) if they have no order."""
    param, values = reading.sweep(results)
    names = map(str, results.condition.values)
    return param, np.array([values[n] for n in names]) if param else np.arange(results.sizes["condition"], dtype=float)


def dose(results: xr.Dataset, rule: str, evaluation: str) -> Curve:
    """Final success on an evaluation, one point a condition in the order of `swept`. n: the fewest seeds of one."""
    names = [str(results.condition.values[i]) for i in np.argsort(swept(results)[1], kind="stable")]
    samples = [final_success(results, rule, name, evaluation) for name in names]
    points = [summarise(0.0, s[:, None]) for s in samples]
    centre, low, high = (np.concatenate([getattr(p, field) for p in points]) for field in ("centre", "low", "high"))
    return Curve(np.arange(len(names), dtype=float), centre, low, high, min(len(s) for s in samples))


def each(results: xr.Dataset, condition: str | None = None) -> np.ndarray:
    """int[rule], how many seeds each rule has under a condition (default: the main one)."""
    run: Any = results["return"].sel(condition=main_condition(results) if condition is None else condition)
    return (~np.isnan(run)).any(["point", "evaluation"]).sum("seed").transpose("rule").values


def seeds(results: xr.Dataset, condition: str | None = None) -> str:
    """The same in words: "32", or "10 to 32" where rules differ."""
    found = each(results, condition)
    return " to ".join(dict.fromkeys((str(found.min()), str(found.max()))))


def alike(results: xr.Dataset) -> bool:
    """Whether seeds of all rules live equally many steps."""
    return "shared_point" not in results or bool((results.shared_point == results.sizes["point"] - 1).all())


def competent(results: xr.Dataset, rule: str, evaluation: str, outcome: str) -> np.ndarray:
    """float[seeds that are capable at the last point]: share of an outcome there, main condition."""
    last = results.outcome_share.sel(
        rule=rule, condition=main_condition(results), evaluation=evaluation, outcome=outcome
    ).isel(point=-1)
    return last.values[reading.competent(results).sel(rule=rule).values].astype(float)


def steps_to_capability(results: xr.Dataset, rule: str) -> np.ndarray:
    """float[seeds that became capable]: environment steps lived by then."""
    point = reading.first_capable(results).sel(rule=rule)
    run = results.steps.sel(rule=rule, condition=main_condition(results))
    return run.isel(point=point).values[point.values >= 0]


def no_claim(results: xr.Dataset, summary: dict) -> dict[str, list[str]]:
    """{shift: the rules about whose goals the summary makes no claim there}."""
    rules = summary.get("rules", {})

    def silent(rule: str, shift: str) -> bool:
        entry = rules.get(rule, {})
        return entry.get("shifts", {}).get(shift, entry).get("claim") is False

    names = [str(rule) for rule in results.rule.values]
    return {shift: [rule for rule in names if silent(rule, shift)] for shift in reading.shifts(results)}


def entries(results: xr.Dataset) -> dict[str, doses.Entry]:
    """What each entry of the rules is."""
    experiment = reading.config_of(results)
    return {name: doses.entry(experiment, name) for name in map(str, results.rule.values)}


def networks(results: xr.Dataset) -> dict[str, list[str]]:
    """{network in words: the rules that have it}, in the order of the run."""
    groups: dict[str, list[str]] = {}
    for name, entry in entries(results).items():
        groups.setdefault(doses.network(entry.hidden), []).append(name)
    return groups


def titles(results: xr.Dataset) -> dict[str, str]:
    """{rule: what it is called beside those with the same network}."""
    return doses.titles(entries(results), naming.read(results))
