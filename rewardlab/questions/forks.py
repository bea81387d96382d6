"""Runs that were one until they parted: how alike they end, by when that was."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading, stats, variance
from rewardlab.analysis.wording import percent
from rewardlab.inputs.errors import InputError
from rewardlab.questions.half_lives import planned

if TYPE_CHECKING:
    import xarray


class Parted(NamedTuple):
    """One rule's runs under one condition. at: the share of training that they had in common. common: what that is, in words.

    ends: float[G, F, D], how the episodes of each of F runs of each of G groups end: shares of the outcomes in every evaluation
    that rules are compared on. goals: int[G, F], a number for the outcome that most episodes end with in each of these.
    """

    condition: str
    at: float
    common: str
    ends: np.ndarray
    goals: np.ndarray


def forked(results: xarray.Dataset) -> dict[str, float]:
    """{condition: the share of training after which its runs part}, in ascending order, of those that part once and differ from
    the main condition in nothing else.
    """
    told = reading.config_of(results).get("conditions", {})
    main, *others = map(str, results.condition.values)
    if told.get(main, {}).get("phases"):
        return {}
    found = {}
    for name in others:
        phases, params = (told.get(name, {}).get(field) for field in ("phases", "params"))
        if phases and len(phases) == 1 and phases[0].get("forks", 1) > 1 and params == told[main].get("params"):
            found[name] = float(phases[0].get("start", 0.0))
    return dict(sorted(found.items(), key=lambda one: one[1]))


def goals(ends: np.ndarray) -> np.ndarray:
    """int[...]: a number for what prevails, of float[..., evaluations, outcomes]: one and the same for the same outcomes."""
    number = np.zeros(ends.shape[:-2], int)
    for most in np.moveaxis(ends.argmax(-1), -1, 0):
        number = number * ends.shape[-1] + most
    return number


def compared(results: xarray.Dataset) -> list[str]:
    """The evaluations that a goal is read from: the shifts, or the first where there is none."""
    return reading.shifts(results) or [str(results.evaluation.values[0])]


def names_of(results: xarray.Dataset, number: int, said: Callable[[str], str] = str) -> str:
    """What a number of `goals` says: the outcome in each evaluation, "reached the coin / died"."""
    outcomes, names = list(map(str, results.outcome.values)), list[str]()
    for _ in compared(results):
        number, most = divmod(number, len(outcomes))
        names.insert(0, said(outcomes[most]))
    return " / ".join(names)


def parted(results: xarray.Dataset, rule: str) -> list[Parted]:
    """A rule's runs by when they parted. The first one is the control: independent seeds of the main condition, in groups as large
    as those of the others, whose runs have nothing in common. [] where no condition forks, or where there are no two groups.

    results: as `reading.of_founders` gives them. Raises InputError where runs part into different numbers.
    """
    starts = forked(results)
    if not starts:
        return []
    mine = results.sel(rule=rule)
    share = mine["fork_share"].sel(evaluation=compared(results))
    share = share.transpose("condition", "seed", "fork", "evaluation", "outcome")
    each = {}
    for name in starts:
        values = share.sel(condition=name).values.astype(float)
        values = values[np.isfinite(values[:, 0]).all((1, 2))]
        each[name] = values[:, np.isfinite(values).all((0, 2, 3))]
    sizes = {values.shape[1] for values in each.values() if len(values)}
    if len(sizes) > 1:
        raise InputError(f"runs of {rule} part into {sorted(sizes)}; allowed: as many under every condition that forks")
    members = next(iter(sizes), 2)
    alone = share.isel(condition=0, fork=0).values.astype(float)
    alone = alone[np.isfinite(alone).all((1, 2))]
    alone = alone[: len(alone) // members * members].reshape(-1, members, *alone.shape[1:])
    lived = mine["steps"].transpose("condition", "seed", "point").values
    last, budget = np.nanmax(lived), planned(results, rule)
    found = [Parted(str(results.condition.values[0]), 0.0, "nothing", *_flat(alone))]
    for name, values in each.items():
        begun = round(starts[name] * budget)  # the last update ends a little later than the budget
        steps = lived[list(map(str, results.condition.values)).index(name)]
        common = "the initial parameters" if not begun else "the first update" if begun == 1 else ""
        found.append(
            Parted(
                name,
                float(np.nanmin(np.where(steps >= begun, steps, last)) / last),
                common or f"{percent(starts[name])} % of training",
                *_flat(values),
            )
        )
    return found if all(len(one.ends) > 1 for one in found) else []


def _flat(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return ends.reshape(*ends.shape[:2], -1), goals(ends)


class Decided(NamedTuple):
    """What is decided by when runs part, of K times, the control the first, in groups that are resampled R times.

    alike: float[K], the probability that two runs of one group have the same goal. share: float[K], of the variance of how runs
    end, that between groups. half: float[], the share of training by which half is decided: where the curve of shares that never
    falls, up to the end, where all is decided, reaches one half. alikes, shares: float[R, K]; halves: float[R]. groups: how many
    there are, at the time that has fewest.
    """

    alike: np.ndarray
    share: np.ndarray
    half: np.ndarray
    alikes: np.ndarray
    shares: np.ndarray
    halves: np.ndarray
    groups: int


def decided(every: list[Parted]) -> Decided:
    """What is decided by when. Groups are resampled, those of one founder together at all times; runs are not."""
    same = [variance.agreement(one.goals) for one in every]
    draws = {len(one.ends): stats.draws(1, len(one.ends), stream=5) for one in every}
    alikes = np.stack([draws[len(x)] @ x / len(x) for x in same], -1)
    share = np.array([variance.components(one.ends).share for one in every])
    shares = np.stack([variance.components(one.ends, draws[len(one.ends)]).share for one in every], -1)
    shares = np.minimum(shares + share - shares.mean(0), 1.0)  # groups drawn twice are alike: less that bias
    at = np.array([one.at for one in every[1:]] + [1.0])

    def half(curve: np.ndarray) -> np.ndarray:
        end = np.ones((*curve.shape[:-1], 1))
        return variance.crossing(at, variance.rising(np.concatenate([curve[..., 1:], end], -1)))

    alike = np.array([x.mean() for x in same])
    return Decided(alike, share, half(share), alikes, shares, half(shares), min(len(one.ends) for one in every))


def figure(centre: float, drawn: np.ndarray, groups: int) -> dict[str, Any]:
    """A mean over groups with its interval, in the form that `stats.figure` has; no interval of fewer than `stats.MIN_SEEDS`."""
    low, high = stats.percentiles(drawn, groups) if groups >= stats.MIN_SEEDS else (np.nan, np.nan)
    return {"iqm": stats.plain(centre), "low": stats.plain(low), "high": stats.plain(high), "n": groups}


def independent(control: Parted) -> tuple[float, np.ndarray]:
    """(probability that two independent seeds have the same goal, the same of resamples of the seeds, float[resamples])."""
    counts = np.unique(control.goals, return_counts=True)[1].astype(float)
    seeds = control.goals.size
    drawn = np.random.default_rng([0, 6]).multinomial(seeds, counts / seeds, stats.RESAMPLES)
    # Of a resample the chance that two draws agree is too high by that of drawing one seed twice.
    resampled = ((drawn / seeds) ** 2).sum(1)
    return float((counts * (counts - 1)).sum() / (seeds * (seeds - 1))), (resampled * seeds - 1) / (seeds - 1)


def figures_of(times: list[Parted]) -> dict[str, Any]:
    """What a rule's entry in the summary gets: independent, half: figures; parted: a row for each time."""
    got, (same, drawn) = decided(times), independent(times[0])
    rows = [
        {
            "condition": one.condition,
            "common": one.common,
            "at": one.at,
            "groups": len(one.ends),
            "runs": one.ends.shape[1],
            "alike": figure(got.alike[k], got.alikes[:, k], len(one.ends)),
            "decided": figure(got.share[k], got.shares[:, k], len(one.ends)),
        }
        for k, one in enumerate(times)
    ]
    return {
        "independent": figure(same, drawn, times[0].goals.size),
        "half": figure(float(got.half), got.halves, got.groups),
        "parted": rows,
    }
