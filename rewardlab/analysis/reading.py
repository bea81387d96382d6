"""What results say of themselves, as labelled arrays: their shifts, the order of their conditions, who is capable, who failed."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import stats
from rewardlab.analysis.wording import UNNAMED, listed
from rewardlab.experiment.text import todays_names
from rewardlab.inputs.errors import InputError

if TYPE_CHECKING:
    import xarray


POOL = ("held_out", "training_levels")  # params that say which levels are met, and nothing else of the world


def shifts(results: xarray.Dataset) -> list[str]:
    """The evaluations off the training distribution: all that differ from the first one in more than the level pool."""
    planned = config_of(results).get("evaluations", {})
    first, *others = map(str, results.evaluation.values)

    def world(name: str):
        return {key: value for key, value in planned[name].items() if key not in POOL}

    return [name for name in others if not {first, name} <= {*planned} or world(name) != world(first)]


def sweep(results: xarray.Dataset) -> tuple[str, dict[str, float]]:
    """The param that orders the conditions, and {condition: its value}, in ascending order; ("", {}) if there is no order.

    Conditions have an order if they differ in the value of exactly one param of the world, and that is a number, and none has
    phases.
    """
    planned = config_of(results).get("conditions", {})
    if any(condition.get("phases") for condition in planned.values()):
        return "", {}
    params = {name: planned.get(name, {}).get("params", {}) for name in map(str, results.condition.values)}
    differing = [k for k in {k: 0 for p in params.values() for k in p} if len({p.get(k) for p in params.values()}) > 1]
    values = {name: p.get(differing[0]) for name, p in params.items()} if len(differing) == 1 else {}
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values.values())
    if not values or not numbers or len({*values.values()}) < len(values):
        return "", {}
    return differing[0], {name: float(values[name]) for name in sorted(values, key=values.__getitem__)}


def has_goals(results: xarray.Dataset) -> bool:
    """Whether the world names outcomes: the first is success, the second the proxy."""
    return results.sizes["outcome"] > 0 and list(results.outcome.values[:2]) != [*UNNAMED]


def tested_on(results: xarray.Dataset) -> dict[str, str]:
    """{condition: the evaluation whose world is that of its training, in levels of either pool}. Raises InputError where there is
    none.
    """
    plan, found = config_of(results), {}

    def world(params: dict[str, Any] | None) -> dict[str, Any]:
        return {key: value for key, value in (params or {}).items() if key != "held_out"}

    for name in map(str, results.condition.values):
        params = plan["conditions"][name].get("params", {})
        every = [test for test in map(str, results.evaluation.values) if test in plan["evaluations"]]
        same = [test for test in every if world(plan["evaluations"][test]) == world(params)]
        if not same:
            raise InputError(
                f"no evaluation is in the world of condition {name!r}, {params}; allowed: one for each condition"
            )
        found[name] = same[0]
    return found


def needs(results: xarray.Dataset, question: str, world: str, *signals: str) -> None:
    """Raises InputError for results of a world without these signals. world: one that has them."""
    known = {*map(str, results.signal.values)}
    if lacking := [f'"{name}"' for name in signals if name not in known]:
        named = listed(f'"{name}"' for name in signals)
        needed = f"a world whose signals have {named}"
        raise InputError(
            f"asks = {question} needs {needed}, and this one lacks {listed(lacking)}; allowed: {world}, for one"
        )


def scores_success(results: xarray.Dataset) -> bool:
    """True if the return of an episode is 1 for the first outcome and 0 for all others, so that it reads as a share."""
    if not has_goals(results):
        return False
    success = results.outcome_share.isel(outcome=0)
    returns = results["return"].transpose(*success.dims).values
    measured = np.isfinite(success.values) & np.isfinite(returns)
    return bool(np.allclose(success.values[measured], returns[measured], atol=1e-4))


def of_founders(results: xarray.Dataset) -> xarray.Dataset:
    """Results with one seed for all that were one run before a phase forked: their mean; it has failed
    where one of them has. What began once is one case, not many.

    Where any forks, fork_share: float32[rule, condition, seed, fork, evaluation, outcome] has how the episodes of each one of these
    runs end at the last point, 0 of a run that failed; NaN where there is none.
    """
    planned = config_of(results).get("conditions", {})
    seeds = results.sizes["seed"]
    parts = [
        math.prod(phase.get("forks", 1) for phase in planned.get(condition, {}).get("phases") or [])
        for condition in map(str, results.condition.values)
    ]
    found: dict[str, Any] = {}
    for name, array in results.data_vars.items():
        if array.dims[:3] != ("rule", "condition", "seed"):
            continue
        values = array.values
        for j, forks in enumerate(parts):
            if forks > 1:
                whole = seeds // forks
                values = values.copy() if values is array.values else values
                runs = array.values[:, j, : whole * forks].reshape(len(values), whole, forks, *values.shape[3:])
                values[:, j] = np.nan
                values[:, j, :whole] = runs.min(2) if name == "finite" else runs.mean(2)
        if values is not array.values:
            found[str(name)] = array.copy(data=values)
    if max(parts) > 1:
        found["fork_share"] = _each_fork(results, parts)
    return results.assign(found) if found else results


def _each_fork(results: xarray.Dataset, parts: list[int]) -> tuple[tuple[str, ...], np.ndarray]:
    """How each run ends, by the run that it was before it parted, as `of_founders` says."""
    dims = ("rule", "condition", "seed", "evaluation", "outcome")
    share = results["outcome_share"].isel(point=-1).transpose(*dims).values
    there = np.isfinite(results["steps"].transpose(*dims[:3], "point").values).any(axis=3)
    sound = np.isfinite(share).all(axis=(3, 4))
    if "finite" in results:
        sound &= (results["finite"].isel(point=-1) == 1).transpose(*dims[:3]).values
    share = np.where(there[..., None, None], np.where(sound[..., None, None], share, 0.0), np.nan)
    seeds = share.shape[2]
    each = np.full((*share.shape[:3], max(parts), *share.shape[3:]), np.nan, np.float32)
    for j, forks in enumerate(parts):
        whole = seeds // forks
        runs = share[:, j, : whole * forks]
        each[:, j, :whole, :forks] = runs.reshape(len(share), whole, forks, *share.shape[3:])
    return ((*dims[:3], "fork", *dims[3:]), each)


def filled(results: xarray.Dataset) -> xarray.Dataset:
    """Results in which NaN stands only for seeds that a condition does not have.

    A seed has failed where its results, its parameters or a reward that it was paid by then are not all finite numbers. It
    has outcome shares of 0, and as return the lowest seen, or 0 where returns are the share of success.
    Adds failed: bool[rule, condition, seed, point].
    """
    returns: Any = results["return"]
    finite = np.isfinite(returns).all("evaluation")
    finite &= np.isfinite(results.outcome_share).all(["evaluation", "outcome"])
    if "finite" in results:  # without numbers to go by, a network takes the first action, which may be the right one
        finite &= results["finite"] == 1
    trained = np.isfinite(results.steps).any("point")
    lowest = results["return"].where(finite).min(["rule", "condition", "seed", "point"]).fillna(0)
    nothing = lowest * 0 if scores_success(results) else lowest
    return results.assign(
        {
            "outcome_share": results.outcome_share.where(finite, 0).where(trained),
            "return": results["return"].where(finite, nothing).where(trained),
            "failed": ~finite & trained,
        }
    )


def capable(results: xarray.Dataset) -> xarray.DataArray:
    """bool[rule, condition, seed, point]: whether a seed's return on the training distribution is enough; never of one that
    failed.
    """
    run = results["return"].where(~results.failed) if "failed" in results else results["return"]
    run = run.isel(evaluation=0).transpose("rule", "condition", "seed", "point")
    return run.copy(data=stats.first_reaching(run.values[..., None], results.attrs["capability"]) == 0)


def first_capable(results: xarray.Dataset) -> xarray.DataArray:
    """int[rule, seed]: the first point at which a seed of the main condition is capable, -1 for never."""
    there = capable(results).isel(condition=0)
    return there.isel(point=0, drop=True).copy(data=np.where(there.any("point"), there.values.argmax(-1), -1))


def competent(results: xarray.Dataset) -> xarray.DataArray:
    """bool[rule, seed]: whether a seed of the main condition is capable at the last point."""
    return capable(results).isel(condition=0, point=-1)


def cell(results: xarray.Dataset, rule: str, condition: str, name: str, evaluation: str) -> xarray.DataArray:
    """An array of the probes on an evaluation, float[seed, ...], of the seeds that were trained."""
    found = results[name].sel(rule=rule, condition=condition, evaluation=evaluation)
    there = np.isfinite(results.steps.sel(rule=rule, condition=condition).isel(point=0))
    return found.transpose("seed", ...).isel(seed=np.flatnonzero(there.values)).astype(float)


def layers(results: xarray.Dataset, rule: str, name: str, *others: str) -> list[str]:
    """The layers of a rule's network that an array reads along `source`, in order, without what else it reads there; where nothing
    is a number, as no seed of the rule has one, those of all rules.
    """
    found = results[name].sel(rule=rule).transpose("source", ...)
    found = found.isel(source=~found.source.isin(others))
    measured = np.isfinite(found.values).reshape(found.sizes["source"], -1).any(1)
    return [str(source) for source in found.source.values[measured if measured.any() else slice(None)]]


def config_of(results: xarray.Dataset) -> dict:
    """The config that results are of, as a run records it."""
    return todays_names(json.loads(results.attrs.get("experiment") or "{}"))
