"""gymnax's own way to step its environments: `vmap` over `step`, which resets by itself, in a `scan` over time."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from rewardlab.bench import Case, jitted

PACKAGE = "gymnax"


def stepping(world: str, lanes: int, steps: int) -> Case:
    import gymnax

    env, params = gymnax.make(world)
    actions = env.action_space(params)

    def play(key):
        reset_key, scan_key = jax.random.split(key)
        obs, state = jax.vmap(env.reset, (0, None))(jax.random.split(reset_key, lanes), params)

        def one(carry, key):
            _, state, reward, episodes = carry
            action_key, step_key = jax.random.split(key)
            action = jax.vmap(actions.sample)(jax.random.split(action_key, lanes))
            step_keys = jax.random.split(step_key, lanes)
            obs, state, told, terminated, truncated, _ = jax.vmap(env.step, (0, 0, 0, None))(
                step_keys, state, action, params
            )
            return (obs, state, reward + told, episodes + (terminated | truncated)), None

        nothing = (jnp.zeros(lanes), jnp.zeros(lanes, jnp.int32))
        (obs, _, reward, episodes), _ = jax.lax.scan(one, (obs, state, *nothing), jax.random.split(scan_key, steps))
        return obs, reward, episodes.sum()

    return Case(jitted(play), lanes * steps, lambda out: lanes * steps / max(int(out[2]), 1))
