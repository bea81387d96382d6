"""Truncation selection with mutation: keep the best of a litter and breed from them, level 2. The "hundred dogs"."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import greedy
from rewardlab.fields import at_most, divides
from rewardlab.rules.population import best_first, newborns, pick, unflatten
from rewardlab.rules.returns import fitness
from rewardlab.types import Acting, Rule


class State(NamedTuple):
    """litter: float32[C, P], survivors first, fittest first, then their children. parent: int32[C], each one's survivor."""

    litter: jax.Array
    parent: jax.Array


@struct.dataclass
class Truncation(Rule):
    """Each generation, the `parents` fittest of `candidates` survive unchanged; the others are mutated copies of random parents.

    Fitness is the mean return per episode, and only its order counts (the breeder's equation's truncation, Lush 1937).
    Survivors are tested afresh with their children: an old score never protects anyone. Mutation adds Gaussian noise of
    standard deviation `mutation` to every parameter.
    """

    level = 2
    whole = True

    mutation: float = struct.field(default=0.05, metadata={"range": (0.0, 100.0)})
    candidates: int = struct.field(default=64, pytree_node=False)
    parents: int = struct.field(default=8, pytree_node=False)
    lanes: int = struct.field(default=256, pytree_node=False)
    steps: int = struct.field(default=128, pytree_node=False)

    def check(self):
        divides("candidates", self.candidates, "lanes", self.lanes)
        at_most("parents", self.parents, "candidates - 1", self.candidates - 1)

    def heads(self, num_actions):
        return {"logits": num_actions}

    def init(self, agent, key):
        birth_key, breed_key = jax.random.split(key)
        return self.breed(newborns(agent, birth_key, self.parents), breed_key)

    def breed(self, survivors, key):
        """The next generation of survivors float32[parents, P]: themselves, and mutated copies. Consumes the key."""
        parent_key, mutation_key = jax.random.split(key)
        bred = jax.random.randint(parent_key, (self.candidates - self.parents,), 0, self.parents)
        noise = jax.random.normal(mutation_key, (self.candidates - self.parents, survivors.shape[1]))
        litter = jnp.concatenate([survivors, pick(survivors, bred) + self.mutation * noise])
        return State(litter, jnp.concatenate([jnp.arange(self.parents), bred]))

    def behave(self, agent, state, key):
        return Acting(unflatten(agent, state.litter), greedy("logits"))

    def update(self, agent, state, experience, key):
        score = fitness(experience, self.candidates)
        kept = best_first(score)[: self.parents]
        log = {"fitness": score.mean(), "kept_fitness": score[kept].mean()}
        return self.breed(pick(state.litter, kept), key), log

    def policy(self, agent, state):
        return unflatten(agent, state.litter[0])


rule = Truncation
