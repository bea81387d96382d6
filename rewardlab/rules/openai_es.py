"""OpenAI's evolution strategy (Salimans et al. 2017) on raw episode returns, level 3."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import greedily
from rewardlab.inputs.fields import divides
from rewardlab.rules import optimisers
from rewardlab.rules.population import Population, newborns, unflatten
from rewardlab.rules.returns import fitness
from rewardlab.types import Policy


class State(NamedTuple):
    """mean: float32[P], the search's centre. noise: float32[C/2, P], this generation's ε."""

    mean: jax.Array
    opt_state: Any
    noise: jax.Array


def smoothed_gradient(noise: jax.Array, score: jax.Array, sigma) -> jax.Array:
    """Antithetic estimate of ∇_μ E f(μ + σε): noise float32[C/2, P], score float32[C] (of +ε, then of −ε) -> float32[P]."""
    pairs = noise.shape[0]
    return (score[:pairs] - score[pairs:]) @ noise / (2.0 * sigma * pairs)


@struct.dataclass
class OpenAIES(Population):
    """Ascends the return smoothed by Gaussian noise of standard deviation `sigma`, from antithetic pairs, with Adam.

    Raw returns, not their ranks: how much better counts. The mean of the search is what is handed over.
    """

    title = "OpenAI-ES"
    level = 3

    learning_rate: float = struct.field(default=0.03, metadata={"range": (0.0, 100.0), "search": (1e-3, 0.3, "log")})
    sigma: float = struct.field(default=0.1, metadata={"range": (1e-6, 100.0), "search": (0.005, 0.5, "log")})
    optimiser: Any = optimisers.field()

    def check(self):
        super().check()
        divides("2", 2, "candidates", self.candidates)

    def init(self, agent, key):
        birth_key, noise_key = jax.random.split(key)
        mean = newborns(agent, birth_key, 1)[0]
        return State(mean, optimisers.make(self.optimiser, self.learning_rate).init(mean), self.draw(mean, noise_key))

    def draw(self, mean, key):
        """A generation's ε, float32[C/2, P]. Consumes the key."""
        return jax.random.normal(key, (self.candidates // 2, *mean.shape))

    def population(self, state):
        step = self.sigma * state.noise
        return jnp.concatenate([state.mean + step, state.mean - step])

    def utility(self, score):
        """What each candidate's fitness is worth to the gradient: float32[C] -> float32[C]."""
        return score

    def update(self, agent, state, experience, key):
        score = fitness(experience, self.candidates)
        ascent = smoothed_gradient(state.noise, self.utility(score), self.sigma)
        updates, opt_state = optimisers.make(self.optimiser, self.learning_rate).update(
            -ascent, state.opt_state, state.mean
        )
        mean = state.mean + updates
        return State(mean, opt_state, self.draw(mean, key)), {"fitness": score.mean()}

    def deploy(self, agent, state):
        return Policy(unflatten(agent, state.mean), greedily("logits"))


rule = OpenAIES
