"""What the mazes share: a mouse that walks among walls, pools of levels, drawings and text maps.

A reset is one draw from a pool of levels that was made, and checked, when the world was: generation costs nothing while
training. Shares of levels are exact: level i of n in a pool is shifted where (i + 1/2) / n is below the share.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.envs import maze_art, mazes
from rewardlab.envs.base import DiscreteWorld, size
from rewardlab.envs.gymnax_api import spaces
from rewardlab.envs.world import Placements
from rewardlab.inputs.errors import InputError, out_of_range, wrong_type

ACTIONS = ("up", "down", "left", "right")


class Pool(NamedTuple):
    """Training levels, then held-out ones; L in all, of O things each. Every leaf may be traced.

    seen: bool[L, S * S * C], the observation of walls alone. start: int16[L], things: int16[L, O], cells.
    bounds: int32[2, 2], first level and number of levels of the training and of the held-out ones.
    """

    seen: jax.Array
    start: jax.Array
    things: jax.Array
    bounds: jax.Array


class Maze(DiscreteWorld):
    """Moves up, down, left and right; a move into a wall does nothing. A finished episode stays as it is.

    Subclasses: `channels`, the first two of which are walls and the mouse; `marks` of the text map, by piece; and
    `_draw(rng, count)`, `_begin(level, params)`, `_enter(state)`, `ended(state)`, `outcome(state)`, `goals`,
    `_sight(state, params)`, `pieces(state, params)`.
    """

    actions = ACTIONS
    channels: tuple[str, ...] = ("wall", "mouse")
    marks: tuple[tuple[str, str], ...] = ()  # (piece, its mark in a text map)

    def __init__(
        self,
        params: type,
        side: int,
        levels: int,
        held_out: int,
        seed: int,
        layout: str = "perfect",
        solvable: bool = True,
    ):
        self.size = size("size", side, 3, 99)
        levels, held_out = size("levels", levels, 1, 100_000), size("held_out", held_out, 1, 100_000)
        if layout not in ("blocks", "perfect"):
            raise wrong_type("layout", layout, "'blocks' or 'perfect'")
        if layout == "perfect" and self.size % 2 == 0:
            raise out_of_range("size", side, "odd numbers from 3 to 99 for perfect mazes")
        if not isinstance(solvable, (bool, np.bool_)):
            raise wrong_type("solvable", solvable, "True or False")
        self.side, self._walls, self.solvable = self.size + 2, getattr(mazes, layout), bool(solvable)
        self._shape = (self.side, self.side, len(self.channels))
        self._steps = np.array([-self.side, self.side, -1, 1], np.int32)
        found = mazes.generate(self._draw, levels + held_out, size("seed", seed, 0, 2**31 - 1))
        self._params = params(pool=self._pool(found, levels))

    def observation_space(self, params: Any) -> spaces.Box:
        return spaces.Box(False, True, self._shape, jnp.bool_)

    def _pool(self, levels: mazes.Levels, trained: int) -> Pool:
        seen = np.zeros((*levels.walls.shape, len(self.channels)), bool)
        seen[..., 0] = levels.walls
        count = len(seen)
        bounds = np.array([[0, trained], [trained % count, count - trained or count]], np.int32)
        return Pool(*map(jnp.asarray, (seen.reshape(count, -1), levels.start, levels.things, bounds)))

    def reset_env(self, key: jax.Array, params: Any):
        """The start of a level drawn at random from the pool. Consumes the key."""
        first, count = self._bounds(params)[jnp.asarray(params.held_out, jnp.int32)]
        drawn = (jax.random.uniform(key) * count.astype(jnp.float32)).astype(jnp.int32)
        return self.start(first + jnp.minimum(drawn, count - 1), params)

    def start(self, level, params: Any):
        """(observation, state) at the start of level int32[] of the pool."""
        level = jnp.asarray(level, jnp.int32)
        first, count = self._bounds(params)[(level >= params.pool.bounds[1, 0]).astype(jnp.int32)]
        rank = ((level - first).astype(jnp.float32) + 0.5) / count.astype(jnp.float32)
        state = self._begin(level, params.pool.start[level].astype(jnp.int32), rank, params)
        return self.observation(state, params), state

    def _bounds(self, params: Any) -> jax.Array:
        """int32[2, 2], as of `Pool`."""
        return params.pool.bounds

    def step_env(self, key: jax.Array, state: Any, action, params: Any):
        """One step: (observation, state, reward float32[], terminated bool[], signals). Uses no randomness.

        signals: outcome int32[] (index into `outcomes`, of the episode if it ended here), the goals bool[], and what
        else the world's docstring names.
        """
        over = self.ended(state) | self.is_truncated(state, params)
        to = state.mouse + jnp.asarray(self._steps)[action]
        to = jnp.where(over | self._blocked(state, to, params), state.mouse, to)
        after = self._enter(state.replace(time=state.time + (~over).astype(jnp.int32), mouse=to), params)
        goals = {name: attained(state, after) for name, attained in self.goals.items()}
        signals = {"outcome": self.outcome(after).astype(jnp.int32), **goals, **self.measures(after, params)}
        return self.observation(after, params), after, self.reward(state, after), self.ended(after), signals

    def _blocked(self, state, to, params):
        return params.pool.seen[state.level, len(self.channels) * to]

    def reward(self, state, after) -> jax.Array:
        """float32[] of a transition: 1 where it attains the first goal."""
        return next(iter(self.goals.values()))(state, after).astype(jnp.float32)

    def measures(self, state, params) -> dict[str, jax.Array]:
        """Further signals of a state."""
        return {}

    def observation(self, state, params) -> jax.Array:
        """The observation bool[S, S, C] of a state: the walls' row of the pool, with a few entries set.

        Setting entries is ten times as fast on a CPU as comparing every cell with every piece.
        """
        cells, channels, values = self._sight(state, params)
        index = jnp.append(
            cells * len(self.channels) + jnp.asarray(channels, jnp.int32), len(self.channels) * state.mouse + 1
        )
        return params.pool.seen[state.level].at[index].set(jnp.append(values, True)).reshape(self._shape)

    def walls(self, state, params) -> jax.Array:
        """Where the mouse can't go, bool[S, S]."""
        return params.pool.seen[state.level].reshape(*self._shape[:2], -1)[..., 0]

    def toward(self, walls, target, mouse) -> tuple[jax.Array, jax.Array]:
        """(first action int32[] of a shortest way from the mouse to a target bool[S, S], its moves int32[])."""
        away = mazes.distances(walls, target).reshape(-1)
        return jnp.argmin(away[mouse + jnp.asarray(self._steps)]).astype(jnp.int32), away[mouse]

    def render_rgb(self, state, params) -> jax.Array:
        """The whole maze, uint8[12 * S, 12 * S, 3]."""
        return maze_art.draw(self.walls(state, params), [*self.pieces(state, params), ("mouse", state.mouse, True)])

    def _placements(self, thing: str, field: str, params: Any, past: str = "") -> Placements:
        """What `placements` is where the thing, whose cell is a field of the state, may lie wherever the mouse gets to.

        past: the field of what would end the episode on the way; the thing may lie there, too.
        """

        def free(state) -> np.ndarray:
            walls = np.array(params.pool.seen[state.level]).reshape(*self._shape[:2], -1)[..., 0]
            mouse, end = np.asarray(state.mouse), np.asarray(getattr(state, past)) if past else None
            near = mazes.reach((walls if end is None else walls | mazes.only(end, self.side))[None], mouse[None])[0]
            return (near.reshape(-1) | (np.arange(near.size) == end)) & (np.arange(near.size) != mouse)

        return Placements(
            thing=thing,
            grid=(self.side, self.side),
            agent=lambda state: state.mouse,
            home=lambda state: getattr(state, field),
            put=lambda state, cell: state.replace(**{field: cell.astype(jnp.int32)}),
            free=free,
        )

    def show(self, state, params) -> str:
        """The text map of a state. Host only."""
        pieces = [(dict(self.marks)[name], cell) for name, cell, there in self.pieces(state, params) if there]
        return mazes.show(self.walls(state, params), [*pieces, ("@", state.mouse)])

    def parse(self, text: str):
        """Params whose only level, in both pools, is that of a text map. Raises InputError."""
        walls, found = mazes.parse(text, "".join(mark for _, mark in self.marks))
        if len(walls) != self.side:
            raise InputError(f"a map of this world has {self.side} rows; this one has {len(walls)}")
        things, changes = self._things({name: found[mark] for name, mark in self.marks})
        levels = mazes.Levels(walls[None], np.array(found["@"], np.int16), np.array([things], np.int16))
        return self._params.replace(pool=self._pool(levels, 1), **changes)

    def references(self, params: Any) -> dict:
        """Scripted policies by name, `policy(obs, state, params, key) -> action int32[]`."""
        return {"random": self.random_policy}


def one(name: str, cells: list[int]) -> int:
    """The only cell of a piece. Raises InputError."""
    if len(cells) != 1:
        raise InputError(f"a map of this world has one {name}; this one has {len(cells)}")
    return cells[0]
