"""Lifetimes of several episodes in `reward_in_view`: the return of each, and what an evaluation does to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rewardlab.analysis import reading
from rewardlab.inputs.errors import InputError
from rewardlab.questions.lifetimes import ROLES, role

if TYPE_CHECKING:
    import xarray

DISPLAY = ("decoupled", "gain", "bias", "since")
DOES = ROLES | {"elsewhere": "the world is another one"}


def kinds(results: xarray.Dataset) -> dict[str, str]:
    """{evaluation: what it does to a lifetime, a name in DOES}."""
    told = reading.config_of(results).get("evaluations", {})
    params = {str(name): told.get(str(name), {}) for name in results.evaluation.values}
    own = {name: {k: v for k, v in values.items() if k not in DISPLAY} for name, values in params.items()}
    first, found = next(iter(own.values())), {}
    for name, values in params.items():
        what = role({k: v for k, v in values.items() if k in DISPLAY})
        moved = own[name] != first
        found[name] = what if not moved else "elsewhere" if what == "steady" else "other"
    return found


def returns(results: xarray.Dataset) -> np.ndarray:
    """float[rule, condition, seed, evaluation, episode], at the end of training. Raises InputError for lifetimes of one episode."""
    if results.sizes["lifetime_episode"] < 2:
        raise InputError(
            "asks = adaptation needs lifetimes of several episodes, and these have one; allowed: episodes = 2 or more in env_kwargs"
        )
    dims = ("rule", "condition", "seed", "evaluation", "lifetime_episode")
    return results["lifetime_return"].isel(point=-1).transpose(*dims).values.astype(float)


def per_episode(results: xarray.Dataset, policy: str, evaluation: str) -> float:
    """What a scripted policy has in each episode: it knows of no other one, so that all are alike. NaN where there is none."""
    if "reference_return" not in results or policy not in results.reference.values:
        return float("nan")
    found = results["reference_return"].sel(reference=policy, evaluation=evaluation)
    return float(found) / results.sizes["lifetime_episode"]
