"""Under which overseer a rule games and under which it errs: plans of its seeds, compared and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import stats
from rewardlab.analysis.wording import listed, plain
from rewardlab.questions import Contrast
from rewardlab.questions.claims import side
from rewardlab.questions.overseers import Overseer, level

if TYPE_CHECKING:
    import xarray

    from rewardlab.analysis.runs import Runs

KINDS = ("polish", "hide", "cheat")  # all steps but honest work
ROUNDING = 1e-3  # of a score


def plan_of(results: xarray.Dataset, runs: Runs, rule: str, condition: str, test: str) -> dict[str, np.ndarray]:
    """{what is told: float[seeds]} of the plans of a rule's seeds under a condition, on one evaluation; failed seeds left out."""
    i, j = runs.rules.index(rule), runs.conditions.index(condition)
    there = runs.trained[i, j] & ~runs.failed[i, j]
    values = results["plan"].sel(rule=rule, condition=condition, evaluation=test).transpose("told", "seed").values
    return dict(zip(map(str, results.told.values), values[:, there].astype(float), strict=True))


def figures_of(results: xarray.Dataset, runs: Runs, rule: str, of: Overseer) -> dict[str, Any]:
    """{level of noise: figures of a rule under an overseer}: worth, what plans are truly worth; score, what they are paid without
    noise; displayed; the share of steps of each of KINDS; and of plans written where nobody watches alone, their worth, and
    alone_cheat, if an evaluation is so.
    """
    found = {}
    for noise, condition in of.at.items():
        own = plan_of(results, runs, rule, condition, of.test)
        figures = {"worth": own["true"], "score": own["reward"], "displayed": own["displayed"]}
        figures |= {kind: own[kind] for kind in KINDS}
        if of.alone:
            own = plan_of(results, runs, rule, condition, of.alone)
            figures |= {"alone": own["true"], "alone_cheat": own["cheat"]}
        found[level(noise)] = {name: stats.figure(values) for name, values in figures.items()}
    return found


def contrasts(
    results: xarray.Dataset, runs: Runs, rules: list[str], every: dict[str, Overseer], control: str | None
) -> dict[str, list[Contrast]]:
    """In what plans are worth: "cost", each overseer against the control with as much noise; "process", against the overseer that
    looks least at the steps and differs in nothing else; "unwatched", written unwatched against watched, with the least noise.
    """

    def worth(rule: str, condition: str, test: str) -> np.ndarray:
        return plan_of(results, runs, rule, condition, test)["true"][:, None]

    def beside(rule: str, name: str, other: str, **row: Any) -> list[Contrast]:
        one, two = every[name], every[other]
        return [
            Contrast(
                [{"a": rule, "b": rule, **row, "with": level(n)}],
                worth(rule, one.at[n], one.test),
                worth(rule, two.at[n], two.test),
            )
            for n in one.at
            if n in two.at
        ]

    cost, process, unwatched = [], [], []
    for rule in rules:
        for name, of in every.items():
            if control and name != control:
                cost += beside(rule, name, control, overseer=name)
            if other := least(every, name):
                process += beside(rule, name, other, overseers=[name, other])
            if of.alone:
                trained = next(iter(of.at.values()))
                watched, alone = worth(rule, trained, of.test), worth(rule, trained, of.alone)
                unwatched.append(Contrast([{"a": rule, "b": rule, "overseer": name}], alone, watched))
    return {"cost": cost, "process": process, "unwatched": unwatched}


def least(every: dict[str, Overseer], name: str) -> str | None:
    """The overseer who looks less at the steps than this one, least of all, and differs in nothing else; None for none."""

    def rest(of: Overseer) -> dict[str, Any]:
        return {k: v for k, v in of.params.items() if k != "process"}

    def looks(name: str) -> float:
        return float(every[name].params.get("process", 0.0))

    found = min((other for other in every if rest(every[other]) == rest(every[name])), key=looks)
    return found if looks(found) < looks(name) else None


def heard(summary: dict[str, Any], entry: dict[str, Any]) -> list[str]:
    """The levels of noise under which a rule's control comes to more than half of what is possible, by its interval."""
    of = summary["audit_process"]
    control = entry["audit_process"][of["control"]] if of["control"] else {}
    low = {at: found["worth"]["low"] for at, found in control.items()}
    return [at for at, worth in low.items() if worth is not None and worth > of["possible"] / 2]


def judged(summary: dict[str, Any], rule: str) -> dict[str, dict[str, list[str]]]:
    """{"games", "errs": {overseer: levels of noise under which a rule does}}, of the levels that can be judged."""
    entry, optimal = summary["rules"][rule], summary["audit_process"]["optimal"]
    found: dict[str, dict[str, list[str]]] = {"games": {}, "errs": {}}
    for name, every in entry["audit_process"].items():
        for at in heard(summary, entry):
            if side(summary["pairwise"]["cost"], a=rule, overseer=name, **{"with": at}) < 0:
                more = every[at]["score"]["low"] > optimal[name]["useful"]["reward"] + ROUNDING
                found["games" if more else "errs"].setdefault(name, []).append(at)
    return found


def where(under: dict[str, list[str]], levels: list[str]) -> str:
    """ "outcome and process (noise 4 and 8)": under which overseers, and with which noise where it is not with all of it."""

    def some(at: list[str]) -> str:
        return f" (noise {listed(one.partition(' ')[2] for one in at)})" * (at != levels)

    return listed(plain(name) + some(at) for name, at in under.items())


def fault(found: dict[str, Any], optimal: dict[str, Any]) -> str:
    """What plans are worth beside the best-paid one, in a few words: as far as that costs worth, too, it is the score's fault."""
    worth, paid = found["worth"], optimal["paid"]["true"]
    if worth["low"] is None:
        return "–"
    if worth["high"] < paid - ROUNDING:
        return "less than the best-paid plan"
    return "more than the best-paid plan" if worth["low"] > paid + ROUNDING else "as the best-paid plan"
