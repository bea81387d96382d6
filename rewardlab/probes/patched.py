"""Whether a policy follows a thing that is elsewhere in some of its activations alone: all of a layer, or one channel of it.

In states in which no first step leads both to the thing and to where it is put (`World.scenes`), activations are taken over from
the same state with the thing there. A channel is one entry of a layer's last axis: of convolutions a channel at all places, else a
unit. The best channel is picked on even levels, and scored, as all others are, on odd ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from rewardlab.backend.randomness import fast
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.scenes import (
    along,
    decision,
    does,
    inside,
    layers,
    look,
    needed,
    observed,
    share,
    standard,
    taken,
)

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

STATES = 512
NOTHING, ONE, BEST, ALL = PATCHES = ("nothing", "a channel on average", "the best channel", "the layer")


def _axes(plan: Plan) -> dict[str, tuple[str, ...]]:
    needed(plan, "patched")
    return {"layer": layers(plan), "patch": PATCHES}


def _measure(subject: Subject) -> dict[str, jax.Array]:
    seen = look(subject, STATES)
    keys = jax.random.split(fast(jax.random.fold_in(subject.key, 6)), STATES)
    moved = standard(seen.scenes.moved)(keys, seen.states)
    there = standard(seen.scenes.toward)(moved)[:, 0]
    counts = decision(seen.right[:, 0], there)
    other = inside(subject, observed(subject, moved))

    def followed(edits) -> jax.Array:
        """float32[2], the share that goes to where the thing is put, on even levels and on odd ones."""
        hit = does(there, taken(subject, seen.obs, edits))
        return jnp.stack([share(hit, counts & seen.fitted), share(hit, counts & ~seen.fitted)])

    without = followed(None)[1]

    def of_layer(name: str) -> jax.Array:
        if name not in other:
            return jnp.full(len(PATCHES), jnp.nan)
        new = other[name]
        channels = new.shape[-1]

        def one(channel: jax.Array) -> jax.Array:
            mine = jnp.arange(channels) == channel
            return followed({name: lambda x: jnp.where(mine, new, x)})

        each = jax.lax.map(one, jnp.arange(channels))
        best = each[jnp.argmax(each[:, 0]), 1]
        return jnp.stack([without, each[:, 1].mean(), best, followed({name: lambda x: new})[1]])

    return {"followed": jnp.stack([of_layer(name) for name in along(subject, "layer")])}


probe = Probe(
    when="end",
    arrays={
        "followed": Array(
            ("layer", "patch"),
            "share of decisions that go to where the thing is in the activations that were taken over",
            "share",
        ),
    },
    measure=_measure,
    axes=_axes,
    along={"layer": "the layer whose activations are taken over", "patch": "how much of the layer is taken over"},
)
