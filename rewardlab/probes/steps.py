"""The step that a rule takes from given parameters: many updates with other keys, against the gradient of expected return.

The parameters are the same for every rule: initial ones, and those halfway up a climb from there, along the gradient. So is the
objective, the expected return of the softmax policy, whose gradient is `slope.py`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from rewardlab import training
from rewardlab.backend.randomness import fast, key_for, split
from rewardlab.collect import start
from rewardlab.envs import adapter
from rewardlab.envs.world import offers
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.lineage import lineages
from rewardlab.probes.slope import PARTS, slope
from rewardlab.rules.lineage import offspring
from rewardlab.types import Box

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

PLACES = ("first", "halfway")  # the initial parameters; those halfway up a climb
CLIMB, STRIDE = 50, 0.4  # steps of the climb, their length
# Updates from each place for each episode of an evaluation: where the gradient is exact; elsewhere, where an update is dear.
UPDATES = 16, 4
MOST = 64  # episodes: more make evaluations steadier, not these measurements
# Episodes for each update where the gradient is sampled: of a step of the climb; to compare with.
SCOUTS, SAMPLE = 0.5, 32
AT_ONCE = 64


def averaged(env, episodes: int) -> tuple[int, ...]:
    """How many updates make one mean: powers of 4, up to all that are made."""
    most = min(episodes, MOST) * UPDATES[0 if offers(env, "enumerated") else 1]
    return tuple(4**i for i in range(most.bit_length() // 2 + 1) if 4**i <= most)


def sampled(updates: int) -> tuple[int, int]:
    """Episodes for a step of the climb, and to compare with, beside so many updates from each place."""
    scouts, sample = (max(int(each * updates), PARTS) for each in (SCOUTS, SAMPLE))
    return scouts, sample


def _axes(plan: Plan) -> dict[str, tuple[str, ...] | int]:
    for name in plan.experiment.rules:
        if plan.setting(name).agent.remembers or isinstance(adapter.actions(plan.env), Box):
            raise InputError(
                "the probe steps needs discrete actions, and agents without a memory; allowed: tricks, CartPole-v1"
            )
    return {"place": PLACES, "averaged": tuple(map(str, averaged(plan.env, plan.experiment.episodes)))}


def centre(rule, agent, state) -> jax.Array:
    """What of a rule's state takes the step, float32[P]: of a population that breeds its mean, which is what the theory of
    selection is about, as whoever is handed over is one of many; of other rules what is handed over.
    """
    if lineages(state):
        return rule.population(state).mean(0)
    return ravel_pytree(rule.deploy(agent, state).params)[0]


def selected(rule, before, after) -> jax.Array:
    """Of a population that breeds: the variance of a gene G, the selection differential S, by how much those that have children are
    fitter, each counted by its children, and the variance of fitness: float32[3]. NaN of other rules.
    """
    if not lineages(after):
        return jnp.full(3, jnp.nan)
    score, parents = (x[-1] for x in lineages(after)[0])
    differential = (offspring(parents) * score).mean() - score.mean()
    return jnp.stack([rule.population(before).var(0).mean(), differential, score.var()])


def foretold(told: jax.Array) -> jax.Array:
    """How far along the gradient the breeder's equation expects the mean to go, float32[], of what `selected` says [K, 3].

    The response is the regression of genes on fitness times the differential, G ∇f S / Var(f) (Lush 1937; Lande 1979): this is
    G S / Var(f), each of them its mean.
    """
    genes, differential, spread = told.mean(0)
    return genes * differential / jnp.where(spread > 0, spread, 1.0)


def take(setting, rule, there, params, key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """One update from these parameters: (the step float32[P], environment steps lived float32[], `selected`). Consumes the key."""
    s = setting._replace(counted=())  # what is met here is no part of training
    begin_key, start_key, update_key = split(key, 3)
    state = rule.around(s.agent, params, key_for(rule.around, begin_key))
    lanes = None if rule.whole else start(s.env, there, start_key, rule.num_envs, rule.candidates)
    carry = training.Carry(state, lanes, jnp.int32(0), jnp.int32(0), {}, jnp.bool_(True))
    carry = training.update(s, rule, there, update_key, carry)
    step = centre(rule, s.agent, carry.state) - centre(rule, s.agent, state)
    return step, carry.steps.astype(jnp.float32), selected(rule, state, carry.state)


def halfway(setting, head: str, there, params, key: jax.Array, episodes: int):
    """Where a climb of CLIMB steps up the gradient, each of length STRIDE, has brought half of what it brings. Consumes the key.

    episodes: for each step, where the gradient is sampled.
    """

    def one(params, k):
        worth, up, _ = slope(setting, head, there, params, k, episodes)
        length = jnp.sqrt(sum((x**2).sum() for x in jax.tree.leaves(up)))
        after = jax.tree.map(lambda x, d: x + STRIDE * d / jnp.maximum(length, 1e-12), params, up)
        return after, (params, worth)

    _, (path, worth) = jax.lax.scan(one, params, jax.random.split(key, CLIMB))
    return jax.tree.map(lambda x: x[jnp.argmax(worth >= (worth[0] + worth[-1]) / 2)], path)


def compared(steps: jax.Array, up: jax.Array, noise: jax.Array, counts: tuple[int, ...]) -> dict[str, jax.Array]:
    """Steps float32[K, P] beside the gradient float32[P], whose expected squared error is `noise`: the arrays `cosine` to `slope`.

    counts: so many steps make one mean, of which `cosine` is.

    What noise adds to squared lengths, of the steps' mean and of the gradient, is taken off.
    """
    steep = jnp.maximum((up**2).sum() - noise, 1e-30)
    mean, variance = steps.mean(0), steps.var(0, ddof=1).sum()
    along = (mean @ up) / steep
    length = (mean**2).sum() - variance / len(steps)
    aligned = along * jnp.sqrt(steep / jnp.maximum(length, 1e-30))

    def cosine(count: int) -> jax.Array:
        means = steps[: len(steps) // count * count].reshape(-1, count, steps.shape[1]).mean(1)
        lengths = jnp.sqrt((means**2).sum(1) * steep)
        return (means @ up / jnp.where(lengths > 0, lengths, 1.0)).mean()

    return {
        "cosine": jnp.stack([cosine(count) for count in counts]),
        "aligned": jnp.where(length > 0, jnp.clip(aligned, -1.0, 1.0), 0.0),
        "along": along,
        "stride": jnp.sqrt(jnp.maximum(length, 0.0)),
        "variance": variance,
        "slope": jnp.sqrt(steep),
    }


def _measure(subject: Subject) -> dict[str, jax.Array]:
    s, rule, there = subject.setting, subject.rule, subject.params
    assert rule is not None  # after updates there is one
    head = next(iter(rule.heads(adapter.actions(s.env))))
    init_key, climb_key, *keys = split(jax.random.fold_in(fast(subject.key), 2**32 - 2), 4)
    first = s.agent.init(key_for(s.agent.init, init_key))
    names = subject.axes["averaged"]
    assert not isinstance(names, int)
    counts = tuple(map(int, names))
    scouts, sample = sampled(counts[-1])
    places = jax.tree.map(lambda *x: jnp.stack(x), first, halfway(s, head, there, first, climb_key, scouts))

    def measure(given):
        params, key = given
        slope_key, take_key = split(key, 2)
        worth, gradient, noise = slope(s, head, there, params, slope_key, sample)
        # What has no part in the policy, a value head say, has a gradient of exactly 0; its steps are none of the policy's.
        part = ravel_pytree(jax.tree.map(lambda x: jnp.broadcast_to((x != 0).any(), x.shape), gradient))[0]
        one = lambda k: take(s, rule, there, params, k)  # noqa: E731
        steps, lived, bred = jax.lax.map(one, jax.random.split(take_key, counts[-1]), batch_size=AT_ONCE)
        found = compared(jnp.where(part, steps, 0.0), ravel_pytree(gradient)[0], noise, counts)
        return found | {"worth": worth, "lived": lived.mean(), "foretold": foretold(bred)}

    return jax.lax.map(measure, (places, jnp.stack(keys)))


probe = Probe(
    when="update",
    arrays={
        "cosine": Array(("place", "averaged"), "cosine of the mean of so many steps with the gradient of expected return"),
        "aligned": Array(("place",), "cosine of the expected step with it, what is left of noise taken off; 0 where none is seen"),
        "along": Array(("place",), "the expected step along the gradient, in lengths of the gradient"),
        "stride": Array(("place",), "length of the expected step, corrected for noise"),
        "variance": Array(("place",), "variance of a step, summed over parameters"),
        "slope": Array(("place",), "length of the gradient"),
        "worth": Array(("place",), "expected return of the softmax policy there", "reward"),
        "lived": Array(("place",), "environment steps that an update lives", "steps"),
        "foretold": Array(("place",), "what the breeder's equation expects of `along`; nothing where nobody breeds"),
    },
    measure=_measure,
    axes=_axes,
    along={"place": "the parameters that the steps are taken from", "averaged": "how many steps the mean is over"},
)  # fmt: skip
