"""Return-conditioned supervised learning (Kumar et al. 2019, Schmidhuber 2019), level 3: the return is what it is asked for.

No action is made likelier for what it earned. The rule imitates itself, with what it did earn in place of what it was asked for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import by, greedily, log_prob, sample
from rewardlab.rules import optimisers
from rewardlab.rules.losses import begins, flat, gradient_step, masked_mean
from rewardlab.rules.returns import whole_returns
from rewardlab.types import Agent, Experience, Policy, Rule


class Lived(NamedTuple):
    """Whole lanes of experience, [lanes, T, ...]. obs: relabelled. done: bool, the episode ended with this step."""

    obs: jax.Array
    action: jax.Array
    done: jax.Array
    mask: jax.Array


class State(NamedTuple):
    """buffer: the lanes of the last R updates, those of one update side by side, leaves [R · N, T, ...]. updates: int32[]."""

    params: Any
    opt_state: Any
    buffer: Lived
    updates: jax.Array


def relabelled(agent: Agent, experience: Experience) -> jax.Array:
    """The observations [T, N, ...], had each episode been asked for the return that it came to. Episodes must end inside."""
    assert agent.asking is not None  # `rules.check_asks`
    return jax.vmap(jax.vmap(agent.asking))(experience.obs, whole_returns(experience.reward, experience.done))


@struct.dataclass
class ReturnPrompt(Rule):
    """Cross-entropy on its own actions, given the return that is asked for, from a replay of whole episodes.

    Each update adds its lanes, relabelled, in place of the oldest, then takes `gradient_steps` steps of Adam on `batch` lanes each,
    drawn uniformly, with replacement. The buffer keeps the last `capacity` steps, rounded down to whole updates. What is asked for
    while learning, and so what is explored, is the world's to say, which counts down, and discounts, too: the rule is told the sum
    of an episode alone. One that was truncated counts as ended: what the clock cut off is not guessed.
    """

    title = "return-conditioned"
    level = 3
    whole = True
    remembers = True
    asks = True

    learning_rate: float = struct.field(default=3e-3, metadata={"range": (0.0, 1.0), "search": (1e-4, 1e-1, "log")})
    max_grad_norm: float = struct.field(default=10.0, metadata={"range": (0.0, 1e6)})
    optimiser: Any = optimisers.field()
    num_envs: int = struct.field(default=64, pytree_node=False)
    unroll_length: int = struct.field(default=128, pytree_node=False)
    capacity: int = struct.field(default=65_536, pytree_node=False)
    batch: int = struct.field(default=16, pytree_node=False)
    gradient_steps: int = struct.field(default=16, pytree_node=False)

    @property
    def rows(self):
        """R, the updates whose lanes are kept."""
        return max(self.capacity // (self.num_envs * self.unroll_length), 1)

    def heads(self, actions):
        return {"logits": actions}

    def init(self, agent, key):
        params = agent.init(key)
        opt_state = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm).init(params)
        lanes = (self.rows * self.num_envs, self.unroll_length)
        obs, no = jnp.zeros((*lanes, *agent.obs.shape), agent.obs.dtype), jnp.zeros(lanes, bool)
        return State(params, opt_state, Lived(obs, jnp.zeros(lanes, jnp.int32), no, no), jnp.int32(0))

    def behave(self, agent, state, key):
        return Policy(state.params, by(sample("logits")))

    def remember(self, agent, state, experience):
        """The buffer with this update's lanes, relabelled, in place of the oldest."""
        told = Lived(relabelled(agent, experience), experience.action, experience.done, experience.mask)
        told = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), told)
        at = state.updates % self.rows * self.num_envs
        return jax.tree.map(lambda x, new: jax.lax.dynamic_update_slice_in_dim(x, new, at, 0), state.buffer, told)

    def update(self, agent, state, experience, key):
        buffer, updates = self.remember(agent, state, experience), state.updates + 1
        filled = jnp.minimum(updates, self.rows) * self.num_envs
        drawn = jax.random.randint(key, (self.gradient_steps, self.batch), 0, filled)
        optimiser = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm)

        def one(carry, lanes):
            params, opt_state = carry
            told = jax.tree.map(lambda x: jnp.swapaxes(x[lanes], 0, 1), buffer)
            loss = lambda params: self.loss(agent, params, told)  # noqa: E731
            params, opt_state, value = gradient_step(loss, params, opt_state, optimiser)
            return (params, opt_state), value

        (params, opt_state), losses = jax.lax.scan(one, (state.params, state.opt_state), drawn)
        return State(params, opt_state, buffer, updates), {"loss": losses.mean()}

    def loss(self, agent, params, told):
        """Mean over the steps lived of -log π(a | what was seen, relabelled), of lanes [T, B] that begin blank: float32[]."""
        outputs, _ = agent.unroll(params, agent.start(params, told.mask.shape[1]), told.obs, begins(told.done))
        outputs, action, mask = flat((outputs, told.action, told.mask))
        return masked_mean(-log_prob(outputs["logits"], action), mask)

    def deploy(self, agent, state):
        return Policy(state.params, greedily("logits"))


rule = ReturnPrompt
