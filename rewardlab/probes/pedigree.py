"""Who is whose child, generation by generation: the parents of each candidate, and how fit they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.lineage import lineages

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

MOST = 64  # candidates: of larger populations nothing is kept


def _axes(plan: Plan) -> dict[str, tuple[str, ...] | int]:
    sizes = [rule.candidates for rule in plan.experiment.rules.values() if 0 < rule.candidates <= MOST]
    return {"candidate": max(sizes, default=1), "parent": ("one", "other")}


def _measure(subject: Subject) -> dict[str, jax.Array]:
    most = subject.axes["candidate"]
    assert subject.carry is not None and isinstance(most, int)
    found = lineages(subject.carry.state)
    if not found or found[0].fitness.shape[1] > most:
        return {"fitness": jnp.full(most, jnp.nan), "descent": jnp.full((most, 2), jnp.nan)}
    fitness, parents = found[0].fitness[-1], found[0].parents[-1].astype(jnp.float32)
    gap = most - fitness.shape[0]
    return {
        "fitness": jnp.pad(fitness, (0, gap), constant_values=jnp.nan),
        "descent": jnp.pad(parents, ((0, gap), (0, 0)), constant_values=jnp.nan),
    }


probe = Probe(
    when="update",
    arrays={
        "fitness": Array(("candidate",), "fitness of each candidate of the generation that was tested", "reward"),
        "descent": Array(
            ("candidate", "parent"),
            "which two of that generation each candidate of the next one stems from, by number",
            "number",
        ),
    },
    measure=_measure,
    axes=_axes,
    along={"candidate": "a candidate of a generation", "parent": "one of the two that a candidate stems from"},
)
