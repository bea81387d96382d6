"""Actor and critic where goals lie apart: figures of a rule, rules that differ in their trunk alone, what a trunk lets through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import levels, stats
from rewardlab.analysis.reading import config_of, has_goals
from rewardlab.inputs.errors import InputError
from rewardlab.probes.values import NEAR, SIDES
from rewardlab.probes.walls import WHERE

if TYPE_CHECKING:
    import xarray

    from rewardlab.analysis.runs import Runs

SHARES = ("critic_first", "actor_first", "disagreement")
SHARED = "shared"  # a trunk
WALL_SEEN = "the actor walks through an open end wall that its critic values more than what is beyond"
WALL = ("wall_reached", "wall_passed", "wall_left")


def off(results: xarray.Dataset, runs: Runs) -> list[int]:
    """The evaluations in which goals may lie apart: the shifts. Raises InputError where there are none, or no goals."""
    if not has_goals(results):
        raise InputError("asks = actor_critic needs a world that names its outcomes; allowed: coinrun, for one")
    if not runs.shifts:
        raise InputError(
            "asks = actor_critic needs an evaluation that differs from the first one; allowed: a moved coin, for one"
        )
    return [runs.evaluations.index(name) for name in runs.shifts]


def mean_over(results: xarray.Dataset, name: str, where: list[int]) -> np.ndarray:
    """float[rule, condition, seed, ...]: an array of the probes, its mean over evaluations; NaN where it is in any of them."""
    return read(results, name)[:, :, :, where].mean(3)


def read(results: xarray.Dataset, name: str) -> np.ndarray:
    """float[rule, condition, seed, evaluation, ...]: an array of the probes."""
    first = ("rule", "condition", "seed", "evaluation")
    own = [dim for dim in results[name].dims if dim not in first]
    return results[name].transpose(*first, *own).values.astype(float)


def found_of(results: xarray.Dataset, runs: Runs) -> Callable[[int, int, np.ndarray], dict[str, Any]]:
    """What says of a rule, under a condition, of the seeds given: shares {name}, by_evaluation {evaluation: {name}}, values {which
    goals are near}, steps {side}, wall {name}, wall_values {where}. All are figures; shares, values and steps are means over the
    shifts, and the wall is told of the last of them.
    """
    where = off(results, runs)
    arrays = {name: read(results, name) for name in (*SHARES, *WALL, "value_near", "next_step", "wall_value")}

    def found(rule: int, condition: int, able: np.ndarray) -> dict[str, Any]:
        of = {name: x[rule, condition, able] for name, x in arrays.items()}
        shares = np.stack([of[name] for name in SHARES], -1)
        wall = np.stack([of[name][:, where[-1]] for name in WALL], -1)
        return {
            "shares": stats.figures(shares[:, where].mean(1), SHARES),
            "by_evaluation": {runs.evaluations[e]: stats.figures(shares[:, e], SHARES) for e in where},
            "values": stats.figures(of["value_near"][:, where].mean(1), NEAR),
            "steps": stats.figures(of["next_step"][:, where].mean(1), SIDES),
            "wall": stats.figures(wall, WALL),
            "wall_values": stats.figures(of["wall_value"][:, where[-1]], WHERE),
        }

    return found


def clearly(values: np.ndarray, rules: int) -> np.ndarray:
    """int[...]: 1 where shares float[seeds, ...] lie above a half, -1 below, by intervals that hold for so many rules; 0 else."""
    if len(values) < stats.MIN_SEEDS:
        return np.zeros(values.shape[1:], int)
    found = stats.iqm_interval(values, level=1 - (1 - stats.LEVEL) / rules)
    return (found.low > 0.5).astype(int) - (found.high < 0.5)


def trunk_pairs(results: xarray.Dataset) -> list[tuple[str, str]]:
    """Pairs of rules that differ in nothing but the trunk of their network: one whose trunk is shared, and another one."""
    told, names = config_of(results), [str(rule) for rule in results.rule.values]
    nets = {rule: {"trunk": SHARED} | told.get("agents", {}).get(rule, told["agent"]) for rule in names}
    bare = {rule: ({k: v for k, v in net.items() if k != "trunk"}, told["rules"][rule]) for rule, net in nets.items()}
    pairs = ((a, b) for a in names for b in names if nets[a]["trunk"] == SHARED != nets[b]["trunk"])
    return [(a, b) for a, b in pairs if bare[a] == bare[b]]


def carries(results: xarray.Dataset, rule: str) -> str:
    """What of the actor the error of the critic reaches, as the audit says: the trunk that they share, or nothing; "" where the
    rule was not audited, or has no critic of its own.
    """
    for row in levels.audited(results):
        if row["rule"] == rule and "value" in row["gradient"]:
            return "the trunk that the actor reads" if "trunk" in row["gradient"]["value"] else "nothing of the actor"
    return ""


def wall_seen(wall: dict[str, Any]) -> bool:
    """Whether in clearly more than half of the episodes the open wall is passed, and in more than half of these is valued more."""
    return all(wall[name]["low"] is not None and wall[name]["low"] > 0.5 for name in ("wall_passed", "wall_left"))
