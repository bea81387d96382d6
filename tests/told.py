"""What rules are told in tests, and the small agents that are told it."""

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.agents import MLP, memoryless
from rewardlab.agents.world_model import WorldModel
from rewardlab.types import Experience


def experience(obs, action, reward, *, next_obs=None, terminated=None, truncated=None, mask=None, extras=None):
    reward = jnp.asarray(reward)
    no = jnp.zeros(reward.shape, bool)
    pick = lambda x, default: default if x is None else jnp.asarray(x)  # noqa: E731
    return Experience(
        obs=jnp.asarray(obs),
        action=jnp.asarray(action, jnp.int32),
        next_obs=pick(next_obs, jnp.asarray(obs)),
        reward=reward,
        terminated=pick(terminated, no),
        truncated=pick(truncated, no),
        mask=pick(mask, ~no),
        extras=extras or {},
    )


def episodes(reward, length=1):
    """Whole episodes of one observation: [T, N] rewards, each lane one episode of `length` steps."""
    reward = jnp.asarray(reward, jnp.float32)
    time = jnp.arange(reward.shape[0])[:, None] + jnp.zeros(reward.shape, int)
    return experience(
        jnp.zeros((*reward.shape, 1)),
        jnp.zeros(reward.shape),
        reward,
        terminated=time == length - 1,
        mask=time < length,
    )


def network(rule, hidden=4):
    """The specification of a small network that a rule takes: one with a model where it plans by one."""
    return WorldModel(hidden=hidden, latent=3) if rule.imagines else MLP(hidden=(hidden,))


def table(states, heads):
    """A tabular agent over one-hot observations: float parameters {head: [S, size]}."""
    return memoryless(
        init=lambda key: {h: jnp.zeros((states, n)) for h, n in heads.items()},
        apply=lambda params, obs: {h: obs.astype(w.dtype) @ w for h, w in params.items()},
    )


def vector_agent(size=3):
    return memoryless(
        init=lambda key: jax.random.normal(key, (size,)), apply=lambda params, obs: {"logits": obs * params}
    )


def chain_experience(states=4):
    """Every (state, action) of a deterministic chain once: action 1 moves right, action 0 stays, the last state pays 1 and ends."""
    pairs = [(s, a) for s in range(states) for a in range(2)]
    after = [min(s + a, states) for s, a in pairs]
    eye = np.vstack([np.eye(states), np.zeros(states)])
    return pairs, experience(
        eye[[s for s, _ in pairs]][None].astype(np.float32),
        [[a for _, a in pairs]],
        np.array([[float(t == states) for t in after]], np.float32),
        next_obs=eye[after][None].astype(np.float32),
        terminated=[[t == states for t in after]],
    )


TRANSITION = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.0, 1.0]]])  # [s, a, s']


REWARD = np.array([[1.0, -0.3], [0.4, 2.0]])
