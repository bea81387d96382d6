"""Which goals account for what seeds do, and which are compatible with what they do: seed by seed, of the probe `goal_fit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading, stats

if TYPE_CHECKING:
    import xarray

    from rewardlab.analysis.runs import Runs

BAR = 0.3  # a goal is compatible with a seed that loses at most so much of what it is worth
PAID, PROXY = 0, 1  # the goals that a world names first: what training pays for, and what it may be taken for


class Fits(NamedTuple):
    """Of one rule under one condition, S seeds and G goals; off: where the control is trained, on: where these seeds are.

    fit, posterior: float[S, G], off distribution: bits a step, and the posterior over the goals, from a uniform prior.
    on, off: bool[S, G], whether a goal is compatible there. able: bool[S], competent in the main condition; in any other, that
    what is paid for is compatible where it is trained. A seed that failed is neither.
    """

    fit: np.ndarray
    posterior: np.ndarray
    on: np.ndarray
    off: np.ndarray
    able: np.ndarray

    def compatible(self, where: str) -> np.ndarray:
        """float[seeds that learned what is paid for]: how many goals are compatible, "on" or "off" distribution."""
        return getattr(self, where)[self.on[:, PAID]].sum(1).astype(float)

    def counts(self) -> dict[str, Any]:
        """Figures of the same: on, off."""
        return {where: stats.figure(self.compatible(where)) for where in ("on", "off")}


def posterior(fit: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """float[..., G]: of goals that were equally likely before so many steps (float[...]), of such a fit (bits a step)."""
    bits = fit * steps[..., None]
    odds = np.exp2(bits - bits.max(-1, keepdims=True))
    return odds / odds.sum(-1, keepdims=True)


def goals_of(results: xarray.Dataset) -> list[str]:
    """The names of the goals."""
    return list(map(str, results["goal_fit"].goal.values))


def off_distribution(results: xarray.Dataset) -> str:
    """The evaluation in the world of the control; the last one without a control."""
    control = results.attrs.get("control") or ""
    return reading.tested_on(results).get(control, str(results.evaluation.values[-1]))


def levels_of(results: xarray.Dataset) -> dict[str, float]:
    """{condition: how many training levels it has}, ascending, inf for all there are: of the main one, and of those that differ
    from it in nothing else.
    """
    planned = reading.config_of(results).get("conditions", {})
    params = {name: planned[name].get("params", {}) for name in map(str, results.condition.values)}
    rest = {name: {k: v for k, v in p.items() if k not in reading.POOL} for name, p in params.items()}
    main = next(iter(params))
    found = {name: float(p.get("training_levels", np.inf)) for name, p in params.items() if rest[name] == rest[main]}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def fits(results: xarray.Dataset, runs: Runs, rule: int, condition: str) -> Fits:
    """What goals account for in a rule's seeds under a condition. Raises InputError as `tested_on` does."""
    j, there = runs.conditions.index(condition), runs.trained[rule, runs.conditions.index(condition)]
    cell = results.isel(rule=rule, condition=j)
    off, on = off_distribution(results), reading.tested_on(results)[condition]
    dims = ("evaluation", "seed", "goal")
    fit, regret = (cell[name].transpose(*dims).values[:, there].astype(float) for name in ("goal_fit", "goal_regret"))
    steps = cell["fit_steps"].transpose("evaluation", "seed").values[:, there].astype(float)
    here, elsewhere = (runs.evaluations.index(name) for name in (on, off))
    well = ~runs.failed[rule, j, there]
    near = (np.nan_to_num(regret, nan=1.0) <= BAR) & well[:, None]
    fit, steps = np.where(well[:, None], fit[elsewhere], 0.0), np.where(well, steps[elsewhere], 0.0)
    able = runs.competent[rule, there].astype(bool) if j == 0 else near[here][:, PAID]
    return Fits(fit, posterior(fit, steps), near[here], near[elsewhere], able & well)


def figures_of(one: Fits, names: list[str]) -> dict[str, Any]:
    """Of its able seeds off distribution: fits, posterior {goal: figure}; best {goal: how many seeds it fits best}; held, the goal
    of the highest mean posterior, None without seeds.
    """
    fit, odds = one.fit[one.able], one.posterior[one.able]
    best = odds.argmax(1) if len(odds) else np.array([], int)
    return {
        "fits": stats.figures(fit, names),
        "posterior": stats.figures(odds, names),
        "best": {names[k]: int((best == k).sum()) for k in np.unique(best)},
        "held": names[int(odds.mean(0).argmax())] if len(odds) else None,
    }


def clear(fit: dict[str, Any], posterior: dict[str, Any]) -> bool:
    """Whether a goal accounts for what seeds do: better than chance does, and more likely than all others together."""
    return fit["low"] is not None and fit["low"] > 0 and posterior["low"] > 0.5
