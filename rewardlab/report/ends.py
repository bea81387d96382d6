"""How episodes end at the end of training, seed by seed: what the figure `outcomes` and the page's dots both show."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from rewardlab.analysis import naming, reading
from rewardlab.report.numbers import Curve, main_condition, summarise


class Ends(NamedTuple):
    """One outcome of one rule on one evaluation, main condition.

    share: float[seeds], of each seed that the rule has. seeds: int[seeds], their numbers. able: bool[seeds], whether each is
    competent. counts: bool[seeds], whether the centre is over it: on shifts, competent seeds; elsewhere, all.
    """

    rule: str
    outcome: str
    share: np.ndarray
    seeds: np.ndarray
    able: np.ndarray
    counts: np.ndarray

    @property
    def centre(self) -> Curve:
        """The interquartile mean and its interval, as everywhere."""
        return summarise(0.0, self.share[self.counts][:, None])


def shown(results: xr.Dataset) -> list[str]:
    """The outcomes that are shown: success and the proxy."""
    return [str(o) for o in results.outcome.values[:2]]


def of(results: xr.Dataset, evaluation: str) -> list[Ends]:
    """Every rule's, in order, each outcome of `shown`."""
    able, on_shift = reading.competent(results), evaluation in reading.shifts(results) and reading.has_goals(results)
    last = results.outcome_share.sel(condition=main_condition(results), evaluation=evaluation).isel(point=-1)
    found = []
    for rule in map(str, results.rule.values):
        for outcome in shown(results):
            share = last.sel(rule=rule, outcome=outcome).values.astype(float)
            there = ~np.isnan(share)
            mine = able.sel(rule=rule).values[there]
            counts = mine if on_shift else np.ones(there.sum(), bool)
            found.append(Ends(rule, outcome, share[there], np.flatnonzero(there), mine, counts))
    return found


def references(results: xr.Dataset, evaluation: str) -> dict[str, list[float]]:
    """{scripted policy: its shares of the outcomes of `shown`}."""
    if "reference_share" not in results:
        return {}
    table = results.reference_share.sel(evaluation=evaluation, outcome=shown(results)).transpose("reference", "outcome")
    return {str(name): row.tolist() for name, row in zip(results.reference.values, table.values, strict=True)}


def plain(results: xr.Dataset, palette: dict[str, str], colours: list[str]) -> dict:
    """The same for the page's script. palette: {rule: its colour}; colours: of the outcomes."""
    said = naming.read(results)

    def row(ends: Ends) -> dict:
        centre = ends.centre
        ends_at = [None if np.isnan(x[0]) else float(x[0]) for x in (centre.centre, centre.low, centre.high)]
        each = zip(ends.seeds.tolist(), ends.share.round(4).tolist(), ends.counts.tolist(), strict=True)
        return {
            "rule": said.rule(ends.rule),
            "outcome": ends.outcome,
            "centre": ends_at,
            "seeds": [list(x) for x in each],
        }

    return {
        "outcomes": {o: {"name": said.ended(o), "colour": colours[k]} for k, o in enumerate(shown(results))},
        "rules": [{"name": said.rule(rule), "colour": colour} for rule, colour in palette.items()],
        "panels": [
            {
                "title": said.place(str(e)),
                "rows": [row(ends) for ends in of(results, str(e))],
                "references": references(results, str(e)),
            }
            for e in results.evaluation.values
        ],
    }
