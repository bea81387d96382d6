"""When a penalty is paid, before competence or after, and what is left of what it taught once it is lifted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import stats
from rewardlab.analysis.runs import Runs
from rewardlab.inputs.errors import InputError
from rewardlab.questions.half_lives import USUAL, bounded, crossing

if TYPE_CHECKING:
    import xarray

NEVER, EARLY, LATE, THROUGHOUT = WHEN = "never", "early", "late", "throughout"
HALF = 0.5


class Course(NamedTuple):
    """One condition. when: in which part of training the penalty is paid, one of `WHEN`. lift: share of the steps at which it ends,
    or, never paid, at which the penalised begins to pay. signal: what is penalised.
    """

    when: str
    lift: float
    signal: str


class After(NamedTuple):
    """One rule under one condition, of its seeds S. share: float[S], how much of what was penalised is done at the lift; then as
    long after the lift as all conditions are watched; then at the end. escape: float[S], steps from the lift until half of what is
    done is that, inf where it is not by then, and NaN where it was so at the lift. watched: steps after the lift.
    """

    lift: np.ndarray
    later: np.ndarray
    end: np.ndarray
    escape: np.ndarray
    watched: float


def courses(experiment: dict[str, Any]) -> dict[str, Course]:
    """{condition: its course}, of those that end with a signal paid that some condition has penalised: a temptation.

    A penalty is a negative weight. It is early while reward has not been paid yet, late from then on, throughout where it is both.
    """
    found: dict[str, Course] = {}
    told = {
        name: [{"start": 0.0, "reward": USUAL}, *condition.get("phases", [])]
        for name, condition in experiment.get("conditions", {}).items()
    }
    signals = {k: None for phases in told.values() for p in phases for k, w in p["reward"].items() if w < 0}
    for signal in (name for name in signals if name != "reward"):
        for name, phases in told.items():
            parts = [
                p for p, q in zip(phases, [*phases[1:], None], strict=True) if q is None or q["start"] > p["start"]
            ]
            weight = [p["reward"].get(signal, 0.0) for p in parts]
            if weight[-1] <= 0:
                continue
            ends = max((k for k, w in enumerate(weight) if w < 0), default=None)
            first = next(k for k, w in enumerate(weight) if w > 0 and (ends is None or k > ends))
            paid = [any(p["reward"].get("reward", 0.0) > 0 for p in parts[:k]) for k in range(len(parts))]
            taught = [paid[k] or parts[k]["reward"].get("reward", 0.0) > 0 for k, w in enumerate(weight) if w < 0]
            when = NEVER if not taught else LATE if all(taught) else THROUGHOUT if any(taught) else EARLY
            lift = parts[first if ends is None else ends + 1]["start"]
            found.setdefault(name, Course(when, lift, signal))
    return found


def shares(results: xarray.Dataset, signal: str) -> np.ndarray:
    """float[rule, condition, seed, point]: in how many steps of the first evaluation the signal is there. Raises InputError."""
    known = [*map(str, results.signal.values)]
    if signal not in known:
        raise InputError(f"the world has no signal {signal!r} to be counted; allowed: {', '.join(known)}")
    there = results.isel(evaluation=0).transpose("rule", "condition", "seed", "point", "signal", ...)
    return there["signal_sum"].sel(signal=signal).values.astype(float) / np.maximum(there["length"].values, 1.0)


def after(
    runs: Runs, done: np.ndarray, rule: int, condition: str, course: Course, total: float, watched: float
) -> After:
    """What a rule's seeds do after the lift. done: `shares`. total: the rule's steps; watched: as a share of them."""
    j = runs.conditions.index(condition)
    there = runs.trained[rule, j]
    share, steps = done[rule, j, there], runs.steps[rule, j, there]
    share = np.where(
        np.isfinite(share), share, 0.0 if course.when == NEVER else 1.0
    )  # a seed that failed is no evidence
    at = (steps >= course.lift * total).argmax(-1)
    rows, until = np.arange(len(share)), np.minimum(steps[np.arange(len(share)), at] + watched * total, steps[:, -1])
    later, escape = np.full((2, len(share)), np.nan)
    for i in rows:
        later[i] = np.interp(until[i], steps[i], share[i])
        came = crossing(steps[i, at[i] :], -share[i, at[i] :], -HALF)
        escape[i] = np.nan if share[i, at[i]] >= HALF else came - steps[i, at[i]] if came <= until[i] else np.inf
    return After(share[rows, at], later, share[:, -1], escape, float((until - steps[rows, at]).min(initial=np.inf)))


def figures_of(one: After) -> dict[str, Any]:
    """What a summary says: lift, later, end: figures of shares; steps: {"half", "low", "high", "n", "above"} of the escapes of
    seeds that did less than half of it at the lift, "inf" for longer than `watched`, as `half_lives.half_life` tells. Plain JSON
    values.
    """
    told = {name: stats.figure(getattr(one, name)) for name in ("lift", "later", "end")}
    return told | {"steps": bounded(one.escape), "watched": {"steps": stats.plain(one.watched)}}
