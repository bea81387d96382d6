"""The small worlds at sizes for tests, and whole episodes of them by scripted policies."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab import envs

CASES = {
    "tricks": ("tricks", {}, {"answers": 4, "unseen": 0.3, "stopped": 0.2}),
    "sums": ("tricks", {"digits": 4, "steps": 3}, {"answers": 1, "unseen": 0.3, "stopped": 0.2}),
    "bandit": ("bandit", {"pulls": 9}, {"switched": 0.5, "switch_at": 3, "low": 0.1}),
    "bandit of ten": ("bandit", {"arms": 10, "pulls": 9}, {"high": 0.8}),
    "fake arm": ("fake_arm", {"arms": 4, "pulls": 9}, {"faked": 0.6, "faked_shows": 0.7}),
    "dark room": ("dark_room", {"size": 5, "held_out": 4, "steps": 8}, {"held_out": 0.5}),
    "dense MDP": ("random_mdp", {"states": 5, "steps": 7}, {"slip": 0.2, "elsewhere": 0.4}),
    "graph": ("random_mdp", {"kind": "graph", "states": 9, "hubs": 2, "steps": 7}, {"slip": 0.1, "elsewhere": 0.9}),
    "lever": ("lever", {"length": 5, "steps": 9}, {"absent": 0.3, "distance": 2, "payoff": 1.5}),
    "tomatoes": ("tomatoes", {"steps": 12}, {"honest": 0.4, "dry": 0.2}),
    "ridge": ("ridge", {"length": 5}, {"slip": 0.2, "swapped": 0.5, "plain_width": 2}),
    "overseer": ("overseer", {"steps": 3}, {"process": 0.4, "noise": 0.3, "unwatched": 0.5, "charm": 1.4}),
}
KEY = functools.partial(jax.random.key)
# Thousands of lanes take longer than their compilation: optimised whatever the flags of the tests say.
OPTIMISED = {"xla_backend_optimization_level": 3, "xla_backend_extra_options": ""}


def world(name):
    file, sizes, values = CASES[name]
    env = envs.make(file, **sizes)
    return env, envs.params(env, **values)


def key_for(t, salt=0):
    return jax.random.fold_in(jax.random.key(salt), t)


def roll(env, params, policy, key, lanes, steps):
    """`steps` steps of `lanes` lanes, past the end of the episode: obs [T + 1], reward, terminated, truncated, signals [T]."""
    reset_key, key = jax.random.split(key)
    obs, state = jax.vmap(env.reset_env, (0, None))(jax.random.split(reset_key, lanes), params)

    def one(carry, key):
        obs, state = carry
        act_key, step_key = jax.random.split(key)
        action = jax.vmap(policy, (0, 0, None, 0))(obs, state, params, jax.random.split(act_key, lanes))
        step = jax.vmap(env.step_env, (0, 0, 0, None))(jax.random.split(step_key, lanes), state, action, params)
        truncated = jax.vmap(env.is_truncated, (0, None))(step[1], params)
        return step[:2], (step[0], step[2], step[3], truncated, step[4], action)

    _, (seen, *rest) = jax.lax.scan(one, (obs, state), jax.random.split(key, steps))
    return jnp.concatenate([obs[None], seen]), *rest


@functools.partial(jax.jit, static_argnums=(0, 4), compiler_options=OPTIMISED)
def played(env, params, which, key, lanes):
    """The same for the scripted policy of that number, 3 steps past the end: one compilation a world for all of them."""
    scripts = list(env.references(params).values())

    def policy(obs, state, params, key):
        return jax.lax.switch(which, scripts, obs, state, params, key)

    return roll(env, params, policy, key, lanes, int(env.default_params.max_steps_in_episode) + 3)


play = jax.jit(roll, static_argnums=(0, 2, 4, 5), compiler_options=OPTIMISED)


def script(env, params, name, key=0, lanes=4096):
    return played(env, params, list(env.references(params)).index(name), KEY(key), lanes)


def returns(env, params, name, key=0, lanes=4096):
    """Returns float64[lanes] of whole episodes of a scripted policy."""
    _, reward, *_ = script(env, params, name, key, lanes)
    return np.asarray(reward, np.float64).sum(0)


def z_score(sample, expected):
    spread = sample.std() / np.sqrt(len(sample))
    return (sample.mean() - expected) / max(spread, 1e-6 * max(1, abs(expected)))
