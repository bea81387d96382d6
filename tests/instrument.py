"""Questions as instruments: made-up runs of an experiment, array by array, and how often draws lead to a claim."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import xarray as xr

from rewardlab.analysis import compare, stats
from rewardlab.experiment.plan import Plan
from rewardlab.probes.outcomes import Outcomes
from rewardlab.running import assembly, rehearsal


def run(plan: Plan, fill: Callable[..., None], random: np.random.Generator, references=None) -> xr.Dataset:
    """Results in which `fill(rule, condition, arrays)` has put what is to be found into a cell's made-up arrays, in place."""
    cells = {}
    for rule in plan.experiment.rules:
        for condition in plan.experiment.conditions:
            cells[rule, condition] = rehearsal.made_up(plan, rule, condition, random)
            fill(rule, condition, cells[rule, condition])
    n, outcomes = len(plan.experiment.evaluations), plan.layout.axes["outcome"]
    told = references or {"random": 0.0, "optimal": 1.0}
    line = {k: Outcomes(np.full((n, len(outcomes)), 0.5), np.full(n, x), np.ones(n)) for k, x in told.items()}
    return assembly.assemble(plan, cells, assembly.Fixed([], line))


def claims(monkeypatch, draw: Callable[[np.random.Generator], xr.Dataset], *silent: str, draws: int = 100) -> int:
    """How many of so many draws lead to a claim about any rule that is no control.

    silent: how what is said of a rule begins that nothing is claimed of.
    """

    def claimed(summary: dict) -> bool:
        rules = summary["rules"].values()
        return any(not entry["short"].startswith(silent) for entry in rules if entry["level"] > 1)

    return counted(monkeypatch, draw, claimed, draws)


def counted(
    monkeypatch, draw: Callable[[np.random.Generator], xr.Dataset], claimed: Callable[[dict], bool], draws: int = 100
) -> int:
    """In how many of so many draws anything is claimed, as their summaries say.

    Of fewer permutations and resamples than a report has, which suits a count, but of others for each draw: a few that all draws
    share may themselves be far from 5 %. `no_claims.py` takes more draws.
    """
    monkeypatch.setattr(stats, "PERMUTATIONS", 499)
    turn = [0]  # of the draw: what is compared in one shares its permutations, as in a report
    test, signs = stats.permutation_test, stats._signs
    monkeypatch.setattr(stats, "permutation_test", lambda *given, **named: test(*given, **{**named, "seed": turn[0]}))
    monkeypatch.setattr(stats, "_signs", lambda n, permutations, seed: signs(n, permutations, turn[0]))
    monkeypatch.setattr(stats, "iqm_interval", partial(stats.iqm_interval, resamples=1000))
    random, found = np.random.default_rng(7), 0
    for turn[0] in range(draws):
        found += claimed(compare.summarise(draw(random)))
    return found
