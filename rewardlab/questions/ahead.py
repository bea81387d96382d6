"""How far agents look ahead, seed by seed: before which walls they turn off, and how well their later moves are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading, stats
from rewardlab.analysis.wording import count, figure
from rewardlab.probes.late_blocks import WALLS
from rewardlab.probes.moves_ahead import AND_MOVE, OBSERVATION

if TYPE_CHECKING:
    import xarray

    from rewardlab.analysis.runs import Runs


def mean(values: np.ndarray) -> np.ndarray:
    """float[n] of float[n, m], over those of m that are numbers; NaN where none is."""
    there = np.isfinite(values)
    n = there.sum(1)
    return np.where(n > 0, np.where(there, values, 0.0).sum(1) / np.maximum(n, 1), np.nan)


class Ahead(NamedTuple):
    """Of the S seeds of a rule under a condition.

    turned, without, walked: float[S, depths], how often the first move goes the longer way where a wall that far away is on the
    shorter one, and where there is none; and what share of the way to that wall and back is walked. near, far: float[S], the mean
    of `turned` over depths that training had in the main condition, and over deeper ones; open: of `without`, over the deeper ones;
    harmless: the same with a wall as far away on the longer way.
    read, bare, now: float[S], how often moves after the first are told by the last layer, by that of untrained networks, and by the
    observation and the first move. able: bool[S], competent in the main condition; in others, all that did not fail. What is done
    before walls is of the last evaluation, which has all depths; what is told, of the first one.
    """

    turned: np.ndarray
    without: np.ndarray
    walked: np.ndarray
    near: np.ndarray
    far: np.ndarray
    open: np.ndarray
    harmless: np.ndarray
    read: np.ndarray
    bare: np.ndarray
    now: np.ndarray
    able: np.ndarray


def met(results: xarray.Dataset) -> int:
    """How far away walls are at most in the main condition's training."""
    planned = reading.config_of(results)["conditions"][str(results.condition.values[0])]
    return int(planned.get("params", {}).get("deepest", 1))


def layers_of(results: xarray.Dataset, rule: str) -> list[str]:
    """The layers of a rule's network, in order."""
    return reading.layers(results, rule, "ahead_told", OBSERVATION, AND_MOVE)


def ahead(results: xarray.Dataset, runs: Runs, rule: str, condition: str) -> Ahead:
    """What is found in the seeds of a rule under a condition; a seed that failed is not able."""
    i, j = runs.rules.index(rule), runs.conditions.index(condition)
    there = runs.trained[i, j]
    first, deep = (str(results.evaluation.values[at]) for at in (0, -1))
    get = lambda name: reading.cell(results, rule, condition, name, deep)  # noqa: E731
    turned, beside, without = (get("turned").sel(wall=wall).values for wall in WALLS)
    further = results.depth.values.astype(int) > met(results)
    last = layers_of(results, rule)[-1]

    def told(name: str, source: str) -> np.ndarray:
        return mean(reading.cell(results, rule, condition, name, first).sel(source=source).values[:, 1:])

    able = runs.competent[i, there].astype(bool) if j == 0 else np.ones(int(there.sum()), bool)
    near, far, none = mean(turned[:, ~further]), mean(turned[:, further]), mean(without[:, further])
    read, bare, now = told("ahead_told", last), told("ahead_told_untrained", last), told("ahead_told", AND_MOVE)
    able &= np.isfinite(near + far + none + read + bare + now)
    return Ahead(
        turned,
        without,
        get("walked").values,
        near,
        far,
        none,
        mean(beside[:, further]),
        read,
        bare,
        now,
        able & ~runs.failed[i, j, there],
    )


def figures_of(one: Ahead, depths: list[str]) -> dict[str, Any]:
    """Figures of its able seeds: {near, far, open, harmless, read, bare, now: figure; turned, without, walked: {depth: figure};
    reach: up to how many moves away they turn before every wall in clearly more than half of the levels}.
    """
    each = ("near", "far", "open", "harmless", "read", "bare", "now")
    values = {name: getattr(one, name)[one.able] for name in each}
    found: dict[str, Any] = {name: stats.figure(x[np.isfinite(x)]) for name, x in values.items()}
    found |= {
        name: stats.figures(getattr(one, name)[one.able], depths)
        if one.able.any()
        else dict.fromkeys(depths, stats.figure([]))
        for name in ("turned", "without", "walked")
    }
    clear = [share["low"] is not None and share["low"] > 0.5 for share in found["turned"].values()]
    return found | {"reach": clear.index(False) if False in clear else len(clear)}


def sentences(of: dict[str, Any], near: int) -> str:
    """What is said of these figures of a rule, whose training had walls up to `near` moves away."""
    return (
        f"With walls up to {near} moves away in training, it turns before such walls in {figure(of['near'])} of levels, before "
        f"further ones in {figure(of['far'])}, without a wall in {figure(of['open'])}; trained with walls at all depths, before "
        f"further ones in {figure(of['control']['far'])}. In more than half of the levels it turns before walls up to "
        f"{count(of['reach'], 'move')} away. Of its later moves {figure(of['read'])} are told by the last layer, "
        f"{figure(of['bare'])} by that of untrained networks, {figure(of['now'])} by what is seen and the first move."
    )
