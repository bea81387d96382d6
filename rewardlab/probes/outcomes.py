"""How episodes end: shares of outcomes, mean return and length of a greedy policy."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.agents import greedy
from rewardlab.agents.select import warm_or_greedy
from rewardlab.collect import collect, start
from rewardlab.envs import adapter
from rewardlab.probes import Array, Probe, Subject
from rewardlab.randomness import fast
from rewardlab.types import Acting, Agent, Trajectory


class Outcomes(NamedTuple):
    """share: float32[K], of the episodes that ended in each of the world's K outcomes. returns, length: float32[], means."""

    share: jax.Array
    returns: jax.Array
    length: jax.Array


def played(
    env, params, agent: Agent, policy, head: str, key: jax.Array, episodes: int, temperature: jax.Array | None = None
) -> Trajectory:
    """`episodes` whole episodes of a policy that acts on `head`, [T, episodes], one a lane. Consumes the key.

    temperature: float32[], at which actions are drawn (`select.warm_or_greedy`); None: it acts greedily.
    The same key gives the same levels to every policy, so policies are compared on the same ones.
    """
    start_key, collect_key = jax.random.split(fast(key))
    lanes = start(env, params, start_key, episodes)
    acting = Acting(policy, greedy(head) if temperature is None else warm_or_greedy(head, temperature))
    return collect(env, params, agent, acting, lanes, collect_key, adapter.time_limit(env), whole=True)[1]


def outcomes(env, params, agent: Agent, policy, head: str, key: jax.Array, episodes: int) -> Outcomes:
    """How `episodes` whole episodes of a greedy policy end, by the world's true reward. Consumes the key."""
    return measure(env, played(env, params, agent, policy, head, key, episodes))


def measure(env, seen) -> Outcomes:
    """The outcomes of a trajectory of one whole episode per lane."""
    done = seen.terminated | seen.truncated
    how = seen.signals["outcome"] if "outcome" in seen.signals else jnp.where(seen.terminated, 0, 1)
    ends = jax.nn.one_hot(how, len(adapter.outcomes(env))) * done[..., None].astype(jnp.float32)
    reward = jnp.where(seen.lived, seen.signals["reward"], 0.0)
    return Outcomes(ends.sum(0).mean(0), reward.sum(0).mean(), seen.lived.sum(0).astype(jnp.float32).mean())


def named(found: Outcomes) -> dict[str, jax.Array]:
    """The same by the names of the probe's arrays."""
    return {"outcome_share": found.share, "return": found.returns, "length": found.length}


def made_up(experiment, env, shape: tuple[int, ...], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Numbers such as a run might find, for the rehearsal of its report."""
    share = random.dirichlet(np.ones(len(adapter.outcomes(env))), shape).astype(np.float32)
    return named(Outcomes(share, share[..., 0], np.ones(shape, np.float32)))


def _measure(subject: Subject) -> dict[str, jax.Array]:
    return named(measure(subject.setting.env, subject.seen))


probe = Probe(
    when="point",
    arrays={
        "outcome_share": Array(
            ("outcome",), "share of the evaluation's episodes that ended in each outcome", "share", "reference_share"
        ),
        "return": Array((), "mean return of the evaluation's episodes", "reward", "reference_return"),
        "length": Array((), "mean length of the evaluation's episodes", "steps"),
    },
    measure=_measure,
    axes=lambda experiment, env: {"outcome": adapter.outcomes(env)},
    made_up=made_up,
)
