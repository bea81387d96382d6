"""How episodes end: shares of outcomes, mean return and length of a policy."""

from __future__ import annotations

from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.agents.select import by, warm_or_greedy
from rewardlab.backend.randomness import fast
from rewardlab.collect import blank, collect, start
from rewardlab.envs import adapter
from rewardlab.probes import Array, Probe, Subject
from rewardlab.types import Agent, Policy, Trajectory


class Outcomes(NamedTuple):
    """share: float32[K], of the episodes that ended in each of the world's K outcomes. returns, length: float32[], means."""

    share: jax.Array
    returns: jax.Array
    length: jax.Array


def played(
    env,
    params,
    agent: Agent,
    policy: Policy,
    key: jax.Array,
    episodes: int,
    temperature: jax.Array | None = None,
    head: str = "",
    platform: str | None = None,
) -> Trajectory:
    """`episodes` whole episodes of a policy, [T, episodes], one a lane. Consumes the key.

    temperature: float32[], at which actions are drawn from a head (`select.warm_or_greedy`); None: it acts as the policy says.
    The same key gives the same levels to every policy, so policies are compared on the same ones. platform: as of `collect`.
    """
    start_key, collect_key = jax.random.split(fast(key))
    lanes = start(env, params, start_key, episodes, memory=blank(agent, policy, episodes))
    policy = policy if temperature is None else policy._replace(act=by(warm_or_greedy(head, temperature)))
    steps = adapter.time_limit(env)
    return collect(env, params, agent, policy, lanes, collect_key, steps, whole=True, platform=platform)[1]


def outcomes(env, params, agent: Agent, policy: Policy, key: jax.Array, episodes: int) -> Outcomes:
    """How `episodes` whole episodes of a policy end, by the world's true reward. Consumes the key."""
    return counted(env, played(env, params, agent, policy, key, episodes))


def counted(env, seen) -> Outcomes:
    """The outcomes of a trajectory of one whole episode per lane."""
    chex.assert_equal_shape((seen.mask, seen.terminated, seen.truncated, seen.signals["reward"]))
    chex.assert_rank(seen.mask, 2)
    done = seen.terminated | seen.truncated
    ends = jax.nn.one_hot(how(seen), len(adapter.outcomes(env))) * done[..., None].astype(jnp.float32)
    reward = jnp.where(seen.mask, seen.signals["reward"], 0.0)
    return Outcomes(ends.sum(0).mean(0), reward.sum(0).mean(), seen.mask.sum(0).astype(jnp.float32).mean())


def how(seen: Trajectory) -> jax.Array:
    """The number of the outcome with which an episode ends if it ends with a step, int32[T, N]."""
    return seen.signals["outcome"] if "outcome" in seen.signals else jnp.where(seen.terminated, 0, 1)


def counts(seen: Trajectory, what: str | int) -> jax.Array:
    """A signal by its name; or 1 where an episode ended in the outcome of that number: float32[T, N]."""
    if isinstance(what, str):
        return seen.signals[what].astype(jnp.float32)
    return ((how(seen) == what) & (seen.terminated | seen.truncated)).astype(jnp.float32)


def named(found: Outcomes) -> dict[str, Any]:
    """The same by the names of the probe's arrays."""
    return {"outcome_share": found.share, "return": found.returns, "length": found.length}


def made_up(plan, shape: tuple[int, ...], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Numbers such as a run might find, for the rehearsal of its report."""
    share: Any = random.dirichlet(np.ones(len(adapter.outcomes(plan.env))), shape).astype(np.float32)
    lengths: Any = np.ones(shape, np.float32)
    return named(Outcomes(share, share[..., 0], lengths))


def _measure(subject: Subject) -> dict[str, jax.Array]:
    return named(counted(subject.setting.env, subject.seen))


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
    axes=lambda plan: {"outcome": adapter.outcomes(plan.env)},
    made_up=made_up,
    along={"outcome": "how an episode ended"},
)
