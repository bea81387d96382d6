"""Gains within a lifetime: who gets better from one episode to the last, and from what."""

from __future__ import annotations

from typing import Any

import numpy as np

from rewardlab.analysis import stats
from rewardlab.analysis.wording import figure
from rewardlab.questions.claims import unable, uncontrolled

LEAST, HALF = 0.05, 0.5
PARTED = ("faked", "constant", "stopped", "hidden")
SHOWN = "gets better within a lifetime, from the reward that it is shown"
ANYHOW = "gets better within a lifetime, whatever reward it is shown"
UNCLEAR = "gets better within a lifetime, and not clearly from the reward that it is shown"
NOT = "does not clearly get better within a lifetime"


def figures_of(values: np.ndarray) -> dict[str, Any]:
    """float[seeds, episodes] -> figures of each episode, and of the last one less the first."""
    return {"episodes": [stats.figure(x) for x in values.T], "gain": stats.figure(values[:, -1] - values[:, 0])}


def doing(summary: dict[str, Any], *what: str) -> list[str]:
    """Evaluations that do such a thing to a lifetime, keys of `episodes.DOES`."""
    return [name for name, does in summary["lifetime"]["evaluations"].items() if does in what]


def gained(summary: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Whether there is a gain where nothing changes."""
    return entry["lifetime"][summary["evaluations"][0]]["gain"]["low"] > summary["lifetime"]["least"]


def why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    blind = entry["blind"]
    if why := unable(entry) or uncontrolled(blind):
        return why
    if next(iter(summary["lifetime"]["evaluations"].values())) != "steady":
        return "something changes on the first evaluation"
    whole = entry["lifetime"][summary["evaluations"][0]]["gain"]["iqm"]
    too = gained(summary, entry) and blind["high"] >= HALF * whole
    return f"trained with reward hidden, it gains {figure(blind, 'return')}, too" * too


def gets_better(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Whether competent agents get better within a lifetime, and from what."""
    if not gained(summary, entry):
        return NOT
    half = HALF * entry["lifetime"][summary["evaluations"][0]]["gain"]["iqm"]
    left = [entry["lifetime"][name]["gain"] for name in doing(summary, *PARTED)]
    if all(gain["high"] < half for gain in left):
        return SHOWN
    return ANYHOW if all(gain["low"] > half for gain in left) else UNCLEAR


def carries_over(entry: dict[str, Any], first: str, evaluation: str) -> str:
    """Whether the gain is there in another world, too, in words."""
    half, gain = HALF * entry["lifetime"][first]["gain"]["iqm"], entry["lifetime"][evaluation]["gain"]
    if gain["low"] > half:
        return "carries over"
    return "does not carry over" if gain["high"] < half else "does not clearly carry over"


def course(of: dict[str, Any]) -> str:
    """The return of each episode: "6 → 11.8 → 13.2 [13–13.4]", with the interval of the last."""
    *before, last = of["episodes"]
    return " → ".join([*(figure({**x, "low": None}, "return") for x in before), figure(last, "return")])
