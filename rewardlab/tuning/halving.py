"""Successive halving (Jamieson & Talwalkar 2016): what a budget of environment steps buys, counted before it is spent."""

from __future__ import annotations

import bisect
from typing import NamedTuple

from rewardlab.inputs.errors import out_of_range
from rewardlab.types import Rule

ETA = 4  # one setting in so many goes on to so many times the steps
RUNGS = 4  # at most
SEEDS = 2  # of each setting in the search: at equal cost more settings find more than more seeds
FINALISTS = 4  # the best three of the search, and the config's own setting
FINAL_SEEDS = (2, 16)  # fewest and most that are set aside for each finalist, at up to half of the budget


class Rung(NamedTuple):
    """`settings` of them are trained until they have lived `steps` environment steps."""

    settings: int
    steps: int


class Plan(NamedTuple):
    """The rungs of the search, and the most environment steps that one seed of a finalist takes.

    What the search leaves of the budget is the finalists'.
    """

    rungs: tuple[Rung, ...]
    final: int


def plan(budget: int, steps: int, rule: Rule, evaluation: int, where: str = "the rule") -> Plan:
    """The largest search that is sure to stay within `budget` environment steps, every one of every seed counted.

    steps: what a finalist lives in training. evaluation: the most that one evaluation takes.
    Raises InputError where the budget does not pay for the smallest search.
    """
    update = rule.num_envs * rule.unroll_length

    def lived(length: int) -> int:  # at most, as training ends with a whole update
        return length + update - 1 if rule.whole else -(-length // update) * update

    lengths = [steps // ETA**i for i in range(RUNGS)]
    lengths = [length for length in lengths[:0:-1] if length >= update] + [steps]
    final = lived(steps) + evaluation
    fewest, most = (FINALISTS * seeds for seeds in FINAL_SEEDS)

    def rungs(settings: int) -> tuple[Rung, ...]:
        return tuple(Rung(max(settings // ETA**i, FINALISTS - 1), length) for i, length in enumerate(lengths))

    def cost(settings: int) -> int:
        counts = [rung.settings for rung in rungs(settings)]
        ends = zip(counts, [*counts[1:], 0], lengths, strict=True)  # a setting's last rung is where it stops living
        return SEEDS * sum((n - kept) * lived(length) + n * evaluation for n, kept, length in ends)

    least = cost(FINALISTS) + fewest * final
    if budget < least:
        raise out_of_range("budget", budget, f"{least:,} or more, for {where} at steps = {steps:,}")
    left = budget - final * min(max(min(budget // 2, budget - cost(FINALISTS)) // final, fewest), most)
    return Plan(rungs(bisect.bisect_right(range(left // SEEDS + 1), left, key=cost) - 1), final)
