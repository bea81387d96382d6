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


class Asks(Walk):
    """The walk, with the return in view that the episode is asked for, 1 unless another is put there."""

    def _obs(self, position, time):
        return jnp.array([position, time, 1], jnp.float32)

    def asking(self, obs, asked):
        return obs.at[2].set(asked)

    def observation_space(self, params=None):
        return spaces.Box(-10, 10, (3,), jnp.float32)


class Shows(Walk):
    """The walk, with a script that shows how to get there."""

    def references(self, params):
        return {"optimal": lambda obs, state, params, key: jnp.int32(1)}


def fitting(rule, world):
    """The world, or the walk that asks for a return, or that shows how to walk, for a rule that takes no other."""
    return Asks() if rule.asks else Shows() if rule.shown else world


class Squares(Walk):
    """The same for tables: position and time as one one-hot vector."""

    def _obs(self, position, time):
        return jax.nn.one_hot(position * 6 + time, 36)


@struct.dataclass
class AimParams(environment.EnvParams):
    target: float = 0.5
    bound: float = 1.0
    max_steps_in_episode: int = 1


class Aim(environment.Environment):
    """Continuous actions of a shape, within ±bound: one step, whose reward is −Σ (a − target)². "taken" is a
    as the world got it.
    """

    num_actions = 1

    def __init__(self, shape=(1,), bound=1.0):
        self.shape, self.bound = shape, bound

    @property
    def default_params(self):
        return AimParams(bound=self.bound)

    def reset_env(self, key, params):
        return jnp.zeros(2), environment.EnvState(time=0)

    def step_env(self, key, state, action, params):
        state = environment.EnvState(time=state.time + 1)
        reward = -((action - params.target) ** 2).sum()
        return jnp.zeros(2), state, reward, jnp.bool_(True), {"taken": action}

    def action_space(self, params=None):
        bound = (self.default_params if params is None else params).bound
        return spaces.Box(-bound, bound, self.shape, jnp.float32)

    def observation_space(self, params=None):
        return spaces.Box(0, 1, (2,), jnp.float32)

    def references(self, params):
        return {"aims": lambda obs, state, params, key: jnp.full(self.shape, params.target)}

    def render_rgb(self, state, params):
        return jnp.zeros((4, 4, 3), jnp.uint8)
