"""Guess and check: draw parameters at random until some clear the bar, level 1. What the prior alone can do."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jax.flatten_util import ravel_pytree

from rewardlab.agents.select import greedily
from rewardlab.rules.population import Population, clears, newborns, pick, unflatten
from rewardlab.types import Policy


class State(NamedTuple):
    """kept: float32[P]. cleared: bool[], whether it passed. population: float32[C, P], this generation's guesses."""

    kept: jax.Array
    cleared: jax.Array
    population: jax.Array


@struct.dataclass
class GuessAndCheck(Population):
    """Every population is drawn afresh from the initial distribution; the first candidate to clear the bar is kept for good.

    A candidate clears it when at least `share` of its episodes return `bar` or more. Nothing else about reward is read, so what
    is kept is distributed as the initial distribution, conditioned on passing the test. Until then the first guess stands.
    """

    title = "guess-and-check"
    level = 1

    bar: float = struct.field(default=0.5, metadata={"range": (-1e9, 1e9)})
    share: float = struct.field(default=0.5, metadata={"range": (0.0, 1.0), "search": (0.1, 1.0, "linear")})

    def init(self, agent, key):
        guess_key, population_key = jax.random.split(key)
        guess = newborns(agent, guess_key, 1)[0]
        return State(guess, jnp.zeros((), bool), newborns(agent, population_key, self.candidates))

    def around(self, agent, params, key):
        return State(ravel_pytree(params)[0], jnp.zeros((), bool), newborns(agent, key, self.candidates))

    def update(self, agent, state, experience, key):
        passes = clears(experience, self.candidates, self.bar, self.share)
        found = pick(state.population, jnp.argmax(passes)[None])[0]
        kept = jnp.where(passes.any() & ~state.cleared, found, state.kept)
        population = newborns(agent, key, self.candidates)
        return State(kept, state.cleared | passes.any(), population), {"accepted": passes.mean(dtype=jnp.float32)}

    def deploy(self, agent, state):
        return Policy(unflatten(agent, state.kept), greedily("logits"))


rule = GuessAndCheck
