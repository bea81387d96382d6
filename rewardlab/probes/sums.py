"""Each of the world's signals, reward among them, summed over an episode: the true return beside the displayed one, say."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.course import ALONG, signals


def _measure(subject: Subject) -> dict[str, jax.Array]:
    seen, names = subject.seen, subject.axes["signal"]
    assert seen is not None and not isinstance(names, int)
    told = [jnp.where(seen.mask, seen.signals[name].astype(jnp.float32), 0.0) for name in names]
    return {"signal_sum": jnp.stack([x.sum(0).mean() for x in told])}


probe = Probe(
    when="point",
    arrays={
        "signal_sum": Array(
            ("signal",), "mean over the evaluation's episodes of the sum of each signal", "of the signal"
        )
    },
    measure=_measure,
    axes=lambda plan: {"signal": signals(plan.env)},
    along={"signal": ALONG["signal"]},
)
