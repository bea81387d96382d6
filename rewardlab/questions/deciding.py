"""The answers to when a goal is decided, and why none is given."""

from __future__ import annotations

from typing import Any

from rewardlab.analysis.wording import figure
from rewardlab.questions.claims import few_seeds, side, unable

SAME = 0.9  # of pairs of independent seeds
FIXED, FIRST = "fixed by the task", "decided by the initial parameters"
WAY, OPEN = "decided on the way", "open to the end"
UNCLEAR = "no clear answer to when it is decided"
ANSWERS = {
    FIXED: "runs of {who} come to the same goal whatever happens on the way",
    FIRST: "what runs of {who} come to is decided by their initial parameters",
    WAY: "what runs of {who} come to is decided on the way, half of it within {figures} of training",
    OPEN: "what runs of {who} come to stays open to the end",
    UNCLEAR: "of {who} it is not clear when it is decided",
}


def why_not(entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    rows = entry["path"]["parted"]
    if why := unable(entry) or "no two runs part that were one" * (not rows):
        return why
    if rows[1]["at"] > 0:
        return "no runs share the initial parameters alone"
    if few := next((few_seeds(row["decided"]) for row in rows if few_seeds(row["decided"])), ""):
        return few.replace("seed", "group")
    control = rows[0]["decided"]
    return f"independent seeds seem to share something: {figure(control)} decided" * (control["low"] > 0)


def when(summary: dict[str, Any], rule: str) -> str:
    """When it is decided what a rule's runs come to, in a few words."""
    of = summary["rules"][rule]["path"]
    every = [row["decided"] for row in of["parted"][1:]]
    first, last = every[0], every[-1]
    if of["independent"]["low"] > SAME:
        return FIXED
    if all(one["low"] > 0.5 for one in every):
        return FIRST
    if all(one["high"] < 0.5 for one in every):
        return OPEN
    later = side(summary["pairwise"]["way"], a=rule) > 0
    return WAY if later and first["high"] < 0.5 < last["low"] else UNCLEAR
