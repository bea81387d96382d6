"""A network with a memory: a causal transformer over the last observations (Vaswani et al. 2017, Dai et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from rewardlab.agents.dense import Dense, product
from rewardlab.agents.heads import headed
from rewardlab.agents.spec import Spec, flat, layers
from rewardlab.inputs.fields import divides, whole
from rewardlab.types import Agent

LINEAR = nn.initializers.variance_scaling(1.0, "fan_in", "normal")
NEVER = -1e30  # a score whose weight is exactly 0, without the NaN of -inf - -inf


@dataclass(frozen=True)
class Transformer(Spec):
    """Blocks of causal self-attention and a hidden layer, each behind a layer norm, over a token a step, the flat observation.

    What is to be attended to, the return asked for and the last action say, has to be in the observation. The memory is the keys
    and values of the last `window` - 1 tokens of the episode in each block, so a token sees as many before it, and through B
    blocks B times as many. Places are relative: each head adds a learned number for each distance.

    width: of a token. window: tokens that one attends to, itself among them. blocks: how many. attention: heads in each.
    head_scale: standard deviation of a head's initial outputs, roughly; 0 starts at zero. inputs, gains: see `Spec`.
    """

    width: int = 32
    window: int = whole(16, 2, 4096)
    blocks: int = 1
    attention: int = 2
    head_scale: float = 0.1

    @property
    def loops(self) -> int:
        return 2

    def check(self) -> None:
        divides("attention", self.attention, "width", self.width)

    def build(self, obs, heads, prepare):
        trunk = _Trunk(self)
        shape = (self.blocks, self.window - 1, 2 * self.width)

        def begin(key):
            told = flat(jnp.zeros((1, *obs.shape)))[None], jnp.zeros((1, 1), bool), self._blank(shape, 1)
            return trunk.init(key, *told)["params"]

        init, say = headed(begin, heads, self.head_scale, self.width)

        def start(params, lanes):
            return self._blank(shape, lanes)

        def unroll(params, memory, obs, first):
            count = first.size
            seen = flat(prepare(obs.reshape(count, *obs.shape[2:]))).reshape(*first.shape, -1)
            features, memories = trunk.apply({"params": params["trunk"]}, seen, first, memory)
            outputs = say(params, features.reshape(count, -1))
            return jax.tree.map(lambda x: x.reshape(*first.shape, *x.shape[1:]), outputs), memories

        def step(params, memory, obs):
            told = unroll(params, memory, obs[None], jnp.zeros((1, obs.shape[0]), bool))
            return jax.tree.map(lambda x: x[0], told)

        return Agent(init, start, step, unroll, obs)

    @staticmethod
    def _blank(shape, lanes: int) -> Any:
        """Of N lanes: "tokens" float32[N, blocks, window - 1, keys and values], the last one at the end, and "count" int32[N]."""
        return {"tokens": jnp.zeros((lanes, *shape)), "count": jnp.zeros(lanes, jnp.int32)}


class _Trunk(nn.Module):
    spec: Transformer

    @nn.compact
    def __call__(self, seen, first, memory):
        """Features float32[T, N, width] of observations float32[T, N, D], and memories after each step; `first` as of `Agent`."""
        spec, (T, N) = self.spec, first.shape
        before = spec.window - 1
        # Of the tokens remembered, then those of these steps: which may a step attend to? Of its episode, and of its window.
        episode = jnp.cumsum(first, 0, dtype=jnp.int32).T  # [N, T]
        old = jnp.arange(before)[None] >= before - memory["count"][:, None]
        episodes = jnp.concatenate([jnp.where(old, 0, -1), episode], 1)  # [N, before + T]
        distance = jnp.arange(T)[:, None] + before - jnp.arange(before + T)[None]  # [T, before + T]
        near = (distance >= 0) & (distance < spec.window)
        sees = near[None] & (episode[:, :, None] == episodes[:, None])  # [N, T, before + T]
        x, kept = Dense(spec.width, use_bias=True, kernel_init=LINEAR)(seen.reshape(T * N, -1)), []
        for block in range(spec.blocks):
            x, tokens = _Block(spec)(x, memory["tokens"][:, block], sees, distance)
            kept.append(tokens)
        # What is remembered after step t: the last tokens, of the same episode, zeros before it.
        at = jnp.arange(1, T + 1)[:, None] + jnp.arange(before)[None]  # [T, before]
        mine = episodes[:, at] == episode[:, :, None]  # [N, T, before]
        tokens = jnp.where(mine[:, None, ..., None], jnp.stack(kept, 1)[:, :, at], 0)  # [N, blocks, T, before, 2 width]
        memories = {"tokens": jnp.moveaxis(tokens, 2, 0), "count": mine.sum(-1, dtype=jnp.int32).T}
        return nn.LayerNorm()(x).reshape(T, N, -1), memories


class _Block(nn.Module):
    spec: Transformer

    @nn.compact
    def __call__(self, x, old, sees, distance):
        """(features [T · N, width], keys and values float32[N, before + T, 2 · width], those remembered, `old`, first) of x."""
        spec, (N, T, S) = self.spec, sees.shape
        heads, size = spec.attention, spec.width // spec.attention
        mine = Dense(3 * spec.width, use_bias=False, kernel_init=LINEAR)(nn.LayerNorm()(x))
        query, told = jnp.split(mine, [spec.width], -1)
        told = jnp.concatenate([old, jnp.moveaxis(told.reshape(T, N, -1), 0, 1)], 1)
        key, value = (jnp.moveaxis(y.reshape(N, S, heads, size), 2, 1) for y in jnp.split(told, 2, -1))
        query = jnp.transpose(
            query.reshape(T, N, heads, size), (1, 2, 0, 3)
        )  # as key and value, [N, heads, steps, size]
        place = self.param("place", nn.initializers.zeros, (heads, spec.window), jnp.float32)
        # A sum over one-hot distances: the gradient of a look-up is a scatter, whose sums have no order.
        near = jax.nn.one_hot(distance, spec.window, dtype=jnp.float32)[None] * place[:, None, None]
        score = product(query, key.mT) / jnp.sqrt(jnp.float32(size)) + near.sum(-1)[None]
        weight = jax.nn.softmax(jnp.where(sees[:, None], score, NEVER), axis=-1)
        seen = jnp.transpose(product(weight, value), (2, 0, 1, 3)).reshape(T * N, -1)
        x += Dense(spec.width, use_bias=True, kernel_init=LINEAR)(seen)
        hidden = layers(nn.LayerNorm()(x), (4 * spec.width,))
        return x + Dense(spec.width, use_bias=True, kernel_init=LINEAR)(hidden), told


spec = Transformer
