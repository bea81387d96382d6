"""What asking for a return does: the answer that a slope gives, the goals that it shows, and why nothing can be said."""

from __future__ import annotations

from typing import Any

import numpy as np

from rewardlab.analysis import stats
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import count, figure, listed, number, plain
from rewardlab.questions import Contrast, Found
from rewardlab.questions.asks import Place, shifted
from rewardlab.questions.claims import unable

NO_GOALS = "no claim about goals"
NEAR = 0.1
MOST = 0.5  # of what is asked for: a slope above it is more than half of all
ENOUGH = 3
SAID = {
    "most": "does as it is asked",
    "some": "delivers more where more is asked for, but less than that",
    "none": "delivers the same whatever it is asked for",
    "unclear": "does not clearly do as it is asked",
}
DELIVERS = {
    "delivers": "deliver",
    "does not clearly do as it is": "do not clearly do as they are",
    "does as it is": "do as they are",
    "whatever it is": "whatever they are",
}


def reached(found: Found, rule: int, place: Place) -> dict[str, Any] | None:
    """The best success of a rule in a place, over the conditions that train in a changed world and over asks; None without any."""
    runs = found.runs
    if not runs.goals:
        return None
    best: dict[str, Any] | None = None
    for condition in shifted(found.results):
        j = runs.conditions.index(condition)
        for name, ask in place.asks.items():
            values = runs.values[rule, j, runs.trained[rule, j], -1, runs.evaluations.index(name), 0]
            success = stats.figure(values)
            if success["iqm"] is not None and (best is None or success["iqm"] > best["success"]["iqm"]):
                best = {"condition": condition, "asked": ask, "success": success}
    return best


def why_not(asks: dict[str, Any], rules: dict[str, Any], rule: str, bar: float = 0.0, place: str = "") -> str:
    """Why no claim is made about what asking a rule does, or about its goals in a changed world, in a few words; "" where one is.

    rules: their entries. bar: the success that a control has to reach in the place; the first place needs none.
    """
    entry = rules[rule]
    if why := unable(entry):
        return why
    within = len({asks["places"][0]["asks"][name] for name in asks["in_range"]})
    if within < ENOUGH:
        asked = f"{count(within, 'return')} asked for within the range of training"
        return f"{asked}, fewer than {ENOUGH}, that of the first evaluation not counted"
    controls = [one["slope"] for one in rules.values() if is_control(one) and one["slope"]["low"] is not None]
    if not controls:
        return "no control rule shows what asks do without reward"
    if not any(near_nothing(slope) for slope in controls):
        return f"its control delivers {told(controls[0])} more for each 1 more that is asked for, not 0"
    if place in ("", asks["places"][0]["label"]):
        return ""
    able = entry["able"][place]
    if able is None:
        return "no control was trained there"
    if able["success"]["iqm"] < bar:
        return f"its control fails: {figure(able['success'])} at best, {count(able['success']['n'], 'seed')}"
    return ""


def by_evaluation(asks: dict[str, Any], rules: dict[str, Any], rule: str, bar: float) -> dict[str, dict[str, bool]]:
    """{evaluation: {claim: whether one is made about a rule's goals there}}."""
    silent = {place["label"]: why_not(asks, rules, rule, bar, place["label"]) for place in asks["places"]}
    return {name: {"claim": not silent[place["label"]]} for place in asks["places"] for name in place["asks"]}


def above(achieved: np.ndarray, evaluations: list[str], asks: dict[str, float], top: str, rule: str) -> list[Contrast]:
    """What is achieved where more is asked for than at the top of the range of training, against what is achieved there.

    achieved: float[seeds, evaluation]. asks: {evaluation: return}, ascending.
    """
    found = []
    for name in [name for name, ask in asks.items() if ask > asks[top]]:
        a, b = (achieved[:, evaluations.index(one), None] for one in (name, top))
        found.append(Contrast([{"a": rule, "b": rule, "evaluation": name, "top": top}], a, b))
    return found


def near_nothing(slope: dict[str, Any]) -> bool:
    """Whether the interval of a slope lies within NEAR of 0."""
    return max(abs(slope["low"]), abs(slope["high"])) <= NEAR


def kind(slope: dict[str, Any]) -> str:
    """What asking does, a name in SAID, by the interval of a slope."""
    if near_nothing(slope):
        return "none"
    return "most" if slope["low"] > MOST else "some" if slope["low"] > 0 else "unclear"


def told(slope: dict[str, Any]) -> str:
    """ "0.97 [0.95–0.98]"."""
    centre, low, high = (f"{round(slope[end], 2) + 0:.2f}".replace("-", "−") for end in ("iqm", "low", "high"))
    return f"{centre} [{low}–{high}]"


def got(summary: dict[str, Any], entry: dict[str, Any], name: str) -> str:
    """ "0.58 [0.57–0.60]", with the true return where the two part."""
    paid, true = entry["competent"][name]["return"], entry["true"][name]
    return figure(paid, "return") + f" (truly {number(true['iqm'], 'return')})" * summary["asks"]["deceived"]


def beyond(summary: dict[str, Any], rule: str) -> list[str]:
    """What asking for more than in training brings, a clause an ask."""
    entry, asks = summary["rules"][rule], summary["asks"]["places"][0]["asks"]
    said = []
    for row in summary["pairwise"]["beyond"]:
        if row["a"] != rule or row["p"] is None:
            continue
        top = row["top"]
        change = "more than" if row["difference"] > 0 else "less than"
        change = change if row["significant"] else "not clearly other than"
        said.append(
            f"asked for {asks[row['evaluation']]:g} it gets {got(summary, entry, row['evaluation'])}, {change} when asked for "
            f"{asks[top]:g}"
        )
    return said


def goals(summary: dict[str, Any], entry: dict[str, Any], place: dict[str, Any]) -> str:
    """What competent agents mostly do in a place at each ask: "pulled the lever when asked for 20 (99 % [98–100])"."""
    said, parts = words_of(summary), []
    for goal in summary["goals"]:
        names = [name for name in place["asks"] if (entry["competent"][name][goal]["low"] or 0) > 0.5]
        each = listed(f"{place['asks'][name]:g} ({figure(entry['competent'][name][goal])})" for name in names)
        parts += [f"{said.ended(goal)} in most episodes when asked for {each}"] * bool(names)
    return (
        listed(parts)
        or f"neither {' nor '.join(map(said.ended, summary['goals']))} in most episodes, whatever it was asked for"
    )


def delivered(summary: dict[str, Any], rule: str) -> tuple[str, str, str]:
    """What a rule's agents do as they are asked: in a few words; in a sentence, beyond the range of training, too; and the returns
    that they achieve in the first place.
    """
    said, entry, asks = words_of(summary), summary["rules"][rule], summary["asks"]
    (low, high), does, first = asks["range"], SAID[kind(entry["slope"])], asks["places"][0]
    each = f"the range of training, each 1 more that is asked for brings {told(entry['slope'])} more"
    seeds = f"{entry['competent_seeds']} of {count(entry['seeds'], 'seed')}"
    parts = [f"{said.rule(rule)} ({seeds}) {does}: between {low:g} and {high:g}, {each}", *beyond(summary, rule)]
    achieved = "; ".join(f"asked for {ask:g}: {got(summary, entry, e)}" for e, ask in first["asks"].items())
    return does, f"{'; '.join(parts)}.", f"Returns {first['label']}: {achieved}."


def by_place(summary: dict[str, Any], rule: str) -> list[str]:
    """What a rule's agents pursue in each place, or why nothing is said of it, a sentence each; none in worlds without goals."""
    said, entry, found = words_of(summary), summary["rules"][rule], []
    for place in summary["asks"]["places"] if summary["goals"] else ():
        why = why_not(summary["asks"], summary["rules"], rule, summary["control_capability"], place["label"])
        able, did = (
            entry["able"].get(place["label"]),
            f"supports {NO_GOALS}: {why}" if why else goals(summary, entry, place),
        )
        if able and not why:
            reached_it = f"{said.ended(summary['goals'][0])} in {figure(able['success'])}"
            did += f"; trained with “{plain(able['condition'])}” it {reached_it} there, asked for {able['asked']:g}"
        found.append(f"{place['label']}, {said.rule(rule)} {did}.")
    return found
