"""What an experiment measured, as labelled arrays: every seed is kept."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np

from rewardlab import naming
from rewardlab.envs import adapter
from rewardlab.errors import InputError, show
from rewardlab.experiment import Experiment
from rewardlab.fields import expect
from rewardlab.files import read_json
from rewardlab.probes.outcomes import Outcomes

WHERE = ("rule", "condition", "seed", "point", "evaluation")
NAMED = ("rule", "condition", "evaluation", "outcome")  # the dimensions whose coordinates are names
ARRAYS = {"outcome_share": (*WHERE, "outcome"), "return": WHERE, "steps": WHERE[:4]}
EXTRA = {
    "finite": WHERE[:4],
    "reference_return": ("reference", "evaluation"),
    "reference_share": ("reference", "evaluation", "outcome"),
}  # of runs that have them
COUNTS = {"shared_point": ("rule",), "level": ("rule",)}
ATTRIBUTES = dict.fromkeys(("name", "question", "experiment", "control", "env", "audit", "mixed", "words"), str)
ATTRIBUTES |= {"capability": float, "control_capability": float}
NUMBERS = dict[str, bool | int | float]
PLANNED = {
    "conditions": dict[str, dict[str, NUMBERS | int | None]],
    "evaluations": dict[str, NUMBERS],
    "published": dict[str, float],
    "rules": dict[str, dict[str, Any]],
    "agent": dict[str, Any],
    "agents": dict[str, dict[str, Any]],
}
AUDITED = {
    "rule": str,
    "level": int | None,
    "enters": str,
    "gradient": dict[str, list[str]],
    "derivative": bool,
    "act": list[str],
    "reads": list[str],
    "fitted": list[str],
}


class Measured(NamedTuple):
    """One rule under one condition; axes [seed, point, evaluation, outcome], as far as they go.

    share: float32[S, P, E, K]. returns, length: float32[S, P, E]. steps: float64[S, P].
    finite: float32[S, P], 1 where all of the policy's parameters, and all rewards by then, were finite numbers, else 0.
    """

    share: np.ndarray
    returns: np.ndarray
    length: np.ndarray
    steps: np.ndarray
    finite: np.ndarray


def dataset(experiment: Experiment, env, measured: dict[tuple[str, str], Measured], references: dict[str, Outcomes]):
    """An xarray Dataset over all rules and conditions; where a rule has fewer seeds under one, it is filled up with NaN.

    references: {scripted policy: Outcomes [E]}, how its episodes ended on each evaluation.
    """
    import xarray

    names, conditions = list(experiment.rules), list(experiment.conditions)
    outcome_names = list(adapter.outcomes(env))
    most = max(experiment.seeds_of(name, condition) for name in names for condition in conditions)

    def cube(field):
        cells = [[getattr(measured[name, condition], field) for condition in conditions] for name in names]
        full = np.full((len(names), len(conditions), most, *cells[0][0].shape[1:]), np.nan, cells[0][0].dtype)
        for i, row in enumerate(cells):
            for j, cell in enumerate(row):
                full[i, j, : len(cell)] = cell
        return full

    shape = (len(references), len(experiment.evaluations), len(outcome_names))
    shares, returns = (
        np.array([getattr(one, field) for one in references.values()], np.float32) for field in ("share", "returns")
    )
    return xarray.Dataset(
        {
            "outcome_share": (ARRAYS["outcome_share"], cube("share")),
            "return": (WHERE, cube("returns")),
            "length": (WHERE, cube("length")),
            "steps": (WHERE[:4], cube("steps")),
            "finite": (WHERE[:4], cube("finite")),
            "reference_share": (EXTRA["reference_share"], shares.reshape(shape)),
            "reference_return": (EXTRA["reference_return"], returns.reshape(shape[:2])),
            "shared_point": (("rule",), np.array([experiment.shared_point(name) for name in names])),
            "level": (("rule",), np.array([rule.level for rule in experiment.rules.values()])),
        },
        coords={
            "rule": names,
            "condition": conditions,
            "seed": np.arange(most),
            "point": np.arange(len(experiment.targets(names[0]))),
            "evaluation": list(experiment.evaluations),
            "outcome": outcome_names,
            "reference": list(references),
        },
        attrs={
            "name": experiment.name,
            "question": experiment.question,
            "experiment": experiment.to_json(),
            "capability": threshold(experiment, references),
            **({} if experiment.capable_return is not None else {"capability_share": experiment.capability}),
            "control_capability": experiment.control_capability,
            "control": experiment.control or "",
            "words": json.dumps(naming.of(experiment, env)._asdict(), ensure_ascii=False),
            "env": experiment.env if isinstance(experiment.env, str) else type(experiment.env).__name__,
        },
    )


def threshold(experiment: Experiment, references: dict[str, Outcomes]) -> float:
    """The return on the first evaluation that counts as having learned: as the experiment says it, or so much of the way from
    the random policy's return to the optimal one's, both measured there.
    """
    if experiment.capable_return is not None:
        return experiment.capable_return
    random, optimal = (float(references[name].returns[0]) for name in ("random", "optimal"))
    return random + experiment.capability * (optimal - random)


def checked(results: Any) -> Any:
    """The Dataset, if it is of the form that `dataset` gives it, so that it can be summarised. Raises InputError.

    Its digest says that nothing happened to it, not that RewardLab made it.
    """

    def need(right: Any, what: str) -> None:
        if not right:
            raise InputError(f"these are not the results of a run: {what}")

    def array(name: str, dims: tuple[str, ...], kinds: str) -> np.ndarray:
        found = results[name]
        need(set(found.dims) == {*dims}, f"{name} has the dimensions {show(found.dims)}; allowed: {', '.join(dims)}")
        need(found.dtype.kind in kinds, f"{name} is of type {show(found.dtype)}; allowed: numbers")
        return found.transpose(*dims).values

    missing = [name for name in (*ARRAYS, *NAMED) if name not in results.variables]
    need(not missing, f"{', '.join(missing)} missing")
    for name in NAMED:
        texts = results[name].values
        need(texts.ndim == 1 and all(isinstance(text, str) for text in texts), f"{name} does not hold names")
        need(len({*texts}) == len(texts), f"names in {name} are repeated")
    named = {name: array(name, dims, "f") for name, dims in (ARRAYS | EXTRA).items() if name in results}
    need(results.outcome_share.size or not results.sizes["outcome"], "they have no seeds, points or evaluations")
    steps, points = named["steps"], results.sizes["point"]
    need(points and results.sizes["evaluation"], "they have no points or no evaluations")
    there = np.isfinite(steps)
    need((there | np.isnan(steps)).all() and (there.all(-1) == there.any(-1)).all(), "steps are not numbers of steps")
    need((steps[there] >= 0).all() and there.any((2, 3)).all(), "a rule has no seeds, or fewer than no steps")
    counts = {name: array(name, dims, "iu") for name, dims in COUNTS.items() if name in results}
    shared = counts.get("shared_point", np.zeros(1, int))
    need(((shared >= 0) & (shared < points)).all(), "shared_point is none of the points")
    expect(results.attrs, "the attributes of the results", {"capability": float}, ATTRIBUTES)
    expect(read_json(results.attrs.get("experiment") or "{}", "the results' experiment"), "it", {}, PLANNED)
    rows = {name: read_json(results.attrs.get(name) or "[]", f"the results' {name}") for name in ("audit", "mixed")}
    for name, needed in (("audit", AUDITED), ("mixed", {})):
        need(isinstance(rows[name], list), f"{name} is no list")
        for row in rows[name]:
            expect(row, f"the results' {name}", needed)
    return results
