"""Culling, level 1: those of one population who clear a bar stay, and no variation is ever added. What it holds, at best."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import greedily
from rewardlab.rules.lineage import Lineage, blank, record
from rewardlab.rules.population import Population, clears, newborns, pick, unflatten
from rewardlab.rules.returns import fitness
from rewardlab.types import Policy


class State(NamedTuple):
    """population: float32[C, P], the distinct ones that live first, then copies of them."""

    population: jax.Array
    lineage: Lineage


@struct.dataclass
class Culling(Population):
    """A population is born once; each generation, the candidates that clear the bar survive, and where none does, all.

    A candidate clears it when at least `share` of its episodes return `bar` or more. The places of the culled go to copies of the
    survivors, in turn, which only keeps the population's size: no mutation, no newborns. Worlds are drawn afresh each generation,
    so in the long run those stay that clear the bar nearly always. The first survivor is handed over.
    """

    title = "culling"
    level = 1

    bar: float = struct.field(default=0.5, metadata={"range": (-1e9, 1e9)})
    share: float = struct.field(default=0.5, metadata={"range": (0.0, 1.0), "search": (0.1, 1.0, "linear")})

    def init(self, agent, key):
        return State(newborns(agent, key, self.candidates), blank(self.candidates))

    def update(self, agent, state, experience, key):
        passes = clears(experience, self.candidates, self.bar, self.share)
        alive = passes | ~passes.any()
        survivors_first = jnp.argsort(~alive, stable=True)
        parent = survivors_first[jnp.arange(self.candidates) % alive.sum()]
        score = fitness(experience, self.candidates)
        lineage = record(state.lineage, score, jnp.stack([parent, parent], axis=-1))
        return State(pick(state.population, parent), lineage), {
            "fitness": score.mean(),
            "survivors": alive.mean(dtype=jnp.float32),
        }

    def deploy(self, agent, state):
        return Policy(unflatten(agent, state.population[0]), greedily("logits"))


rule = Culling
