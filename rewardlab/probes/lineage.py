"""Who descends from whom in populations: how many breed, how unequally, and how few ancestors the living have."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from rewardlab.probes import Array, Probe, Subject
from rewardlab.rules.lineage import GENERATIONS, Lineage, offspring


def ancestors(parents: jax.Array) -> jax.Array:
    """float32[]: from how many candidates of the oldest generation in int32[G, C, 2] the newest descends; rows of -1 are none."""

    def back(living: jax.Array, row: jax.Array) -> tuple[jax.Array, None]:
        before = jnp.zeros_like(living).at[jnp.maximum(row, 0)].max(living[:, None])
        return jnp.where(row[0, 0] >= 0, before, living), None

    oldest, _ = jax.lax.scan(back, jnp.ones(parents.shape[1], bool), parents, reverse=True)
    return oldest.sum(dtype=jnp.float32)


def lineages(state: Any) -> list[Lineage]:
    leaves = jax.tree.leaves(state, is_leaf=lambda x: isinstance(x, Lineage))
    return [leaf for leaf in leaves if isinstance(leaf, Lineage)]


def _measure(subject: Subject) -> dict[str, jax.Array]:
    assert subject.carry is not None  # after updates there is one
    found = lineages(subject.carry.state)
    if not found:
        return {name: jnp.float32(jnp.nan) for name in probe.arrays}
    latest = found[0].parents[-1]
    children = jnp.where(
        latest[0, 0] >= 0, offspring(jnp.maximum(latest, 0)), jnp.nan
    )  # before the first generation: nothing
    return {
        "breeders": jnp.where(jnp.isnan(children[0]), jnp.nan, (children > 0).sum(dtype=jnp.float32)),
        "largest_family": children.max() / children.size,
        "ancestors": ancestors(found[0].parents),
    }


probe = Probe(
    when="update",
    arrays={
        "breeders": Array(
            (), "how many of the latest generation have children; nothing where there are none", "candidates"
        ),
        "largest_family": Array(
            (), "share of the next generation that stems from one candidate, the one that has most", "share"
        ),
        "ancestors": Array(
            (),
            f"from how many candidates of {GENERATIONS} generations ago, or of the first one, the living descend",
            "candidates",
        ),
    },
    measure=_measure,
)
