"""How a network is specified, and what the networks that come with RewardLab are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from rewardlab.agents.activations import layer
from rewardlab.agents.dense import Dense
from rewardlab.agents.heads import Heads
from rewardlab.agents.memory import memoryless
from rewardlab.types import Agent

ACTIVATIONS = {"relu": nn.relu, "identity": lambda x: x, "tanh": jnp.tanh}


@dataclass(frozen=True, kw_only=True)
class Spec:
    """The specification of a network: a frozen dataclass whose fields decide on it, and `build`, which makes it.

    inputs: "raw", or "standardised": each channel of the observation centred and scaled by what a random policy sees on
        training levels (`standardise.py`).
    gains: by what each channel of standardised inputs is multiplied afterwards, one number a channel; (): by nothing.
    """

    several: ClassVar[bool] = (
        False  # whether observations of several arrays enter as such; else all their numbers in a row
    )

    perceives: ClassVar[bool] = False  # whether it takes worlds alone that show reward (`World.reward_in_view`)

    inputs: Literal["raw", "standardised"] = "raw"
    gains: tuple[float, ...] = ()

    @property
    def loops(self) -> int:
        """How many loops can learn with this agent, where it perceives reward: the outer one, and with a memory, one inside it."""
        return 1

    def build(self, obs: jax.ShapeDtypeStruct, heads: Heads, prepare: Callable[[jax.Array], Any]) -> Agent:
        """The agent, for one observation's shape and dtype, and the heads that a rule needs, ((name, size or Box), ...).

        prepare: observations [B, ...] -> what enters the network, float32 of the same shape. Raises InputError for
        observations that it can't take.
        """
        raise TypeError(f"{type(self).__name__} has no build")


def from_network(network: nn.Module, obs: jax.ShapeDtypeStruct) -> Agent:
    """The agent of a linen module without a memory: observations [B, ...] -> {head: outputs}."""
    return memoryless(
        init=lambda key: network.init(key, jnp.zeros((1, *obs.shape)))["params"],
        apply=lambda params, obs: network.apply({"params": params}, obs),
        obs=obs,
    )


def layers(
    x: jax.Array,
    hidden: tuple[int, ...],
    activation: str = "relu",
    layer_norm: bool = False,
    bias: bool = True,
    of: str = "hidden",
):
    """Hidden layers on float32[B, inputs], named "hidden 1" and so on: call it inside a compact module."""
    # Scaled normal draws, not orthogonal ones: several batched QR factorisations in one program can deadlock XLA on CPU.
    for number, width in enumerate(hidden, 1):
        init = nn.initializers.variance_scaling(2.0, "fan_in", "normal")
        x = Dense(width, use_bias=bias, kernel_init=init)(x)
        x = nn.LayerNorm()(x) if layer_norm else x
        x = layer(f"{of} {number}", ACTIVATIONS[activation](x))
    return x


def raw(obs: jax.Array) -> jax.Array:
    """Observations as they are, float32."""
    return obs.astype(jnp.float32)


def flat(obs: jax.Array) -> jax.Array:
    """float32[B, ...] as float32[B, entries]."""
    return obs.reshape(obs.shape[0], -1)
