"""Deep Q-network (Mnih et al. 2015) with double Q (van Hasselt et al. 2016), level 5: it acts on a learned prediction of reward."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import annealed, by, chosen, epsilon_greedy, greedily
from rewardlab.rules import optimisers
from rewardlab.rules.losses import flat, gradient_step, masked_mean
from rewardlab.types import Experience, Policy, Rule


class State(NamedTuple):
    """target: the parameters that value the next action. buffer: the experience of the last R updates, leaves [R, T, N, ...]."""

    params: Any
    opt_state: Any
    target: Any
    buffer: Experience
    updates: jax.Array


def double_q(reward, terminated, q_next: jax.Array, q_next_target: jax.Array, gamma) -> jax.Array:
    """r + γ q⁻(s', argmax_a q(s', a)), r alone where terminated: [B], [B], q and q⁻ at s' float32[B, A] -> float32[B]."""
    value = chosen(q_next_target, q_next.argmax(-1))
    return reward + gamma * jnp.where(terminated, 0.0, value)


@struct.dataclass
class DQN(Rule):
    """Regression of Q(s, a) on double-Q targets, from transitions drawn uniformly, with replacement, from a replay buffer.

    Each update adds its lanes × steps transitions in place of the oldest, then takes `gradient_steps` steps of Adam on
    `batch` transitions each. The target network is renewed every `target_period` updates. ε falls linearly from 1 to
    `epsilon` over the first `anneal` updates. The buffer keeps the last `capacity` transitions, rounded down to whole updates.
    A truncated step bootstraps from the observation that it led to.
    """

    title = "DQN"
    level = 5
    whole = False

    learning_rate: float = struct.field(default=2.5e-4, metadata={"range": (0.0, 1.0), "search": (1e-5, 1e-2, "log")})
    gamma: float = struct.field(default=0.99, metadata={"range": (0.0, 1.0), "search": (0.8, 0.999, "log1m")})
    epsilon: float = struct.field(default=0.05, metadata={"range": (0.0, 1.0), "search": (0.01, 0.3, "log")})
    anneal: float = struct.field(default=2000.0, metadata={"range": (0.0, 1e9)})
    max_grad_norm: float = struct.field(default=10.0, metadata={"range": (0.0, 1e6)})
    optimiser: Any = optimisers.field()
    num_envs: int = struct.field(default=16, pytree_node=False)
    unroll_length: int = struct.field(default=4, pytree_node=False)
    capacity: int = struct.field(default=10_000, pytree_node=False)
    batch: int = struct.field(default=128, pytree_node=False)
    gradient_steps: int = struct.field(default=6, pytree_node=False)
    target_period: int = struct.field(default=8, pytree_node=False)

    @property
    def rows(self):
        """R, the updates whose experience is kept."""
        return max(self.capacity // (self.num_envs * self.unroll_length), 1)

    def heads(self, num_actions):
        return {"q": num_actions}

    def init(self, agent, key):
        params = agent.init(key)
        opt_state = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm).init(params)
        zeros = lambda shape, dtype: jnp.zeros((self.rows, self.unroll_length, self.num_envs, *shape), dtype)  # noqa: E731
        obs, flag = zeros(agent.obs.shape, agent.obs.dtype), zeros((), bool)
        nothing = Experience(obs, zeros((), jnp.int32), obs, zeros((), jnp.float32), flag, flag, flag, {})
        return State(params, opt_state, params, nothing, jnp.int32(0))

    def behave(self, agent, state, key):
        return Policy(state.params, by(epsilon_greedy("q", annealed(self.epsilon, state.updates, self.anneal))))

    def remember(self, state, experience):
        """The buffer with this update's experience in place of the oldest."""
        row, told = state.updates % self.rows, experience._replace(extras={})
        # A slice is written into the carried buffer itself; a scatter, or a read of the old buffer later on, may copy it all.
        return jax.tree.map(lambda x, new: jax.lax.dynamic_update_index_in_dim(x, new, row, 0), state.buffer, told)

    def update(self, agent, state, experience, key):
        buffer, updates = self.remember(state, experience), state.updates + 1
        filled = jnp.minimum(updates, self.rows) * (self.num_envs * self.unroll_length)
        index = jax.random.randint(key, (self.gradient_steps, self.batch), 0, filled)
        drawn = jax.tree.map(lambda x: flat(flat(x))[index], buffer)
        optimiser = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm)

        def one(carry, told):
            def loss(params):
                return self.loss(agent, params, state.target, told)

            params, opt_state = carry
            params, opt_state, value = gradient_step(loss, params, opt_state, optimiser)
            return (params, opt_state), value

        (params, opt_state), losses = jax.lax.scan(one, (state.params, state.opt_state), drawn)
        renew = updates % self.target_period == 0
        target = jax.tree.map(lambda new, old: jnp.where(renew, new, old), params, state.target)
        return State(params, opt_state, target, buffer, updates), {"loss": losses.mean()}

    def loss(self, agent, params, target_params, told):
        """Mean of ½ (Q(s, a) − target)² over [B] transitions: float32[]."""
        q_next = agent.apply(jax.lax.stop_gradient(params), told.next_obs)["q"]
        q_next_target = agent.apply(target_params, told.next_obs)["q"]
        target = double_q(told.reward, told.terminated, q_next, q_next_target, self.gamma)
        return masked_mean(0.5 * (chosen(agent.apply(params, told.obs)["q"], told.action) - target) ** 2, told.mask)

    def deploy(self, agent, state):
        return Policy(state.params, greedily("q"))


rule = DQN
