"""Networks of the user's own: flax modules, linen or nnx, and agents that are ready made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from rewardlab.agents.heads import headed
from rewardlab.agents.memory import memoryless, recurrent
from rewardlab.agents.spec import Spec
from rewardlab.inputs.errors import InputError, calling, returned, show
from rewardlab.types import Agent


@dataclass(frozen=True)
class Linen(Spec):
    """A linen module: observations float32[B, ...] -> features float32[B, F], which linear heads read. Observations of several
    arrays come as the world gives them, each [B, ...].

    A recurrent cell, (carry, observations) -> (carry, features), is an agent with a memory; `initialize_carry` starts it.
    head_scale: standard deviation of a head's initial outputs, roughly.
    """

    several = True

    module: Any
    head_scale: float = 0.1

    @property
    def loops(self) -> int:
        return 1 + hasattr(self.module, "initialize_carry")

    def build(self, obs, heads, prepare):
        module, remembers = self.module, hasattr(self.module, "initialize_carry")
        seen, some = prepare(jnp.zeros((1, *obs.shape))), jax.eval_shape(lambda: jax.random.key(0))

        def blank(lanes):
            return module.initialize_carry(jax.random.key(0), (lanes, *obs.shape))

        before = (blank(1),) if remembers else ()

        def trunk(key):
            variables = module.init(key, *before, seen)
            _only_params(module, [name for name in variables if name != "params"])
            return variables.get("params", {})

        def ask(params, *given):
            return module.apply({"params": params["trunk"]}, *given)

        with calling(f"agent {type(module).__name__}"):
            made = jax.eval_shape(lambda key: ask({"trunk": trunk(key)}, *before, seen), some)
        if remembers and not (isinstance(made, tuple) and len(made) == 2):
            raise returned(
                f"agent {show(module)}", f"returned {show(made)}", "(memory, features), as it has initialize_carry"
            )
        features = _features(module, made[1] if remembers else made)
        init, say = headed(trunk, heads, self.head_scale, features)
        if not remembers:
            return memoryless(init, lambda params, obs: say(params, ask(params, prepare(obs))), obs)

        def step(params, memory, obs):
            memory, x = ask(params, memory, prepare(obs))
            return say(params, x), memory

        return recurrent(init, lambda params, lanes: blank(lanes), step, obs)


@dataclass(frozen=True)
class NNX(Spec):
    """An nnx module, by its class, or what else makes it: rngs -> a module of observations float32[B, ...] -> features
    float32[B, F].
    """

    several = True

    make: Any
    head_scale: float = 0.1

    def build(self, obs, heads, prepare):
        graph, like = nnx.split(nnx.eval_shape(lambda: self.make(rngs=nnx.Rngs(0))))
        others = [x for x in jax.tree.leaves(like, is_leaf=_is_variable) if not isinstance(x, nnx.Param)]
        _only_params(self.make, [type(x).__name__ for x in others])

        def trunk(key):
            return nnx.to_pure_dict(nnx.state(self.make(rngs=nnx.Rngs(key))))

        def ask(params, obs):
            state = jax.tree.map(lambda x: x, like)
            nnx.replace_by_pure_dict(state, params["trunk"])
            return nnx.merge(graph, state)(prepare(obs))

        with calling(f"agent {getattr(self.make, '__name__', show(self.make))}"):
            made = jax.eval_shape(
                lambda key: ask({"trunk": trunk(key)}, jnp.zeros((1, *obs.shape))),
                jax.eval_shape(lambda: jax.random.key(0)),
            )
        init, say = headed(trunk, heads, self.head_scale, _features(self.make, made))
        return memoryless(init, lambda params, obs: say(params, ask(params, obs)), obs)


@dataclass(frozen=True)
class Ready(Spec):
    """An agent as it is: its heads have to be those of every rule, and its observations those of the world."""

    agent: Agent

    @property
    def loops(self) -> int:
        return 1 + self.agent.remembers

    def build(self, obs, heads, prepare):
        return self.agent._replace(obs=obs)


def _is_variable(x: Any) -> bool:
    return isinstance(x, nnx.Variable)


def _only_params(module: Any, others: list[str]) -> None:
    if others:
        raise InputError(
            f"agent {show(module)} has {', '.join(sorted({*others}))} beside its parameters; allowed: parameters alone"
        )


def _features(module: Any, made: Any) -> int:
    if getattr(made, "ndim", None) != 2:
        raise returned(f"agent {show(module)}", f"returned {show(made)}", "features float32[B, F], which heads read")
    return made.shape[1]
