"""Losses and the steps that descend them, shared by the rules that differentiate behaviour or learn a predictor."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax


def masked_mean(x: jax.Array, mask: jax.Array) -> jax.Array:
    """Mean of x where mask holds (0 if nowhere): float32[...], bool[...] -> float32[]."""
    return jnp.where(mask, x, 0.0).sum() / jnp.maximum(mask.astype(x.dtype).sum(), 1.0)


def standardise(x: jax.Array, mask: jax.Array) -> jax.Array:
    """(x − mean) / standard deviation over the masked entries."""
    centred = x - masked_mean(x, mask)
    return centred / (jnp.sqrt(masked_mean(centred**2, mask)) + 1e-8)


def clipped_surrogate(log_prob: jax.Array, log_prob_old: jax.Array, advantage: jax.Array, clip) -> jax.Array:
    """PPO's objective per step, negated (Schulman et al. 2017, eq. 7): float32[...]."""
    ratio = jnp.exp(log_prob - log_prob_old)
    return -jnp.minimum(ratio * advantage, jnp.clip(ratio, 1.0 - clip, 1.0 + clip) * advantage)


def adam(learning_rate, max_grad_norm=jnp.inf, eps: float = 1e-5) -> optax.GradientTransformation:
    """Adam behind a clip of the gradient's global norm; both numbers may be traced."""
    chain = optax.chain(optax.clip_by_global_norm(max_grad_norm), optax.adam(learning_rate, eps=eps))

    def update(gradient, state, params=None):
        with jax.numpy_dtype_promotion("standard"):  # optax mixes integers and floats
            return chain.update(gradient, state, params)

    return optax.GradientTransformation(chain.init, update)


def minibatches(key: jax.Array, data, count: int):
    """Splits [T, N, ...] leaves into `count` minibatches of whole lanes in random order: [count, T, N / count, ...].

    Shuffling lanes instead of steps moves contiguous rows and sorts N numbers, not T·N. Consumes the key.
    """
    lanes = jax.tree.leaves(data)[0].shape[1]
    order = jax.random.permutation(key, lanes).reshape(count, -1)
    return jax.tree.map(lambda x: jnp.moveaxis(x[:, order], 1, 0), data)


def descend(loss, params, opt_state, optimiser, key: jax.Array, data, epochs: int, count: int):
    """`epochs` passes of minibatch gradient descent over [T, N, ...] data. Consumes the key.

    loss: (params, minibatch) -> float32[]. Returns (params, opt_state, mean loss).
    """

    def one(carry, batch):
        params, opt_state = carry
        value, gradient = jax.value_and_grad(loss)(params, batch)
        updates, opt_state = optimiser.update(gradient, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    def epoch(carry, key):
        return jax.lax.scan(one, carry, minibatches(key, data, count))

    (params, opt_state), values = jax.lax.scan(epoch, (params, opt_state), jax.random.split(key, epochs))
    return params, opt_state, values.mean()
