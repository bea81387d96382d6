"""Tiny diagnostic worlds, each small enough to work out by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces


@struct.dataclass
class State(environment.EnvState):
    position: int
    time: int


@struct.dataclass
class Params(environment.EnvParams):
    goal: int = 3
    max_steps_in_episode: int = 5


class Walk(environment.Environment):
    """Action 1 steps to the right, action 0 stays. Reaching `goal` pays 1 and ends the episode; the clock ends it at 5 steps.

    With goal = 5 the last step both terminates and truncates.
    """

    num_actions = 2
    outcomes = ("goal", "time")

    @property
    def default_params(self):
        return Params()

    def reset_env(self, key, params):
        return self._obs(0, 0), State(position=0, time=0)

    def step_env(self, key, state, action, params):
        state = State(position=state.position + action, time=state.time + 1)
        there = state.position >= params.goal
        info = {"outcome": jnp.where(there, 0, 1), "position": state.position}
        return self._obs(state.position, state.time), state, there.astype(jnp.int32), there, info

    def _obs(self, position, time):
        return jnp.array([position, time], jnp.float32)

    def action_space(self, params=None):
        return spaces.Discrete(2)

    def observation_space(self, params=None):
        return spaces.Box(0, 10, (2,), jnp.float32)


class Timeless(Walk):
    """The same without the clock in view. With it, a truncated step would bootstrap from a time that no update ever visits."""

    def _obs(self, position, time):
        return jnp.array([position, 0], jnp.float32)


class Squares(Walk):
    """The same for tables: position and time as one one-hot vector."""

    def _obs(self, position, time):
        return jax.nn.one_hot(position * 6 + time, 36)
