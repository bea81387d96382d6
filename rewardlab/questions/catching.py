"""Whether an outer loop that scores what is true caught a fake, what is said of it, and why nothing can be said."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rewardlab.analysis import stats
from rewardlab.analysis.cautions import is_control
from rewardlab.analysis.runs import Runs
from rewardlab.analysis.wording import CONTROL_RULES, count, figure, listed, plain
from rewardlab.questions.claims import too_few
from rewardlab.questions.loops import SCORED

CAUGHT, MISSED = "caught the fake that it scored", "did not catch the fake that it scored"
NOTHING = "had nothing to catch: scored by what is shown, it avoids the fake, too"
UNTRIED = "was not tested with the fake that was scored"


def figures_of(runs: Runs, rule: int, condition: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """What a summary says of a rule under a condition. arrays: {what: float[rule, condition, seed, evaluation]}."""
    j = runs.conditions.index(condition)
    there = runs.trained[rule, j]
    able = runs.capable[rule, j, :, -1] & there & ~runs.failed[rule, j]
    each = {
        name: {what: stats.figure(x[rule, j, there, e]) for what, x in arrays.items()}
        for e, name in enumerate(runs.evaluations)
    }
    return {"seeds": int(there.sum()), "competent": int(able.sum()), "evaluations": each}


def by(summary: dict[str, Any], what: str) -> str | None:
    """The condition that is scored so; None for none."""
    return next((c for c, kind in summary["two_loops"]["scored"].items() if kind == what), None)


def faked(summary: dict[str, Any]) -> dict[str, float]:
    """{evaluation with a fake: how often that shows reward}."""
    return {e: shows for e, shows in summary["two_loops"]["fakes"].items() if shows is not None}


def chance(summary: dict[str, Any], evaluation: str) -> float:
    """How often a random policy ends a lifetime with the fake; NaN where the run played none."""
    return summary["references"].get("random", {}).get(evaluation, {}).get("fake arm", math.nan)


def why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    if is_control(entry):
        return CONTROL_RULES[entry["level"]]
    if not faked(summary):
        return "no evaluation has a fake"
    if any(math.isnan(chance(summary, e)) for e in faked(summary)):
        return "no random policy says what chance is"
    for what in ("true", "shown"):
        condition = by(summary, what)
        if condition is None:
            return f"no condition is {SCORED[what]}, with fakes in training"
        of = entry["two_loops"][condition]
        if why := too_few(of["competent"], of["seeds"]):
            return f"{SCORED[what]}, {why}"
    return ""


def fakes_late(summary: dict[str, Any], entry: dict[str, Any], evaluation: str) -> tuple[dict[str, Any], ...]:
    """Figures of late pulls of the fake, scored by what is true, and by what is shown."""
    conditions = (by(summary, what) for what in ("true", "shown"))
    return tuple(entry["two_loops"][condition]["evaluations"][evaluation]["fake"] for condition in conditions)


def caught(summary: dict[str, Any], rule: str) -> dict[str, bool | None]:
    """{evaluation with a fake: whether the outer loop that scored what is true caught it, None where nothing was to be caught}."""
    found: dict[str, bool | None] = {}
    for row in summary["pairwise"]["fake late"]:
        if row["a"] == rule:
            e = row["evaluation"]
            highs = (x["high"] for x in fakes_late(summary, summary["rules"][rule], e))
            true, shown = (high < chance(summary, e) for high in highs)
            found[e] = None if true and shown else bool(true and row["significant"])
    return found


def in_words(summary: dict[str, Any], rule: str) -> str:
    """What the outer loop caught, in a few words."""
    found = caught(summary, rule)
    mine = [e for e in found if summary["two_loops"]["fakes"][e] == summary["two_loops"]["as_trained"]]
    trained, others = [found[e] for e in mine], [found[e] for e in found if e not in mine]
    if not trained:
        return UNTRIED
    if None in trained or not all(trained):
        return NOTHING if None in trained else MISSED
    there = [one for one in others if one is not None]  # none, or none that was to be caught
    return CAUGHT + f", and {there.count(True)} of {count(len(there), 'other fake')}" * bool(there)


def earned(summary: dict[str, Any], rule: str) -> str:
    """The true returns of a rule on each evaluation, by what was scored."""
    of, told, each = summary["rules"][rule]["two_loops"], summary["two_loops"]["scored"], []
    for e in summary["evaluations"]:
        found = (f"{figure(of[c]['evaluations'][e]['true'], 'return')} ({SCORED[what]})" for c, what in told.items())
        each.append(f"“{plain(e)}” {listed(found)}")
    return f"True return: {'; '.join(each)}."


def shown_of(x: dict[str, Any]) -> str:
    """ "12 % · 8.1 of 9": late pulls of the fake, and what a lifetime truly earned of what it showed."""
    return f"{figure(x['fake'])} · {figure(x['true'], 'return')} of {figure(x['shown'], 'return')}"
