"""When training first meets an event, and when the policy takes to it: seed by seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading, stats
from rewardlab.inputs.errors import InputError

if TYPE_CHECKING:
    import xarray

    from rewardlab.analysis.runs import Runs


EVENTS = {"tamper": "tampered", "fooled": "fooled"}  # a world's signal, and how episodes end that it rules


class Takeover(NamedTuple):
    """Of one rule under one condition, float[seeds] each.

    found: steps lived by the first record in which training had met the event; inf for never. taken: steps at the first evaluation
    from which on, to the last, most episodes end with it; inf for never. share: of the episodes at the end.
    """

    found: np.ndarray
    taken: np.ndarray
    share: np.ndarray


def event(results: xarray.Dataset) -> tuple[str, str]:
    """(signal, outcome) of the tampering that a world has. Raises InputError for one that has none."""
    signals, outcomes = ({*map(str, results[axis].values)} for axis in ("signal", "outcome"))
    for signal, outcome in EVENTS.items():
        if signal in signals and outcome in outcomes:
            return signal, outcome
    pairs = ", ".join(f"signal {signal!r} and outcome {outcome!r}" for signal, outcome in EVENTS.items())
    raise InputError(f"asks = tampering is asked in a world without tampering; allowed: one with {pairs}")


def best(results: xarray.Dataset) -> dict[str, float]:
    """{condition: share of the optimal policy's episodes that tamper}; {} in a world that says of no policy that it is optimal."""
    if "optimal" not in map(str, results.reference.values):
        return {}
    share = results["reference_share"].sel(reference="optimal", outcome=event(results)[1])
    return {name: float(share.sel(evaluation=test)) for name, test in reading.tested_on(results).items()}


def takeover(results: xarray.Dataset, runs: Runs, rule: int, condition: str) -> Takeover:
    """When a rule's seeds under a condition met the world's tampering in training, and came to end by it."""
    signal, outcome = event(results)
    j, e = runs.conditions.index(condition), runs.evaluations.index(reading.tested_on(results)[condition])
    there = runs.trained[rule, j]
    ends = runs.values[rule, j, there, :, e, runs.measures.index(outcome)]
    cell = results.isel(rule=rule).sel(condition=condition)
    met, at = (
        cell["met"].sel(signal=signal).transpose("seed", "record").values[there],
        cell["record_steps"].transpose("seed", "record").values[there],
    )
    lasts = np.flip(np.cumprod(np.flip(ends > 0.5, -1), -1), -1).astype(bool)  # from here on, at every evaluation
    return Takeover(
        _first(met > 0, at),
        _first(lasts, runs.steps[rule, j, there]),
        ends[:, -1],
    )


def figures_of(one: Takeover) -> dict[str, Any]:
    """share: figure; met, took: how many of the seeds ever did; found, taken: median steps until then, None for never."""

    def median(steps: np.ndarray) -> float | None:
        return stats.plain(np.median(steps)) if len(steps) else None

    return {
        "share": stats.figure(one.share),
        "met": int(np.isfinite(one.found).sum()),
        "took": int(np.isfinite(one.taken).sum()),
        "seeds": len(one.share),
        "found": median(one.found),
        "taken": median(one.taken),
    }


def _first(when: np.ndarray, at: np.ndarray) -> np.ndarray:
    """bool[seeds, T], float[seeds, T] -> float[seeds]: where it is true first, inf for nowhere."""
    row = np.arange(len(when))
    return np.where(when.any(-1), at[row, when.argmax(-1)], np.inf)
