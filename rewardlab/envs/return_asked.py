"""A return that is asked for: any world with what is still to be earned in its observation, as return-conditioned agents need it.

The command of reward-conditioned policies (Kumar, Peng & Levine 2019) and of upside-down RL (Schmidhuber 2019): earn so much, in
so much time. The world knows what it pays, so that it counts down.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab import envs
from rewardlab.envs import adapter, contract, small_art
from rewardlab.envs.base import within
from rewardlab.envs.gymnax_api import environment
from rewardlab.envs.wrapping import Wrapper, stay, true_reward
from rewardlab.inputs.errors import InputError, out_of_range
from rewardlab.inputs.fields import coerce
from rewardlab.types import Box

LEAST = 1e-30  # what a reward of 1 has to be worth at the last step: float32 can't divide by much less
COUNT = 3  # numbers that are put to the observation: still asked for, paid, time left


@struct.dataclass
class EnvState(environment.EnvState):
    """inner: the inner world's. asked, paid: float32[], what the episode is asked for, and what it has paid. did: int32[], the
    last action, -1 before the first. over, terminated: bool[], whether the episode has ended, and for good. unit: float32[], what a
    return of 1 is in returns of the inner world.
    """

    inner: Any
    asked: jax.Array
    paid: jax.Array
    did: jax.Array
    over: jax.Array
    terminated: jax.Array
    unit: jax.Array


def make(
    world: Any = "lever",
    gamma: float = 1.0,
    most: float = 1e6,
    action_in_view: bool = False,
    relative: bool = False,
    **options: Any,
) -> ReturnAsked:
    """`world`, by name, path or Environment, made with `options`; the other arguments as of `ReturnAsked`. Raises InputError."""
    return ReturnAsked(envs.make(world, **options), gamma, most, action_in_view, relative)


class ReturnAsked(Wrapper):
    """The observation, float32[...], gets the return still asked for, what has been paid, and the share of the time that is left.

    gamma: what a step pays is gamma times as much a step later: the reward is the inner world's times gamma ** t, t steps into the
    episode, and a return is a discounted one of the inner world's. What is still asked for is told in rewards of the step in which
    it is seen: (asked - paid) / gamma ** t. most: no more than that is shown as asked for. action_in_view: whether the last
    action, one-hot, is put to the observation, too, before these three. relative: whether returns are told, and paid, as shares of
    the best one that there is from the episode's start, by the inner world's `optimum`; what is asked for then says nothing of
    how much there is to be had. What is still asked for is the share that has not been paid.

    Params beside the inner world's: asked_low, asked_high; what an episode is asked for is drawn uniformly between them at its
    reset. Signals besides: "asked", what the episode was asked for, and "true", what the step was truly worth, as late as it came.
    """

    def __init__(
        self,
        inner: Any,
        gamma: float = 1.0,
        most: float = 1e6,
        action_in_view: bool = False,
        relative: bool = False,
    ):
        self.gamma, self.most = coerce(gamma, float, "gamma", (0.01, 1.0)), coerce(most, float, "most", (-1e6, 1e6))
        self.action_in_view = coerce(action_in_view, bool, "action_in_view")
        if self.action_in_view and isinstance(adapter.actions(inner), Box):
            raise InputError(
                f"actions of {contract.name_of(inner)} are continuous; allowed: discrete ones, which are shown one-hot"
            )
        self.relative = coerce(relative, bool, "relative")
        if self.relative and not _knows_the_best(inner):
            who = contract.name_of(inner)
            raise InputError(f"relative = True, and {who} does not say what is best from a state on; allowed: False")
        self.limit = adapter.time_limit(inner)
        if self.gamma**self.limit < LEAST:
            least = LEAST ** (1 / self.limit)
            raise out_of_range("gamma", self.gamma, f"at least {least:.3f}, in a world of {self.limit} steps, or 1")
        more = {"asked_low": within(0.0, -1e6, 1e6), "asked_high": within(1.0, -1e6, 1e6)}
        super().__init__(inner, more, COUNT + self.action_in_view * inner.num_actions, jnp.float32)

    def check_params(self, params) -> None:
        super().check_params(params)
        if np.any(np.asarray(params.asked_low) > np.asarray(params.asked_high)):
            raise out_of_range("asked_low", params.asked_low, f"at most asked_high, {params.asked_high}")

    def observation_channels(self, params) -> np.ndarray:
        """int[entries]: the inner world's channels, one for the last action, and one for each number that is put to them."""
        channels = super().observation_channels(params)
        channels[-COUNT:] = channels[-COUNT] + self.action_in_view + np.arange(COUNT)
        return channels

    def asking(self, obs: jax.Array, asked: jax.Array) -> jax.Array:
        """An observation float32[D] as it would have been, had its episode been asked for float32[] `asked`."""
        _, paid, left = obs[-COUNT:]
        return obs.at[-COUNT].set(self.still(asked, paid, (1 - left) * self.limit))

    def still(self, asked: jax.Array, paid: jax.Array, time: jax.Array) -> jax.Array:
        """What is still asked for after float32[] `time` steps, as it is shown: float32[]."""
        return jnp.minimum((asked - paid) / (1.0 if self.relative else self.worth(time)), self.most)

    def worth(self, time: jax.Array) -> jax.Array:
        """What a reward of 1 is worth after so many steps: float32[]."""
        return jnp.float32(self.gamma) ** jnp.asarray(time, jnp.float32)

    def place(self, **changes) -> str:  # type: ignore[override]
        """The inner world's words, and what is asked for, where that is one number."""
        asked = {name: changes.pop(name) for name in ("asked_low", "asked_high") if name in changes}
        one = len(asked) == 2 and asked["asked_low"] == asked["asked_high"]
        inner = super().place(**changes) if changes else "as in training"
        return f"{inner}, asked for {asked['asked_low']:g}" if one and inner else inner * (not asked)

    def reset_env(self, key: jax.Array, params):
        """(observation, state). Consumes the key."""
        ask_key, inner_key = jax.random.split(key)
        obs, inner = adapter.reset(self.inner, inner_key, params)
        low, high = (jnp.asarray(x, jnp.float32) for x in (params.asked_low, params.asked_high))
        zero, no = jnp.zeros((), jnp.int32), jnp.zeros((), bool)
        best = self.inner.optimum(inner, params, self.gamma) if self.relative else jnp.float32(1)
        unit = jnp.where(best > 0, best, 1)  # where nothing is to be had, nothing is paid
        asked = low + (high - low) * jax.random.uniform(ask_key)
        state = EnvState(zero, inner, asked, jnp.zeros((), jnp.float32), zero - 1, no, no, unit)
        return self._join(obs, state), state

    def step_env(self, key: jax.Array, state: EnvState, action, params):
        """One step: (observation, state, reward float32[], terminated bool[], signals). Consumes the key."""
        out = adapter.step(self.inner, key, state.inner, action, params)
        worth = jnp.where(state.over, 0, self.worth(state.time) / state.unit)
        reward, true = (worth * x for x in (out.signals["reward"], true_reward(out.signals)))
        after = EnvState(
            time=state.time + 1,
            inner=stay(state.over, state.inner, out.state),
            asked=state.asked,
            paid=state.paid + reward,
            did=jnp.asarray(action, jnp.int32) if self.action_in_view else state.did,
            over=state.over | out.terminated | out.truncated,
            terminated=jnp.where(state.over, state.terminated, out.terminated),
            unit=state.unit,
        )
        signals = {name: value for name, value in out.signals.items() if name != "reward"}
        signals |= {"asked": state.asked, "true": true}
        return self._join(out.obs, after), after, reward, after.terminated, signals

    def is_truncated(self, state: EnvState, params):
        return self.inner.is_truncated(state.inner, params)

    def _join(self, obs: jax.Array, state: EnvState) -> jax.Array:
        did = [jnp.arange(self.num_actions) == state.did] * self.action_in_view
        left = jnp.maximum(1 - state.time.astype(jnp.float32) / self.limit, 0)
        return self.join(obs, *did, self.still(state.asked, state.paid, state.time), state.paid, left)

    def _from(self, state: EnvState):
        return state.inner

    _led_to = _from

    def _more_observation(self, state: EnvState, params) -> jax.Array:
        return self._join(self.inner.observation(state.inner, params), state)

    @property
    def _more_optimum(self):
        if self.gamma < 1 or self.relative:  # the inner world's is of other returns
            raise AttributeError
        return self.inner.optimum

    def _more_render_rgb(self, state: EnvState, params) -> jax.Array:
        """The inner world's picture below a row: lit as far as what was asked for has been paid."""
        share = state.paid / jnp.where(state.asked == 0, 1, state.asked)
        return small_art.under_strip(self.inner.render_rgb(state.inner, params), share >= (jnp.arange(10) + 1) / 10)


def _knows_the_best(world: Any) -> bool:
    """Whether a world has an `optimum` from a state on that can be traced."""

    def best(key: jax.Array, params: Any) -> jax.Array:
        return world.optimum(adapter.reset(world, key, params)[1], params, 1.0)

    try:
        return jax.eval_shape(best, jax.eval_shape(lambda: jax.random.key(0)), world.default_params).shape == ()
    except (AttributeError, TypeError):  # there is none, or it takes or does something else
        return False
