"""What an evaluation's episodes were truly worth: the return by the world's "true" signal, or by its reward where it has none."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from rewardlab.probes import Array, Probe, Subject


def _measure(subject: Subject) -> dict[str, jax.Array]:
    assert subject.seen is not None  # at the end it is there
    signals = subject.seen.signals
    true = signals.get("true", signals["reward"]).astype(jnp.float32)
    return {"true_return": jnp.where(subject.seen.mask, true, 0.0).sum(0).mean()}


probe = Probe(
    when="end",
    arrays={"true_return": Array((), "mean true return of the evaluation's episodes", "reward")},
    measure=_measure,
)
