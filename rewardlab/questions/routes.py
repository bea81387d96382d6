"""Two routes of equal pay: which one seeds take, and how their return lasts under noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import reading, stats
from rewardlab.analysis.runs import Runs
from rewardlab.inputs.errors import InputError

if TYPE_CHECKING:
    import xarray

ROUTES = ("ridge", "plain")
# What is claimed of a rule, by the side of the prior on which its seeds lie, and the answer that this makes.
TAKES = {-1: "passes over the ridge", 1: "prefers the ridge", 0: "no clear difference from what the prior holds"}
ANSWERS = {
    TAKES[-1]: "agents of {who} pass over the fragile way, though it pays as much",
    TAKES[1]: "agents of {who} prefer the fragile way",
    TAKES[
        0
    ]: "agents of {who} take the fragile way, in {figures} of episodes, about as often as agents that are only drawn at random",
}


def fragile(results: xarray.Dataset) -> np.ndarray:
    """float[rule, condition, seed]: the share along the fragile route, of the episodes that end along either; NaN without any.

    Raises InputError in a world without these two outcomes.
    """
    known = {*map(str, results.outcome.values)}
    if missing := [name for name in ROUTES if name not in known]:
        raise InputError(
            f"asks = ridge needs a world with the outcomes {', '.join(ROUTES)}, and there is no {missing[0]}"
        )
    ends = results["outcome_share"].isel(point=-1, evaluation=0).transpose("rule", "condition", "seed", "outcome")
    one, other = (ends.sel(outcome=name).values.astype(float) for name in ROUTES)
    total = one + other
    return np.where(total > 0, one / np.where(total > 0, total, 1.0), np.nan)


def noised(results: xarray.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """(sizes of the noise float[N], returns with it on the first evaluation float[rule, condition, seed, N])."""
    values = results["noised_return"].isel(evaluation=0).transpose("rule", "condition", "seed", "noise")
    return values.noise.values.astype(float), values.values.astype(float)


def slips(results: xarray.Dataset) -> dict[str, float]:
    """{evaluation: how likely a step is to slip}, of those that differ from the first in nothing else, in ascending order."""
    told = reading.config_of(results)["evaluations"]
    first = next(iter(told.values()))
    rest = {name: {k: v for k, v in params.items() if k != "slip"} for name, params in told.items()}
    same = [name for name in told if rest[name] == {k: v for k, v in first.items() if k != "slip"}]
    return dict(sorted(((name, float(told[name].get("slip", 0.0))) for name in same), key=lambda pair: pair[1]))


def survival(results: xarray.Dataset, slip: np.ndarray) -> np.ndarray:
    """float[...]: what is left at the end of a ridge one row wide, whose every slip falls: (1 − slip · loss)ⁿ, n its length."""
    plan = reading.config_of(results)
    params = next(iter(plan["evaluations"].values()))
    return (1 - slip * params.get("ridge_loss", 1.0)) ** plan["env_kwargs"].get("length", 8)


def found_of(results: xarray.Dataset, runs: Runs, rule: int, able: np.ndarray) -> dict[str, Any]:
    """Figures of a rule: fragile, noised {size}, slips {evaluation}, of the seeds `able`; control, of all that the control has, or
    why there is none.
    """
    ways, (sizes, returns) = fragile(results), noised(results)
    last = runs.values[rule, 0, able, -1, :, runs.measures.index("return")]
    control: Any = "no condition is the control"
    if runs.control:
        there = ways[rule, (j := runs.conditions.index(runs.control)), runs.trained[rule, j]]
        control = stats.figure(there[np.isfinite(there)])
    return {
        "fragile": stats.figure(ways[rule, 0, able]),
        "control": control,
        "noised": {f"{size:g}": stats.figure(returns[rule, 0, able, k]) for k, size in enumerate(sizes)},
        "slips": {name: stats.figure(last[:, runs.evaluations.index(name)]) for name in slips(results)},
    }
