"""The course of an episode: each of the world's signals, reward among them, in each of equal parts of the longest episode."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from rewardlab.envs import adapter
from rewardlab.probes import Array, Probe, Subject

PARTS = 50  # at most: in shorter episodes every step is one
ALONG = {"signal": "a signal of the world", "part": "a part of the episode's time limit, in order"}


def signals(env) -> tuple[str, ...]:
    """The signals of a world that are one number a step."""
    return tuple(name for name in adapter.scalars(env) if name != "outcome")


def parts(limit: int) -> int:
    """Into how many parts an episode is cut."""
    return min(PARTS, limit)


def _measure(subject: Subject) -> dict[str, jax.Array]:
    seen, names = subject.seen, subject.axes["signal"]
    assert seen is not None and not isinstance(names, int)
    limit = seen.mask.shape[0]
    part = jnp.arange(limit) * parts(limit) // limit
    mine = (part[:, None] == jnp.arange(parts(limit))).astype(jnp.float32)  # [T, parts]
    lived = seen.mask.astype(jnp.float32)
    count = mine.T @ lived.sum(1)
    told = [jnp.where(seen.mask, seen.signals[name].astype(jnp.float32), 0.0).sum(1) for name in names]
    nothing = jnp.float32(jnp.nan)
    return {"course": jnp.stack([jnp.where(count > 0, mine.T @ x / jnp.maximum(count, 1.0), nothing) for x in told])}


probe = Probe(
    when="end",
    arrays={
        "course": Array(
            ("signal", "part"), "mean of each signal over the steps lived in each part of the evaluation's episodes"
        )
    },
    measure=_measure,
    axes=lambda plan: {"signal": signals(plan.env), "part": parts(adapter.time_limit(plan.env))},
    along=ALONG,
)
