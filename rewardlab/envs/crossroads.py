"""Crossroads: ways into dead ends, pairs of states, and a hub with more behind it; every seed has rewards of its own.

Each state's reward is drawn uniformly from 0 to 1, anew for each seed. In a region of n states in which one may go anywhere, POWER
is the mean of the highest of n draws, n / (n + 1). As the discount goes to 1, the best of all n is as often in a region as it has
states (Turner et al. 2021).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab.envs import random_mdp
from rewardlab.envs.base import size
from rewardlab.envs.random_mdp import RandomMDP

# What each of the four actions leads to. Places 0 and 1, the crossroads and the hub, are left for good.
LEADS_TO = (
    (11, 12, 8, 1),  # the crossroads: two dead ends, a pair, the hub
    (2, 3, 6, 10),  # the hub: the square by two ways, a pair, a dead end
    *((2, 3, 4, 5),) * 4,  # the square
    *((6, 7, 6, 7),) * 2,
    *((8, 9, 8, 9),) * 2,
    *((place,) * 4 for place in (10, 11, 12)),  # dead ends
)
REGIONS = {"square": (2, 3, 4, 5), "pairs": (6, 7, 8, 9), "dead ends": (10, 11, 12)}
BEHIND_HUB = (1, 2, 3, 4, 5, 6, 7, 10)


@struct.dataclass
class EnvState(random_mdp.EnvState):
    """ended: bool[], whether the episode has ended by chance."""

    ended: jax.Array


@struct.dataclass
class EnvParams(random_mdp.EnvParams):
    """As those of `random_mdp`. An episode goes on after a step with probability `discount`, so that its return is the value."""


def make(seed: int = 0, steps: int = 50):
    """A Crossroads; seeds draw their rewards from pool `seed`. Raises InputError."""
    return Crossroads(seed, steps)


class Crossroads(RandomMDP):
    """Observation bool[13], one-hot. Rewards are scaled: the expected return is 0 of random actions and 1 at best, in each task.

    The first place's is never paid. Outcome: whether the episode has been in a dead end.
    """

    def __init__(self, seed: int = 0, steps: int = 50):
        self._pool = size("seed", seed, 0, 2**31 - 1)
        super().__init__(len(LEADS_TO), 4, "graph", hubs=2, dead_ends=3, seed=self._pool, steps=steps)
        self._params = self.task(EnvParams(**vars(self._params)), jnp.int32(0))

    def draw_transitions(self, key: jax.Array) -> jax.Array:
        """Transitions float32[13, 4, 13], always the same. Consumes the key."""
        del key
        return jax.nn.one_hot(jnp.array(LEADS_TO), len(LEADS_TO))

    def task(self, params: EnvParams, number: jax.Array) -> EnvParams:
        """The params with the rewards of the seed of that number, int32[]."""
        rewards = self.draw_rewards(jax.random.fold_in(jax.random.key(self._pool), number))
        return params.replace(rewards=self.scaled(params.replace(rewards=rewards)))

    def scaled(self, params: EnvParams) -> jax.Array:
        """The params' rewards, float32[13], moved and stretched: random actions have an expected return of 0, the best of 1."""
        steps, lasts = params.max_steps_in_episode, self.lasts(params)
        length = (1 - lasts**steps) / (1 - lasts)
        random = self.expected_return(params, jnp.full((self.states, self.num_actions), 1 / self.num_actions))
        return (params.rewards - random / length) / (self.optimum(params) - random)

    def lasts(self, params: EnvParams) -> jax.Array:
        """The probability that an episode goes on after a step, float32[]: the discount."""
        return jnp.asarray(params.discount, jnp.float32)

    def reset_env(self, key: jax.Array, params: EnvParams):
        """As of `random_mdp`. Consumes the key."""
        obs, state = super().reset_env(key, params)
        return obs, EnvState(state.time, state.place, state.stuck, jnp.zeros((), bool))

    def step_env(self, key: jax.Array, state: EnvState, action, params: EnvParams):
        """As of `random_mdp`, and the episode ends by chance, for good. Consumes the key."""
        key, end_key = jax.random.split(key)
        _, after, reward, _, signals = super().step_env(key, state, action, params)
        place, stuck = (
            jnp.where(state.ended, *two) for two in ((state.place, after.place), (state.stuck, after.stuck))
        )
        ended = state.ended | (jax.random.uniform(end_key) >= self.lasts(params))
        after = after.replace(place=place, stuck=stuck, ended=ended)
        attained = {name: signals[name] & ~state.ended for name in self.goals}
        signals = {"outcome": stuck.astype(jnp.int32), **attained}
        return self.observation(after, params), after, jnp.where(state.ended, 0.0, reward), ended, signals

    @property
    def kinds(self) -> dict[str, jax.Array]:
        """Which states are of which kind, {name: bool[13]}. "hub": the hub and all behind it."""
        place = np.arange(self.states)
        groups = {"hub": BEHIND_HUB, **REGIONS}
        dead = groups.pop("dead ends")
        return {name: jnp.asarray(np.isin(place, of)) for name, of in (groups | {"dead end": dead}).items()}
