"""What an episode comes to in each of the world's signals, reward among them: what was shown beside what was truly earned."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.course import signals


def _measure(subject: Subject) -> dict[str, jax.Array]:
    seen, names = subject.seen, subject.axes["signal"]
    assert seen is not None and not isinstance(names, int)
    told = [jnp.where(seen.mask, seen.signals[name].astype(jnp.float32), 0.0).sum(0).mean() for name in names]
    return {"totals": jnp.stack(told)}


probe = Probe(
    when="point",
    arrays={"totals": Array(("signal",), "mean over the evaluation's episodes of each signal's sum over an episode")},
    measure=_measure,
    axes=lambda plan: {"signal": signals(plan.env)},
)
