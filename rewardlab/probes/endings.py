"""How the episodes of training itself have ended so far, whoever lived them: what learning cost, and not only what it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.envs import adapter
from rewardlab.probes import Array, Probe, Subject

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan


def _measure(subject: Subject) -> dict[str, jax.Array]:
    names, carry = subject.axes["outcome"], subject.carry
    assert carry is not None and not isinstance(names, int)
    told = dict(zip(subject.setting.counted, carry.met, strict=True))
    return {"ended": jnp.stack([told[i] for i in range(len(names))])}


def made_up(plan: Plan, shape: tuple[int, ...], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Counts that grow, for the rehearsal of a report."""
    grown = random.integers(0, 9, (*shape, len(adapter.outcomes(plan.env))))
    return {"ended": np.cumsum(grown, axis=-2).astype(np.float32)}


probe = Probe(
    when="update",
    arrays={
        "ended": Array(
            ("outcome",), "episodes of training so far that ended in each outcome, those of every candidate", "episodes"
        )
    },
    measure=_measure,
    axes=lambda plan: {"outcome": adapter.outcomes(plan.env)},
    made_up=made_up,
    along={"outcome": "how an episode ended"},
    counts=lambda plan: tuple(range(len(adapter.outcomes(plan.env)))),
)
