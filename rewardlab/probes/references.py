"""Reference lines: how a world's scripted policies (random, runners, optimal) fare on each evaluation."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.collect import collect, start
from rewardlab.envs import adapter
from rewardlab.probes.outcomes import Outcomes, measure
from rewardlab.randomness import fast
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
        obs, state = self.env.reset_env(key, params)
        return obs, (obs, state)

    def step_env(self, key, state, action, params):
        policy_key, step_key = jax.random.split(key)
        action = self.policy(*state, params, policy_key)
        obs, state, reward, terminated, info = self.env.step_env(step_key, state[1], action, params)
        return obs, (obs, state), reward, terminated, info

    def is_truncated(self, state, params):
        return self.env.is_truncated(state[1], params)


def idle(env, lanes: int) -> tuple[Agent, Acting]:
    """Who "acts" in `lanes` lanes of a piloted world: nobody."""
    nothing = adapter.sample_action(env, env.default_params)
    actions = jnp.zeros((lanes, *nothing.shape), nothing.dtype)
    return Agent(lambda key: (), lambda params, obs: {}), Acting((), lambda out, key: (actions, {}))


def played(env, params, policy, key: jax.Array, episodes: int) -> Outcomes:
    """How `episodes` episodes of a scripted policy ended. Consumes the key."""
    start_key, collect_key = jax.random.split(fast(key))
    piloted = Piloted(env, policy)
    lanes = start(piloted, params, start_key, episodes)
    _, seen = collect(piloted, params, *idle(env, episodes), lanes, collect_key, adapter.time_limit(env), whole=True)
    return measure(env, seen)


def references(env, evaluations: list, key: jax.Array, episodes: int) -> dict[str, Outcomes]:
    """{name: Outcomes [E]} for each of the world's scripted policies, on params of each of E evaluations. Consumes the key.

    With the key of an agent's evaluation, they play the same levels as the agents did.
    """
    found = {}
    for name, policy in adapter.scripted(env).items():
        play = jax.jit(partial(played, env, policy=policy, episodes=episodes))
        found[name] = jax.tree.map(lambda *x: np.stack(x), *(play(params, key=key) for params in evaluations))
    return found
