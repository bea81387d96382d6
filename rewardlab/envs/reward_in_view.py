"""Reward in view: any world with the last reward, action and end in its observation; and lifetimes of several episodes.

An agent that perceives reward, and has memory, can learn *within* a lifetime, while no parameter moves (Wang et al. 2016,
Duan et al. 2016). What it is shown and what is paid can be parted: then the two tell what it follows.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab import envs
from rewardlab.envs import adapter, contract, small_art
from rewardlab.envs.base import chance, choose, share, size, within
from rewardlab.envs.gymnax_api import environment
from rewardlab.envs.wrapping import Wrapper, stay, true_reward
from rewardlab.inputs.errors import InputError
from rewardlab.types import Box


@struct.dataclass
class EnvState(environment.EnvState):
    """inner: the inner world's state that the last step led to. first, first_obs: those that each of its episodes starts
    with. episode: int32[], episodes ended. ended: bool[], the last step ended one. did: int32[], the last action, -1 before
    the first. decoupled: bool[], the reward in view is not what is paid, from step `since` on. seen: float32[], the reward
    in view. terminated: bool[], the lifetime is, for good.
    """

    inner: Any
    first: Any
    first_obs: jax.Array
    episode: jax.Array
    ended: jax.Array
    did: jax.Array
    decoupled: jax.Array
    seen: jax.Array
    terminated: jax.Array


def make(world: Any = "dark_room", episodes: int = 1, **options: Any) -> "RewardInView":
    """`world`, by name, path or Environment, made with `options`; a lifetime is `episodes` episodes. Raises InputError."""
    return RewardInView(envs.make(world, **options), episodes)


class RewardInView(Wrapper):
    """The observation gets the reward in view, the last action, one-hot, and whether it ended an episode: float32[...].

    A lifetime draws its world once, at its reset: each of its episodes starts in the same state, hidden task included, and
    its end is no more than a flag in view, beside the next episode's first observation. The last one's end is the end of the
    lifetime. `max_steps_in_episode` is a lifetime's; an episode has an equal part of it.

    Params beside the inner world's: decoupled, share of the lifetimes in which, from step `since` on, the reward in view is
    `gain` times the one paid, plus `bias`: hidden with 0 and 0, faked otherwise. Signals besides: "displayed", the reward
    in view, "true", what the step was worth, and "episode" int32[], which one of the lifetime's the step was of. The reward is
    the inner world's.
    """

    reward_in_view = True

    def __init__(self, inner: Any, episodes: int = 1):
        if isinstance(adapter.actions(inner), Box):
            raise InputError(
                f"actions of {contract.name_of(inner)} are continuous; allowed: discrete ones, which are shown one-hot"
            )
        limit = adapter.time_limit(inner)
        self.episodes = size("episodes", episodes, 1, (2**31 - 1) // max(limit, 1))
        more = {"decoupled": share(), "since": within(0, 0)}
        more |= {"gain": within(0.0, -1e6, 1e6), "bias": within(0.0, -1e6, 1e6)}
        super().__init__(inner, more, inner.num_actions + 2, jnp.float32)
        self._params = self._params.replace(max_steps_in_episode=limit * self.episodes)

    def each(self, params):
        """The params of one episode of a lifetime's."""
        return params.replace(max_steps_in_episode=params.max_steps_in_episode // self.episodes)

    def check_params(self, params) -> None:
        super().check_params(params)
        size("max_steps_in_episode", int(np.min(params.max_steps_in_episode)), self.episodes, 2**31 - 1)

    def reset_env(self, key: jax.Array, params):
        """(observation, state). Consumes the key."""
        decoupled_key, inner_key = jax.random.split(key)
        obs, inner = adapter.reset(self.inner, inner_key, self.each(params))
        zero, no = jnp.zeros((), jnp.int32), jnp.zeros((), bool)
        decoupled = choose(decoupled_key, chance(params.decoupled)) == 1
        state = EnvState(zero, inner, inner, obs, zero, no, zero - 1, decoupled, jnp.zeros((), jnp.float32), no)
        return self._join(obs, state), state

    def step_env(self, key: jax.Array, state: EnvState, action, params):
        """One step: (observation, state, reward float32[], terminated bool[], signals). Consumes the key."""
        over = state.episode >= self.episodes
        out = adapter.step(self.inner, key, self._from(state), action, self.each(params))
        reward, true = (jnp.where(over, 0, x) for x in (out.signals["reward"], true_reward(out.signals)))
        parted = state.decoupled & (state.time >= params.since) & ~over
        seen = jnp.where(parted, params.gain * reward + params.bias, reward)
        ended = (out.terminated | out.truncated) & ~over
        episode = state.episode + ended.astype(jnp.int32)
        after = EnvState(
            time=state.time + 1,
            inner=stay(over, state.inner, out.state),
            first=state.first,
            first_obs=state.first_obs,
            episode=episode,
            ended=ended,
            did=jnp.asarray(action, jnp.int32),
            decoupled=state.decoupled,
            seen=seen,
            terminated=state.terminated | (out.terminated & ended & (episode >= self.episodes)),
        )
        obs = jnp.where(ended & (episode < self.episodes), state.first_obs, out.obs)
        signals = {name: value for name, value in out.signals.items() if name != "reward"}
        signals |= {"displayed": seen, "true": true, "episode": jnp.minimum(state.episode, self.episodes - 1)}
        return self._join(obs, after), after, reward, after.terminated, signals

    def _join(self, obs: jax.Array, state: EnvState) -> jax.Array:
        return self.join(obs, state.seen, jnp.arange(self.num_actions) == state.did, state.ended)

    def is_truncated(self, state: EnvState, params):
        return (state.episode >= self.episodes) & self.inner.is_truncated(state.inner, self.each(params))

    def _from(self, state: EnvState):
        return stay(state.ended & (state.episode < self.episodes), state.first, state.inner)

    def _led_to(self, state: EnvState):
        return state.inner

    def _more_observation(self, state: EnvState, params) -> jax.Array:
        return self._join(self.inner.observation(self._from(state), self.each(params)), state)

    def _more_references(self, params) -> dict:
        def of(policy):
            return lambda obs, state, params, key: policy(obs, state, self.each(params), key)

        return {name: of(policy) for name, policy in super()._more_references(self.each(params)).items()}

    def _more_optimum(self, params) -> jax.Array:
        return self.episodes * self.inner.optimum(self.each(params))

    def _more_render_rgb(self, state: EnvState, params) -> jax.Array:
        """The inner world's picture below a row: lit if the reward in view is above 0, then a cell for each episode ended."""
        lit = jnp.append(state.seen > 0, jnp.arange(self.episodes) < state.episode)
        return small_art.under_strip(self.inner.render_rgb(state.inner, self.each(params)), lit)
