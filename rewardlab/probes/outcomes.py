"""How episodes end: shares of outcomes, mean return and length of a policy."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rewardlab.agents.select import by, warm_or_greedy
from rewardlab.collect import blank, collect, start
from rewardlab.envs import adapter
from rewardlab.randomness import fast
from rewardlab.types import Agent, Policy


class Outcomes(NamedTuple):
    """share: float32[K], of the episodes that ended in each of the world's K outcomes. returns, length: float32[], means."""

    share: jax.Array
    returns: jax.Array
    length: jax.Array


def outcomes(
    env,
    params,
    agent: Agent,
    policy: Policy,
    key: jax.Array,
    episodes: int,
    temperature: jax.Array | None = None,
    head: str = "",
) -> Outcomes:
    """Plays `episodes` whole episodes and judges them by the world's true reward. Consumes the key.

    temperature: float32[], at which actions are drawn from a head (`select.warm_or_greedy`); None: it acts as the policy says.
    The same key gives the same levels to every policy, so policies are compared on the same ones.
    """
    start_key, collect_key = jax.random.split(fast(key))
    lanes = start(env, params, start_key, episodes, memory=blank(agent, policy, episodes))
    policy = policy if temperature is None else policy._replace(act=by(warm_or_greedy(head, temperature)))
    _, seen = collect(env, params, agent, policy, lanes, collect_key, adapter.time_limit(env), whole=True)
    return measure(env, seen)


def measure(env, seen) -> Outcomes:
    """The outcomes of a trajectory of one whole episode per lane."""
    done = seen.terminated | seen.truncated
    how = seen.signals["outcome"] if "outcome" in seen.signals else jnp.where(seen.terminated, 0, 1)
    ends = jax.nn.one_hot(how, len(adapter.outcomes(env))) * done[..., None].astype(jnp.float32)
    reward = jnp.where(seen.lived, seen.signals["reward"], 0.0)
    return Outcomes(ends.sum(0).mean(0), reward.sum(0).mean(), seen.lived.sum(0).astype(jnp.float32).mean())
