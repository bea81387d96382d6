"""What a network says: one linear output for each head that a rule needs, or a Gaussian over continuous actions."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.agents.dense import Dense
from rewardlab.agents.gaussian import Gaussian
from rewardlab.inputs.errors import InputError
from rewardlab.types import Agent, Box

Heads = tuple[tuple[str, int | Box], ...]


class GaussianHead(nn.Module):
    """The head of a Box: a mean that is linear in what it reads, and a spread that is the same for every observation.

    The mean is the box's centre where the linear output is 0, and at its bounds where that is ±1. The parameter `log_std`,
    float32[D], starts at 0: the standard deviation is then half of the range.
    """

    box: Box
    scale: float
    use_bias: bool

    @nn.compact
    def __call__(self, x):
        centre, half = self.box.scale
        linear = Dense(self.box.size, use_bias=self.use_bias, kernel_init=_small(self.scale), name="mean")(x)
        log_std = self.param("log_std", nn.initializers.zeros, (self.box.size,)) + np.log(half)
        return Gaussian(centre + half * linear, jnp.broadcast_to(log_std, linear.shape), self.box)


class Says(nn.Module):
    """All heads, on features float32[B, F]: {head: outputs}. scale: standard deviation of their first outputs, roughly."""

    heads: Heads
    scale: float

    @nn.compact
    def __call__(self, x):
        return {name: head(name, size, self.scale)(x) for name, size in self.heads}


def headed(trunk_init, heads: Heads, scale: float, features: int):
    """(init, say) of a network whose heads read what a trunk, of any kind, makes of observations.

    trunk_init: key -> the trunk's parameters. init: key -> {"trunk": these, head: its own}. say: (params, features
    float32[B, features]) -> outputs.
    """
    says = Says(heads, scale)

    def init(key):
        trunk_key, head_key = jax.random.split(key)
        own = says.init(head_key, jnp.zeros((1, features)))["params"]
        return {"trunk": trunk_init(trunk_key), **own}

    def say(params, x):
        return says.apply({"params": {name: params[name] for name, _ in heads}}, x)

    return init, say


def head(name: str, size: int | Box, scale: float, use_bias: bool = True) -> nn.Module:
    """The module of one head, which reads features float32[B, F]. scale: standard deviation of its first outputs, roughly."""
    if isinstance(size, Box):
        return GaussianHead(size, scale, use_bias, name=name)
    return Dense(size, use_bias=use_bias, kernel_init=_small(scale), name=name)


def _small(scale: float):
    return nn.initializers.variance_scaling(scale**2, "fan_in", "normal")


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
