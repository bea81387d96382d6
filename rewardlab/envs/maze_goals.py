"""What a mouse in a maze may be after, other than what pays: each cell, edge and corner, or to stand still; all solved exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.envs import mazes
from rewardlab.envs.world import Candidates

STILL = "standing still"


def places(size: int) -> dict[str, np.ndarray]:
    """{name: cells bool[size + 2, size + 2]} of the places of a maze: edges, the four corners as one, and each cell."""
    row, column = np.indices((size + 2, size + 2))
    inside = (row > 0) & (row <= size) & (column > 0) & (column <= size)
    upper, lower, left, right = row == 1, row == size, column == 1, column == size
    edges = {"top edge": upper, "bottom edge": lower, "left edge": left, "right edge": right}
    found = {name: mask & inside for name, mask in edges.items()}
    found["any corner"] = (upper | lower) & (left | right)
    names = {(1, 1): "top left", (1, size): "top right", (size, 1): "bottom left", (size, size): "bottom right"}
    for cell in np.argwhere(inside):
        r, c = map(int, cell)
        found[names.get((r, c), f"row {r}, column {c}")] = (row == r) & (column == c)
    return found


def candidates(
    env: Any,
    params: Any,
    own: Mapping[str, Callable[[Any], jax.Array]],
    ends: Callable[[Any], jax.Array],
    named: Mapping[str, str] | None = None,
) -> Candidates:
    """The goals of a maze: its own, then its places, then to stand still; each to be attained as soon as possible.

    own: {name: state -> cells bool[S, S]}, what training pays for first. ends: state -> cells bool[S, S] that end the episode: the
    way to another goal does not lead over them. named: {place: the name that it has in this world}.
    """
    fixed = {(named or {}).get(name, name): mask for name, mask in places(env.size).items()}
    fixed = {name: mask for name, mask in fixed.items() if name not in own}
    masks, moves = jnp.asarray(np.stack([*fixed.values()])), jnp.asarray([-env.side, env.side, -1, 1], jnp.int32)

    def chart(state: Any) -> jax.Array:
        walls, last = env.walls(state, params), ends(state)
        beside = mazes.spread(walls) & ~walls & ~last  # from where a move leads nowhere
        targets = jnp.concatenate([jnp.stack([of(state) for of in own.values()]), masks, beside[None]])
        away = jax.vmap(lambda target: mazes.distances(walls | (last & ~target), target))(targets)
        return away.reshape(len(targets), -1)

    def ahead(away: jax.Array, state: Any) -> jax.Array:
        to = state.mouse + moves
        blocked = jax.vmap(lambda cell: env._blocked(state, cell, params))(to)
        after = away[:, jnp.where(blocked, state.mouse, to)]
        steps = jnp.where(away[:, state.mouse, None] == 0, 0, 1 + after)  # 0: it is there
        return steps.at[-1].set(jnp.where(blocked, 1, 2 + after[-1])).astype(jnp.int32)

    return Candidates((*own, *fixed, STILL), chart, ahead)
