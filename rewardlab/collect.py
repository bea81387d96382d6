"""The only scan over environment steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rewardlab.envs import adapter
from rewardlab.types import Acting, Agent, Trajectory


class Lanes(NamedTuple):
    """Where N lanes stand between two calls: observations [N, ...], environment states [N], and whether each still lives, bool[N]."""

    obs: jax.Array
    env_state: Any
    alive: jax.Array


def start(env, params, key: jax.Array, lanes: int, candidates: int = 0) -> Lanes:
    """N lanes at the start of fresh episodes. Consumes the key.

    Candidates meet the same worlds: lane j of each draws the same randomness, so that luck does not decide between them.
    """
    obs, env_state = jax.vmap(lambda k: adapter.reset(env, k, params))(_lane_keys(key, lanes, candidates))
    return Lanes(obs, env_state, jnp.ones(lanes, bool))


def act(agent: Agent, acting: Acting, obs: jax.Array, key: jax.Array, candidates: int = 0):
    """Actions int32[N] and extras for observations [N, ...]; lanes are grouped by candidate. Consumes the key.

    Parameters that lanes share go through one batched product, never through a copy per lane.
    """
    if candidates:
        grouped = obs.reshape(candidates, -1, *obs.shape[1:])
        outputs = jax.vmap(agent.apply)(acting.params, grouped)
        outputs = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), outputs)
    else:
        outputs = agent.apply(acting.params, obs)
    return acting.select(outputs, key)


def collect(
    env,
    params,
    agent: Agent,
    acting: Acting,
    lanes: Lanes,
    key: jax.Array,
    steps: int,
    *,
    candidates: int = 0,
    whole: bool = False,
) -> tuple[Lanes, Trajectory]:
    """T = `steps` steps in N lanes. Consumes the key.

    Without `whole`, a lane whose episode ends starts another at once, for ever. With it, no episode starts that might
    not end in time: a lane rests after its last episode, so every return in the trajectory belongs to an episode seen whole,
    and which episodes are seen does not depend on how they go. (`steps` = the time limit is one episode a lane.)
    """
    limit = adapter.time_limit(env)
    last_start = steps - limit if whole else steps
    if last_start < 0:
        raise ValueError(f"whole episodes of up to {limit} steps do not fit into {steps} steps")

    def one(lanes, t):
        act_key, step_key, reset_key = jax.random.split(jax.random.fold_in(key, t), 3)
        n = lanes.alive.shape[0]
        action, extras = act(agent, acting, lanes.obs, act_key, candidates)
        step_keys, reset_keys = (_lane_keys(k, n, candidates) for k in (step_key, reset_key))
        stepped = jax.vmap(lambda k, s, a: adapter.step(env, k, s, a, params))(step_keys, lanes.env_state, action)
        obs, env_state = jax.vmap(lambda k, stepped: adapter.renew(env, k, stepped, params))(reset_keys, stepped)
        done = stepped.terminated | stepped.truncated
        alive = lanes.alive & ~(done & (t + 1 > last_start))
        seen = Trajectory(
            obs=lanes.obs,
            action=action,
            next_obs=stepped.obs,
            terminated=stepped.terminated & lanes.alive,
            truncated=stepped.truncated & lanes.alive,
            lived=lanes.alive,
            extras=extras,
            signals=stepped.signals,
        )
        return Lanes(obs, env_state, alive), seen

    return jax.lax.scan(one, lanes, jnp.arange(steps))


def _lane_keys(key, lanes, candidates):
    groups = max(candidates, 1)
    keys = jax.random.split(key, lanes // groups)
    return jnp.broadcast_to(keys, (groups, *keys.shape)).reshape(lanes)
