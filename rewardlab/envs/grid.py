"""Walks on a grid of free cells: where each move leads, how far cells are apart, and text maps. Host only, in numpy."""

import numpy as np

from rewardlab.inputs.errors import InputError

ACTIONS = ("stay", "up", "down", "left", "right")
STEPS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))  # rows, columns
FAR = 1 << 20  # the distance of what cannot be reached


def moves(free: np.ndarray) -> np.ndarray:
    """The cell int32[cells, 5] that each of ACTIONS leads to in a grid bool[rows, columns]; a blocked move stays."""
    columns = free.shape[1]
    padded = np.pad(free, 1)
    row, column = np.divmod(np.arange(free.size), columns)
    table = [
        np.where(padded[row + r + 1, column + c + 1], (row + r) * columns + column + c, row * columns + column)
        for r, c in STEPS
    ]
    return np.stack(table, axis=1).astype(np.int32)


def distances(table: np.ndarray) -> np.ndarray:
    """Fewest moves int32[cells, cells] from each cell to each by a table of `moves`; FAR where there is no way."""
    found = np.where(np.eye(len(table), dtype=bool), 0, FAR)
    while True:
        better = np.minimum(found, found[table].min(1) + 1)
        if np.array_equal(better, found):
            return np.minimum(found, FAR).astype(np.int32)
        found = better


def parse(text: str, marks: str) -> np.ndarray:
    """The marks str[rows, columns] of a text map. Raises InputError if it is ragged or has a mark that is not in `marks`."""
    rows = [row.strip() for row in text.strip().splitlines()]
    if len({len(row) for row in rows}) != 1 or not rows[0]:
        raise InputError(
            f"a map has rows of one length; this one has rows of {sorted({len(row) for row in rows})} marks"
        )
    unknown = sorted(set("".join(rows)) - set(marks))
    if unknown:
        raise InputError(f"unknown marks {''.join(unknown)!r} in a map; known: {marks}")
    return np.array([list(row) for row in rows])


def show(marks: np.ndarray) -> str:
    """The text map of marks str[rows, columns]."""
    return "\n".join("".join(row) for row in marks)
