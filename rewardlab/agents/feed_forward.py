"""Feed-forward agents: hidden layers (the trunk), then one linear output per head, or a Gaussian over continuous actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.agents.dense import Dense
from rewardlab.agents.gaussian import Gaussian
from rewardlab.agents.memory import memoryless
from rewardlab.errors import InputError, out_of_range
from rewardlab.types import Agent, Box

DEEPEST = 100  # hidden layers: each is traced by itself
ACTIVATIONS = {"relu": nn.relu, "tanh": jnp.tanh}


@dataclass(frozen=True)
class MLP:
    """A multilayer perceptron over the flattened observation. `MLP(hidden=(), bias=False)` of one-hot states is a table.

    hidden: width of each hidden layer.
    activation: "relu" or "tanh".
    layer_norm: normalise each hidden layer before its activation.
    head_scale: standard deviation of a head's initial outputs, roughly; 0 starts at zero.
    bias: whether every linear layer adds a bias.
    trunk: "shared", the same hidden layers for all heads; "separate", each head its own (HEAD_trunk among the params);
        "stop-gradient", the same, but only the first head, which decides on the action, sends its gradient into them.
    inputs: "raw", or "standardised": each channel of the observation centred and scaled by what a random policy sees on
        training levels (`standardise.py`).
    gains: by what each channel of standardised inputs is multiplied afterwards, one number a channel; (): by nothing.
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: Literal["relu", "tanh"] = "relu"
    layer_norm: bool = False
    head_scale: float = 0.1
    bias: bool = True
    trunk: Literal["shared", "separate", "stop-gradient"] = "shared"
    inputs: Literal["raw", "standardised"] = "raw"
    gains: tuple[float, ...] = ()

    def check(self) -> None:
        if len(self.hidden) > DEEPEST:
            raise out_of_range("hidden", f"{len(self.hidden)} layers", f"at most {DEEPEST} layers")


def _hidden(spec: MLP, x):
    # Scaled normal draws, not orthogonal ones: several batched QR factorisations in one program can deadlock XLA on CPU.
    for width in spec.hidden:
        init = nn.initializers.variance_scaling(2.0, "fan_in", "normal")
        x = Dense(width, use_bias=spec.bias, kernel_init=init)(x)
        x = nn.LayerNorm()(x) if spec.layer_norm else x
        x = ACTIVATIONS[spec.activation](x)
    return x


class _Trunk(nn.Module):
    spec: MLP

    @nn.compact
    def __call__(self, x):
        return _hidden(self.spec, x)


class _Gaussian(nn.Module):
    """The head of a Box: a mean that is linear in what it reads, and a spread that is the same for every observation.

    The mean is the box's centre where the linear output is 0, and at its bounds where that is ±1. The parameter `log_std`,
    float32[D], starts at 0: the standard deviation is then half of the range.
    """

    box: Box
    spec: MLP
    kernel_init: Any

    @nn.compact
    def __call__(self, x):
        centre, half = self.box.scale
        linear = Dense(self.box.size, use_bias=self.spec.bias, kernel_init=self.kernel_init, name="mean")(x)
        log_std = self.param("log_std", nn.initializers.zeros, (self.box.size,)) + np.log(half)
        return Gaussian(centre + half * linear, jnp.broadcast_to(log_std, linear.shape), self.box)


class _Network(nn.Module):
    spec: MLP
    heads: tuple[tuple[str, int | Box], ...]
    prepare: Callable[[jax.Array], jax.Array]

    @nn.compact
    def __call__(self, obs):
        x = self.prepare(obs)
        names = [head for head, _ in self.heads]
        if self.spec.trunk == "separate":
            read = {head: _Trunk(self.spec, name=f"{head}_trunk")(x) for head in names}
        else:
            read = dict.fromkeys(names, _hidden(self.spec, x))
        if self.spec.trunk == "stop-gradient":
            read |= {head: jax.lax.stop_gradient(read[head]) for head in names[1:]}
        scale = nn.initializers.variance_scaling(self.spec.head_scale**2, "fan_in", "normal")
        return {
            head: _Gaussian(size, self.spec, scale, name=head)(read[head])
            if isinstance(size, Box)
            else Dense(size, use_bias=self.spec.bias, kernel_init=scale, name=head)(read[head])
            for head, size in self.heads
        }


def flat(obs: jax.Array) -> jax.Array:
    """Observations [B, ...] as float32[B, entries]."""
    return obs.reshape(obs.shape[0], -1).astype(jnp.float32)


def make(
    spec: MLP,
    obs: jax.ShapeDtypeStruct,
    heads: dict[str, int | Box],
    prepare: Callable[[jax.Array], jax.Array] = flat,
) -> Agent:
    """The agent of a specification, for observations [B, *obs.shape] of dtype obs.dtype and the given {head: size or Box}.

    prepare: observations -> what enters the network, float32[B, entries].
    """
    network = _Network(spec, tuple(heads.items()), prepare)
    return memoryless(
        init=lambda key: network.init(key, jnp.zeros((1, *obs.shape)))["params"],
        apply=lambda params, obs: network.apply({"params": params}, obs),
        obs=obs,
    )


def blind(agent: Agent, head: str):
    """How to make the agent say the same whatever it observes: (size of the head, outputs float32[size] -> params).

    Every parameter is 0 but the head's bias. Raises InputError for an agent without one.
    """
    like = jax.eval_shape(agent.init, jax.eval_shape(lambda: jax.random.key(0)))
    if not (isinstance(like, dict) and isinstance(like.get(head), dict) and "bias" in like[head]):
        raise InputError(
            f"an agent whose head {head!r} has no bias can't say the same to every observation; allowed: an MLP"
        )
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), like)
    return zeros[head]["bias"].size, lambda outputs: zeros | {head: zeros[head] | {"bias": outputs}}
