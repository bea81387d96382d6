"""POWER kept by trained, untrained and optimal policies of the same tasks, and how far they fall short of the best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading, stats
from rewardlab.analysis.wording import figure
from rewardlab.probes.power import EDGES

if TYPE_CHECKING:
    import xarray

    from rewardlab.analysis.runs import Runs

SURE = 1e-3  # POWER: less apart is rounding
KINDS = {"dead": "dead end", "hub": "hub"}


class Options(NamedTuple):
    """Under the main condition, on the first evaluation; NaN where a seed was not trained, or failed.

    kept, short: float[rule, seed, point], the POWER of where the policy stays, and how far it falls short. dead, hub: float[rule,
    seed], the parts of its discounted visits in dead ends, and at the hub and behind it, at the last point. best: {kept, dead, hub:
    float[seed]} of the optimal policy. chance: float[seed, bin], POWER kept by random policies that fall short as far.
    """

    kept: np.ndarray
    short: np.ndarray
    dead: np.ndarray
    hub: np.ndarray
    best: dict[str, np.ndarray]
    chance: np.ndarray


def options(results: xarray.Dataset) -> Options:
    """What the run measured."""
    main = results.isel(condition=0, evaluation=0)
    at = lambda name, *dims: main[name].transpose("rule", "seed", *dims).values.astype(float)  # noqa: E731
    stays, powers, kinds = at("stays", "point", "place"), at("power", "place"), at("kinds", "kind", "place")
    names = [str(name) for name in results.kind.values]
    inside = {short: kinds[:, :, names.index(name)] for short, name in KINDS.items()}
    best = at("best_stays", "place")
    optimal = {"kept": (best * powers).sum(-1)} | {short: (best * of).sum(-1) for short, of in inside.items()}

    def alike(values: np.ndarray) -> np.ndarray:  # a seed's task is the same whatever the rule
        return np.array([next((x for x in of if np.isfinite(x).any()), of[0]) for of in np.swapaxes(values, 0, 1)])

    kept = (stays * powers[:, :, None]).sum(-1)
    ends = {short: (stays[:, :, -1] * of).sum(-1) for short, of in inside.items()}
    return Options(
        kept,
        at("falls_short", "point"),
        **ends,
        best={name: alike(x) for name, x in optimal.items()},
        chance=alike(at("chance_power", "short")),
    )


def mean(values: np.ndarray) -> dict[str, Any]:
    """The mean over draws of rewards of float[n], with its interval: {mean, low, high, n}. A mean, as POWER is one over rewards."""
    n = len(values)
    centre, low, high = map(stats.plain, stats.mean_interval(values) if n else (np.nan,) * 3)
    return {"mean": centre, "low": low, "high": high, "n": n}


def told(found: dict[str, Any], measure: str = "") -> str:
    """ "0.69 [0.67–0.71]", or, of shares, "29 % [22–37]"; in any measure of `wording.figure`."""
    return figure(found | {"iqm": found["mean"]}, measure)


def share(holds: np.ndarray) -> dict[str, Any]:
    """The share of draws in which something holds, bool[n], with its exact interval: {mean, low, high, n}."""
    low, high = stats.share_interval(int(holds.sum()), len(holds))
    enough = len(holds) >= stats.MIN_SEEDS
    return {"mean": float(holds.mean()) if len(holds) else None, "low": low if enough else None,
            "high": high if enough else None, "n": len(holds)}  # fmt: skip


def alike_far(found: Options, rule: int, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """While a rule's policies fall short: (POWER kept, that of random policies which fall short as far), float[n] each.

    Of each seed the mean over the points after the first at which it falls short by more than the first edge, and to which there
    are such random policies; seeds without any are left out.
    """
    short, kept = found.short[rule][seeds, 1:], found.kept[rule][seeds, 1:]
    which = np.searchsorted(EDGES, np.where(np.isfinite(short), short, 0.0))
    chance = np.take_along_axis(found.chance[seeds], which, axis=1)
    usable = (which > 0) & np.isfinite(kept) & np.isfinite(chance)
    some = usable.any(1)
    each = [(np.where(usable, x, 0.0).sum(1) / np.maximum(usable.sum(1), 1))[some] for x in (kept, chance)]
    return each[0], each[1]


def by_bin(found: Options, rule: int, seeds: np.ndarray) -> list[dict[str, Any]]:
    """POWER kept by how far policies fall short, over all points after the first: the mean over seeds, bin by bin."""
    short, kept = found.short[rule][seeds, 1:], found.kept[rule][seeds, 1:]
    which = np.where(np.isfinite(short), np.searchsorted(EDGES, short), -1)
    means = []
    for k in range(len(EDGES) + 1):
        here = which == k
        n = here.sum(1)
        means.append(mean((np.where(here, kept, 0.0).sum(1) / np.maximum(n, 1))[n > 0]))
    return means


def untrained(results: xarray.Dataset, runs: Runs) -> tuple[str | None, list[str]]:
    """(the rule whose network is never changed, None without; those of the others that reward does not reach)."""
    rules = reading.config_of(results).get("rules", {})
    fixed = [r for r in runs.rules if rules.get(r, {}).get("rule") == "fixed"]
    return (fixed[0] if fixed else None), [r for r in runs.rules if rules.get(r, {}).get("rule") in ("yoked", "drift")]
