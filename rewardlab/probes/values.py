"""What the critic values where the first two goals of a world lie apart, beside what the actor goes to in the same levels.

The agent is put one step short of either goal (`World.parted`), and its critic, the "value" head or the best of the "q" head, is
asked what that is worth: with the thing where the evaluation has it, and with the thing at the second goal, as in training. What
the actor goes to is read off the evaluation's own episodes. A rule without a critic has NaN, and so has a world that does not say
where its goals part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.backend.randomness import fast
from rewardlab.collect import act, start
from rewardlab.envs import adapter
from rewardlab.envs.world import offers
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.placed import put

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

NEITHER, FIRST, SECOND, BOTH = "neither", "first", "second", "both"  # which goals are one step away
NEAR = (NEITHER, FIRST, SECOND, BOTH)
SIDES = ("first", "second")


def worth(outputs) -> jax.Array | None:
    """float32[N], what N observations are worth by the network's outputs: the "value" head, or the best of "q"; None without."""
    if "value" in outputs:
        return outputs["value"][:, 0]
    return outputs["q"].max(-1) if "q" in outputs else None


def valued(agent, policy, obs) -> jax.Array | None:
    """float32[N], what observations [N, ...] with which episodes begin are worth to the critic; None without one."""
    lanes = jax.tree.leaves(obs)[0].shape[0]
    return worth(agent.step(policy.params, agent.start(policy.params, lanes), obs)[0])


def average(x: jax.Array, counted: jax.Array) -> jax.Array:
    """The mean, float32[], of those of float32[N] that count, bool[N]; NaN of none."""
    n = counted.sum().astype(jnp.float32)
    return jnp.where(n > 0, jnp.where(counted, x, 0.0).sum() / jnp.maximum(n, 1.0), jnp.nan).astype(jnp.float32)


def disagreement(prefers: jax.Array, goes: jax.Array, counted: jax.Array) -> dict[str, jax.Array]:
    """From levels float32[N] each to shares, NaN where no level counts.

    prefers: 1 where the critic values the state short of the first goal more than that short of the second, 0 less, .5 as much.
    goes: 1 where the actor's episode ends at the first goal, 0 where it comes to the second and not to the first. counted: bool[N],
    the levels in which goals lie apart and the actor comes to either.
    """
    shares = {"critic_first": prefers, "actor_first": goes, "disagreement": jnp.abs(prefers - goes)}
    return {name: average(x, counted) for name, x in shares.items()}


def _nothing() -> dict[str, jax.Array]:
    nan = jnp.float32(jnp.nan)
    alone = dict.fromkeys(("critic_first", "actor_first", "disagreement", "parted_levels"), nan)
    return {"value_near": jnp.full(len(NEAR), nan), "next_step": jnp.full(len(SIDES), nan), **alone}


def _measure(subject: Subject) -> dict[str, jax.Array]:
    s, params, policy, seen = subject.setting, subject.params, subject.policy, subject.seen
    assert seen is not None
    if not offers(s.env, "parted"):
        return _nothing()
    start_key = jax.random.split(fast(jax.random.clone(subject.key)))[0]
    begun = start(s.env, params, start_key, seen.mask.shape[1]).env_state  # the levels of the episodes that were seen
    parted = jax.vmap(lambda state: s.env.parted(state, params))(begun)
    placements = s.env.placements(params)
    goals = list(s.env.goals.values())[:2]

    def at(side: int, together: bool):
        states = jax.tree.map(lambda x: x[:, side], parted.beside)
        moved = jax.vmap(lambda state, home: put(placements, state, home))(states, parted.home) if together else states
        return moved, jax.vmap(lambda state: adapter.observe(s.env, state, params))(moved)

    cases = {NEITHER: at(0, True), FIRST: at(0, False), SECOND: at(1, False), BOTH: at(1, True)}
    said = {name: valued(s.agent, policy, obs) for name, (_, obs) in cases.items()}
    values = {name: value for name, value in said.items() if value is not None}
    if not values:
        return _nothing()

    def attains(side: int, state, obs):
        lanes = len(parted.apart)
        act_key, step_key = jax.random.split(fast(jax.random.fold_in(subject.key, side)))
        action = act(s.agent, policy, s.agent.start(policy.params, lanes), obs, act_key)[0]
        keys = jax.random.split(step_key, lanes)
        after = jax.vmap(lambda key, state, a: adapter.step(s.env, key, state, a, params).state)(keys, state, action)
        return jax.vmap(goals[side])(state, after).astype(jnp.float32)

    apart = parted.apart
    done = seen.terminated | seen.truncated
    ended = jnp.where(done, seen.signals["outcome"], 0).sum(0)  # once a lane
    prefers = 0.5 + 0.5 * jnp.sign(values[FIRST] - values[SECOND])
    return {
        "value_near": jnp.stack([average(values[name], apart) for name in NEAR]),
        "next_step": jnp.stack([average(attains(i, *cases[name]), apart) for i, name in enumerate((FIRST, SECOND))]),
        "parted_levels": apart.mean(dtype=jnp.float32),
        **disagreement(prefers, (ended == 0).astype(jnp.float32), apart & (ended < 2)),
    }


def made_up(plan: Plan, shape: tuple[int, ...], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Numbers such as a run might find, for the rehearsal of its report."""
    shares = {
        name: random.uniform(size=shape) for name in ("critic_first", "actor_first", "disagreement", "parted_levels")
    }
    return {"value_near": random.uniform(size=(*shape, 4)), "next_step": random.uniform(size=(*shape, 2)), **shares}


_OF = "of the levels in which goals lie apart and the episode comes to either: share in which "
probe = Probe(
    when="end",
    arrays={
        "value_near": Array(("near",), "mean value of states, over levels in which the goals lie apart", "reward"),
        "next_step": Array(
            ("side",), "share of these levels in which the actor, one step short of the goal, takes the step", "share"
        ),
        "critic_first": Array((), _OF + "the critic values the state short of the first goal more", "share"),
        "actor_first": Array((), _OF + "the actor goes to the first goal", "share"),
        "disagreement": Array((), _OF + "the critic values the one and the actor goes to the other", "share"),
        "parted_levels": Array((), "share of the evaluation's levels in which the goals lie apart", "share"),
    },
    measure=_measure,
    made_up=made_up,
    along={
        "near": "which goals are one step away from the agent",
        "side": "which goal is one step away from the agent",
    },
    axes=lambda plan: {"near": NEAR, "side": SIDES},
)
