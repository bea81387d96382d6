"""A learned model of the world: a representation, what follows from an action, and heads that read either (MuZero's h, g and f)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from rewardlab.agents.dense import Dense
from rewardlab.agents.heads import Heads, headed
from rewardlab.agents.memory import memoryless
from rewardlab.agents.spec import Spec, flat
from rewardlab.inputs.errors import InputError
from rewardlab.types import Agent, Model


@dataclass(frozen=True)
class WorldModel(Spec):
    """After the networks of MuZero (Schrittwieser et al. 2020), with one hidden layer each. All heads read a latent state, which is
    that of an observation or one that the model has imagined; each is centred nowhere and scaled to a root mean square of 1.

    hidden: width of the hidden layers. latent: numbers of a latent state. head_scale: standard deviation of a head's initial
    outputs, roughly. inputs, gains: see `Spec`. For discrete actions; raises InputError for others.
    """

    hidden: int = 64
    latent: int = 32
    head_scale: float = 0.1

    def build(self, obs: jax.ShapeDtypeStruct, heads: Heads, prepare: Callable[[jax.Array], Any]) -> Agent:
        actions = heads[0][1]
        if not isinstance(actions, int):
            raise InputError("agent = WorldModel imagines discrete actions only; allowed: a world that has them")
        parts = _Parts(self, actions)

        def ask(method: Any, params: Any, *given: Any) -> Any:
            return parts.apply({"params": params["trunk"]}, *given, method=method)

        def trunk(key: jax.Array) -> Any:
            return parts.init(key, flat(jnp.zeros((1, *obs.shape))))["params"]

        init, say = headed(trunk, heads, self.head_scale, self.hidden)

        def represent(params: Any, seen: jax.Array) -> jax.Array:
            return ask(_Parts.represent, params, flat(prepare(seen)))

        def predict(params: Any, latent: jax.Array) -> Any:
            return say(params, ask(_Parts.read, params, latent))

        def advance(params: Any, latent: jax.Array, action: jax.Array) -> jax.Array:
            return ask(_Parts.advance, params, latent, action)

        made = memoryless(init, lambda params, seen: predict(params, represent(params, seen)), obs)
        return made._replace(model=Model(represent, predict, advance))


class _Parts(nn.Module):
    spec: WorldModel
    actions: int

    def setup(self) -> None:
        def layer(width: int, gain: float) -> Dense:
            return Dense(width, use_bias=True, kernel_init=nn.initializers.variance_scaling(gain, "fan_in", "normal"))

        hidden, latent = self.spec.hidden, self.spec.latent
        self.sees, self.places = layer(hidden, 2.0), layer(latent, 1.0)
        self.acts, self.moves = layer(hidden, 2.0), layer(latent, 1.0)
        self.reads = layer(hidden, 2.0)

    def __call__(self, seen: jax.Array) -> jax.Array:
        latent = self.represent(seen)
        return self.read(self.advance(latent, jnp.zeros(latent.shape[0], jnp.int32)))

    def represent(self, seen: jax.Array) -> jax.Array:
        return _scaled(self.places(nn.relu(self.sees(seen))))

    def advance(self, latent: jax.Array, action: jax.Array) -> jax.Array:
        both = jnp.concatenate([latent, jax.nn.one_hot(action, self.actions)], -1)
        return _scaled(latent + self.moves(nn.relu(self.acts(both))))

    def read(self, latent: jax.Array) -> jax.Array:
        return nn.relu(self.reads(latent))


def _scaled(x: jax.Array) -> jax.Array:
    """x over its root mean square, float32[B, Z]. Its slope is finite at 0, too."""
    return x * jax.lax.rsqrt((x**2).mean(-1, keepdims=True) + 1e-6)


spec = WorldModel
