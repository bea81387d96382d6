"""How much of the shift training needs: a dose-response curve for every seed, the dose of half success, and what changes it.

A run is a sweep over doses where its conditions differ in one number of the world's params alone, which is a share, such as
that of the training levels whose coin is moved. The seeds with one number are trained under every dose, so each has a curve:
its share of success under the shift against the dose. Two readings, as everywhere: at each seed's first capable point under
that dose (matched capability), and at the end of its rule's steps. Where a seed is not capable under a dose, its curve has no
point there: what can't do the task says nothing about goals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import levels, stats
from rewardlab.analysis.curves import half_dose, median
from rewardlab.analysis.reading import config_of, sweep
from rewardlab.analysis.runs import Runs, runs_of
from rewardlab.analysis.wording import Words, count, listed

if TYPE_CHECKING:
    import xarray

READINGS = ("matched", "last")
WHEN = {"matched": "at matched capability", "last": "at the end of training"}
KINDS = {"selection": (2, 3), "gradient": (4, 5)}  # by level
TOLD = {"selection": "told only how an episode went", "gradient": "told which step paid"}


class Entry(NamedTuple):
    """What an entry of the experiment's rules is: the rule's name, its network's hidden widths, its level."""

    rule: str
    hidden: tuple[int, ...]
    level: int | None


def half_doses(results: xarray.Dataset) -> dict | None:
    """The half doses of results, as a summary has them: see `of`."""
    wrong = levels.contradictions(results)
    told = {name: None if wrong.get(name) else level for name, level in levels.declared(results).items()}
    return of(runs_of(results), config_of(results), told, sweep(results))


def of(
    runs: Runs, experiment: dict[str, Any], levels: dict[str, int | None], sweep: tuple[str, dict[str, float]]
) -> dict[str, Any] | None:
    """The doses of a run, as plain values; None where its conditions are no doses of one thing, or its world names no success.

    param: what is swept; doses: its values. half: {reading: {rule: {shift: median}}}, each with "seeds", a number a seed or
    None. families: {reading: rows of `interactions`}. levels: what each rule is known to read of reward. "inf" stands for
    above the largest dose.
    """
    (param, values), swept = sweep, len(runs.conditions) > 2 and runs.goals and runs.shifts
    if not (swept and values and all(0 <= value <= 1 for value in values.values())):
        return None
    doses, success = np.array([values[name] for name in runs.conditions]), runs.measures.index(runs.goals[0])
    order = np.argsort(doses)
    entries = [entry(experiment, rule, levels[rule]) for rule in runs.rules]
    half, families = {}, {}
    for reading in READINGS:
        shares = _shares(runs, reading)[:, order][..., success]  # [rule, dose, seed, evaluation]
        at = half_dose(doses[order], np.moveaxis(shares, 1, -1))  # [rule, seed, evaluation]
        columns = {shift: at[..., runs.evaluations.index(shift)] for shift in runs.shifts}
        if not np.isfinite(at).any():
            return None
        half[reading] = {
            rule: {shift: _plain(median(x[i]) | {"seeds": x[i].tolist()}) for shift, x in columns.items()}
            for i, rule in enumerate(runs.rules)
        }
        rows = [row for shift, x in columns.items() for row in interactions(shift, x, entries, doses)]
        adjusted: Any = stats.holm([np.nan if row["p"] is None else row["p"] for row in rows]) if rows else []
        families[reading] = [row | {"p_holm": stats.plain(p)} for row, p in zip(rows, adjusted, strict=True)]
    names = [{"rule": e.rule, "hidden": list(e.hidden)} for e in entries]
    return {
        "param": param,
        "doses": doses[order].tolist(),
        "entries": dict(zip(runs.rules, names, strict=True)),
        "half": half,
        "families": families,
    }


def interactions(shift: str, half: np.ndarray, entries: list[Entry], doses: np.ndarray) -> list[dict[str, Any]]:
    """Whether a larger network raises the half dose of selection more than that of gradient: half float[rule, seeds] -> rows.

    A row for each larger network, and there for all selection rules together and each alone. ratio: the factor by which the
    half dose changes from the smallest network to this one under these, over that under gradient; low, high: its interval; p: of
    ratio = 1. Of logarithms: several rules are the mean of each one's mean over seeds; Welch's t with Satterthwaite's degrees of
    freedom. A half dose out of range counts as twice the largest dose, or half of the smallest; where all of a rule's are, the
    ratio is not tested. No rows where two entries are the same rule with the same network.
    """
    if len({(e.rule, e.hidden) for e in entries}) < len(entries):
        return []
    bounds = doses[doses > 0].min() / 2, doses.max() * 2
    cells = {
        (e.rule, e.hidden): row[~np.isnan(row)]
        for e, row in zip(entries, np.log(np.clip(half, *bounds)), strict=True)
        if (~np.isnan(row)).sum() >= 2
    }
    base, *larger = sorted({hidden for _, hidden in cells}, key=lambda hidden: (len(hidden), hidden)) or [()]
    rows = []
    for hidden in larger:
        there = [e for e in entries if e.hidden == hidden and {(e.rule, base), (e.rule, hidden)} <= {*cells}]
        selection, gradient = ([e.rule for e in there if e.level in levels] for levels in KINDS.values())
        alone = [[rule] for rule in selection] if len(selection) > 1 else []
        for chosen in [selection, *alone] if selection and gradient else []:
            weights = {
                (rule, network): kind * side / len(rules)
                for kind, rules in ((1, chosen), (-1, gradient))
                for rule in rules
                for side, network in ((1, hidden), (-1, base))
            }
            found = _contrast([(weight, cells[cell]) for cell, weight in weights.items()])
            rows.append(
                {"shift": shift, "hidden": list(hidden), "base": list(base), "selection": chosen, "gradient": gradient}
                | found
            )
    return rows


def _contrast(samples: list[tuple[float, np.ndarray]]) -> dict[str, float | None]:
    """The exponential of a weighted sum of means, of (weight, sample) each: ratio, low, high, p."""
    from scipy.stats import t

    centre = sum(weight * x.mean() for weight, x in samples)
    parts = [(weight**2 * x.var(ddof=1) / len(x), len(x) - 1) for weight, x in samples]
    variance = sum(part for part, _ in parts)
    if any(np.ptp(x) == 0 for _, x in samples):
        return {"ratio": float(np.exp(centre)), "low": None, "high": None, "p": None}
    error, degrees = np.sqrt(variance), variance**2 / sum(part**2 / freedom for part, freedom in parts)
    low, high = np.exp(centre + np.array([-1, 1]) * t.ppf(0.975, degrees) * error)
    return {
        "ratio": float(np.exp(centre)),
        "low": float(low),
        "high": float(high),
        "p": float(2 * t.sf(abs(centre) / error, degrees)),
    }


def _shares(runs: Runs, reading: str) -> np.ndarray:
    """float[rule, condition, seed, evaluation, measure] at the point of a reading, NaN for seeds that are not capable there."""
    last = runs.capable.shape[-1] - 1
    point = runs.capable.argmax(-1) if reading == "matched" else np.full(runs.capable.shape[:-1], last)
    there = np.take_along_axis(runs.capable, point[..., None], -1)[..., 0]
    values = np.take_along_axis(runs.values, point[..., None, None, None], 3)[:, :, :, 0]
    return np.where(there[..., None, None], values, np.nan)


def entry(experiment: dict[str, Any], name: str, level: int | None = None) -> Entry:
    """What an entry of a config's rules is."""
    rule = experiment.get("rules", {}).get(name, {})
    agent = experiment.get("agents", {}).get(name, experiment.get("agent", {}))
    hidden = agent.get("hidden")
    known = isinstance(hidden, list) and all(isinstance(width, int) for width in hidden)
    return Entry(str(rule.get("rule") or rule.get("object") or name), tuple(hidden) if known else (), level)


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity and no NaN."""

    def one(x):
        return None if x is None or np.isnan(x) else "inf" if np.isinf(x) else x

    return {name: [one(v) for v in x] if isinstance(x, list) else one(x) for name, x in found.items()}


def told(summary: dict[str, Any], said: Words, reading: str = READINGS[0]) -> list[str]:
    """What a summary says of doses: what a larger network changes first, what a half dose is, then each network's rules."""
    found, text = summary["doses"], list[str]()
    groups: dict[tuple, list[dict[str, Any]]] = {}
    what = (
        f"the value of “{found['param']}” in training with which agents {said.ended(summary['goals'][0])} "
        "in half of the episodes under a shift"
    )
    for row in found["families"][reading]:
        groups.setdefault((tuple(row["hidden"]), tuple(row["selection"])), []).append(row)
    for (hidden, rules), rows in groups.items():
        each = listed(f"{_times(row)} {said.place(row['shift'])}" for row in rows)
        larger, smaller = network(hidden), network(rows[0]["base"])
        text.append(
            f"measured against {said.names(rows[0]['gradient'])}, the half dose of "
            f"{said.names(rules)}{'' if text else f' ({what})'} is "
            f"this many times as large with {larger} as with {smaller}: {each}."
        )
    text.append(
        f"half doses{'' if text else f' ({what})'}: medians over seeds, "
        f"each with a curve of its own, {WHEN[reading]} [95 % interval]."
    )
    entries = {name: Entry(e["rule"], tuple(e["hidden"]), None) for name, e in found["entries"].items()}
    titled = titles(entries, said)
    for hidden in dict.fromkeys(entry.hidden for entry in entries.values()):
        rules = {name: title for name, title in titled.items() if entries[name].hidden == hidden}
        for shift in summary["shifts"]:
            half = {name: found["half"][reading][name][shift] for name in rules}
            each = listed(f"{title} {figure(half[name], found['doses'])}" for name, title in rules.items())
            text.append(f"{network(hidden)}, {said.place(shift)}: {each}.")
    return text


def titles(entries: dict[str, Entry], said: Words) -> dict[str, str]:
    """What each entry is called beside those with the same network: its rule, where that says which one is meant."""
    several = (
        len({(e.rule, e.hidden) for e in entries.values()}) == len(entries) > len({e.rule for e in entries.values()})
    )
    return {name: said.rule(entry.rule if several else name) for name, entry in entries.items()}


def network(hidden) -> str:
    """The hidden layers of a network in words: "a linear network", "a hidden layer of 16"."""
    one = f"a hidden layer of {hidden[0]}" if len(hidden) == 1 else f"hidden layers of {listed(hidden)}"
    return one if hidden else "a linear network"


def figure(found: dict[str, Any], doses: list[float]) -> str:
    """A half dose as "5.1 % [3.2–9]", with > and < for above the largest and below the smallest of the doses tried; "–" for
    none.
    """
    if found["half"] is None:
        return f"– ({count(found['n'], 'seed')})"

    def share(half: float | str) -> str:
        smallest, largest = (f"{100 * dose:g}" for dose in (min(filter(None, doses)), max(doses)))
        return f"> {largest}" if half == "inf" else f"< {smallest}" if half == 0 else f"{100 * half:.2g}"

    if found["low"] is None:
        return f"{share(found['half'])} % ({count(found['n'], 'seed')})"
    ends = dict.fromkeys((share(found["low"]), share(found["high"])))  # both may be out of range
    return f"{share(found['half'])} % [{'–'.join(ends)}]"


def _times(row: dict[str, Any]) -> str:
    ends = "" if row["low"] is None else f" [{row['low']:.2g}–{row['high']:.2g}]"
    p = " (not tested)" if row["p_holm"] is None else f" (p = {row['p_holm']:.2g}, Holm-corrected)"
    return f"{row['ratio']:.2g}{ends}{p}"
