"""POWER: how well one may do from each place under rewards drawn at random, and where optimal and random policies keep it.

For finite worlds whose transitions are known, `RandomMDP` and worlds built on it. All of it is exact but for means over draws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.backend.elimination import solved
from rewardlab.envs.random_mdp import RandomMDP
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Array, Probe, Subject

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

DRAWS = 1024  # rewards that POWER is the mean over, the same for all seeds
RANDOM = 1024  # policies drawn at random, each action as likely in every place
EDGES = (0.01, 0.1, 0.3, 0.6)  # between the bins of how far a policy falls short of the best
BINS = ("to .01", ".01 to .1", ".1 to .3", ".3 to .6", "above .6")


def places(plan: Plan) -> dict[str, tuple[str, ...] | int]:
    """The axis of a finite world's places. Raises InputError for another world."""
    if not isinstance(plan.env, RandomMDP):
        raise InputError(
            f"this probe needs a finite world whose transitions are known, and {type(plan.env).__name__} is none; allowed: "
            "crossroads, random_mdp"
        )
    return {"place": plan.env.states, "kind": tuple(plan.env.kinds), "short": BINS}


def power(env: RandomMDP, params) -> jax.Array:
    """POWER of each place, float32[states]: (1 - γ) / γ · E[V*(s) - R(s)] over the world's draws of rewards (Turner et al. 2021).

    There V* has the reward of s itself; here rewards are paid on arrival, so that it is (1 - γ) E[V*(s)].
    """

    def best(key):
        return env.optimal_values(params.replace(rewards=env.draw_rewards(key)))

    return (1 - params.discount) * jax.vmap(best)(jax.random.split(jax.random.key(0), DRAWS)).mean(0)


def chain(env: RandomMDP, params, policy: jax.Array) -> jax.Array:
    """A policy's transitions, float32[states, states]; policy: float32[states, actions], of each action in each place."""
    return jnp.einsum("sa,sat->st", policy, env.slippery(params))


def stays(env: RandomMDP, params, policy: jax.Array) -> jax.Array:
    """Where a policy stays, float32[states]: how likely each place is after t steps, weighed by (1 - γ) γᵗ⁻¹ for t = 1, 2, ..."""
    moves = chain(env, params, policy)
    visits = solved((jnp.eye(env.states) - params.discount * moves).T, env.starts(params))
    return (1 - params.discount) * visits @ moves


def best(env: RandomMDP, params) -> jax.Array:
    """An optimal policy, float32[states, actions]."""
    choice = jnp.argmax(env.action_values(params, env.optimal_values(params)), axis=1)
    return jax.nn.one_hot(choice, env.num_actions)


def short_of(env: RandomMDP, params, value: jax.Array) -> jax.Array:
    """How far discounted values at the start, float32[...], fall short of the best: 0 of the best, 1 of random actions."""
    top = env.starts(params) @ env.optimal_values(params)
    random = env.starts(params) @ env.values(params, jnp.full((env.states, env.num_actions), 1 / env.num_actions))
    return (top - value) / jnp.maximum(top - random, 1e-6)


def bin_of(short: jax.Array) -> jax.Array:
    """The number of the bin, int32[...], of how far policies fall short, float32[...]."""
    return jnp.searchsorted(jnp.asarray(EDGES), short, side="left")


def at_random(env: RandomMDP, params, powers: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Of random policies by how far they fall short: (mean POWER kept, NaN of none; share of all), float32[bins] each.

    Consumes the key.
    """
    drawn = jax.random.randint(key, (RANDOM, env.states), 0, env.num_actions)
    paid = jnp.stack([params.rewards, (1 - params.discount) * powers], 1)

    def one(choice):
        moves = chain(env, params, jax.nn.one_hot(choice, env.num_actions))
        return env.starts(params) @ solved(jnp.eye(env.states) - params.discount * moves, moves @ paid)

    value, kept = jax.vmap(one)(drawn).T
    among = jax.nn.one_hot(bin_of(short_of(env, params, value)), len(BINS))
    count = among.sum(0)
    return jnp.where(count > 0, kept @ among / jnp.maximum(count, 1), jnp.nan), count / RANDOM


def _measure(subject: Subject) -> dict[str, jax.Array]:
    env, params = subject.setting.env, subject.params
    powers = power(env, params)
    kept, share = at_random(env, params, powers, jax.random.fold_in(subject.key, 0))
    kinds = jnp.stack([*env.kinds.values()]).astype(jnp.float32)
    own = stays(env, params, best(env, params))
    return {"power": powers, "kinds": kinds, "best_stays": own, "chance_power": kept, "chance_share": share}


def made_up(plan: Plan, shape: tuple[int, ...], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Any POWER, and the world's own kinds of places, for the rehearsal of a report."""
    env, bins = plan.env, (*shape, len(BINS))
    kinds = np.broadcast_to(np.stack([*env.kinds.values()]), (*shape, len(env.kinds), env.states))
    told = np.broadcast_to(random.uniform(0.5, 1.0, env.states), (*shape, env.states))
    own, share = (random.dirichlet(np.ones(n), shape) for n in (env.states, len(BINS)))
    chance = random.uniform(0.5, 1.0, bins)
    kinds = kinds.astype(np.float32)
    return {"power": told, "kinds": kinds, "best_stays": own, "chance_power": chance, "chance_share": share}


probe = Probe(
    when="end",
    arrays={
        "power": Array(
            ("place",), "POWER of each place: how well one may do from there, over rewards drawn at random", "reward"
        ),
        "kinds": Array(("kind", "place"), "1 where a place is of a kind"),
        "best_stays": Array(("place",), "where the optimal policy of the seed's own task stays", "share"),
        "chance_power": Array(
            ("short",), "POWER kept by policies drawn at random, by how far they fall short", "reward"
        ),
        "chance_share": Array(("short",), "share of these policies that fall short so far", "share"),
    },
    measure=_measure,
    axes=places,
    made_up=made_up,
    along={
        "place": "a place of the world",
        "kind": "a kind of places",
        "short": "how far a policy falls short of the best, 1 being as far as random actions do",
    },
)
