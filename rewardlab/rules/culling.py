"""Culling one litter, level 1: those who clear a bar stay, and no variation is ever added. What the first litter holds, at best."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import greedy
from rewardlab.fields import divides
from rewardlab.rules.lineage import Lineage, blank, record
from rewardlab.rules.population import clears, newborns, pick, unflatten
from rewardlab.rules.returns import fitness
from rewardlab.types import Acting, Rule


class State(NamedTuple):
    """litter: float32[C, P], the distinct ones that live first, then copies of them."""

    litter: jax.Array
    lineage: Lineage


@struct.dataclass
class Culling(Rule):
    """A litter is born once; each generation, the candidates that clear the bar survive, and where none does, all.

    A candidate clears it when at least `share` of its episodes return `bar` or more. The places of the culled go to copies of the
    survivors, in turn, which only keeps the litter's size: no mutation, no newborns. Worlds are drawn afresh each generation, so in
    the long run those stay that clear the bar nearly always. The first survivor is handed over.
    """

    level = 1
    whole = True

    bar: float = struct.field(default=0.5, metadata={"range": (-1e9, 1e9)})
    share: float = struct.field(default=0.5, metadata={"range": (0.0, 1.0), "search": (0.1, 1.0, "linear")})
    candidates: int = struct.field(default=64, pytree_node=False)
    lanes: int = struct.field(default=256, pytree_node=False)
    steps: int = struct.field(default=128, pytree_node=False)

    def check(self):
        divides("candidates", self.candidates, "lanes", self.lanes)

    def heads(self, num_actions):
        return {"logits": num_actions}

    def init(self, agent, key):
        return State(newborns(agent, key, self.candidates), blank(self.candidates))

    def behave(self, agent, state, key):
        return Acting(unflatten(agent, state.litter), greedy("logits"))

    def update(self, agent, state, experience, key):
        passes = clears(experience, self.candidates, self.bar, self.share)
        alive = passes | ~passes.any()
        survivors_first = jnp.argsort(~alive, stable=True)
        parent = survivors_first[jnp.arange(self.candidates) % alive.sum()]
        score = fitness(experience, self.candidates)
        lineage = record(state.lineage, score, jnp.stack([parent, parent], axis=-1))
        return State(pick(state.litter, parent), lineage), {
            "fitness": score.mean(),
            "survivors": alive.mean(dtype=jnp.float32),
        }

    def policy(self, agent, state):
        return unflatten(agent, state.litter[0])


rule = Culling
