"""The return of every evaluation episode, not only their mean. Kept on request: it is as large as there are episodes."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from rewardlab.probes import Array, Probe, Subject


def _measure(subject: Subject) -> dict[str, jax.Array]:
    assert subject.seen is not None  # at points it is there
    reward = jnp.where(subject.seen.mask, subject.seen.signals["reward"], 0.0)
    return {"episode_return": reward.sum(0)}


probe = Probe(
    when="point",
    arrays={"episode_return": Array(("episode",), "return of each of the evaluation's episodes", "reward")},
    measure=_measure,
    along={"episode": "an episode of the evaluation"},
    axes=lambda plan: {"episode": plan.experiment.episodes},
)
