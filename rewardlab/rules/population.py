"""Populations: parameter vectors as flat float32[C, P] arrays, so that one draw mutates everything, and what their rules share."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jax.flatten_util import ravel_pytree

from rewardlab.agents.select import by, greedily, warm
from rewardlab.inputs.errors import out_of_range
from rewardlab.inputs.fields import divides
from rewardlab.rules.lineage import Lineage, blank, record
from rewardlab.rules.returns import episode_returns, fitness
from rewardlab.types import Agent, Experience, Policy, Rule


def newborns(agent: Agent, key: jax.Array, count: int) -> jax.Array:
    """`count` fresh parameter vectors from the agent's own initial distribution: float32[count, P]. Consumes the key."""
    return jax.vmap(lambda k: ravel_pytree(agent.init(k))[0])(jax.random.split(key, count))


def unflatten(agent: Agent, flat: jax.Array):
    """The parameters behind flat vectors float32[P] or float32[C, P]."""
    like = jax.eval_shape(agent.init, jax.eval_shape(lambda: jax.random.key(0)))
    unravel = ravel_pytree(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), like))[1]
    return unravel(flat) if flat.ndim == 1 else jax.vmap(unravel)(flat)


LARGEST_PRODUCT = (
    2**20
)  # entries of the one-hot matrix, 4 MiB; it grows as the square of the population, a gather does not


def pick(flat: jax.Array, which: jax.Array) -> jax.Array:
    """Rows of a population: float32[C, P], int32[N] -> float32[N, P].

    As a product with one-hot rows, exact for finite parameters: XLA's CPU gather takes ten times as long under `vmap`. But
    the product's N × C entries outgrow memory in large populations, which are gathered.
    """
    if which.size * flat.shape[0] > LARGEST_PRODUCT:
        return flat[which]
    rows = jax.nn.one_hot(which, flat.shape[0], dtype=flat.dtype)
    return jnp.matmul(rows, flat, precision=jax.lax.Precision.HIGHEST)


def best_first(fitness: jax.Array) -> jax.Array:
    """Indices from the fittest to the least fit, int32[C]; ties keep their order. Reads nothing but the order of fitness."""
    return jnp.argsort(-fitness, stable=True)


def best_first_or_drawn(fitness: jax.Array, key: jax.Array) -> jax.Array:
    """As `best_first`; where all are equally fit, in an order that is drawn: nothing selects then, and nobody stays for its place.

    Consumes the key.
    """
    drawn = jax.random.permutation(key, fitness.size)
    return jnp.where((fitness == fitness[0]).all(), drawn, best_first(fitness))


def clears(experience: Experience, candidates: int, bar, share) -> jax.Array:
    """bool[C], whether at least `share` of each candidate's episodes return `bar` or more. Nothing else of reward is read."""
    cleared = experience.done & (episode_returns(experience.reward, experience.done) >= bar)
    cleared, finished = (x.sum(0).reshape(candidates, -1).sum(-1) for x in (cleared, experience.done))
    return cleared.astype(jnp.float32) >= share * jnp.maximum(finished, 1).astype(jnp.float32)


def cross(
    key: jax.Array, pool: jax.Array, one: jax.Array, other: jax.Array, probability
) -> tuple[jax.Array, jax.Array]:
    """Uniform crossover (Syswerda 1989): children float32[n, P], and who has two parents, bool[n].

    Of the vectors float32[m, P] of the pool, int32[n] are the one and the other parent. With `probability` a child takes each
    number from either, at even odds; otherwise it is a copy of the one. Consumes the key.
    """

    def mix(data):
        pair_key, gene_key = jax.random.split(jax.random.wrap_key_data(data, impl=jax.random.key_impl(key)))
        crossed = jax.random.bernoulli(pair_key, probability, one.shape)
        from_other = crossed[:, None] & jax.random.bernoulli(gene_key, 0.5, (one.size, pool.shape[1]))
        return jnp.where(from_other, pick(pool, other), pick(pool, one)), crossed

    def copy(data):
        return pick(pool, one), jnp.zeros(one.shape, bool)

    # The draws cost as much as mutation does: without crossover they are not made. (Where each seed has a probability of its
    # own, operands of a cond are selected from; of keys, jax's checks would take that for using one twice.)
    return jax.lax.cond(probability > 0.0, mix, copy, jax.random.key_data(key))


@struct.dataclass
class Population(Rule):
    """A rule with `candidates`, each of which acts in its own lanes, for whole episodes: greedily, or by drawing actions if
    `sampled`.

    With `episodes`, each candidate lives so many in a generation, and its lanes take the next one as they finish. Without, a
    lane begins another one as long as it would surely end within `unroll_length`; where that is more than one, short episodes
    count for more.

    Greedily, that is by a Gaussian's mean: its spread is inherited and mutated like any parameter, and does nothing. With
    `sampled`, candidates draw from their softmax at `temperature` while they are tested, so that fitness changes smoothly
    with parameters. What is handed over acts greedily all the same.
    """

    whole = True
    continuous = True
    remembers = True

    candidates: int = struct.field(default=64, pytree_node=False)
    num_envs: int = struct.field(default=256, pytree_node=False)
    unroll_length: int = struct.field(default=128, pytree_node=False)
    episodes: int = struct.field(default=0, pytree_node=False)
    temperature: float = struct.field(default=0.3, metadata={"range": (1e-3, 100.0)})
    sampled: bool = struct.field(default=False, pytree_node=False)

    def check(self):
        divides("candidates", self.candidates, "num_envs", self.num_envs)
        each = self.num_envs // self.candidates
        if 0 < self.episodes < each:
            raise out_of_range("episodes", self.episodes, f"0, or at least the lanes of a candidate, {each}")

    def heads(self, actions):
        return {"logits": actions}

    def population(self, state) -> jax.Array:
        """This generation's candidates, float32[C, P]."""
        return state.population

    def behave(self, agent, state, key):
        act = by(warm("logits", self.temperature)) if self.sampled else greedily("logits")
        return Policy(unflatten(agent, self.population(state)), act)


class State(NamedTuple):
    """population: float32[C, P], this generation. champion: float32[P], the fittest of the last one that was tested."""

    population: jax.Array
    champion: jax.Array
    lineage: Lineage


@struct.dataclass
class Generational(Population):
    """Each generation is replaced as a whole by its mutated children; a subclass says who has them, by `choose`.

    Mutation adds Gaussian noise of standard deviation `mutation` to every parameter. Fitness is the mean return per episode.
    There is no elite: the fittest is handed over, and lives on in its children only.
    """

    mutation: float = struct.field(default=0.05, metadata={"range": (0.0, 100.0), "search": (0.005, 0.5, "log")})

    def init(self, agent, key):
        population = newborns(agent, key, self.candidates)
        return State(population, population[0], blank(self.candidates))

    def around(self, agent, params, key):
        mean = ravel_pytree(params)[0]
        children = mean + self.mutation * jax.random.normal(key, (self.candidates, mean.size))
        return State(children, mean, blank(self.candidates))

    def choose(self, score: jax.Array, key: jax.Array) -> jax.Array:
        """The parent of each candidate of the next generation, by fitness float32[C]: int32[C]. Consumes the key."""
        raise TypeError(f"{type(self).__name__} does not say who has children")

    def update(self, agent, state, experience, key):
        parent_key, mutation_key = jax.random.split(key)
        score = fitness(experience, self.candidates)
        parent = self.choose(score, parent_key)
        noise = self.mutation * jax.random.normal(mutation_key, state.population.shape)
        population = pick(state.population, parent) + noise
        lineage = record(state.lineage, score, jnp.stack([parent, parent], axis=-1))
        log = {"fitness": score.mean(), "parents_fitness": score[parent].mean()}
        return State(population, pick(state.population, best_first(score)[:1])[0], lineage), log

    def deploy(self, agent, state):
        return Policy(unflatten(agent, state.champion), greedily("logits"))
