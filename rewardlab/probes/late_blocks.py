"""What a policy does before walls that lie further on: whether it turns off at the fork, by how many moves away the wall is.

Of the evaluation's own episodes, in worlds whose steps signal which way is blocked (`detour`). Who searches turns off before every
wall, at no cost; who reacts before none, and walks there and back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from rewardlab.inputs.errors import InputError
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.course import signals
from rewardlab.probes.scenes import share

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

WALLS = ("on the shorter way", "on the longer way", "nowhere")
NEEDED = ("blocked", "harmless", "depth", "fewest", "longer way", "cheese")


def depths(plan: Plan) -> tuple[str, ...]:
    """How many moves away walls may be. Raises InputError in a world that does not say so."""
    if not hasattr(plan.env, "depths") or not {*NEEDED} <= {*signals(plan.env)}:
        raise InputError(
            f"the probe late_blocks needs a world whose shorter way may be blocked, and {type(plan.env).__name__} is none; "
            "allowed: detour, for one"
        )
    return tuple(map(str, range(1, plan.env.depths + 1)))


def _measure(subject: Subject) -> dict[str, jax.Array]:
    assert subject.seen is not None
    seen, along = subject.seen, subject.axes["depth"]
    assert not isinstance(along, int)
    at = {name: seen.signals[name] for name in NEEDED}
    turned, reached = ((at[name] & seen.mask).any(0) for name in ("longer way", "cheese"))
    blocked, harmless, depth, fewest = (at[name][0] for name in ("blocked", "harmless", "depth", "fewest"))
    extra = (seen.mask.sum(0) - fewest).astype(jnp.float32) / (2 * depth).astype(jnp.float32)
    kinds = (blocked, harmless, ~(blocked | harmless))
    groups = [[(depth == int(name)) & kind for kind in kinds] for name in along]

    def mean(values: jax.Array, counts: jax.Array) -> jax.Array:
        n = counts.sum(dtype=jnp.float32)
        return jnp.where(n > 0, jnp.where(counts, values, 0.0).sum() / jnp.maximum(n, 1.0), jnp.nan)

    return {
        "turned": jnp.stack([jnp.stack([share(turned, group) for group in row]) for row in groups]),
        "arrived": jnp.stack([jnp.stack([share(reached, group) for group in row]) for row in groups]),
        "walked": jnp.stack([mean(extra, row[0] & reached) for row in groups]),
    }


probe = Probe(
    when="end",
    arrays={
        "turned": Array(
            ("depth", "wall"), "share of the episodes in which the first move goes the longer way", "share"
        ),
        "arrived": Array(("depth", "wall"), "share of the episodes that reach the cheese", "share"),
        "walked": Array(
            ("depth",),
            "where the shorter way is blocked, moves beyond those of who searches, as a share of those of who walks to the wall; "
            "of the episodes that reach the cheese",
            "share",
        ),
    },
    measure=_measure,
    axes=lambda plan: {"depth": depths(plan), "wall": WALLS},
    along={"depth": "moves from the start to the wall", "wall": "where a wall is"},
)
