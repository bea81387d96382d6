"""A network with a memory: gated recurrent units (Cho et al. 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from rewardlab.agents.activations import layer
from rewardlab.agents.dense import Dense
from rewardlab.agents.heads import headed
from rewardlab.agents.spec import Spec, flat, layers
from rewardlab.collect import where
from rewardlab.types import Agent

LINEAR = nn.initializers.variance_scaling(1.0, "fan_in", "normal")


@dataclass(frozen=True)
class GRU(Spec):
    """Hidden layers on the flattened observation, then gated recurrent units, which the heads read.

    units: how many, the width of the memory, which is 0 where an episode begins.
    hidden: width of each hidden layer before them. activation: "relu" or "tanh", of the hidden layers.
    head_scale: standard deviation of a head's initial outputs, roughly; 0 starts at zero.
    inputs, gains: see `Spec`.
    """

    units: int = 32
    hidden: tuple[int, ...] = ()
    activation: Literal["relu", "tanh"] = "relu"
    head_scale: float = 0.1

    @property
    def loops(self) -> int:
        return 2

    def build(self, obs, heads, prepare):
        cell = _Cell(self)

        def ask(method, params, *given):
            return cell.apply({"params": params["trunk"]}, *given, method=method)

        def read(params, obs):
            return ask(_Cell.read, params, flat(prepare(obs)))

        def trunk(key):
            return cell.init(key, jnp.zeros((1, self.units)), flat(jnp.zeros((1, *obs.shape))))["params"]

        init, say = headed(trunk, heads, self.head_scale, self.units)

        def start(params, lanes):
            return jnp.zeros((lanes, self.units))

        def step(params, memory, obs):
            memory = layer("memory", ask(_Cell.remember, params, memory, read(params, obs)))
            return say(params, memory), memory

        def unroll(params, memory, obs, first):
            count = first.size  # what does not depend on the memory is computed for all steps at once
            seen = read(params, obs.reshape(count, *obs.shape[2:])).reshape(*first.shape, -1)

            def one(memory, now):
                seen_t, first_t = now
                memory = ask(_Cell.remember, params, where(first_t, jnp.zeros_like(memory), memory), seen_t)
                memory = layer("memory", memory)
                return memory, memory

            memories = jax.lax.scan(one, memory, (seen, first))[1]
            outputs = say(params, memories.reshape(count, -1))
            return jax.tree.map(lambda x: x.reshape(*first.shape, *x.shape[1:]), outputs), memories

        return Agent(init, start, step, unroll, obs)


class _Cell(nn.Module):
    spec: GRU

    def setup(self):
        self.reads = _Read(self.spec)
        self.recurrent = Dense(3 * self.spec.units, use_bias=False, kernel_init=LINEAR)
        self.bias = self.param("bias", nn.initializers.zeros, (self.spec.units,))

    def __call__(self, memory, obs):
        return self.remember(memory, self.read(obs))

    def read(self, obs):
        """What flat observations give to the three gates, float32[B, 3 · units]."""
        return self.reads(obs)

    def remember(self, memory, read):
        """The memory after an observation, float32[B, units]; the reset gate is on the product, as in cuDNN."""
        reset, update, new = jnp.split(read, 3, -1)
        of_reset, of_update, of_new = jnp.split(self.recurrent(memory), 3, -1)
        keep = nn.sigmoid(update + of_update)
        new = jnp.tanh(new + nn.sigmoid(reset + of_reset) * (of_new + self.bias))
        return (1.0 - keep) * new + keep * memory


class _Read(nn.Module):
    spec: GRU

    @nn.compact
    def __call__(self, x):
        x = layers(x, self.spec.hidden, self.spec.activation)
        return Dense(3 * self.spec.units, use_bias=True, kernel_init=LINEAR)(x)


spec = GRU
