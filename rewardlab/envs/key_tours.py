"""The exact optimum of keys and chests, by dynamic programming over what has been taken and opened. Host only, in numpy."""

from itertools import combinations
from math import comb

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.envs import mazes
from rewardlab.inputs.errors import InputError

MOST = 200_000  # subsets; 3 of 10 beside 3 of 3 are 1,408, and 6 of 10 beside 6 of 6 are 54,000


def legs(walls: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Fewest moves int[N, N] between cells int[N] of a maze bool[S, S]."""
    away = jax.vmap(mazes.distances, (None, 0))(jnp.asarray(walls), mazes.only(np.asarray(cells), len(walls)))
    return np.asarray(away).reshape(len(cells), -1)[:, cells]


def best(walls: np.ndarray, start: int, keys: np.ndarray, chests: np.ndarray, limit: int, gamma: float) -> float:
    """The best sum of gamma ** (t - 1) over the times t <= limit at which chests are opened.

    A state is which keys were taken, which chests are open, at which of these the mouse is, and the steps left; it goes
    from one to the next by a shortest way. That what lies on the way is taken or opened as well never costs anything: a
    chest opened sooner pays sooner, and any key opens any chest. So no better way exists, and no more than min(keys,
    chests) keys are needed.
    """
    k, c = len(keys), len(chests)
    need = min(k, c)
    size = sum(comb(k, i) for i in range(need + 1)) * sum(comb(c, i) for i in range(need + 1))
    if size > MOST:
        raise InputError(f"{k} keys and {c} chests have {size} states to search; allowed: {MOST}")
    away = legs(walls, np.array([*keys, *chests, start]))
    masks = [
        [sum(1 << j for j in chosen) << shift for chosen in combinations(range(n), i)]
        for n, shift in ((k, 0), (c, k))
        for i in range(need + 1)
    ]
    taken, opened = masks[: need + 1], masks[need + 1 :]
    after: dict[int, np.ndarray] = {}  # of one step more: by mask, the value [at, steps left]
    for total in range(2 * need, -1, -1):
        values = {}
        for held in range(max(total - need, (total + 1) // 2), min(total, need) + 1):
            for mask in (a | b for a in taken[held] for b in opened[total - held]):
                values[mask] = _value(mask, k, c, held > total - held, after, away, limit, gamma)
        after = values
    return float(after[0][-1, limit])


def _value(mask, k, c, armed, after, away, limit, gamma):
    value = np.zeros((k + c + 1, limit + 1))
    ats = [j for j in range(k + c) if mask >> j & 1] or [k + c]
    for j in range(k + c):
        if mask >> j & 1 or mask | 1 << j not in after or (j >= k and not armed):
            continue
        then = after[mask | 1 << j][j]
        for at in ats:
            d = away[at, j]
            if d <= limit:
                gain = gamma**d * then[: limit + 1 - d] + (gamma ** (d - 1) if j >= k else 0.0)
                np.maximum(value[at, d:], gain, out=value[at, d:])
    return value
