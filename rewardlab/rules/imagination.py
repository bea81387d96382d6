"""Planning in an agent's own model: what a search imagines, and how a policy acts that searches at every step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rewardlab.agents.select import by, chosen
from rewardlab.rules.tree_search import Edge, Node, Plan, search
from rewardlab.types import Act

REWARD = "reward"  # what a rule is paid, by the name of its head


def value_head(name: str) -> str:
    """The head that says what a reward's return will be; the one that says what a step pays is called as the reward."""
    return "value" if name == REWARD else f"{name}_value"


def look(agent, params, obs: jax.Array) -> tuple[Any, jax.Array]:
    """(outputs, latent states) at observations [N, ...]."""
    latent = agent.model.represent(params, obs)
    return agent.model.predict(params, latent), latent


def imagine(
    agent,
    params,
    seen,
    key,
    consults: str,
    gamma: float,
    simulations: int,
    habit: bool,
    noise: float,
    value_scale: float = 0.0,
) -> Plan:
    """A search from what `look` saw, by the reward `consults`. habit: whether the policy head is its prior, else any action is.

    A step's reward, and whether the episode goes on, are read where it is taken, its value where it leads to.
    """

    def node(outputs, latent):
        prior = outputs["logits"] if habit else jnp.zeros_like(outputs["logits"])
        goes_on = jax.nn.sigmoid(-outputs["ends"])
        return Node(prior, outputs[value_head(consults)][:, 0], (latent, outputs[consults], goes_on))

    def step(state, action):
        latent, reward, goes_on = state
        latent = agent.model.advance(params, latent, action)
        after = node(agent.model.predict(params, latent), latent)
        return Edge(chosen(reward, action), gamma * chosen(goes_on, action), after)

    return search(node(*seen), step, key, simulations, noise, value_scale)


def planning(settled: Callable[..., tuple[jax.Array, dict[str, jax.Array]]], **search_by) -> Act:
    """The `Policy.act` of who searches at every step. settled: (plan, key) -> (actions, extras)."""

    def act(agent, params, memory, obs, key):
        def select(seen, key):
            search_key, key = jax.random.split(key)
            return settled(imagine(agent, params, seen, search_key, **search_by), key)

        return by(select, lambda agent, params, memory, obs: (look(agent, params, obs), memory))(
            agent, params, memory, obs, key
        )

    return act


@functools.cache
def deliberate(consults: str, gamma: float, simulations: int, habit: bool = True, value_scale: float = 0.0) -> Act:
    """The `Policy.act` of who does what a search without noise finds best: one and the same function for the same settings."""

    def best(plan, key):
        return plan.action, {}

    by_what = {"consults": consults, "gamma": gamma, "simulations": simulations, "value_scale": value_scale}
    return planning(best, **by_what, habit=habit, noise=0.0)
