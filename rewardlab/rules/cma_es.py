"""CMA-ES (Hansen & Ostermeier 2001), level 2, through evosax, which only this file touches: `pip install "rewardlab[evosax]"`."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import greedily
from rewardlab.inputs.errors import InputError
from rewardlab.rules.population import Population, best_first, newborns, unflatten
from rewardlab.rules.returns import fitness
from rewardlab.types import Policy

LARGEST = (
    1024  # parameters of a full covariance: each generation takes the eigenvectors of a matrix of their number squared
)


class State(NamedTuple):
    """search: evosax's own state. population: float32[C, P], this generation's candidates."""

    search: Any
    population: jax.Array

    @property
    def mean(self) -> jax.Array:
        """float32[P], the search's centre."""
        return self.search.mean


@functools.cache
def algorithm(candidates: int, size: int, separable: bool):
    """evosax's algorithm; cached, because it compiles afresh for each instance."""
    from evosax.algorithms import CMA_ES, Sep_CMA_ES

    with jax.ensure_compile_time_eval():  # it keeps arrays, which must outlive the program that is being traced
        return (Sep_CMA_ES if separable else CMA_ES)(candidates, jnp.zeros(size))


@struct.dataclass
class CMAES(Population):
    """Samples from a Gaussian whose mean, step size and covariance follow the ranks of the candidates; the mean is handed over.

    `sigma` is the initial step size. With `separable` the covariance is diagonal (Ros & Hansen 2008), which costs as little as the
    other rules; without, it is full, for agents of up to 1024 parameters. Raises InputError beyond that, or without evosax.
    """

    title = "CMA-ES"
    level = 2

    sigma: float = struct.field(default=0.1, metadata={"range": (1e-6, 100.0), "search": (0.005, 0.5, "log")})
    separable: bool = struct.field(default=True, pytree_node=False)

    def check(self):
        super().check()
        if importlib.util.find_spec("evosax") is None:
            raise InputError(
                'rule cma_es needs evosax, which is not installed; to install it: pip install "rewardlab[evosax]"'
            )

    def evosax(self, size):
        """The algorithm for vectors float32[size], and its parameters."""
        found = algorithm(self.candidates, size, self.separable)
        return found, found.default_params.replace(std_init=jnp.asarray(self.sigma, jnp.float32))

    def ask(self, search, key):
        """The state with a new population. Consumes the key."""
        found, params = self.evosax(search.mean.size)
        population, search = found.ask(key, search, params)
        # evosax leaves Python numbers in its state: a carry has to keep its types.
        return State(jax.tree.map(lambda x: jax.lax.convert_element_type(x, jnp.asarray(x).dtype), search), population)

    def init(self, agent, key):
        birth_key, init_key, ask_key = jax.random.split(key, 3)
        mean = newborns(agent, birth_key, 1)[0]
        if not self.separable and mean.size > LARGEST:
            raise InputError(
                f"rule cma_es with a full covariance has an agent of {mean.size} parameters; allowed: up to {LARGEST}, "
                "or separable=True"
            )
        with jax.numpy_dtype_promotion("standard"):  # evosax mixes dtypes
            found, params = self.evosax(mean.size)
            return self.ask(found.init(init_key, mean, params), ask_key)

    def update(self, agent, state, experience, key):
        tell_key, ask_key = jax.random.split(key)
        score = fitness(experience, self.candidates)
        # evosax minimises: the place in the order, 0 for the best, is its cost. Ties are then broken at random, by the order of
        # the draws; evosax gives them one weight for all, under which a generation of ties shrinks the step size.
        cost = jnp.argsort(best_first(score)).astype(jnp.float32)
        with jax.numpy_dtype_promotion("standard"):
            found, params = self.evosax(state.mean.size)
            search, _ = found.tell(tell_key, state.population, cost, state.search, params)
            return self.ask(search, ask_key), {"fitness": score.mean(), "sigma": search.std}

    def deploy(self, agent, state):
        return Policy(unflatten(agent, state.mean), greedily("logits"))


rule = CMAES
