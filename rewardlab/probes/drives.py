"""What a decision between two goals hangs on: a logistic regression of it on how far they are, by steps and in a straight line.

Where no first step leads to both goals (`World.scenes`) and the policy takes one that leads to either, it has decided. Distances
are scaled to a standard deviation of 1 over the decisions that are fitted, those on even levels; accuracy is that of odd ones,
beside that of always saying the commonest decision, and that of a regression on decisions that were dealt out at random. Distances
go together, so a coefficient is told apart from those of others the less, the larger its variance inflation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from rewardlab.analysis import readout
from rewardlab.backend.randomness import fast
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.scenes import does, look, needed, share, standard, taken

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

STATES = 1024
ALL, DEALT, COMMONEST = BY = ("distances", "decisions dealt out at random", "the commonest decision")


def regressed(
    x: jax.Array, first: jax.Array, counts: jax.Array, fitted: jax.Array, key: jax.Array
) -> dict[str, jax.Array]:
    """What decisions hang on. x: float32[N, D], distances; first: bool[N], whether it is for the first goal; counts: bool[N],
    whether a decision was taken; fitted: bool[N]. Consumes the key.
    """
    right = jnp.stack([~first, first], -1) & counts[:, None]
    mine = fitted & counts
    found = readout.logistic(x, readout.shares(right), mine)
    weights = mine.astype(jnp.float32)
    dealt = (
        right[jax.random.choice(key, len(x), (len(x),), p=weights / jnp.maximum(weights.sum(), 1.0))] & counts[:, None]
    )
    chance = readout.logistic(x, readout.shares(dealt), mine)(x)
    right_of = {ALL: found(x), DEALT: chance}
    scores = [readout.accuracy(right_of[name], right, fitted) for name in (ALL, DEALT)]
    return {
        "drive": found.weights[:, 1] - found.weights[:, 0],
        "drive_inflation": readout.inflation(x, mine),
        "drive_accuracy": jnp.stack([*scores, readout.commonest(right, fitted)]),
    }


def _axes(plan: Plan) -> dict[str, tuple[str, ...]]:
    scenes = needed(plan, "drives")
    return {"distance": scenes.distances, "told_by": BY, "chosen": scenes.goals}


def _measure(subject: Subject) -> dict[str, jax.Array]:
    seen = look(subject, STATES)
    amounts = standard(seen.scenes.amounts)(seen.states)
    x = jnp.stack([amounts[name] for name in seen.scenes.distances], 1)
    action = taken(subject, seen.obs)
    goes = jnp.stack([does(seen.right[:, i], action) for i in (0, 1)])
    key = fast(jax.random.fold_in(subject.key, 7))
    found = regressed(x, goes[0], seen.apart & goes.any(0), seen.fitted, key)
    return found | {"decided": jnp.stack([share(hit, seen.apart) for hit in goes])}


probe = Probe(
    when="end",
    arrays={
        "drive": Array(
            ("distance",),
            "how much a standard deviation more of a distance adds to the log-odds of the first goal",
            "nats",
        ),
        "drive_inflation": Array(("distance",), "variance inflation factor of a distance among the others"),
        "drive_accuracy": Array(("told_by",), "share of held-out decisions that are told", "share"),
        "decided": Array(
            ("chosen",), "share of the states that take a decision in which the policy goes to a goal", "share"
        ),
    },
    measure=_measure,
    axes=_axes,
    along={
        "distance": "how far the agent is from a goal, or goals from one another",
        "told_by": "what a decision is told by",
        "chosen": "what the policy goes to",
    },
)
