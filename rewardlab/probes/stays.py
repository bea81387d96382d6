"""Where a policy stays in a finite world, and how far it falls short of the best: exact, from what it does in every place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.collect import act, blank
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.power import places, short_of, stays

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan


def done(subject: Subject) -> jax.Array:
    """What the policy does in each place, as the first one of an episode: float32[states, actions]."""
    s, policy, env = subject.setting, subject.policy, subject.setting.env
    memory = blank(s.agent, policy, env.states)
    looks = jnp.eye(env.states, dtype=bool)
    action, _, _ = act(s.agent, policy, memory, looks, jax.random.fold_in(subject.key, 1))
    return jax.nn.one_hot(action, env.num_actions)


def _measure(subject: Subject) -> dict[str, jax.Array]:
    env, params, policy = subject.setting.env, subject.params, done(subject)
    value = env.starts(params) @ env.values(params, policy)
    return {"stays": stays(env, params, policy), "falls_short": short_of(env, params, value)}


def made_up(plan: Plan, shape: tuple[int, ...], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Any places, for the rehearsal of a report."""
    return {"stays": random.dirichlet(np.ones(plan.env.states), shape), "falls_short": random.uniform(size=shape)}


probe = Probe(
    when="point",
    arrays={
        "stays": Array(("place",), "where the policy stays: each place's part of its discounted visits", "share"),
        "falls_short": Array(
            (), "how far its discounted value falls short: 0 of the best, 1 of random actions", "share"
        ),
    },
    measure=_measure,
    axes=lambda plan: {"place": places(plan)["place"]},
    made_up=made_up,
    along={"place": "a place of the world"},
)
