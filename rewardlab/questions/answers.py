"""Answers to cues that can be enumerated: which occurred in training, what the others are answered with, and the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rewardlab.analysis import reading
from rewardlab.inputs.errors import InputError

if TYPE_CHECKING:
    import xarray

# What is claimed of a rule, by the side of half of its control on which it lies, and the answer that this makes.
TAUGHT = {-1: "taught the answer, not the sum", 1: "taught the sum, from one answer", 0: "taught neither clearly"}
ALONE = "asked what no training shows, agents of {who} that were taught one answer "
ANSWERS = {
    TAUGHT[-1]: ALONE + "are right in {figures} of cases: they learned the answer, not the sum",
    TAUGHT[1]: ALONE + "are right in {figures} of cases: they learned the sum",
    TAUGHT[0]: ALONE + "are right in {figures} of cases, which speaks clearly for neither",
}


class Lesson(NamedTuple):
    """One way of training, by the evaluation that asks as it does.

    answers: how many answers occur. bits: by how many bits a question the right answers are better told by who knows how they
    follow from the question than by who knows no more than how often each occurs: the entropy of the answers.
    commonest: the action that is right most often. asked: float[cue]. known: bool[cue], cues whose answer occurs.
    """

    answers: int
    bits: float
    commonest: int
    asked: np.ndarray
    known: np.ndarray


def lessons(results: xarray.Dataset) -> dict[str, Lesson]:
    """{condition: its lesson}. Raises InputError where no evaluation asks what a condition does."""
    plan = reading.config_of(results)
    tests = plan.get("evaluations", {})
    found = {}
    for name in map(str, results.condition.values):
        params = plan["conditions"][name].get("params", {})
        same = [test for test in map(str, results.evaluation.values) if tests.get(test) == params]
        if not same:
            raise InputError(
                f"no evaluation asks what condition {name!r} does, {params}; allowed: one with these params for each condition"
            )
        there = results.sel(condition=name, evaluation=same[0])
        asked, pays = (_alike(there[array].transpose("rule", "seed", "cue", ...).values) for array in ("asked", "pays"))
        right = asked @ pays
        share = right[right > 0] / right.sum()
        known = np.asarray((pays[:, right > 0] > 0).any(1))
        found[name] = Lesson(len(share), abs(float((share * np.log2(share)).sum())), int(right.argmax()), asked, known)
    return found


def _alike(values: np.ndarray) -> np.ndarray:
    """float[rule, seed, ...], which is the same for all -> float[...]."""
    flat = values.reshape(-1, *values.shape[2:])
    return flat[np.isfinite(flat).reshape(len(flat), -1).all(1)][0].astype(float)


def unseen(told: dict[str, Lesson]) -> np.ndarray:
    """bool[cue]: the cues that no condition's training shows."""
    return ~np.any([lesson.asked > 0 for lesson in told.values()], axis=0)


def shares(results: xarray.Dataset, told: dict[str, Lesson]) -> dict[str, np.ndarray]:
    """{what: float[rule, condition, seed]}, NaN where a seed is not trained. Of the cues that no training shows: "right", how many
    are answered rightly, and "commonest", with training's commonest answer; "taught": of those asked in training, rightly.
    """
    never = unseen(told)
    done, pays = (
        results[name].transpose("rule", "condition", "seed", "evaluation", "cue", "action").values[:, :, :, 0]
        for name in ("done", "pays")
    )
    right = (done * pays).sum(-1, dtype=float) + 0 * done.sum(-1)
    weights = np.stack([lesson.asked for lesson in told.values()])
    commonest = np.stack(
        [done[:, j][..., never, lesson.commonest].mean(-1) for j, lesson in enumerate(told.values())], axis=1
    )
    taught = (right * weights[None, :, None]).sum(-1)
    return {"right": right[..., never].mean(-1), "commonest": commonest, "taught": taught}
