"""A small convolutional network, for observations that are grids of channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from rewardlab.agents.activations import layer
from rewardlab.agents.dense import Dense
from rewardlab.agents.heads import Heads, head
from rewardlab.agents.spec import ACTIVATIONS, Spec, flat, from_network, layers
from rewardlab.inputs.errors import returned


@dataclass(frozen=True)
class CNN(Spec):
    """Convolutions over a grid [H, W, C], then hidden layers on all of what they say.

    channels: how many each convolution has; its window is 3 × 3, and outside of the grid everything is 0.
    hidden: width of each hidden layer after them. activation: "relu" or "tanh", of both.
    head_scale: standard deviation of a head's initial outputs, roughly; 0 starts at zero.
    inputs, gains: see `Spec`.
    """

    channels: tuple[int, ...] = (16, 16)
    hidden: tuple[int, ...] = (64,)
    activation: Literal["relu", "tanh"] = "relu"
    head_scale: float = 0.1

    def build(self, obs, heads, prepare):
        if len(obs.shape) != 3:
            raise returned("agent = CNN", f"is given observations {list(obs.shape)}", "a grid of channels, [H, W, C]")
        return from_network(_Network(self, heads, prepare), obs)


class _Network(nn.Module):
    spec: CNN
    heads: Heads
    prepare: Callable[[jax.Array], jax.Array]

    @nn.compact
    def __call__(self, obs):
        x = self.prepare(obs)
        for number, count in enumerate(self.spec.channels, 1):
            x = layer(f"convolution {number}", ACTIVATIONS[self.spec.activation](Convolution(count)(x)))
        x = layers(flat(x), self.spec.hidden, self.spec.activation)
        return {name: head(name, size, self.spec.head_scale)(x) for name, size in self.heads}


class Convolution(nn.Module):
    """3 × 3, stride 1, the same size: float32[B, H, W, C] -> float32[B, H, W, features].

    As a linear layer on nine shifted copies: so its gradient has the same bits with any number of threads, and candidates
    that have kernels of their own are one batched product.
    """

    features: int

    @nn.compact
    def __call__(self, x):
        height, width = x.shape[1:3]
        padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
        seen = jnp.concatenate(windows, -1)
        init = nn.initializers.variance_scaling(2.0, "fan_in", "normal")
        out = Dense(self.features, use_bias=True, kernel_init=init)(seen.reshape(-1, seen.shape[-1]))
        return out.reshape(*x.shape[:3], self.features)


spec = CNN
