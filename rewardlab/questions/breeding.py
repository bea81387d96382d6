"""Culling and breeding in numbers: the best of a litter, how far a trait is inherited, and the response to selection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading, stats

if TYPE_CHECKING:
    import xarray

# What is claimed of a rule, by the side of the largest litter on which it lies, or of one that culls; the answer that this makes.
BEYOND = {1: "goes beyond the best of the largest litter", -1: "falls short of culling the largest litter"}
UNCLEAR = "no clear difference from culling the largest litter"
CULLED = (
    "finds the best of its litter, and no more",
    "finds more than its litter held",
    "falls short of the best of its litter",
)
ANSWERS = {
    BEYOND[1]: "dogs of {who} obey {figures} of the commands, more than the largest litter held",
    BEYOND[-1]: "dogs of {who} obey {figures}, less than the best of the largest litter",
    UNCLEAR: "dogs of {who} obey {figures}, about as many as the best of the largest litter",
    CULLED[0]: "dogs of {who} obey {figures}, the best of their litter and no more",
    CULLED[1]: "dogs of {who} obey {figures}, more than their litter held",
    CULLED[2]: "dogs of {who} obey {figures}, less than the best of their litter",
}


class Breeder(NamedTuple):
    """A rule that keeps the fittest of a population. founders: how many were born at first. tests: episodes that each lives
    in a generation. varies: whether children ever differ from their parents.
    """

    founders: int
    tests: int
    varies: bool


def breeders(results: xarray.Dataset) -> dict[str, Breeder]:
    """{rule: what it does}, of the rules that have parents and mutation."""
    found = {}
    for name, rule in reading.config_of(results)["rules"].items():
        h = rule["hyperparameters"]
        if {"parents", "mutation", "candidates"} <= {*h} and str(name) in results.rule.values:
            varies = h["mutation"] > 0 or h.get("crossover", 0) > 0 or h.get("gene_pool", False)
            found[str(name)] = Breeder(h["parents"], h["episodes"] or h["num_envs"] // h["candidates"], bool(varies))
    return found


def best_of(founders: int, cues: int, chance: float) -> np.ndarray:
    """float[cues + 1]: how likely it is that the best of so many newborns is right at 0, 1, … of the cues.

    A newborn is right at each cue with `chance`, at each on its own: P(best ≤ k) = P(one ≤ k)ⁿ. So it is for a table whose
    entries are drawn alike.
    """
    from scipy.stats import binom

    below = binom.cdf(np.arange(cues + 1), cues, chance) ** founders
    return np.diff(below, prepend=0.0)


def middle(chance: np.ndarray) -> float:
    """The interquartile mean of shares k / K that have such chances float[K + 1]: what that of many seeds tends to."""
    upper = np.cumsum(chance)
    weight = np.clip(upper, 0.25, 0.75) - np.clip(upper - chance, 0.25, 0.75)
    return float(weight @ np.linspace(0, 1, len(chance)) / 0.5)


def heritability(cues: int, tests: int) -> float:
    """The share of the variance of newborns' fitness that is inherited, where all are tested with the same `tests` cues, drawn at
    random: h² = 1 / (1 + (cues − 1) / tests).

    Fitness is Σ f o, f the share of each cue among those drawn, o whether it is done right; what is inherited is Σ o / cues.
    The o are independent and alike, so Cov / Var = (1 / cues) / E Σ f², and E Σ f² = 1 / cues + (1 − 1 / cues) / tests.
    """
    return 1.0 / (1.0 + (cues - 1) / tests)


def obeyed(results: xarray.Dataset) -> np.ndarray:
    """float[rule, seed]: the share of cues that the policy at the end does right, exactly, as often as each is asked."""
    there = results.isel(condition=0, evaluation=0)
    asked, done, pays = (there[name].transpose("rule", "seed", "cue", ...).values for name in ("asked", "done", "pays"))
    return (asked[..., None].astype(float) * done * pays).sum((-1, -2)) + 0 * done.sum((-1, -2))


def cues_of(results: xarray.Dataset) -> tuple[int, float]:
    """How many cues there are, and how likely any action is to be the right one."""
    return results.sizes["cue"], 1.0 / results.sizes["action"]


def responses(results: xarray.Dataset, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """(selection, response) float[seed, generations]: by how much those that are kept are fitter than all, and by how much the next
    generation is fitter. NaN where the generation after it was not recorded.
    """
    there = results.isel(condition=0).sel(rule=rule)
    log, number = there["log"].transpose("seed", "record", "entry"), there["record_updates"].transpose("seed", "record")
    fit, kept = (log.sel(entry=name).values.astype(float) for name in ("fitness", "kept_fitness"))
    follows = np.diff(number.values, axis=1) == 1
    return tuple(np.where(follows, x, np.nan) for x in ((kept - fit)[:, :-1], np.diff(fit, axis=1)))  # type: ignore[return-value]


def first_response(results: xarray.Dataset, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """(selection, response) float[seed] of the first generation; empty where it was not recorded."""
    number = results.isel(condition=0).sel(rule=rule)["record_updates"].transpose("seed", "record").values
    seeds, at = np.nonzero(number[:, :-1] == 1)
    selection, response = (x[seeds, at] for x in responses(results, rule))
    known = np.isfinite(selection) & np.isfinite(response)
    return selection[known], response[known]


def litter(results: xarray.Dataset, rule: str, breeder: Breeder) -> dict[str, Any]:
    """What a rule's first litter held, and what the first selection brought, beside the breeder's equation."""
    cues, chance = cues_of(results)
    selection, response = first_response(results, rule)
    inherited = heritability(cues, breeder.tests)
    return {
        "founders": breeder.founders,
        "best": middle(best_of(breeder.founders, cues, chance)),
        "heritability": inherited,
        "selection": stats.figure(selection),
        "response": stats.figure(response),
        "missed": stats.figure(response - inherited * selection),
    }


def tree(results: xarray.Dataset, rule: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(fitness float[G, C], parents int[G, C, 2]) of the generations from the first on that follow one another; the parents are of
    the next generation's candidates. None where the rule keeps no pedigree.
    """
    there = results.isel(condition=0, seed=seed).sel(rule=rule)
    fitness, number = there["fitness"].transpose("record", "candidate").values, there["record_updates"].values
    descent = there["descent"].transpose("record", "candidate", "parent").values
    living = np.isfinite(fitness).any(0)
    known = np.flatnonzero(np.isfinite(number) & np.isfinite(fitness).any(1) & (number > 0))
    run = known[: int(np.cumprod(number[known] == np.arange(1, len(known) + 1)).sum())]
    return fitness[run][:, living], descent[run][:, living].astype(int)


def culls(got: dict[str, Any], best: float) -> str:
    """What a rule that culls came to, beside the best of its litter."""
    return CULLED[0 if got["low"] <= best <= got["high"] else 1 if got["low"] > best else 2]
