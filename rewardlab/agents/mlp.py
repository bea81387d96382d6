"""A multilayer perceptron: hidden layers (the trunk), then the heads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import flax.linen as nn
import jax

from rewardlab.agents.heads import Heads, head
from rewardlab.agents.spec import Spec, flat, from_network, layers
from rewardlab.inputs.errors import out_of_range
from rewardlab.types import Agent

DEEPEST = 100  # hidden layers: each is traced by itself


@dataclass(frozen=True)
class MLP(Spec):
    """A multilayer perceptron over the flattened observation. `MLP(hidden=(), bias=False)` of one-hot states is a table.

    hidden: width of each hidden layer.
    activation: "relu", "tanh", or "identity": then hidden layers only narrow what can be said (low rank).
    layer_norm: normalise each hidden layer before its activation.
    head_scale: standard deviation of a head's initial outputs, roughly; 0 starts at zero.
    bias: whether every linear layer adds a bias.
    trunk: "shared", the same hidden layers for all heads; "separate", each head its own (HEAD_trunk among the params);
        "stop-gradient", the same, but only the first head, which decides on the action, sends its gradient into them.
    inputs, gains: see `Spec`.
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: Literal["relu", "tanh", "identity"] = "relu"
    layer_norm: bool = False
    head_scale: float = 0.1
    bias: bool = True
    trunk: Literal["shared", "separate", "stop-gradient"] = "shared"

    def check(self) -> None:
        if len(self.hidden) > DEEPEST:
            raise out_of_range("hidden", f"{len(self.hidden)} layers", f"at most {DEEPEST} layers")

    def build(self, obs, heads, prepare) -> Agent:
        return from_network(_Network(self, heads, prepare), obs)


def _hidden(spec: MLP, x, of="hidden"):
    return layers(x, spec.hidden, spec.activation, spec.layer_norm, spec.bias, of)


class _Trunk(nn.Module):
    spec: MLP
    of: str  # what its layers are called

    @nn.compact
    def __call__(self, x):
        return _hidden(self.spec, x, self.of)


class _Network(nn.Module):
    spec: MLP
    heads: Heads
    prepare: Callable[[jax.Array], jax.Array]

    @nn.compact
    def __call__(self, obs):
        x = flat(self.prepare(obs))
        names = [name for name, _ in self.heads]
        if self.spec.trunk == "separate":
            read = {name: _Trunk(self.spec, f"{name} hidden", name=f"{name}_trunk")(x) for name in names}
        else:
            read = dict.fromkeys(names, _hidden(self.spec, x))
        if self.spec.trunk == "stop-gradient":
            read |= {name: jax.lax.stop_gradient(read[name]) for name in names[1:]}
        return {name: head(name, size, self.spec.head_scale, self.spec.bias)(read[name]) for name, size in self.heads}


spec = MLP
