"""CoinRun's levels with coin and end apart: where the agent is put to be asked what it values, and an end wall to walk through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.envs import platforms
from rewardlab.envs.platforms import END, JUMP, PLACES, START_X, WIDTH
from rewardlab.envs.world import Parted

ROOM = 4  # columns behind an end wall that is to be passed
FAR = PLACES  # more than any distance


def parted(state: Any, params: Any) -> Parted:
    """As `CoinRun.parted` says, of a state EnvState and params EnvParams."""
    places = jnp.arange(PLACES)
    cell = places // JUMP
    column, row = cell % WIDTH, cell // WIDTH
    free = (params.levels.tiles[state.level].reshape(-1)[cell] == platforms.EMPTY) & (places % JUMP == 0)
    which = jnp.stack([state.placement, jnp.int32(END)])
    away = params.levels.distance[state.level, which, :PLACES].astype(jnp.int32)  # to the coin, and to the end
    order = jnp.abs(column - START_X) * platforms.HEIGHT + platforms.HEIGHT - 1 - row
    beside = jnp.where(free & (away == 1), order, FAR).argmin(1).astype(jnp.int32)
    there = jnp.take_along_axis(jnp.where(free, away, FAR), beside[:, None], axis=1)[:, 0] == 1
    states = jax.vmap(lambda place: state.replace(place=place))(beside)
    far = (away[1, beside[0]] > 3) & (away[0, beside[1]] > 3)
    return Parted(states, params.levels.coin[state.level, END].astype(jnp.int32), there.all() & far)


def opened(params: Any, views: Callable[[np.ndarray, bool], Any]) -> dict[str, Any]:
    """What of EnvParams is another where end walls are passed: held-out levels alone, those with ROOM behind the wall, or all of
    them where none has. views: `coinrun.views`. Host only.
    """
    first, count = map(int, np.asarray(params.pools)[1])
    levels = platforms.Levels(*(np.asarray(leaf)[first : first + count] for leaf in params.levels))
    room = np.array([platforms.width(tiles) + ROOM <= WIDTH for tiles in levels.tiles])
    kept = np.flatnonzero(room) if room.any() else np.arange(count)
    levels = platforms.Levels(*(leaf[kept] for leaf in levels))
    tiles = platforms.opened(levels.tiles)
    table = platforms.transitions(tiles, passable=True)
    moving = levels.enemy.shape[-1] > 1
    leaves = {
        "levels": levels._replace(tiles=tiles, table=platforms.with_enemy(table, levels.enemy) if moving else table),
        "views": views(tiles, moving),
        "rank": np.asarray(params.rank)[first : first + count][kept],
        "pools": np.array([[0, len(kept)]] * 2, np.int32),
    }
    return jax.tree.map(jnp.asarray, leaves)


def beyond(state: Any, levels: platforms.Levels) -> jax.Array:
    """int32[], how many columns the agent is beyond the end wall's, negative before it."""
    walled = (levels.tiles[state.level] == platforms.WALL).any(0)
    return (state.place % PLACES // JUMP % WIDTH - walled.argmax()).astype(jnp.int32)
