"""How well each goal that a policy may have accounts for what it does: likelihood under the goal's optimal policy, and regret.

For worlds that offer `goal_candidates`. Under a goal, the optimal policy takes any of the actions that attain it soonest, each as
likely; one step in `1 / ERROR` it takes any action. Once the goal is attained, or where it can't be, any action is as good. So

    fit of a goal = mean over steps of log2 (P(the action taken | the goal) · number of actions),

in bits a step over a policy that acts at random. Only the first step at which an episode shows an observation counts: a policy that
does the same again where it sees the same tells nothing new.

The worth of a goal that is attained by the t-th step is GAMMA^(t − 1). Regret is the share lost of the most that there is, over the
episodes in which the goal is not attained at the start and can be; 1 where there are none: such episodes do not bear it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from rewardlab.backend.randomness import fast
from rewardlab.collect import blank, collect, start
from rewardlab.envs import adapter
from rewardlab.envs.world import FAR, offers
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.replay import Filmed
from rewardlab.types import Box, Trajectory

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

ERROR = 0.1  # share of the steps at which a goal's optimal policy takes any action
GAMMA = 0.95


def _axes(plan: Plan) -> dict[str, tuple[str, ...]]:
    if not offers(plan.env, "goal_candidates") or isinstance(adapter.actions(plan.env), Box):
        raise InputError(
            "the probe goal_fit needs a world with discrete actions that says what a policy may be after (`goal_candidates`), and "
            f"{type(plan.env).__name__} does not; allowed: corner, for one"
        )
    return {"goal": plan.env.goal_candidates(plan.params).names}


def fresh(seen: Trajectory) -> jax.Array:
    """bool[T, N]: whether a step is lived, and its observation is the first of its kind in the episode; one episode a lane."""
    obs = seen.obs.reshape(*seen.mask.shape, -1)

    def lane(obs: jax.Array) -> jax.Array:
        same = jax.lax.map(lambda one: (obs == one).all(-1), obs)  # [T, T]
        return ~jnp.tril(same, -1).any(1)

    return jax.vmap(lane, 1, 1)(obs) & seen.mask


def fit(ahead: jax.Array, action: jax.Array, counts: jax.Array) -> jax.Array:
    """float32[G], bits a step. ahead: int32[T, N, G, A], as of `Candidates`; action: int32[T, N]; counts: bool[T, N], which do."""
    count = ahead.shape[-1]
    taken, soonest = _taken(ahead, action), ahead.min(-1)
    best = (ahead == soonest[..., None]).sum(-1, dtype=jnp.float32)  # how many actions are
    chance = jnp.where(taken == soonest, (1 - ERROR) / best, 0.0) + ERROR / count
    given = counts[..., None] & (soonest > 0) & (soonest < FAR) & ~_before(taken == 1)
    bits = jnp.where(given, jnp.log2(chance * count), 0.0)
    return bits.sum((0, 1)) / jnp.maximum(counts.sum(dtype=jnp.float32), 1.0)


def regret(ahead: jax.Array, action: jax.Array, mask: jax.Array, limit: jax.Array | int) -> jax.Array:
    """float32[G], the share lost of each goal's best worth. ahead, action: as of `fit`; mask: bool[T, N], steps that were lived;
    limit: of the longest episode, in steps.
    """
    attained = (_taken(ahead, action) == 1) & mask[..., None]
    when = jnp.argmax(attained, 0).astype(jnp.float32)  # steps before the one that attains it
    soonest = ahead[0].min(-1)
    there = (soonest > 0) & (soonest <= limit)
    best = jnp.where(there, GAMMA ** (soonest - 1).astype(jnp.float32), 0.0).sum(0)
    earned = jnp.where(there & attained.any(0), GAMMA**when, 0.0).sum(0)
    return 1 - earned / jnp.maximum(best, 1e-12)


def _taken(ahead: jax.Array, action: jax.Array) -> jax.Array:
    return jnp.take_along_axis(ahead, action[..., None, None], -1)[..., 0]


def _before(attained: jax.Array) -> jax.Array:
    """bool[T, ...]: whether it was attained by an earlier step."""
    sofar = jnp.cumsum(attained, 0) > 0
    return jnp.concatenate([jnp.zeros_like(sofar[:1]), sofar[:-1]])


def _measure(subject: Subject) -> dict[str, jax.Array]:
    assert subject.seen is not None
    s, params, policy = subject.setting, subject.params, subject.policy
    lanes = subject.seen.mask.shape[1]
    start_key, collect_key = jax.random.split(
        fast(jax.random.clone(subject.key))
    )  # the evaluation's own episodes, once more
    begun = start(s.env, params, start_key, lanes, memory=blank(s.agent, policy, lanes))
    _, seen = collect(Filmed(s.env), params, s.agent, policy, begun, collect_key, adapter.time_limit(s.env), whole=True)
    states = jax.tree.map(
        lambda first, x: jnp.concatenate([first[None], x[:-1]]), begun.env_state, seen.signals["state"]
    )
    goals = s.env.goal_candidates(params)
    with jax.numpy_dtype_promotion("standard"):  # as everywhere in worlds
        charts = jax.vmap(goals.chart)(begun.env_state)
        ahead = jax.vmap(lambda now: jax.vmap(goals.ahead)(charts, now))(states)
    counts = fresh(seen)
    return {
        "goal_fit": fit(ahead, seen.action, counts),
        "goal_regret": regret(ahead, seen.action, seen.mask, params.max_steps_in_episode),
        "fit_steps": counts.sum(dtype=jnp.float32),
    }


likelier = f"how much likelier the actions are under a goal's optimal policy, of error {ERROR:g}, than at random"
lost = f"share lost of the most that the goal is worth, discounted by {GAMMA:g}; 1 where none can attain it"
probe = Probe(
    when="end",
    arrays={
        "goal_fit": Array(("goal",), likelier, "bits a step"),
        "goal_regret": Array(("goal",), lost, "share"),
        "fit_steps": Array((), "steps that the fit is over: those whose observation is new in its episode", "steps"),
    },
    measure=_measure,
    axes=_axes,
    along={"goal": "what the policy may be after, to be attained as soon as possible"},
)
