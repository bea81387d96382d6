"""What an experiment measured, as labelled arrays: every seed is kept."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np

from rewardlab import naming
from rewardlab.envs import adapter
from rewardlab.experiment import Experiment
from rewardlab.probes.outcomes import Outcomes


class Measured(NamedTuple):
    """One rule under one condition; axes [seed, point, evaluation, outcome], as far as they go.

    share: float32[S, P, E, K]. returns, length: float32[S, P, E]. steps: float64[S, P].
    finite: float32[S, P], 1 where all of the policy's parameters, and all rewards by then, were finite numbers, else 0.
    """

    share: np.ndarray
    returns: np.ndarray
    length: np.ndarray
    steps: np.ndarray
    finite: np.ndarray


def dataset(experiment: Experiment, env, measured: dict[tuple[str, str], Measured], references: dict[str, Outcomes]):
    """An xarray Dataset over all rules and conditions; where a rule has fewer seeds under one, it is filled up with NaN.

    references: {scripted policy: Outcomes [E]}, how its episodes ended on each evaluation.
    """
    import xarray

    names, conditions = list(experiment.rules), list(experiment.conditions)
    outcome_names = list(adapter.outcomes(env))
    most = max(experiment.seeds_of(name, condition) for name in names for condition in conditions)

    def cube(field):
        cells = [[getattr(measured[name, condition], field) for condition in conditions] for name in names]
        full = np.full((len(names), len(conditions), most, *cells[0][0].shape[1:]), np.nan, cells[0][0].dtype)
        for i, row in enumerate(cells):
            for j, cell in enumerate(row):
                full[i, j, : len(cell)] = cell
        return full

    shape = (len(references), len(experiment.evaluations), len(outcome_names))
    shares, returns = (
        np.array([getattr(one, field) for one in references.values()], np.float32) for field in ("share", "returns")
    )
    where = ("rule", "condition", "seed", "point", "evaluation")
    return xarray.Dataset(
        {
            "outcome_share": ((*where, "outcome"), cube("share")),
            "return": (where, cube("returns")),
            "length": (where, cube("length")),
            "steps": (where[:4], cube("steps")),
            "finite": (where[:4], cube("finite")),
            "reference_share": (("reference", "evaluation", "outcome"), shares.reshape(shape)),
            "reference_return": (("reference", "evaluation"), returns.reshape(shape[:2])),
            "shared_point": (("rule",), np.array([experiment.shared_point(name) for name in names])),
            "level": (("rule",), np.array([rule.level for rule in experiment.rules.values()])),
        },
        coords={
            "rule": names,
            "condition": conditions,
            "seed": np.arange(most),
            "point": np.arange(len(experiment.targets(names[0]))),
            "evaluation": list(experiment.evaluations),
            "outcome": outcome_names,
            "reference": list(references),
        },
        attrs={
            "name": experiment.name,
            "question": experiment.question,
            "experiment": experiment.to_json(),
            "capability": threshold(experiment, references),
            **({} if experiment.capable_return is not None else {"capability_share": experiment.capability}),
            "control_capability": experiment.control_capability,
            "control": experiment.control or "",
            "words": json.dumps(naming.of(experiment, env)._asdict(), ensure_ascii=False),
            "env": experiment.env if isinstance(experiment.env, str) else type(experiment.env).__name__,
        },
    )


def threshold(experiment: Experiment, references: dict[str, Outcomes]) -> float:
    """The return on the first evaluation that counts as having learned: as the experiment says it, or so much of the way from
    the random policy's return to the optimal one's, both measured there.
    """
    if experiment.capable_return is not None:
        return experiment.capable_return
    random, optimal = (float(references[name].returns[0]) for name in ("random", "optimal"))
    return random + experiment.capability * (optimal - random)
