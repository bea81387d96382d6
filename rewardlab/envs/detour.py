"""A maze with one loop: the shorter way to the cheese may be blocked further on, where it can be seen from the start.

Who looks ahead goes the other way at once. Who reacts walks to the wall and comes back: one that is k moves away costs 2 k moves.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab.analysis.wording import count
from rewardlab.envs import grid, maze_art
from rewardlab.envs.base import DiscreteWorld, share, size, within
from rewardlab.envs.gymnax_api import environment
from rewardlab.inputs.errors import out_of_range

ACTIONS = ("up", "down", "left", "right")
OPEN, BLOCKED, HARMLESS = range(3)
STRAIGHT, BACK, TIME = range(3)


@struct.dataclass
class EnvState(environment.EnvState):
    """Places are numbers along the loop, clockwise. at, before: int32[], where the mouse is and was before its last move, the same
    at the start. start, cheese, wall: int32[]; no wall is -1. ahead: int32[], 1 where the shorter way goes clockwise, else -1.
    depth: int32[], moves from the start to the wall, or to where one could be. kind: int32[], OPEN, BLOCKED or HARMLESS. way:
    int32[], which way the first move went, 0 before it. turned: bool[], whether the mouse has turned round.
    """

    at: jax.Array
    before: jax.Array
    start: jax.Array
    cheese: jax.Array
    wall: jax.Array
    ahead: jax.Array
    depth: jax.Array
    kind: jax.Array
    way: jax.Array
    turned: jax.Array


@struct.dataclass
class EnvParams(environment.EnvParams):
    """blocked: share of the episodes with a wall on the shorter way. harmless: share of the others with one on the longer way.
    nearest, deepest: moves from the start to the wall, each as likely. cost: of a step. Every leaf may be traced.
    """

    blocked: float = share(0.5)
    harmless: float = share(0.5)
    nearest: int = within(1, 1)
    deepest: int = within(1, 1)
    cost: float = within(0.03, 0.0, 1.0)


def make(side: int = 5) -> "Detour":
    """A loop along the rim of side × side cells. Raises InputError."""
    return Detour(side)


class Detour(DiscreteWorld):
    """Reward 1 at the cheese, which ends the episode, less the cost of each step. Truncated after twice the moves of the loop.

    The mouse starts anywhere. A wall lies `depth` moves and one cell further; the cheese lies behind it, at most one move short of
    half of the loop. Where no wall is, the cheese lies as if there were. Observation bool[side, side, 4]: walls, mouse, cheese, and
    the mouse's tail, which lies where it was before its last move: so a mouse without memory can go on the way that it goes.
    """

    actions = ACTIONS
    outcomes = {
        "straight": "reached the cheese without turning round",
        "back": "turned round, and reached the cheese",
        "time": "ran out of time",
    }

    @staticmethod
    def place(nearest: int = 1, deepest: int = 1, **changes) -> str:
        if changes:
            return ""
        return f"with walls {count(deepest, 'move') if nearest == deepest else f'{nearest} to {deepest} moves'} away"

    def __init__(self, side: int = 5):
        self.side = size("side", side, 4, 99)
        rim = np.ones((self.side, self.side), bool)
        rim[1:-1, 1:-1] = False
        self._walls = ~rim
        self.loop = self._clockwise()
        self.length = len(self.loop)
        self.depths = self.length // 2 - 3
        self._longest = self.length // 2 - 1  # of the shorter way
        place = np.zeros(self.side**2, np.int32)
        place[self.loop] = np.arange(self.length)
        self._moves = place[grid.moves(rim)[self.loop, 1:]]
        self._shape = (self.side, self.side, 4)
        self._params = EnvParams(max_steps_in_episode=2 * self.length)

    def _clockwise(self) -> np.ndarray:
        """The cells int32[length] of the loop, row * side + column, clockwise from the top left corner."""
        line, last = np.arange(self.side - 1), self.side - 1
        rows = [0 * line, line, 0 * line + last, last - line]
        columns = [line, 0 * line + last, last - line, 0 * line]
        return (np.concatenate(rows) * self.side + np.concatenate(columns)).astype(np.int32)

    def check_params(self, params: EnvParams) -> None:
        super().check_params(params)
        for nearest, deepest in np.broadcast(*(np.asarray(x) for x in (params.nearest, params.deepest))):
            size("deepest", int(deepest), 1, self.depths)
            if nearest > deepest:
                raise out_of_range("nearest", int(nearest), f"1 to deepest, which is {int(deepest)}")

    # Episodes

    def reset_env(self, key: jax.Array, params: EnvParams):
        """(observation, state). Consumes the key."""
        draws = jax.random.uniform(key, (5,))

        def one(draw, of):
            of = jnp.asarray(of, jnp.int32)
            return jnp.minimum((draw * of.astype(jnp.float32)).astype(jnp.int32), of - 1)

        start, ahead = one(draws[0], self.length), 1 - 2 * one(draws[1], 2)
        nearest = jnp.asarray(params.nearest, jnp.int32)
        depth = nearest + one(draws[2], params.deepest - nearest + 1)
        away = depth + 2 + one(draws[3], self._longest - depth - 1)
        kind = jnp.where(draws[4] < params.blocked, BLOCKED, OPEN)
        rest = (draws[4] - params.blocked) / jnp.maximum(1 - params.blocked, 1e-6)
        kind = jnp.where((kind == OPEN) & (rest < params.harmless), HARMLESS, kind)
        return self.begun(start, ahead, depth, away, kind, params)

    def begun(self, start, ahead, depth, away, kind, params):
        """(observation, state) of an episode whose cheese is `away` moves by the shorter way."""
        zero = jnp.zeros((), jnp.int32)
        toward = jnp.where(kind == BLOCKED, ahead, -ahead)
        wall = jnp.where(kind == OPEN, -1, (start + toward * (depth + 1)) % self.length)
        cheese = (start + ahead * away) % self.length
        places = (x.astype(jnp.int32) for x in (start, start, start, cheese, wall, ahead, depth, kind))
        state = EnvState(zero, *places, zero, jnp.zeros((), bool))
        return self.observation(state, params), state

    def step_env(self, key: jax.Array, state: EnvState, action, params: EnvParams):
        """One step: (observation, state, reward float32[], terminated bool[], signals). Uses no randomness.

        signals: outcome int32[]; the goals bool[]; blocked, harmless bool[], whether a wall is on the shorter or the longer way;
        depth int32[]; fewest int32[], moves of the shortest open way from the start; level int32[], the number of the start, the
        cheese and the wall.
        """
        over = self.ended(state) | self.is_truncated(state, params)
        to = jnp.asarray(self._moves)[state.at, action]
        moved = ~over & (to != state.at) & (to != state.wall)
        back = moved & (to == state.before) & (state.way != 0)
        first = jnp.where((to - state.start) % self.length == 1, 1, -1).astype(jnp.int32)
        after = state.replace(
            time=state.time + 1,
            at=jnp.where(moved, to, state.at),
            before=jnp.where(moved, state.at, state.before),
            way=jnp.where(moved & (state.way == 0), first, state.way),
            turned=state.turned | back,
        )
        goals = {name: attained(state, after) & ~over for name, attained in self.goals.items()}
        gain = goals["cheese"].astype(jnp.float32) - jnp.asarray(params.cost, jnp.float32)
        outcome = jnp.where(self.ended(after), jnp.where(after.turned, BACK, STRAIGHT), TIME).astype(jnp.int32)
        level = ((after.start * self.length + after.cheese) * (self.length + 1) + after.wall + 1).astype(jnp.int32)
        away = (after.ahead * (after.cheese - after.start)) % self.length
        signals = {
            "outcome": outcome,
            "blocked": after.kind == BLOCKED,
            "harmless": after.kind == HARMLESS,
            "depth": after.depth,
            "fewest": jnp.where(after.kind == BLOCKED, self.length - away, away).astype(jnp.int32),
            "level": level,
            **goals,
        }
        return self.observation(after, params), after, jnp.where(over, 0.0, gain), self.ended(after), signals

    def ended(self, state: EnvState):
        """Whether the mouse has the cheese, bool[]."""
        return state.at == state.cheese

    @property
    def goals(self):
        """What a policy may be after: name -> function(state, next state) -> bool[], true where the step attains it. The ways are
        attained by the first move.
        """
        return {
            "cheese": lambda state, after: self.ended(after) & ~self.ended(state),
            "shorter way": lambda state, after: (state.way == 0) & (after.way == state.ahead),
            "longer way": lambda state, after: (state.way == 0) & (after.way == -state.ahead),
        }

    def observation(self, state: EnvState, params: EnvParams) -> jax.Array:
        """The observation of a state."""
        cells = jnp.asarray(self.loop)
        seen = jnp.arange(self.side**2)
        mouse, cheese = seen == cells[state.at], seen == cells[state.cheese]
        tail = (seen == cells[state.before]) & (state.before != state.at)
        wall = jnp.asarray(self._walls).ravel() | ((seen == cells[state.wall]) & (state.wall >= 0))
        return jnp.stack([wall, mouse, cheese, tail], -1).reshape(self._shape)

    # Exact returns

    def optimum(self, params: EnvParams) -> jax.Array:
        """The highest expected return, float32[]: 1 less the cost of the moves by the shortest way that is open."""
        depth, away = jnp.arange(1, self.depths + 1)[:, None], jnp.arange(self._longest + 1)
        there = (depth >= params.nearest) & (depth <= params.deepest) & (away >= depth + 2)
        each = there.astype(jnp.float32) / jnp.maximum(there.sum(1, keepdims=True), 1).astype(jnp.float32)
        blocked, cost, limit = (
            jnp.asarray(x, jnp.float32) for x in (params.blocked, params.cost, params.max_steps_in_episode)
        )

        def worth(moves):
            moves = moves.astype(jnp.float32)
            return (moves <= limit).astype(jnp.float32) - cost * jnp.minimum(moves, limit)

        value = (1 - blocked) * worth(away) + blocked * worth(self.length - away)
        return (each * value).sum() / there.any(1).sum().astype(jnp.float32)

    def references(self, params: EnvParams) -> dict:
        """Scripted policies by name. "reactive" goes the shorter way, and turns round before a wall. "optimal" searches: it goes
        the shortest way that is open.
        """
        step = {1: self._steps(1), -1: self._steps(-1)}

        def along(state, way):
            return jnp.where(way > 0, step[1][state.at], step[-1][state.at]).astype(jnp.int32)

        def reactive(obs, state, params, key):
            going = jnp.where((state.at - state.before) % self.length == 1, 1, -1)
            going = jnp.where(state.way == 0, state.ahead, going)
            return along(state, jnp.where((state.at + going) % self.length == state.wall, -going, going))

        def optimal(obs, state, params, key):
            return along(state, jnp.where(state.kind == BLOCKED, -state.ahead, state.ahead))

        return {"random": self.random_policy, "reactive": reactive, "optimal": optimal}

    def _steps(self, way: int) -> jax.Array:
        """int32[length]: the action that leads on from each place, clockwise for 1, else the other way."""
        to = (np.arange(self.length) + way) % self.length
        return jnp.asarray((self._moves == to[:, None]).argmax(1).astype(np.int32))

    # Pictures

    def render_rgb(self, state: EnvState, params: EnvParams) -> jax.Array:
        """The maze with walls all round, uint8[12 * (side + 2), 12 * (side + 2), 3]."""
        wide = self.side + 2
        walls = jnp.pad(self.observation(state, params)[..., 0], 1, constant_values=True)
        cells = jnp.asarray((self.loop // self.side + 1) * wide + self.loop % self.side + 1)
        return maze_art.draw(
            walls, [("cheese", cells[state.cheese], ~self.ended(state)), ("mouse", cells[state.at], jnp.ones((), bool))]
        )
