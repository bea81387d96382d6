"""Films of a policy: what the agent does, frame by frame."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.backend import devices
from rewardlab.backend.randomness import fast, key_for
from rewardlab.collect import blank, collect, start
from rewardlab.envs import adapter
from rewardlab.inputs.errors import out_of_range
from rewardlab.probes.references import Piloted, idle
from rewardlab.types import Agent, Policy

EPISODES = 3  # of a film
LARGEST = 2**29  # bytes of a film's frames


class Filmed:
    """A world whose signals carry the state that each step led to."""

    def __init__(self, env):
        self.env = env

    def __getattr__(self, name):
        return getattr(self.env, name)

    def step_env(self, key, state, action, params):
        obs, state, reward, terminated, info = self.env.step_env(key_for(self.env.step_env, key), state, action, params)
        return obs, state, reward, terminated, {**info, "state": state}


def filming(env, agent: Agent, act, episodes: int):
    """The jitted play(params, policy, key) -> (frames uint8[T + 1, episodes, H, W, 3], lengths int32[episodes]).

    act: how the policy acts (`Policy.act`); `policy` is its parameters.
    """

    @partial(jax.jit, compiler_options=devices.well())
    def play(params, policy, key):
        start_key, collect_key = jax.random.split(fast(key))
        who = Policy(policy, act)
        lanes = start(env, params, start_key, episodes, memory=blank(agent, who, episodes))
        _, seen = collect(Filmed(env), params, agent, who, lanes, collect_key, adapter.time_limit(env), whole=True)
        states = jax.tree.map(
            lambda x, first: jnp.concatenate([first[None], x]), seen.signals["state"], lanes.env_state
        )
        return jax.vmap(jax.vmap(lambda state: env.render_rgb(state, params)))(states), seen.mask.sum(0)

    return play


def check_size(frames, episodes: int) -> None:
    """Raises InputError for a film that no memory should be asked for. frames: what tells their shape, uint8[T, ...]."""
    if frames.size > LARGEST:
        raise out_of_range(
            "the film", f"{episodes} episodes of up to {frames.shape[0] - 1} steps", f"films of {LARGEST:,} bytes"
        )


def camera(env, agent: Agent, act, episodes: int = EPISODES):
    """film(params, policy, key) -> `episodes` films, uint8[T, H, W, 3] each, from the first frame of an episode to its last.

    Compiled once for all policies of the agent. The same key shows every policy on the same levels. Needs `render_rgb`.
    Raises InputError for films that are too large.
    """
    play = filming(env, agent, act, episodes)

    def film(params, policy, key) -> list[np.ndarray]:
        check_size(play.eval_shape(params, policy, key)[0], episodes)
        frames, lengths = map(np.asarray, play(params, policy, key))
        return [frames[: length + 1, i] for i, length in enumerate(lengths)]

    return film


def scripted(env, params, policy, key: jax.Array) -> np.ndarray:
    """A film uint8[T, H, W, 3] of one episode under a scripted `policy(obs, state, params, key)`. Consumes the key."""

    @jax.jit
    def play(params, key):
        start_key, collect_key = jax.random.split(fast(key))
        filmed = Filmed(Piloted(env, policy))
        lanes = start(filmed, params, start_key, 1)
        _, seen = collect(filmed, params, *idle(env, 1), lanes, collect_key, adapter.time_limit(env), whole=True)
        first, rest = lanes.env_state[1], seen.signals["state"][1]  # a piloted state is (obs, state)
        states = jax.tree.map(lambda first, rest: jnp.concatenate([first, rest[:, 0]]), first, rest)
        return jax.vmap(lambda state: env.render_rgb(state, params))(states), seen.mask.sum()

    check_size(play.eval_shape(params, key)[0], 1)
    frames, length = play(params, key)
    return np.asarray(frames)[: int(length) + 1]
