"""The dark room: somewhere on the floor is a goal that cannot be seen; being there pays.

As in Laskin et al. (2022), "In-context Reinforcement Learning with Algorithm Distillation". An agent that learns within a
lifetime needs memory and the reward in view: wrap it in `reward_in_view(world="dark_room", episodes=k)`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab.envs import grid, small_art
from rewardlab.envs.base import DiscreteWorld, chance, choose, share, size
from rewardlab.envs.gymnax_api import environment


@struct.dataclass
class EnvState(environment.EnvState):
    """cell, goal: int32[], row * size + column. found: bool[], whether the agent has been at the goal."""

    cell: jax.Array
    goal: jax.Array
    found: jax.Array


@struct.dataclass
class EnvParams(environment.EnvParams):
    """held_out: share of the tasks whose goal is one of the cells that training never uses. It may be traced."""

    max_steps_in_episode: int = 20
    held_out: float = share()


def make(size: int = 9, steps: int = 20, held_out: int = 16, seed: int = 0) -> "DarkRoom":
    """A room of size × size cells; of these, `held_out` drawn from `seed` are no goals in training. Raises InputError."""
    return DarkRoom(size, steps, held_out, seed)


class DarkRoom(DiscreteWorld):
    """Reward 1 for each step that ends at the goal. Starts in the centre and is truncated after `steps`.

    Observation bool[2 * size]: the agent's row and column, one-hot. The goal is any cell but the centre.
    """

    actions = grid.ACTIONS
    outcomes = {"found": "found the goal", "not found": "did not find the goal"}

    def __init__(self, side: int = 9, steps: int = 20, held_out: int = 16, seed: int = 0):
        self.side = size("size", side, 2, 99)
        held_out = size("held_out", held_out, 1, self.side**2 - 2)
        self.centre = self.side // 2 * (self.side + 1)
        self._moves = grid.moves(np.ones((self.side, self.side), bool))
        others = np.delete(np.arange(self.side**2), self.centre)
        order = np.random.default_rng(size("seed", seed, 0, 2**31 - 1)).permutation(others)
        self.goal_cells = {True: np.sort(order[:held_out]), False: np.sort(order[held_out:])}
        self._kinds = np.stack([np.isin(np.arange(self.side**2), self.goal_cells[kind]) for kind in (False, True)])
        self._shape = (2 * self.side,)
        self._params = EnvParams(max_steps_in_episode=size("steps", steps, 1, 100_000))

    def goal_probabilities(self, params: EnvParams) -> jax.Array:
        """How likely the goal is to be in each cell, float32[size²]."""
        kinds = jnp.asarray(self._kinds / self._kinds.sum(1, keepdims=True), jnp.float32)
        return chance(params.held_out) @ kinds

    def reset_env(self, key: jax.Array, params: EnvParams):
        """(observation, state). Consumes the key."""
        zero, centre = jnp.zeros((), jnp.int32), jnp.full((), self.centre, jnp.int32)
        state = EnvState(zero, centre, choose(key, self.goal_probabilities(params)), jnp.zeros((), bool))
        return self.observation(state, params), state

    def step_env(self, key: jax.Array, state: EnvState, action, params: EnvParams):
        """One step: (observation, state, reward float32[], terminated bool[], signals). Uses no randomness.

        signals: outcome int32[], and the goals bool[].
        """
        over = self.is_truncated(state, params)
        cell = jnp.where(over, state.cell, jnp.asarray(self._moves)[state.cell, action])
        after = state.replace(time=state.time + 1, cell=cell, found=state.found | (~over & (cell == state.goal)))
        goals = {name: attained(state, after) & ~over for name, attained in self.goals.items()}
        signals = {"outcome": jnp.where(after.found, 0, 1).astype(jnp.int32), **goals}
        return (
            self.observation(after, params),
            after,
            goals["at goal"].astype(jnp.float32),
            jnp.zeros((), bool),
            signals,
        )

    @property
    def goals(self):
        """What a policy may be after: name -> function(state, next state) -> bool[], true where the step attains it."""
        return {
            "at goal": lambda state, after: after.cell == state.goal,
            "found": lambda state, after: after.found & ~state.found,
        }

    def observation(self, state: EnvState, params: EnvParams) -> jax.Array:
        """The observation of a state."""
        line = jnp.arange(self.side)
        return jnp.concatenate([line == state.cell // self.side, line == state.cell % self.side])

    def optimum(self, params: EnvParams) -> jax.Array:
        """The expected return float32[] of who knows the goal: a goal d moves away pays from the d-th step on."""
        row, column = np.divmod(np.arange(self.side**2), self.side)
        away = np.abs(row - self.side // 2) + np.abs(column - self.side // 2)
        return self.goal_probabilities(params) @ jnp.maximum(params.max_steps_in_episode - away + 1, 0).astype(
            jnp.float32
        )

    def references(self, params: EnvParams) -> dict:
        """Scripted policies by name. "optimal" knows where the goal is; "search" finds it by walking a spiral, as long
        as each cell is new, and stays. Who does not know the goal can't visit more new cells than that.
        """
        spiral = self.spiral()

        def search(obs, state, params, key):
            return jnp.where(state.found, 0, jnp.asarray(spiral)[jnp.minimum(state.time, len(spiral) - 1)]).astype(
                jnp.int32
            )

        def optimal(obs, state, params, key):
            down, right = (
                state.goal // self.side - state.cell // self.side,
                state.goal % self.side - state.cell % self.side,
            )
            sideways = jnp.where(right < 0, 3, jnp.where(right > 0, 4, 0))
            return jnp.where(down < 0, 1, jnp.where(down > 0, 2, sideways)).astype(jnp.int32)

        return {"random": self.random_policy, "search": search, "optimal": optimal}

    def spiral(self) -> np.ndarray:
        """Actions that lead from the centre through new cells, int32[size² − 1], in rooms of odd size; else through most."""
        arms = [(4, 1, 3, 2)[i % 4] for i in range(2 * self.side)]
        turns = [action for i, action in enumerate(arms) for _ in range(i // 2 + 1)]
        return np.array(turns[: self.side**2 - 1], np.int32)

    def render_rgb(self, state: EnvState, params: EnvParams) -> jax.Array:
        """The room, the goal, and the agent, uint8[12 * size, 12 * size, 3]."""
        return small_art.dark_room(self.side, state.cell, state.goal, state.found)
