"""What training has met so far: the sums of the world's signals over all steps that were lived, whoever lived them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.course import signals

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan


def _measure(subject: Subject) -> dict[str, jax.Array]:
    names, carry = subject.axes["signal"], subject.carry
    assert carry is not None and not isinstance(names, int)
    told = dict(zip(subject.setting.counted, carry.met, strict=True))
    return {"met": jnp.stack([told[name] for name in names])}


def made_up(plan: Plan, shape: tuple[int, ...], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Sums that grow, for the rehearsal of a report."""
    grown = random.integers(0, 3, (*shape, len(signals(plan.env))))
    return {"met": np.cumsum(grown, axis=-2).astype(np.float32)}


probe = Probe(
    when="update",
    arrays={
        "met": Array(("signal",), "sum of each signal over all steps of training so far, those of every candidate")
    },
    measure=_measure,
    axes=lambda plan: {"signal": signals(plan.env)},
    made_up=made_up,
    along={"signal": "the world's signals"},
    counts=lambda plan: signals(plan.env),
)
