"""Value iteration on a counted model (certainty equivalence), level 5: it acts on a learned prediction of reward."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import by, epsilon_greedy, greedily
from rewardlab.inputs.errors import InputError
from rewardlab.rules.losses import flat
from rewardlab.types import Policy, Rule


class State(NamedTuple):
    """params: the agent's, one table [S, A] of values.

    counts: float32[S, A, S + 1], how often each pair led to each state; the last one is the end. earned: float32[S, A].
    """

    params: Any
    counts: jax.Array
    earned: jax.Array


def value_iteration(transition: jax.Array, reward: jax.Array, gamma, sweeps: int, q: jax.Array | float = 0.0):
    """`sweeps` applications of q ← R + γ P max_a q (Bellman 1957): float32[S, A].

    transition: float32[S, A, S], P(s'|s, a); what a row lacks to 1 is the chance that the episode ends. reward: float32[S, A].
    q: where to start.
    """
    start = jnp.broadcast_to(jnp.asarray(q, reward.dtype), reward.shape)
    return jax.lax.fori_loop(0, sweeps, lambda _, q: reward + gamma * transition @ q.max(-1), start)


def table(params) -> jax.Array:
    """The agent's one table, [S, A]. Raises InputError for another agent."""
    leaves = jax.tree.leaves(params)
    if len(leaves) != 1 or leaves[0].ndim != 2:
        raise InputError("value_iteration needs an agent that is a table; allowed: MLP(hidden=(), bias=False)")
    return leaves[0]


@struct.dataclass
class ValueIteration(Rule):
    """Counts transitions, averages rewards, and takes the model so estimated for the world: the best plan in it is acted on.

    Observations must be one-hot, flattened, and the agent a table of them: `MLP(hidden=(), bias=False)`. Each update goes on
    for `sweeps` sweeps from the values of the last. A pair never tried is worth 0. A terminated step leads to the end, where
    nothing more is earned; a truncated one to the state that it led to. Acts ε-greedily.
    """

    title = "value iteration"
    level = 5
    whole = False

    gamma: float = struct.field(default=0.99, metadata={"range": (0.0, 1.0), "search": (0.8, 0.999, "log1m")})
    epsilon: float = struct.field(default=0.1, metadata={"range": (0.0, 1.0), "search": (0.01, 0.3, "log")})
    num_envs: int = struct.field(default=8, pytree_node=False)
    unroll_length: int = struct.field(default=8, pytree_node=False)
    sweeps: int = struct.field(default=16, pytree_node=False)

    def heads(self, num_actions):
        return {"q": num_actions}

    def init(self, agent, key):
        params = agent.init(key)
        states, actions = table(params).shape
        return State(params, jnp.zeros((states, actions, states + 1)), jnp.zeros((states, actions)))

    def behave(self, agent, state, key):
        return Policy(state.params, by(epsilon_greedy("q", self.epsilon)))

    def update(self, agent, state, experience, key):
        told = flat(experience)
        s, s_next = (x.reshape(x.shape[0], -1).argmax(-1) for x in (told.obs, told.next_obs))
        s_next = jnp.where(told.terminated, state.counts.shape[0], s_next)
        counts = state.counts.at[s, told.action, s_next].add(told.mask.astype(jnp.float32))
        earned = state.earned.at[s, told.action].add(jnp.where(told.mask, told.reward, 0.0))
        tried = jnp.maximum(counts.sum(-1), 1.0)
        transition = counts[..., :-1] / tried[..., None]
        q = value_iteration(transition, earned / tried, self.gamma, self.sweeps, table(state.params))
        params = jax.tree.map(lambda _: q, state.params)
        return State(params, counts, earned), {"value": q.max(-1).mean()}

    def deploy(self, agent, state):
        return Policy(state.params, greedily("q"))


rule = ValueIteration
