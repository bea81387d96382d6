"""Behaviour within an episode while no parameter changes: how long it lasts once the reward in view stops or lies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading
from rewardlab.analysis.cautions import is_control
from rewardlab.analysis.wording import CONTROL_RULES, plain
from rewardlab.inputs.errors import InputError
from rewardlab.questions.claims import too_few
from rewardlab.questions.half_lives import Lives, changes, crossing, lives
from rewardlab.questions.lifetimes import LATE, roles

if TYPE_CHECKING:
    import xarray

    from rewardlab.analysis.runs import Runs

SIGNAL = "best"  # whether what was done pays most
ALIKE = "no clear difference by training"


class Kind(NamedTuple):
    """A way of training while all goes on. changed: {condition: {start, reward}} that are like it until pay changes."""

    name: str
    changed: dict[str, dict[str, Any]]


class Told(NamedTuple):
    """Evaluations by what they do to an episode. steady, moved: the first in which nothing changes, or the paid arm does.

    changed: {evaluation: (role, step from which on it changes what is in view)}, those in which reward stops first.
    """

    steady: str
    moved: str
    changed: dict[str, tuple[str, int]]


def kinds(results: xarray.Dataset) -> list[Kind]:
    """Conditions in which pay goes on, each with those that are trained in the same world until pay changes."""
    told = reading.config_of(results).get("conditions", {})
    changed = changes(reading.config_of(results))
    return [
        Kind(
            name,
            {k: change for k, change in changed.items() if told[k].get("params", {}) == one.get("params", {})},
        )
        for name, one in told.items()
        if name not in changed
    ]


def evaluations(results: xarray.Dataset) -> Told:
    """What the evaluations do. Raises InputError where one that is needed is missing."""
    does, config = roles(results), reading.config_of(results).get("evaluations", {})
    steady, moved = (
        next((name for name, what in does.items() if what == role), None) for role in ("steady", "switched")
    )
    changed: dict[str, tuple[str, int]] = {
        name: (role, config[name]["since"])
        for role in ("stopped", "faked")
        for name, what in does.items()
        if what == role and config[name].get("since", 0) > 0
    }
    stops = "stopped" in [role for role, _ in changed.values()]
    if SIGNAL not in results.signal.values or not (steady and moved and stops):
        raise InputError(
            f'asks = stopping needs a world whose signals have "{SIGNAL}", an evaluation in which nothing changes, one in which '
            "the paid arm does, and one with decoupled = 1 from a step `since` on; allowed: reward_in_view around bandit, for one"
        )
    return Told(steady, moved, changed)


def chance(results: xarray.Dataset) -> float:
    """How often what pays most is done on the first evaluation by who knows nothing: the random policy."""
    return float(results.reference_share.sel(reference="random").isel(evaluation=0, outcome=0))


def seen(results: xarray.Dataset, runs: Runs, told: Told, nothing: float) -> Runs:
    """The runs by the share of the first outcome, where nothing changes alone.

    capable: at least halfway there from `nothing` to always; and of those whose training moves the paid arm, where it moves, too.
    """
    steady, moved = (runs.values[..., runs.evaluations.index(name), 0] for name in (told.steady, told.moved))
    high = (1 + nothing) / 2
    watches = np.array([_watches(results, name) for name in runs.conditions])[:, None, None]
    capable = (steady >= high) & (~watches | (moved >= high))
    at = runs.evaluations.index(told.steady)
    return runs._replace(values=runs.values[..., [at], :], score=runs.measures[0], capable=capable)


def _watches(results: xarray.Dataset, condition: str) -> bool:
    """Whether the paid arm moves within episodes of training, so that who is competent follows it."""
    return reading.config_of(results)["conditions"][condition].get("params", {}).get("switched", 0) > 0


def within(
    results: xarray.Dataset,
    rule: int,
    kind: str,
    evaluation: str,
    there: np.ndarray,
    able: np.ndarray,
    since: int,
    nothing: float,
) -> Lives:
    """How long the behaviour of the seeds that are `there` lasts within an episode of an evaluation, from step `since` on.

    there, able: bool[seed], of all seeds. before, end: means over the fifth of the episode before `since`, and over the last one.
    No updates are made: they are NaN.
    """
    x, y = course(results, rule, kind, evaluation, there)
    fifth = max(round(LATE * len(x)), 1)
    known, after = np.flatnonzero(x < since)[-fifth:], x >= since
    before, steps = y[:, known].mean(-1), np.full(len(y), np.nan)
    for i in np.flatnonzero(able[there]):
        steps[i] = crossing(x[after], y[i, after], nothing + (before[i] - nothing) / 2) - since
    watched = float(x[-1] - since) if able.any() else np.nan
    return Lives(able[there], before, y[:, -fifth:].mean(-1), steps, np.full(len(y), np.nan), (watched, np.nan))


def every_way(
    results: xarray.Dataset, runs: Runs, rule: int, kind: Kind, told: Told, nothing: float
) -> dict[str, tuple[Lives, np.ndarray]]:
    """{evaluation or condition: (how long a kind's behaviour lasts there, what the same comes to where nothing changes)}.

    runs: those of `seen`.
    """
    j, found = runs.conditions.index(kind.name), {}
    there, able = runs.trained[rule, j], able_at_the_end(runs, rule, kind)
    for name, (_, since) in told.changed.items():
        steady, one = (within(results, rule, kind.name, e, there, able, since, nothing) for e in (told.steady, name))
        found[name] = one, steady.end[able[there]]
    for name, change in kind.changed.items():
        found[name] = lives(results, runs, rule, name, change["start"], nothing), runs.values[rule, j, there, -1, 0, 0]
    return found


def able_at_the_end(runs: Runs, rule: int, kind: Kind) -> np.ndarray:
    """bool[seed], of all seeds."""
    j = runs.conditions.index(kind.name)
    return runs.capable[rule, j, :, -1] & ~runs.failed[rule, j] & runs.trained[rule, j]


def doings(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """[(kind, what its frozen behaviour does where the reward in view stops, by where the median half-life's interval lies)]."""
    found = []
    for kind, every in entry["stopping"].items():
        low, high = (next(iter(every.values()))["steps"][end] for end in ("low", "high"))
        text = "goes on by habit" if low == "inf" else "clearly does neither" if high == "inf" else "stops by percept"
        found.append((kind, text))
    return found


def why_not(entry: dict[str, Any], chance: float) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    if is_control(entry):
        return CONTROL_RULES[entry["level"]]
    for kind, every in entry["stopping"].items():
        of = next(iter(every.values()))  # where the reward in view stops
        if why := too_few(of["able"], of["seeds"], f" trained “{plain(kind)}”"):
            return why
        if of["paid"]["low"] <= chance + (of["before"]["iqm"] - chance) / 2:
            return f"trained “{plain(kind)}”, it does not even last where nothing changes"
    return ""


def course(
    results: xarray.Dataset, rule: int, kind: str, evaluation: str, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(steps of the middles of the parts of an episode float[parts], behaviour float[seeds that are `there`, parts])."""
    cell = results.isel(rule=rule).sel(condition=kind, evaluation=evaluation)
    y = cell["course"].sel(signal=SIGNAL).transpose("seed", "part").values[there].astype(float)
    y = y[:, np.isfinite(y).any(0)]
    long = float(np.nanmax(cell["length"].values, initial=0.0))
    return (np.arange(y.shape[1]) + 0.5) * long / max(y.shape[1], 1), y


def since_change(
    results: xarray.Dataset, runs: Runs, rule: int, condition: str, start: float
) -> tuple[np.ndarray, np.ndarray]:
    """(steps since pay changed float[P], behaviour of seeds that were competent then float[n, P]), at points after that.

    runs: those of `seen`.
    """
    j, one = runs.conditions.index(condition), lives(results, runs, rule, condition, start, 0.0)
    seeds = np.flatnonzero(runs.trained[rule, j])[one.able]
    x = runs.steps[rule, j, seeds].mean(0) if len(seeds) else np.zeros(runs.steps.shape[-1])
    first = int((x >= start * x[-1]).argmax())
    return x[first + 1 :] - x[first], runs.values[rule, j, seeds, first + 1 :, 0, 0]


def answers(claims: Iterable[str]) -> dict[str, str]:
    """Of what is claimed, as `doings` has it or ALIKE, the sentence that `answering.answer` takes."""
    where, found = "where the reward that they see stops, ", {}
    for what in claims:
        does = what.replace("stops", "stop").replace("goes", "go")
        found[what] = f"{where}agents of {{who}} {'do the same however trained' if what == ALIKE else does}"
    return found
