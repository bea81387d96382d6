"""What is said of a rule that learned on through a shift: how much sooner or later it recovered, or why nothing can be said."""

from __future__ import annotations

from typing import Any

from rewardlab.analysis.wording import STEPS, count, figure, listed, percent
from rewardlab.questions import answering
from rewardlab.questions.answering import of_many
from rewardlab.questions.claims import Claims, side, too_few, unable
from rewardlab.questions.half_lives import half_life
from rewardlab.questions.recovery import times

NO_CLAIM = "no claim about recovery"
THAN = {
    -1: "recovers sooner than afresh",
    1: "recovers later than afresh",
    0: "no clear difference from training afresh",
}
TIME = ("steps",)


def why_not_under(summary: dict[str, Any], entry: dict[str, Any], name: str) -> str:
    """Why no claim is made about a rule under a shift, in a few words; "" where one is."""
    about, of = summary["online"], entry["online"]
    if why := unable(entry) or too_few(of[name]["able"], of[name]["seeds"], " when the shift came"):
        return why
    afresh, bar = of[about["control"]], f"{percent(about['bar'])} %"
    reached = afresh["steps"]["n"] - afresh["steps"]["above"]
    if why := too_few(reached, afresh["seeds"]):
        return f"of those trained afresh {reached} of {count(afresh['seeds'], 'seed')} came to {bar}"
    if of[name]["before"]["high"] >= about["bar"]:
        return f"{figure(of[name]['before'])} succeed in the shifted task already when it comes"
    still = of[about["still"]]["end"]
    return f"where nothing shifts, {figure(still)} succeed in the shifted task, too" * (still["high"] >= about["bar"])


def harmed(about: dict[str, Any], entry: dict[str, Any]) -> str:
    """ "618 and 620 [...], afresh 216": catastrophes under each shift, then those of training afresh."""
    each = [figure(entry["online"][name]["harm"], STEPS) for name in about["shifts"]]
    return f"{listed(each)}; {figure(entry['online'][about['control']]['harm'], STEPS)}"


def answer(summary: dict[str, Any], rule: str, name: str) -> tuple[str, str]:
    """What is said of a rule under a shift: in a few words, and in a sentence without its end."""
    about, entry = summary["online"], summary["rules"][rule]
    of, afresh = entry["online"][name], entry["online"][about["control"]]
    if why := why_not_under(summary, entry, name):
        return f"{NO_CLAIM}: {why}", f"{NO_CLAIM} ({why})"
    what = THAN[side(summary["pairwise"]["recovery"], a=rule, condition=name)]
    took = f"{half_life(of, TIME)}, afresh {half_life(afresh, TIME)}: {times(of['ratio'])} times as many"
    return (
        what,
        f"{what}: after {took}; catastrophes {figure(of['harm'], STEPS)}, afresh {figure(afresh['harm'], STEPS)}",
    )


def brief(summary: dict[str, Any], claims: Claims) -> list[str]:
    """The answer that the report begins with."""
    than = "no clear difference from training afresh"
    return answering.answer(summary, claims, of_many(claims.made, {"recovers": "recover", than: f"show {than}"}))
