"""Losses and the steps that descend them, shared by the rules that differentiate behaviour or learn a predictor."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp

from rewardlab.agents.select import entropy, log_prob
from rewardlab.rules import optimisers
from rewardlab.types import Agent, Experience


def flat(tree):
    """[T, N, ...] leaves as [T·N, ...]: step 0 of all lanes, then step 1."""
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), tree)


def begins(done: jax.Array) -> jax.Array:
    """bool[T, N], the steps before which a memory starts anew: those after an episode's end."""
    return jnp.concatenate([jnp.zeros_like(done[:1]), done[:-1]])


def unroll(agent: Agent, params, experience: Experience):
    """(outputs, memories after each step) of the network on what was observed, [T, N, ...]."""
    memory = jax.tree.map(lambda x: x[0], experience.memory)
    return agent.unroll(params, memory, experience.obs, begins(experience.done))


def next_outputs(agent: Agent, params, experience: Experience):
    """What the network says at each step's `next_obs`, with its memory after the step: [T·N, ...]."""
    memories = unroll(agent, params, experience)[1] if agent.remembers else ()
    return agent.step(params, flat(memories), flat(experience.next_obs))[0]


def masked_mean(x: jax.Array, mask: jax.Array) -> jax.Array:
    """Mean of x where mask holds (0 if nowhere): float32[...], bool[...] -> float32[]."""
    return jnp.where(mask, x, 0.0).sum() / jnp.maximum(mask.astype(x.dtype).sum(), 1.0)


def standardise(x: jax.Array, mask: jax.Array) -> jax.Array:
    """(x − mean) / standard deviation over the masked entries."""
    centred = x - masked_mean(x, mask)
    return centred / (jnp.sqrt(masked_mean(centred**2, mask)) + 1e-8)


def clipped_surrogate(log_prob: jax.Array, log_prob_old: jax.Array, advantage: jax.Array, clip) -> jax.Array:
    """PPO's objective per step, negated (Schulman et al. 2017, eq. 7): float32[...]."""
    chex.assert_equal_shape((log_prob, log_prob_old, advantage))
    ratio = jnp.exp(log_prob - log_prob_old)
    return -jnp.minimum(ratio * advantage, jnp.clip(ratio, 1.0 - clip, 1.0 + clip) * advantage)


def actor_critic(
    agent: Agent, params, experience: Experience, target: jax.Array, value_weight, entropy_weight
) -> jax.Array:
    """Mean over the steps lived of −(G − v) log π(a|s) + w_v ½ (v − G)² − w_e H(π): float32[].

    target: float32[T, N], the returns G. The advantage G − v is a constant to the gradient. Where the agent has no "value"
    head there is no baseline: v = 0, and nothing is fitted.
    """
    chex.assert_equal_shape((target, experience.reward, experience.mask))
    outputs = flat(unroll(agent, params, experience)[0])
    action, target, lived = flat((experience.action, target, experience.mask))
    total = -entropy_weight * entropy(outputs["logits"])
    if "value" in outputs:
        error = target - outputs["value"][:, 0]
        total += value_weight * 0.5 * error**2
        target = jax.lax.stop_gradient(error)
    return masked_mean(total - target * log_prob(outputs["logits"], action), lived)


def gradient_step(loss, params, opt_state, optimiser):
    """One step down the gradient of loss(params) -> float32[]: (params, opt_state, loss before it)."""
    value, gradient = jax.value_and_grad(loss)(params)
    updates, opt_state = optimiser.update(gradient, opt_state, params)
    return optimisers.apply_updates(params, updates), opt_state, value


def minibatches(key: jax.Array, lanes: int, count: int) -> jax.Array:
    """Which lanes are in which minibatch, int32[count, lanes / count], in random order. Consumes the key.

    Shuffling lanes instead of steps moves contiguous rows and sorts N numbers, not T·N.
    """
    return jax.random.permutation(key, lanes).reshape(count, -1)


def descend(loss, params, opt_state, optimiser, key: jax.Array, data, epochs: int, count: int):
    """`epochs` passes of minibatch gradient descent over [T, N, ...] data. Consumes the key.

    loss: (params, minibatch [T, N / count, ...]) -> float32[]. Returns (params, opt_state, mean loss).
    """
    total = jax.tree.leaves(data)[0].shape[1]

    def one(carry, lanes):
        batch = jax.tree.map(lambda x: x[:, lanes], data)
        params, opt_state = carry
        params, opt_state, value = gradient_step(lambda params: loss(params, batch), params, opt_state, optimiser)
        return (params, opt_state), value

    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(epochs))
    lanes = jax.vmap(lambda key: minibatches(key, total, count))(keys)
    (params, opt_state), values = jax.lax.scan(one, (params, opt_state), lanes.reshape(epochs * count, -1))
    return params, opt_state, values.mean()
