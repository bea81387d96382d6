"""The gradient of the expected return of a softmax policy: exact where a world can be enumerated, elsewhere of a large sample."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from rewardlab.agents.select import by, log_prob, sample
from rewardlab.envs.world import offers
from rewardlab.probes.outcomes import played
from rewardlab.rules.losses import flat
from rewardlab.rules.returns import reward_to_go
from rewardlab.types import Policy

PARTS = 16  # of a sample: how far their gradients lie apart says how far their mean is off
FEW = 128  # episodes, below which all parts are played at once


class Slope(NamedTuple):
    """At some parameters of the policy that draws its actions from the softmax of a head.

    worth: float32[], its expected return. gradient: a pytree as the parameters, of that return by them. noise: float32[], the
    expected squared distance of `gradient` from the true one: 0 where it is exact.
    """

    worth: jax.Array
    gradient: Any
    noise: jax.Array


def exact(setting, head: str, there, params) -> Slope:
    """By enumeration, of a world whose cues can be. there: the world's params."""
    look = setting.env.enumerated(there)[0]

    def worth(params):
        return setting.env.expected_return(there, jax.nn.softmax(setting.agent.apply(params, look)[head]))

    return Slope(*jax.value_and_grad(worth)(params), jnp.float32(0.0))


def surrogate(logits: jax.Array, action: jax.Array, to_go: jax.Array, mask: jax.Array) -> jax.Array:
    """Its gradient by the logits float32[T, N, A] is an unbiased one of the mean return of the N episodes of which [T, N] is told.

    Of the return from each step on, that of the other episodes that last as long is subtracted on average: they do not depend on
    the action, so this takes away noise and nothing else.
    """
    lasting = mask.sum(1, keepdims=True).astype(to_go.dtype)
    to_go = jnp.where(mask, to_go, 0.0)
    others = (to_go.sum(1, keepdims=True) - to_go) / jnp.maximum(lasting - 1.0, 1.0)
    return jnp.where(mask, (to_go - others) * log_prob(logits, action), 0.0).sum() / mask.shape[1]


def sampled(setting, head: str, there, params, key: jax.Array, episodes: int) -> Slope:
    """By the score function, of so many whole episodes, a multiple of PARTS. Consumes the key."""
    s = setting

    def part(key):
        policy = Policy(params, by(sample(head)))
        seen = played(s.env, there, s.agent, policy, key, episodes // PARTS, platform=s.platform)
        reward = jnp.where(seen.mask, seen.signals["reward"], 0.0)
        to_go = reward_to_go(reward, seen.terminated | seen.truncated, 1.0)

        def loss(params):
            logits = s.agent.apply(params, flat(seen.obs))[head]
            return surrogate(logits.reshape(*seen.mask.shape, -1), seen.action, to_go, seen.mask)

        return reward.sum(0).mean(), ravel_pytree(jax.grad(loss)(params))[0]

    once = PARTS if episodes < FEW else None
    worth, gradients = jax.lax.map(part, jax.random.split(key, PARTS), batch_size=once)
    noise = gradients.var(0, ddof=1).sum() / PARTS
    return Slope(worth.mean(), ravel_pytree(params)[1](gradients.mean(0)), noise)


def slope(setting, head: str, there, params, key: jax.Array, episodes: int) -> Slope:
    """The gradient at these parameters; `episodes` where it has to be sampled. Consumes the key."""
    if offers(setting.env, "enumerated"):
        return exact(setting, head, there, params)
    return sampled(setting, head, there, params, key, episodes)
