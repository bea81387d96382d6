"""Reward functions of trajectories: a judge looks at what happened and says what it was worth. Shape: Trajectory -> float32[T, N].

The same trajectory can be judged in several ways; a rule is told the result only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp

from rewardlab.types import Experience, Trajectory

Judge = Callable[[Trajectory], jax.Array]


def world(trajectory: Trajectory) -> jax.Array:
    """The world's own reward, step by step."""
    return trajectory.signals["reward"]


def silent(trajectory: Trajectory) -> jax.Array:
    """No reward at all."""
    return jnp.zeros_like(trajectory.signals["reward"])


def signal(name: str) -> Judge:
    """A proxy: any other signal of the world in place of its reward."""
    return lambda trajectory: trajectory.signals[name].astype(jnp.float32)


def weighted(trajectory: Trajectory, weights: Mapping[str, jax.Array]) -> jax.Array:
    """A sum of signals, {name: weight float32[]}, which may be traced. What has no weight is not looked at, infinite or not."""
    paid = [jnp.where(w == 0, 0.0, w * trajectory.signals[name].astype(jnp.float32)) for name, w in weights.items()]
    return sum(paid[1:], paid[0])


def judged(
    trajectory: Trajectory,
    judge: Judge = world,
    weights: Mapping[str, jax.Array] | None = None,
    told: Sequence[str] = (),
) -> Experience:
    """What the update rule is told: the trajectory with its reward, without its signals. Steps that were not lived pay nothing.

    weights: of signals, which then are the reward, in place of what the judge says. told: the signals that the rule is told by
    name beside it (`Rule.told`).
    """

    def lived(paid: jax.Array) -> jax.Array:
        return jnp.where(trajectory.mask, paid, jnp.float32(0))

    reward = lived(judge(trajectory) if weights is None else weighted(trajectory, weights))
    also = {name: lived(signal(name)(trajectory)) for name in told}
    seen = {name: value for name, value in trajectory._asdict().items() if name != "signals"}
    return Experience(reward=reward, told=also, **seen)
