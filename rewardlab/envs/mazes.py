"""Mazes: how they are drawn at random, how far their cells are apart, and text maps.

A maze is bool[S, S], True where there is a wall; the outermost cells are walls, so that an interior of `size` cells a side
has S = size + 2. A *cell* is row * S + column. Mazes are drawn on the host, once; distances are pure JAX.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.envs.world import FAR
from rewardlab.inputs.errors import InputError

BATCH = 512  # levels drawn at a time


class Levels(NamedTuple):
    """L levels: walls bool[L, S, S], the cell at which the mouse starts int16[L], and the cells of O things int16[L, O]."""

    walls: np.ndarray
    start: np.ndarray
    things: np.ndarray


def blocks(rng: np.random.Generator, count: int, size: int, density: float = 0.25) -> np.ndarray:
    """Mazes bool[count, S, S] whose inner cells are walls independently, with probability `density`."""
    return np.pad(rng.random((count, size, size)) < density, ((0, 0), (1, 1), (1, 1)), constant_values=True)


def perfect(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Mazes bool[count, S, S] in which one path joins any two free cells. `size` is odd.

    Rooms are the cells of odd row and column; passages are opened in random order (Kruskal, 1956) between rooms that
    are not joined yet.
    """
    side = (size + 1) // 2
    room = np.arange(side * side).reshape(side, side)
    pairs = np.concatenate(
        [np.stack([room[:, :-1], room[:, 1:]], -1).reshape(-1, 2), np.stack([room[:-1], room[1:]], -1).reshape(-1, 2)]
    )
    row, column = room // side * 2 + 1, room % side * 2 + 1
    between = (row.ravel()[pairs].sum(1) // 2, column.ravel()[pairs].sum(1) // 2)
    walls = np.ones((count, size + 2, size + 2), bool)
    walls[:, row, column] = False
    joined, lanes = np.tile(room.ravel(), (count, 1)), np.arange(count)
    for edge in np.argsort(rng.random((count, len(pairs))), axis=1).T:
        a, b = joined[lanes, pairs[edge, 0]], joined[lanes, pairs[edge, 1]]
        walls[lanes, between[0][edge], between[1][edge]] &= a == b
        joined = np.where(joined == b[:, None], a[:, None], joined)
    return walls


def pick(rng: np.random.Generator, allowed: np.ndarray, count: int = 1) -> np.ndarray:
    """`count` different cells int16[L, count] of those allowed bool[L, S, S], each as likely. Too few: any others follow."""
    flat = allowed.reshape(len(allowed), -1)
    order = np.where(flat, rng.random(flat.shape), -1.0)
    return np.argsort(-order, axis=1, kind="stable")[:, :count].astype(np.int16)


def only(cells, side: int):
    """bool[..., side, side] with the cells int[...] marked. numpy or JAX."""
    return (np.arange(side * side) == cells[..., None]).reshape(*cells.shape, side, side)


def spread(marked):
    """bool[..., S, S] of the four neighbours of marked cells; what is marked at the rim is nobody's neighbour beyond it."""
    out = jnp.zeros_like(marked)
    out = out.at[..., 1:, :].max(marked[..., :-1, :]).at[..., :-1, :].max(marked[..., 1:, :])
    return out.at[..., 1:].max(marked[..., :-1]).at[..., :-1].max(marked[..., 1:])


@jax.jit
def distances(walls: jax.Array, target: jax.Array) -> jax.Array:
    """Fewest moves int32[S, S] from each free cell to one of the targets bool[S, S]; FAR where no way leads, and on walls.

    Breadth-first search; can be jitted and mapped. A target on a wall is no target.
    """

    def one(carry):
        found, front, moves = carry
        front = spread(front) & ~walls & (found == FAR)
        return jnp.where(front, moves, found), front, moves + 1

    front = target & ~walls
    found = jnp.where(front, 0, FAR).astype(jnp.int32)
    return jax.lax.while_loop(lambda carry: carry[1].any(), one, (found, front, jnp.int32(1)))[0]


_reach = jax.jit(jax.vmap(lambda walls, target: distances(walls, target) < FAR))


def reach(walls: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """The cells bool[L, S, S] that can be reached from a cell int[L] of each maze."""
    return np.array(_reach(walls, only(np.asarray(cell), walls.shape[-1])))


def generate(draw: Callable, count: int, seed: int) -> Levels:
    """`count` distinct levels, the same on every machine for a seed.

    draw: (rng, BATCH) -> (Levels, good bool[BATCH]). Raises InputError where so many are not to be found.
    """
    rng = np.random.default_rng(seed)
    seen, kept, have, idle = set(), [], 0, 0
    while have < count and idle < 20:
        levels, good = draw(rng, BATCH)
        fresh = good.copy()
        for i in np.flatnonzero(good):
            name = b"".join(leaf[i].tobytes() for leaf in levels)
            fresh[i] = name not in seen
            seen.add(name)
        kept.append(Levels(*(leaf[fresh] for leaf in levels)))
        have, idle = have + fresh.sum(), 0 if fresh.any() else idle + 1
    if have < count:
        raise InputError(f"levels + held_out = {count}; allowed: up to {have} distinct levels found at this size")
    return Levels(*(np.concatenate(leaves)[:count] for leaves in zip(*kept, strict=True)))


def parse(text: str, marks: str) -> tuple[np.ndarray, dict[str, list[int]]]:
    """(walls bool[S, S], {mark: its cells}) of a text map: `#` wall, `.` free, `@` the mouse, and `marks`.

    Raises InputError for a map that is not square, not walled all round, without one mouse, or with an unknown mark.
    """
    rows = [row.strip() for row in text.strip().splitlines()]
    if {len(row) for row in rows} != {len(rows)}:
        raise InputError(
            f"a map is square; this one has {len(rows)} rows of {sorted({len(row) for row in rows})} marks"
        )
    unknown = sorted(set("".join(rows)) - set("#.@" + marks))
    if unknown:
        raise InputError(f"unknown marks {''.join(unknown)!r} in a map; known: {'#.@' + marks}")
    tiles = np.array([list(row) for row in rows])
    walls, found = tiles == "#", {mark: np.flatnonzero(tiles == mark).tolist() for mark in "@" + marks}
    if not (walls[[0, -1]].all() and walls[:, [0, -1]].all()):
        raise InputError("a map has walls all round")
    if len(found["@"]) != 1:
        raise InputError(f"a map has one mouse, @; this one has {len(found['@'])}")
    return walls, found


def show(walls, marks: list[tuple[str, int]]) -> str:
    """The text map of walls bool[S, S] with (mark, cell) written on it, later ones over earlier ones."""
    tiles = np.where(np.asarray(walls), "#", ".")
    for mark, cell in marks:
        tiles.flat[int(cell)] = mark
    return "\n".join("".join(row) for row in tiles)
