"""What a linear map reads from the activations of each layer: where the goals are, which way leads there, and what that is worth.

In states of the evaluation's levels, the agent anywhere (`World.scenes`), fitted on those of even levels and scored on those of odd
ones, as `analysis/readout.py` says: amounts by R², answers by accuracy. The observation is read in the same way. All agents are
read in the same states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from rewardlab.agents.spec import flat
from rewardlab.analysis import readout
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.scenes import along, inside, layers, look, needed, standard, told

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

STATES = 2048
OBSERVATION = "observation"


def first_step(goal: str) -> str:
    """What the first step to a goal is called among what is read."""
    return f"first step to the {goal}"


def _axes(plan: Plan) -> dict[str, tuple[str, ...]]:
    scenes = needed(plan, "readouts")
    amounts, answers = told(plan, scenes)
    return {"read": (*amounts, *answers, *map(first_step, scenes.goals)), "source": (OBSERVATION, *layers(plan))}


def scored(x: jax.Array, amounts: jax.Array, answers: list[jax.Array], fitted: jax.Array) -> jax.Array:
    """float32[amounts + answers], how well a linear map reads x, float32[N, D]. amounts: float32[N, A]; answers: bool[N, K]."""
    wanted = jnp.concatenate([amounts, *map(readout.shares, answers)], 1)
    said = readout.ridge(x, wanted, fitted)(x)
    first = amounts.shape[1]
    scores = [readout.r_squared(said[:, :first], amounts, fitted)]
    for right in answers:
        scores.append(readout.accuracy(said[:, first : first + right.shape[1]], right, fitted)[None])
        first += right.shape[1]
    return jnp.concatenate(scores)


def _measure(subject: Subject) -> dict[str, jax.Array]:
    seen = look(subject, STATES)
    names = along(subject, "read")
    told_of, right = (standard(of)(seen.states) for of in (seen.scenes.amounts, seen.scenes.answers))
    amounts = jnp.stack([told_of[name] for name in names if name in told_of], 1)  # mapped dicts come back sorted
    answers = [*(right[name] for name in names if name in right), seen.right[:, 0], seen.right[:, 1]]
    found = {OBSERVATION: seen.obs, **inside(subject, seen.obs)}
    nothing = jnp.full(len(names), jnp.nan, jnp.float32)
    scores = [
        scored(flat(found[name]).astype(jnp.float32), amounts, answers, seen.fitted) if name in found else nothing
        for name in along(subject, "source")
    ]
    floor = [readout.commonest(right, seen.fitted)[None] for right in answers]
    return {
        "readout": jnp.stack(scores),
        "readout_floor": jnp.concatenate([jnp.zeros(amounts.shape[1], jnp.float32), *floor]),
    }


probe = Probe(
    when="end",
    arrays={
        "readout": Array(
            ("source", "read"),
            "held-out score of a linear read-out: R² of amounts, accuracy of answers",
            "share",
        ),
        "readout_floor": Array(
            ("read",), "the score of always saying the mean of an amount, or the commonest answer", "share"
        ),
    },
    measure=_measure,
    axes=_axes,
    along={"source": "what is read: the observation, or the activations of a layer", "read": "what is read in it"},
)
