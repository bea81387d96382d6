"""Truncation selection with mutation: keep the best of a population and breed from them, level 2. The "hundred dogs"."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import greedily
from rewardlab.inputs.fields import at_most
from rewardlab.rules.lineage import Lineage, blank, record
from rewardlab.rules.population import Population, best_first_or_drawn, cross, newborns, pick, unflatten
from rewardlab.rules.returns import fitness
from rewardlab.types import Policy


class State(NamedTuple):
    """population: float32[C, P], survivors first, fittest first, then their children."""

    population: jax.Array
    lineage: Lineage


@struct.dataclass
class Truncation(Population):
    """Each generation, the `parents` fittest of `candidates` survive unchanged; the others are mutated copies of random parents.

    Fitness is the mean return per episode, and only its order counts (the breeder's equation's truncation, Lush 1937).
    Survivors are tested afresh with their children: an old score never protects anyone. Ties keep their order, but for a
    generation in which all are equally fit: then survivors are drawn. Mutation adds Gaussian noise of
    standard deviation `mutation` to every parameter. With probability `crossover` a child has a second parent, another survivor,
    and takes each parameter from either. With `gene_pool` every survivor is a parent of every child, which takes each parameter
    from any of them (gene pool recombination, Mühlenbein & Voigt 1995); its lineage then names the fittest.
    """

    title = "truncation selection"
    level = 2

    mutation: float = struct.field(default=0.05, metadata={"range": (0.0, 100.0), "search": (0.005, 0.5, "log")})
    crossover: float = struct.field(default=0.0, metadata={"range": (0.0, 1.0)})
    parents: int = struct.field(default=8, pytree_node=False)
    gene_pool: bool = struct.field(default=False, pytree_node=False)

    def check(self):
        super().check()
        at_most("parents", self.parents, "candidates - 1", self.candidates - 1)

    def init(self, agent, key):
        birth_key, breed_key = jax.random.split(key)
        population, _ = self.breed(newborns(agent, birth_key, self.parents), breed_key)
        return State(population, blank(self.candidates))

    def breed(self, survivors, key):
        """The next population of survivors float32[parents, P], float32[C, P], and the two survivors behind each, int32[C, 2].

        Survivors themselves, then mutated children. Consumes the key.
        """
        parent_key, mate_key, cross_key, mutation_key = jax.random.split(key, 4)
        children = self.candidates - self.parents
        one = jax.random.randint(parent_key, (children,), 0, self.parents)
        other = (one + jax.random.randint(mate_key, (children,), 1, max(self.parents, 2))) % self.parents
        if self.gene_pool:
            one = other = jnp.zeros_like(one)
            which = jax.random.randint(cross_key, (children, survivors.shape[1]), 0, self.parents)
            bred, crossed = jnp.take_along_axis(survivors, which, axis=0), jnp.zeros(children, bool)
        else:
            bred, crossed = cross(cross_key, survivors, one, other, self.crossover)
        population = jnp.concatenate([survivors, bred + self.mutation * jax.random.normal(mutation_key, bred.shape)])
        both = jnp.stack([one, jnp.where(crossed, other, one)], axis=-1)
        return population, jnp.concatenate([jnp.arange(self.parents)[:, None].repeat(2, axis=1), both])

    def survivors(self, score, key):
        """Who lives on, by fitness float32[C]: int32[parents]. Consumes the key."""
        return best_first_or_drawn(score, key)[: self.parents]

    def update(self, agent, state, experience, key):
        keep_key, breed_key = jax.random.split(key)
        score = fitness(experience, self.candidates)
        kept = self.survivors(score, keep_key)
        population, parents = self.breed(pick(state.population, kept), breed_key)
        log = {"fitness": score.mean(), "kept_fitness": score[kept].mean()}
        return State(population, record(state.lineage, score, kept[parents])), log

    def deploy(self, agent, state):
        return Policy(unflatten(agent, state.population[0]), greedily("logits"))


rule = Truncation
