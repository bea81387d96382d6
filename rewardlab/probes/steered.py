"""Whether a policy is steered by a vector that is added to the activations of a layer, beside random vectors of equal norm.

A goal's vector is the difference that it makes where an episode begins: activations as they are, less those where the observation
lacks the goal (`World.scenes`): no cheese, or a wall on the corner. It is added, times -1 or 1, at every step of that episode. So
is the first goal's vector of another level, which tells whether the vector says what is wanted, or where it lies.

    steered - unsteered     what the vector does
    jostled - unsteered     what a random vector of the same norm does, drawn anew for each episode
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from rewardlab.agents import activations
from rewardlab.backend.randomness import fast
from rewardlab.collect import start
from rewardlab.envs import adapter
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.outcomes import counted, played
from rewardlab.probes.scenes import along, inside, layers, needed

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

COEFFICIENTS = ("-1", "+1")


def another(goal: str) -> str:
    """What the vector of a goal of another level is called."""
    return f"{goal} of another level"


def _axes(plan: Plan) -> dict[str, tuple[str, ...]]:
    goals = needed(plan, "steered").goals
    return {
        "vector": (*goals, another(goals[0])),
        "coefficient": COEFFICIENTS,
        "layer": layers(plan),
        "end": adapter.outcomes(plan.env)[:2],
    }


def differences(subject: Subject, obs: jax.Array) -> dict[str, jax.Array]:
    """{layer: float32[3, N, ...]}, the vectors of each goal in N episodes that begin so, and that of another level."""
    lacking = jax.vmap(subject.setting.env.scenes(subject.params).lacking, out_axes=1)(obs)
    here, first, second = (inside(subject, x) for x in (obs, *lacking))
    found = {}
    for name, x in here.items():
        own = x - first[name]
        found[name] = jnp.stack([own, x - second[name], jnp.roll(own, 1, 0)])
    return found


def alike(key: jax.Array, vector: jax.Array) -> jax.Array:
    """Random vectors of the norms of these, float32[N, ...]: each drawn from a sphere. Consumes the key."""
    drawn = jax.random.normal(key, vector.shape)
    axes = tuple(range(1, vector.ndim))

    def norm(x: jax.Array) -> jax.Array:
        return jnp.sqrt((x**2).sum(axes, keepdims=True))

    return drawn * norm(vector) / jnp.maximum(norm(drawn), 1e-12)


def _measure(subject: Subject) -> dict[str, jax.Array]:
    s, policy, params = subject.setting, subject.policy, subject.params
    assert subject.seen is not None
    lanes = subject.seen.mask.shape[1]
    key = jax.random.fold_in(subject.key, 5)
    begun = start(s.env, params, jax.random.split(fast(jax.random.clone(key)))[0], lanes)  # as `played` begins them
    found = differences(subject, begun.obs)
    every = along(subject, "layer")
    n = len(COEFFICIENTS) + 1  # of a vector: each coefficient, and a random one

    def added(name: str, at: int) -> jax.Array:
        """float32[settings, N, ...], what is added to one layer: nothing, then the vectors of each layer by turns."""
        vectors = found[name]
        random = jnp.stack(
            [alike(fast(jax.random.fold_in(key, 7 * at + v + 1)), vectors[v]) for v in range(len(vectors))]
        )
        mine = jnp.stack([-vectors, vectors, random], 1).reshape(-1, *vectors.shape[1:])
        blank = jnp.zeros((len(every), *mine.shape), mine.dtype)
        blank = blank.at[at].set(mine).reshape(-1, *mine.shape[1:])
        return jnp.concatenate([jnp.zeros_like(mine[:1]), blank])

    def ends(vectors: dict[str, jax.Array]) -> jax.Array:
        agent = activations.edited(s.agent, {name: activations.adding(v) for name, v in vectors.items()})
        return counted(s.env, played(s.env, params, agent, policy, key, lanes, platform=s.platform)).share[:2]

    shares = jax.vmap(ends)({name: added(name, every.index(name)) for name in found})
    there = jnp.array([name in found for name in every])
    by = jnp.where(there[:, None, None, None], shares[1:].reshape(len(every), -1, n, 2), jnp.nan)
    by = jnp.moveaxis(by, 0, 2)  # [vectors, coefficients and random, layers, ends]
    return {"unsteered": shares[0], "steered": by[:, :-1], "jostled": by[:, -1]}


probe = Probe(
    when="end",
    arrays={
        "steered": Array(
            ("vector", "coefficient", "layer", "end"),
            "share of the episodes that end in each way, a goal's vector added at a layer",
            "share",
        ),
        "jostled": Array(
            ("vector", "layer", "end"), "the same, random vectors of the norm of that vector added", "share"
        ),
        "unsteered": Array(("end",), "the same, nothing added", "share"),
    },
    measure=_measure,
    axes=_axes,
    along={
        "vector": "what makes the difference between the activations that the vector is taken from",
        "coefficient": "by what the vector is multiplied",
        "layer": "the layer that it is added to",
        "end": "how an episode ended: success, or the proxy",
    },
)
