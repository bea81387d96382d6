"""Lifetimes in `reward_in_view`: what agents do late in one, what an evaluation does to it, and who never saw reward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import reading

if TYPE_CHECKING:
    import xarray

    from rewardlab.analysis.runs import Runs

LATE = 0.2  # of a lifetime, at its end
ROLES = {
    "steady": "nothing changes",
    "switched": "the paid arm changes",
    "faked": "the reward in view is inverted",
    "constant": "the reward in view is one number throughout",
    "stopped": "the reward in view stops",
    "hidden": "no reward is in view",
    "other": "something else changes",
}


def role(params: dict[str, Any]) -> str:
    """What an evaluation with these params does to a lifetime: a name in ROLES."""
    gain, bias, since = (params.get(name, 0) for name in ("gain", "bias", "since"))
    if params.get("decoupled", 0) > 0:
        if params["decoupled"] < 1 or params.get("switched", 0) > 0:
            return "other"
        if (gain, bias) == (-1, 1):
            return "faked"
        if gain != 0:
            return "other"
        return "constant" if bias != 0 else "stopped" if since > 0 else "hidden"
    return "switched" if params.get("switched", 0) > 0 else "steady"


def roles(results: xarray.Dataset) -> dict[str, str]:
    """{evaluation: what it does}."""
    told = reading.config_of(results).get("evaluations", {})
    return {str(name): role(told.get(str(name), {})) for name in results.evaluation.values}


def late(results: xarray.Dataset, signal: str) -> np.ndarray:
    """float[rule, condition, seed, evaluation], the mean of a signal over the last fifth of a lifetime."""
    course = results["course"].sel(signal=signal).transpose("rule", "condition", "seed", "evaluation", "part").values
    count = (
        np.isfinite(course).any((0, 1, 2)).sum(-1)
    )  # parts that are lived on each evaluation: episodes may be shorter
    found = np.full(course.shape[:-1], np.nan)
    for e, lived in enumerate(count):
        found[..., e] = course[..., e, lived - max(round(LATE * lived), 1) : lived].mean(-1)
    return found


def control(results: xarray.Dataset, runs: Runs, told: dict[str, str]) -> tuple[int, int] | str:
    """(the control's condition, the evaluation that hides reward), if it was trained with reward hidden; or why none was.

    told: {evaluation: what it does}.
    """
    trained = reading.config_of(results).get("conditions", {})
    kinds = {name: role(condition.get("params", {})) for name, condition in trained.items()}
    if kinds.get(runs.conditions[0]) not in ("steady", "switched"):
        return "reward is not in view in training"
    if not runs.control or (
        kinds.get(runs.control) != "hidden" and not _hides(trained[runs.control].get("params", {}))
    ):
        return "no control was trained with reward hidden"
    hides = [name for name, does in told.items() if does == "hidden"]
    if not hides:
        return "no evaluation hides reward"
    return runs.conditions.index(runs.control), runs.evaluations.index(hides[0])


def _hides(params: dict[str, Any]) -> bool:
    """Whether these params hide reward from the start of every lifetime, whatever the arms do."""
    return role({name: value for name, value in params.items() if name != "switched"}) == "hidden"
