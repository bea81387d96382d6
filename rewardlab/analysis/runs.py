"""Results as plain arrays, and the samples of seeds that comparisons are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rewardlab.analysis.reading import capable, competent, filled, first_capable, has_goals, scores_success, shifts

if TYPE_CHECKING:
    import xarray


class Runs(NamedTuple):
    """A results Dataset as plain arrays.

    values: float64[rule, condition, seed, point, evaluation, measure]; the measures are the outcomes, then the return;
    NaN where a rule lacks the seed under a condition. trained: bool[rule, condition, seed]. failed: the same, at the last
    point. steps: [rule, condition, seed, point]. shared: int[rule], the point at which all have lived equally many steps.
    alike: whether that is the last one of each.
    Of the main condition: first: int[rule, seed], the first capable point, -1 for never; competent: bool[rule, seed],
    capable at the last point.
    score: the measure that says how well a rule does: success, or the return in a world where they are not the same.
    goals: success and proxy; none in a world that names no outcomes. judged: the measures in which rules are compared.
    capable: bool[rule, condition, seed, point], whether the return on the training distribution is at least `capability`.
    compared: the evaluations on which they are: the shifts, or the training distribution if there is none.
    """

    values: np.ndarray
    trained: np.ndarray
    failed: np.ndarray
    steps: np.ndarray
    shared: np.ndarray
    alike: bool
    first: np.ndarray
    competent: np.ndarray
    rules: list[str]
    conditions: list[str]
    evaluations: list[str]
    measures: list[str]
    score: str
    goals: list[str]
    judged: list[str]
    shifts: list[str]
    compared: list[str]
    control: str
    capable: np.ndarray
    control_capability: float


def runs_of(results: xarray.Dataset) -> Runs:
    data, moved = filled(results), shifts(results)
    dims = ("rule", "condition", "seed", "point", "evaluation")
    shares = data.outcome_share.transpose(*dims, "outcome").values
    returns = data["return"].transpose(*dims).values
    rules, conditions, evaluations, outcomes = (
        list(map(str, results[dim].values)) for dim in ("rule", "condition", "evaluation", "outcome")
    )
    steps = results.steps.transpose(*dims[:4]).values
    trained = np.isfinite(steps).any(3)
    last = results.sizes["point"] - 1
    shared = results["shared_point"].values if "shared_point" in results else np.full(len(rules), last)
    goals, scored = outcomes[:2] if has_goals(results) else [], scores_success(results)
    control = results.attrs.get("control", "")
    return Runs(
        values=np.concatenate([shares, returns[..., None]], -1).astype(float),
        trained=trained,
        steps=steps,
        failed=data.failed.transpose(*dims[:4]).values[..., -1],
        shared=shared,
        alike=bool((shared == last).all()),
        first=first_capable(data).values,
        competent=competent(data).values,
        rules=rules,
        conditions=conditions,
        evaluations=evaluations,
        measures=[*outcomes, "return"],
        score=outcomes[0] if scored else "return",
        goals=goals,
        judged=goals if scored else [*(goals if moved else []), "return"],
        shifts=moved,
        compared=moved or evaluations[:1],
        control=control if control in conditions else "",
        capable=capable(data).values,
        control_capability=float(results.attrs.get("control_capability", 0.5)),
    )


def samples(runs: Runs, i: int) -> dict[str, np.ndarray]:
    """{reading: values [seeds, evaluation, measure]} of a rule under the main condition; last: at the end of its own budget."""
    there = runs.trained[i, 0]
    values, first = runs.values[i, 0, there], runs.first[i, there]
    reached = np.flatnonzero(first >= 0)
    return {"equal": values[:, runs.shared[i]], "matched": values[reached, first[reached]], "last": values[:, -1]}


def until_capable(runs: Runs, i: int) -> np.ndarray:
    """float[seeds]: steps that a rule's seeds lived until they were capable; all that it lived, of a seed that never is."""
    there = runs.trained[i, 0]
    return runs.steps[i, 0, there, runs.first[i, there]]
