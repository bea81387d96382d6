"""Actor and critic where goals lie apart: figures of a rule, rules that differ in their trunk alone, what a trunk lets through."""

from __future__ import annotations

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
    values = results[name].isel(evaluation=where)
    rest = [dim for dim in values.dims if dim not in ("rule", "condition", "seed", "evaluation")]
    return values.transpose("rule", "condition", "seed", "evaluation", *rest).values.astype(float).mean(3)


def figure_of(values: np.ndarray) -> dict[str, Any]:
    """The figure of the seeds that have one."""
    return stats.figure(values[np.isfinite(values)])


def found_of(results: xarray.Dataset, runs: Runs, rule: int, condition: int, able: np.ndarray) -> dict[str, Any]:
    """Figures of the seeds `able` of a rule: shares {name}, by_evaluation {evaluation: {name}}, values {which goals are near},
    steps {side}, wall {name, values {where}}. The shares are means over the shifts; the wall is told of the last of them.
    """
    where = off(results, runs)

    def of(name: str, evaluations: list[int]) -> np.ndarray:
        return mean_over(results, name, evaluations)[rule, condition, able]

    near, steps = of("value_near", where), of("next_step", where)
    wall = of("wall_value", where[-1:])
    return {
        "shares": {name: figure_of(of(name, where)) for name in SHARES},
        "by_evaluation": {runs.evaluations[e]: {name: figure_of(of(name, [e])) for name in SHARES} for e in where},
        "values": {name: figure_of(near[:, k]) for k, name in enumerate(NEAR)},
        "steps": {name: figure_of(steps[:, k]) for k, name in enumerate(SIDES)},
        "wall": {name: figure_of(of(name, where[-1:])) for name in WALL}
        | {"values": {name: figure_of(wall[:, k]) for k, name in enumerate(WHERE)}},
    }


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
