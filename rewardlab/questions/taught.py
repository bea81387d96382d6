"""Rules taught by example beside rules taught by reward: what their seeds do under the shifts, and by how much they differ."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import levels, stats
from rewardlab.analysis.cautions import is_control
from rewardlab.analysis.runs import Runs, samples
from rewardlab.inputs.errors import InputError

if TYPE_CHECKING:
    import xarray

MARGIN = 0.1  # a difference matters from here on, a share of episodes
MORE, LESS, ALIKE, UNCLEAR = "more", "less", "alike", "unclear"
MEASURES = ("success", "proxy")


class Pair(NamedTuple):
    """A rule taught by example less one taught by reward. differences: {measure: figure}; sizes: {measure: what `size` says}."""

    example: str
    reward: str
    differences: dict[str, dict[str, Any]]
    sizes: dict[str, str]


def by_teacher(results: xarray.Dataset) -> tuple[list[str], list[str]]:
    """(rules that are shown a demonstrator, all others but controls). Raises InputError where there are not both."""
    shown, declared, wrong = levels.shown(results), levels.declared(results), levels.contradictions(results)
    example = [rule for rule in shown if shown[rule]]
    others = {
        rule: {"level": declared[rule], "contradiction": wrong.get(rule, "")} for rule in shown if not shown[rule]
    }
    reward = [rule for rule, entry in others.items() if not is_control(entry)]
    if not (example and reward):
        raise InputError(
            "asks = demonstrations needs a rule taught by example and one taught by reward; allowed: imitation and ppo, for two"
        )
    return example, reward


def pursued(runs: Runs, rule: str) -> np.ndarray:
    """float[seeds that became capable, 2]: how often each reached the first goal, and the second, at its first capable point, the
    mean over the shifts. Raises InputError where there are no goals, or no shifts.
    """
    if not (runs.goals and runs.shifts):
        raise InputError(
            "asks = demonstrations needs a world that names its outcomes, and an evaluation that differs from the first one; "
            "allowed: coinrun with a moved coin, for one"
        )
    where = [runs.evaluations.index(name) for name in runs.shifts]
    return samples(runs, runs.rules.index(rule))["matched"][:, where, : len(MEASURES)].mean(1)


def pairs(example: dict[str, np.ndarray], reward: dict[str, np.ndarray]) -> list[Pair]:
    """Every pair of what `pursued` says of rules taught by either, by intervals that hold for all of them at once (Bonferroni)."""
    every = list(itertools.product(example, reward))
    level = 1 - (1 - stats.LEVEL) / max(len(MEASURES) * len(every), 1)
    found = []
    for a, b in every:
        ends = zip(*stats.difference_interval(example[a], reward[b], level=level), strict=True)
        n = {"n": len(example[a]) + len(reward[b])}
        of = {
            name: dict(zip(("iqm", "low", "high"), map(stats.plain, three), strict=True)) | n
            for name, three in zip(MEASURES, ends, strict=True)
        }
        found.append(Pair(a, b, of, {name: size(one) for name, one in of.items()}))
    return found


def size(difference: dict[str, Any]) -> str:
    """Whether a difference is clearly above the margin, clearly below it the other way, clearly within it, or none of these."""
    low, high = difference["low"], difference["high"]
    if low is None:
        return UNCLEAR
    if low > MARGIN or high < -MARGIN:
        return MORE if low > MARGIN else LESS
    return ALIKE if low > -MARGIN and high < MARGIN else UNCLEAR
