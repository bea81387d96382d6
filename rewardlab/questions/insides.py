"""What is found inside networks, seed by seed: what is read at their last layer, and what a vector at the middle one changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading, stats
from rewardlab.inputs.errors import InputError
from rewardlab.probes.readouts import OBSERVATION, first_step
from rewardlab.questions.goal_fits import off_distribution

if TYPE_CHECKING:
    import xarray

    from rewardlab.analysis.runs import Runs

SIGNS = (-1, 1)  # how a goal's vector is expected to tell: the first goal's taken away, the second one's added


class Inside(NamedTuple):
    """Of the S seeds of a rule under a condition, off distribution.

    read: float[S, 2], accuracy of the first step to each goal, read at the last layer. steered, jostled: float[S, 2], by how much
    the share of episodes that end at a goal changes with its vector, and with random ones, at the middle layer. before: the
    share without. able: bool[S], competent in the main condition; in others, all that did not fail.
    """

    read: np.ndarray
    steered: np.ndarray
    jostled: np.ndarray
    before: np.ndarray
    able: np.ndarray


def goals_of(results: xarray.Dataset) -> list[str]:
    """The names of the two goals."""
    return list(map(str, results["steered"].vector.values[:2]))


def layers_of(results: xarray.Dataset, rule: str) -> list[str]:
    """The layers of a rule's network, in order."""
    return reading.layers(results, rule, "readout", OBSERVATION)


def picked(results: xarray.Dataset, rule: str) -> tuple[str, str]:
    """(the last layer, which is read; the middle one, which vectors are added to), fixed beforehand."""
    layers = layers_of(results, rule)
    return layers[-1], layers[(len(layers) - 1) // 2]


def cell(results: xarray.Dataset, rule: str, condition: str, name: str) -> xarray.DataArray:
    """An array of the probes off distribution, float[seed, ...], of the seeds that were trained."""
    return reading.cell(results, rule, condition, name, off_distribution(results))


def changes(results: xarray.Dataset, rule: str, condition: str, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """(with the vectors of both goals, with random ones): float[S, 2], how much the share of episodes that end there changes."""
    get = lambda name: cell(results, rule, condition, name)  # noqa: E731
    before, steered, jostled = get("unsteered"), get("steered").sel(layer=layer), get("jostled").sel(layer=layer)
    own = [steered.isel(vector=i, coefficient=int(sign > 0), end=i) for i, sign in enumerate(SIGNS)]
    random = [jostled.isel(vector=i, end=i) for i in (0, 1)]
    return tuple(np.stack([x.values for x in those], 1) - before.values for those in (own, random))


def inside(results: xarray.Dataset, runs: Runs, rule: str, condition: str) -> Inside:
    """What is found in the seeds of a rule under a condition; a seed that failed is not able. Raises InputError where no read-out
    was tested.
    """
    i, j = runs.rules.index(rule), runs.conditions.index(condition)
    there = runs.trained[i, j]
    last, middle = picked(results, rule)
    steps = [first_step(goal) for goal in goals_of(results)]
    read = cell(results, rule, condition, "readout").sel(source=last, read=steps)
    steered, jostled = changes(results, rule, condition, middle)
    if np.isnan(read.values[~runs.failed[i, j, there]]).any():
        raise InputError(
            f"the evaluation {off_distribution(results)!r} has no states left in which a read-out of first steps could be tested; "
            "allowed: levels of which some have even and some have odd numbers"
        )
    able = runs.competent[i, there].astype(bool) if j == 0 else np.ones(int(there.sum()), bool)
    return Inside(
        read.values,
        steered,
        jostled,
        cell(results, rule, condition, "unsteered").values,
        able & ~runs.failed[i, j, there],
    )


def clearly(change: dict[str, Any], sign: int) -> bool:
    """Whether the interval of a change lies on that side of 0. That a vector differs from random ones does not say so: it may
    do nothing where they do harm.
    """
    return change["low"] is not None and min(sign * change["low"], sign * change["high"]) > 0


def figures_of(one: Inside, names: list[str], all_of_them: bool = False) -> dict[str, Any]:
    """Figures of its able seeds, or of all: {read, steered, jostled, before: {goal: figure}}."""
    mine = np.ones(len(one.able), bool) if all_of_them else one.able
    return {name: stats.figures(getattr(one, name)[mine], names) for name in ("read", "steered", "jostled", "before")}
