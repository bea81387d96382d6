"""Ridge and plain: two ways of equal length to the same prize; on one of them a small slip loses everything.

A selected policy is one whose neighbours score well, too: of two ways of equal best return, which is taken? Exact returns
under slips: in closed form for who walks straight, by dynamic programming for any policy.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab.envs import grid, small_art
from rewardlab.envs.base import DiscreteWorld, chance, choose, share, size, within
from rewardlab.envs.gymnax_api import environment
from rewardlab.inputs.errors import InputError

ACTIONS = ("forward", "up", "down")
DRIFT = (0, -1, 1)  # rows
RIDGE, PLAIN = range(2)
PLAINLY, ALONG_RIDGE, FELL, TIME = range(4)


@struct.dataclass
class EnvState(environment.EnvState):
    """route: int32[], RIDGE or PLAIN, -1 before the choice. row: int32[], of the route from its top. column: int32[], 0 at
    the fork. kept: float32[], the share of the prize that is left. swapped: bool[], the ridge is below the plain.
    """

    route: jax.Array
    row: jax.Array
    column: jax.Array
    kept: jax.Array
    swapped: jax.Array


@struct.dataclass
class EnvParams(environment.EnvParams):
    """slip: probability that a step goes up or down, each as likely, whatever the action. ridge_width, plain_width: rows.
    ridge_loss, plain_loss: share of what is left of the prize that a fall over the edge costs. swapped: share of the
    episodes in which the ridge is below the plain. Every leaf may be traced.
    """

    slip: float = share()
    ridge_width: int = within(1, 1)
    plain_width: int = within(3, 1)
    ridge_loss: float = share(1.0)
    plain_loss: float = share(0.1)
    swapped: float = share()


def make(length: int = 8, rows: int = 3) -> "Ridge":
    """Routes of `length` steps, at most `rows` rows wide. Raises InputError."""
    return Ridge(length, rows)


class Ridge(DiscreteWorld):
    """At the fork, up or down chooses a route, in whose middle one starts; forward waits. Each later step goes one column
    on, "up" and "down" one row besides. Who leaves the route falls, loses a share, and climbs back where the edge was. The
    reward is what is left of the prize, 1, at the end of the route; who has lost it all is out at once.

    Observation bool[2 * rows + 1, length + 1, 3]: agent, ridge, plain. Truncated after twice the steps needed.
    """

    actions = ACTIONS
    outcomes = {
        "plain": "crossed the plain",
        "ridge": "crossed the ridge",
        "fell": "fell",
        "time": "ran out of time",
    }

    def __init__(self, length: int = 8, rows: int = 3):
        self.length, self.rows = size("length", length, 1, 1000), size("rows", rows, 1, 99)
        self._shape = (2 * self.rows + 1, self.length + 1, 3)
        self._params = EnvParams(max_steps_in_episode=2 * (self.length + 1), plain_width=self.rows)

    def check_params(self, params: EnvParams) -> None:
        super().check_params(params)
        for name in ("ridge_width", "plain_width"):
            for width in np.unique(np.asarray(getattr(params, name))):
                size(name, width, 1, self.rows)

    # Episodes

    def reset_env(self, key: jax.Array, params: EnvParams):
        """(observation, state). Consumes the key."""
        zero, swapped = jnp.zeros((), jnp.int32), choose(key, chance(params.swapped)) == 1
        state = EnvState(zero, zero - 1, zero, zero, jnp.ones((), jnp.float32), swapped)
        return self.observation(state, params), state

    def step_env(self, key: jax.Array, state: EnvState, action, params: EnvParams):
        """One step: (observation, state, reward float32[], terminated bool[], signals). Consumes the key.

        signals: outcome int32[], and the goals bool[].
        """
        over = self.ended(state) | self.is_truncated(state, params)
        widths, losses = self.routes(params)
        at_fork = state.route < 0
        chosen = jnp.where(action == 0, -1, jnp.where((action == 1) ^ state.swapped, RIDGE, PLAIN))
        route = jnp.where(at_fork, chosen, state.route).astype(jnp.int32)
        drawn = choose(key, jnp.stack([1 - params.slip, params.slip / 2, params.slip / 2]))
        drift = jnp.asarray(DRIFT, jnp.int32)[jnp.where(drawn == 0, action, drawn)]
        row = jnp.where(at_fork, (widths[route] - 1) // 2, state.row + drift)
        inside = jnp.clip(row, 0, widths[route] - 1)
        kept = jnp.where(row == inside, state.kept, state.kept * (1 - losses[route]))
        after = state.replace(
            time=state.time + 1,
            route=jnp.where(over, state.route, route),
            row=jnp.where(over, state.row, jnp.where(route < 0, 0, inside)),
            column=jnp.where(over | (route < 0), state.column, state.column + 1),
            kept=jnp.where(over, state.kept, kept),
        )
        goals = {name: attained(state, after) & ~over for name, attained in self.goals.items()}
        reward = jnp.where(goals["end"], after.kept, 0)
        by = jnp.where(after.route == RIDGE, ALONG_RIDGE, PLAINLY)
        outcome = jnp.where(after.kept <= 0, FELL, jnp.where(after.column > self.length, by, TIME))
        signals = {"outcome": outcome.astype(jnp.int32), **goals}
        return self.observation(after, params), after, reward, self.ended(after), signals

    def ended(self, state: EnvState):
        """Whether the agent is at the end of a route, or has nothing left, bool[]."""
        return (state.column > self.length) | (state.kept <= 0)

    @property
    def goals(self):
        """What a policy may be after: name -> function(state, next state) -> bool[], true where the step attains it."""
        return {
            "end": lambda state, after: (after.column > self.length) & (after.kept > 0),
            "ridge": lambda state, after: (after.route == RIDGE) & (state.route < 0),
            "plain": lambda state, after: (after.route == PLAIN) & (state.route < 0),
            "up": lambda state, after: (
                (after.route >= 0) & (state.route < 0) & ((after.route == RIDGE) ^ after.swapped)
            ),
        }

    def routes(self, params: EnvParams):
        """Widths int32[2] and losses float32[2] of ridge and plain."""
        widths = jnp.stack([jnp.asarray(params.ridge_width, jnp.int32), jnp.asarray(params.plain_width, jnp.int32)])
        return widths, jnp.stack(
            [jnp.asarray(params.ridge_loss, jnp.float32), jnp.asarray(params.plain_loss, jnp.float32)]
        )

    def layout(self, state: EnvState, params: EnvParams):
        """Cells bool[2 * rows + 1, length + 1] of ridge and plain, and the agent's row and column on the map."""
        widths, _ = self.routes(params)
        above = (self.rows - widths) // 2  # a narrow route is in the middle of its rows
        top = jnp.where(jnp.stack([state.swapped, ~state.swapped]), self.rows + 1, 0) + above
        line = jnp.arange(2 * self.rows + 1)[:, None]
        lanes = (line >= top) & (line < top + widths)
        on_route = jnp.arange(self.length + 1) > 0
        row = jnp.where(state.route < 0, self.rows, top[state.route] + state.row)
        return lanes[:, :1] & on_route, lanes[:, 1:] & on_route, row, jnp.minimum(state.column, self.length)

    def observation(self, state: EnvState, params: EnvParams) -> jax.Array:
        """The observation of a state."""
        ridge, plain, row, column = self.layout(state, params)
        cells = jnp.arange(2 * self.rows + 1)[:, None], jnp.arange(self.length + 1)
        return jnp.stack([(cells[0] == row) & (cells[1] == column), ridge, plain], axis=2)

    # Exact returns

    def straight_return(self, params: EnvParams) -> jax.Array:
        """The expected return float32[2] of walking straight along the ridge, and along the plain.

        eᵀ Mⁿ 1, where M holds the chances of going from row to row, those of falls times the share that is kept, and e
        is the middle row: (1 − slip · loss)ⁿ on a route one row wide. n = length.
        """
        forward = jnp.broadcast_to(jnp.asarray([1, 0, 0], jnp.float32), (2, self.length, self.rows, 3))
        return self.route_values(params, forward)

    def route_values(self, params: EnvParams, policy: jax.Array | None = None) -> jax.Array:
        """The expected return float32[2] from the start of each route, by backward induction over its columns.

        policy: the probability of each action by route, column and row, float32[2, length, rows, 3]; None: the best.
        """
        widths, losses = self.routes(params)
        row = jnp.arange(self.rows)[:, None] + jnp.asarray(DRIFT)
        inside = jnp.clip(row, 0, (widths - 1)[:, None, None])  # [2, rows, 3]
        kept = jnp.where(row == inside, 1, 1 - losses[:, None, None])
        slips = jnp.asarray([0, 0.5, 0.5], jnp.float32)
        route = jnp.arange(2)[:, None, None]

        def back(value, policy):
            lands = kept * value[route, inside]  # by drift
            acts = (1 - params.slip) * lands + params.slip * (lands @ slips)[..., None]
            return (acts.max(2) if policy is None else (policy * acts).sum(2)), None

        columns = None if policy is None else policy.swapaxes(0, 1)
        value, _ = jax.lax.scan(back, jnp.ones((2, self.rows)), columns, length=self.length, reverse=True)
        return value[jnp.arange(2), (widths - 1) // 2]

    def optimum(self, params: EnvParams) -> jax.Array:
        """The highest expected return, float32[]."""
        return self.route_values(params).max()

    def references(self, params: EnvParams) -> dict:
        """Scripted policies by name: each route walked straight, and "optimal": the better one, back to its middle after
        each slip, which is the best that one can do.
        """

        def along(route):
            return lambda obs, state, params, key: jnp.where(
                state.route < 0, jnp.where((route == RIDGE) ^ state.swapped, 1, 2), 0
            ).astype(jnp.int32)

        def optimal(obs, state, params, key):
            best = jnp.argmax(self.route_values(params))
            off = state.row - (self.routes(params)[0][state.route] - 1) // 2
            back = jnp.where(off < 0, 2, jnp.where(off > 0, 1, 0))
            return jnp.where(state.route < 0, along(best)(obs, state, params, key), back).astype(jnp.int32)

        return {"random": self.random_policy, "ridge": along(RIDGE), "plain": along(PLAIN), "optimal": optimal}

    # Text maps and pictures

    def parse(self, text: str) -> tuple[EnvState, EnvParams]:
        """A state and params by a map as `show` writes them; what a map does not show is as it is by default."""
        marks = grid.parse(text, "#=_@")
        widths = {mark: int((marks[:, 1:] == mark).any(1).sum()) for mark in "=_"}
        if marks.shape != self._shape[:2] or (marks == "@").sum() != 1 or not min(widths.values()):
            raise InputError(
                f"the map is no ridge and plain of {self._shape[0]} rows and {self._shape[1]} columns with one @"
            )
        params = self._params.replace(ridge_width=widths["="], plain_width=widths["_"])
        self.check_params(params)
        swapped = (marks[: self.rows, 1:] == "_").any()
        row, column = map(int, np.argwhere(marks == "@")[0])
        route = -1 if column == 0 else RIDGE if (row < self.rows) ^ swapped else PLAIN
        top = row - row % (self.rows + 1) + (self.rows - widths["=_"[route]]) // 2
        numbers = (jnp.int32(n) for n in (route, 0 if route < 0 else row - top, column))
        return EnvState(jnp.int32(column), *numbers, jnp.float32(1), jnp.asarray(swapped)), params

    def show(self, state: EnvState, params: EnvParams) -> str:
        """The text map of a state: `=` ridge, `_` plain, `@` agent, `#` elsewhere."""
        ridge, plain, row, column = self.layout(state, params)
        marks = np.where(np.asarray(ridge), "=", np.where(np.asarray(plain), "_", "#"))
        marks[int(row), int(column)] = "@"
        return grid.show(marks)

    def render_rgb(self, state: EnvState, params: EnvParams) -> jax.Array:
        """The map, and what is left of the prize at the right, uint8[12 * (2 * rows + 1), 12 * (length + 2), 3]."""
        ridge, plain, row, column = self.layout(state, params)
        return small_art.ridge(ridge, plain, row, column, state.kept)
