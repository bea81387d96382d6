"""Reference lines: how a world's scripted policies (random, runners, optimal) fare on each evaluation."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.collect import collect, start
from rewardlab.envs import adapter
from rewardlab.probes.outcomes import measure
from rewardlab.randomness import fast, key_for
from rewardlab.types import Acting, Agent


class Piloted:
    """A world with a scripted policy on board: whatever action it is given, it takes the one that the policy wants.

    Scripted policies may look at the state, which agents never do: `policy(obs, state, params, key) -> action`.
    """

    def __init__(self, env, policy):
        self.env, self.policy = env, policy

    def __getattr__(self, name):
        return getattr(self.env, name)

    def reset_env(self, key, params):
        obs, state = self.env.reset_env(key_for(self.env.reset_env, key), params)
        return obs, (obs, state)

    def step_env(self, key, state, action, params):
        policy_key, step_key = jax.random.split(key)
        action = self.policy(*state, params, key_for(self.policy, policy_key))
        obs, state, reward, terminated, info = self.env.step_env(
            key_for(self.env.step_env, step_key), state[1], action, params
        )
        return obs, (obs, state), reward, terminated, info

    def is_truncated(self, state, params):
        return self.env.is_truncated(state[1], params)


def idle(env, lanes: int) -> tuple[Agent, Acting]:
    """Who "acts" in `lanes` lanes of a piloted world: nobody."""
    nothing = adapter.sample_action(env, env.default_params)
    actions = jnp.zeros((lanes, *nothing.shape), nothing.dtype)
    return Agent(lambda key: (), lambda params, obs: {}), Acting((), lambda out, key: (actions, {}))


def reference_shares(env, params, policy, key: jax.Array, episodes: int) -> jax.Array:
    """Shares of outcomes of a scripted policy over `episodes` episodes: float32[K]. Consumes the key."""
    start_key, collect_key = jax.random.split(fast(key))
    piloted = Piloted(env, policy)
    lanes = start(piloted, params, start_key, episodes)
    _, seen = collect(piloted, params, *idle(env, episodes), lanes, collect_key, adapter.time_limit(env), whole=True)
    return measure(env, seen).share


def references(env, evaluations: list, key: jax.Array, episodes: int) -> dict[str, np.ndarray]:
    """{name: float32[E, K]} for each of the world's scripted policies, on params of each of E evaluations. Consumes the key.

    With the key of an agent's evaluation, they play the same levels as the agents did.
    """
    policies = env.references(env.default_params) if hasattr(env, "references") else {}
    shares = {}
    for name, policy in policies.items():
        play = jax.jit(partial(reference_shares, env, policy=policy, episodes=episodes))
        shares[name] = np.stack([play(params, key=key) for params in evaluations])
    return shares
