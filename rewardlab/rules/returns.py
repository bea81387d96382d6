"""Returns and advantages from judged trajectories. All arrays are [T, N]; time runs along the first axis."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp

from rewardlab.types import Experience


def discounted_sum(x: jax.Array, discount: jax.Array, last: jax.Array) -> jax.Array:
    """y_t = x_t + discount_t · y_{t+1} with y_T = last: float32[T, N], float32[T, N], float32[N] -> float32[T, N]."""

    def backward(y, step):
        x_t, discount_t = step
        y = x_t + discount_t * y
        return y, y

    return jax.lax.scan(backward, last, (x, discount), reverse=True)[1]


def reward_to_go(reward: jax.Array, done: jax.Array, gamma) -> jax.Array:
    """Discounted reward from each step to the end of its episode: float32[T, N]. Episodes must end inside the trajectory."""
    chex.assert_equal_shape((reward, done))
    chex.assert_type((reward, done), (jnp.floating, bool))
    return discounted_sum(reward, jnp.where(done, 0.0, jnp.asarray(gamma, reward.dtype)), jnp.zeros_like(reward[0]))


def lambda_returns(
    reward: jax.Array, value: jax.Array, terminated: jax.Array, done: jax.Array, gamma, lam
) -> jax.Array:
    """λ-returns G_t = r_t + γ [(1 − λ) v(s_{t+1}) + λ G_{t+1}] (Sutton & Barto §12.1), float32[T, N].

    value: float32[T, N], the value of each step's `next_obs`, before any reset. A terminated step does not bootstrap; a step
    that was only truncated, and the last one of the trajectory, bootstrap from it in full.
    """
    chex.assert_equal_shape((reward, value, terminated, done))
    chex.assert_type((value, terminated, done), (jnp.floating, bool, bool))
    value = jnp.where(terminated, 0.0, value)
    mixed = reward + gamma * jnp.where(done, value, (1.0 - lam) * value)
    # The step behind the trajectory's end: G_T = v(s_T), so that λ·G_T + (1 − λ)·v(s_T) = v(s_T).
    return discounted_sum(mixed, jnp.where(done, 0.0, jnp.asarray(gamma * lam, reward.dtype)), value[-1])


def episode_returns(reward: jax.Array, done: jax.Array, carried: jax.Array | None = None) -> jax.Array:
    """Undiscounted return so far within each step's episode, float32[T, N]: at a `done` step, the episode's return.

    carried: float32[N], what each lane's episode had earned before the trajectory began (default: nothing).
    """
    chex.assert_equal_shape((reward, done))
    carried = jnp.zeros_like(reward[0]) if carried is None else carried

    def forward(total, step):
        reward_t, done_t = step
        total = total + reward_t
        return jnp.where(done_t, 0.0, total), total

    return jax.lax.scan(forward, carried, (reward, done))[1]


def whole_returns(reward: jax.Array, done: jax.Array) -> jax.Array:
    """Undiscounted return of each step's whole episode, before and after it: float32[T, N]; 0 behind the last episode's end."""
    return reward_to_go(jnp.where(done, episode_returns(reward, done), 0.0), done, 1.0)


def fitness(experience: Experience, candidates: int) -> jax.Array:
    """Mean return per finished episode of each candidate: float32[C].

    For whole episodes: then every step that was lived belongs to an episode that finished.
    """
    returns = episode_returns(experience.reward, experience.done)
    total = jnp.where(experience.done, returns, 0.0).sum(0)
    episodes = experience.done.astype(jnp.float32).sum(0)
    total, episodes = (x.reshape(candidates, -1).sum(-1) for x in (total, episodes))
    return total / jnp.maximum(episodes, 1.0)
