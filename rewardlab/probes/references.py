"""Reference lines: how a world's scripted policies (random, runners, optimal) fare on each evaluation."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.agents import by, memoryless
from rewardlab.backend import devices
from rewardlab.backend.randomness import fast, key_for
from rewardlab.collect import collect, start
from rewardlab.envs import adapter, contract
from rewardlab.inputs.errors import returned, show
from rewardlab.probes.outcomes import Outcomes, counted
from rewardlab.types import Agent, Policy

TRIED, TRIED_STEPS = 64, 100_000  # a random policy's episodes in a world without policies, and steps that they may take
ROUNDING = 1e-4


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


def idle(env, lanes: int) -> tuple[Agent, Policy]:
    """Who "acts" in `lanes` lanes of a piloted world: nobody."""
    nothing = adapter.sample_action(env, env.default_params)
    actions = jnp.zeros((lanes, *nothing.shape), nothing.dtype)
    return memoryless(lambda key: (), lambda params, obs: {}), Policy((), by(lambda out, key: (actions, {})))


class Played(NamedTuple):
    """What came of a scripted policy's episodes: how they ended, and the faults of the world that they show.

    Shares float32[] of the episodes: unnamed, ended with a number that no outcome has; endless, did not end within the world's
    own limit; not_finite, had a reward that is no finite number.
    """

    outcomes: Outcomes
    unnamed: jax.Array
    endless: jax.Array
    not_finite: jax.Array


def play(env, params, policy, key: jax.Array, episodes: int) -> Played:
    """`episodes` whole episodes of a scripted policy. Consumes the key."""
    start_key, collect_key = jax.random.split(fast(key))
    piloted = Piloted(env, policy)
    lanes = start(piloted, params, start_key, episodes)
    _, seen = collect(piloted, params, *idle(env, episodes), lanes, collect_key, adapter.time_limit(env), whole=True)
    done, how = seen.terminated | seen.truncated, counted(env, seen)
    endless = 1 - done.any(0).mean()
    finite = jnp.isfinite(seen.signals["reward"]) | ~seen.mask
    return Played(how, 1 - endless - how.share.sum(), endless, 1 - finite.all(0).mean())


def references(env, evaluations: list, key: jax.Array, episodes: int) -> dict[str, Outcomes]:
    """{name: Outcomes [E]} for each of the world's scripted policies, on params of each of E evaluations. Consumes the key.

    With the key of an agent's evaluation, they play the same levels as the agents did. In a world that has none, a random
    policy plays a little. Raises InputError where the episodes show that the world's numbers are wrong.
    """
    policies = adapter.scripted(env)
    if not policies:
        few = max(1, min(TRIED, TRIED_STEPS // adapter.time_limit(env)))
        _played(env, "random", uniform(env), evaluations, key, few)
    return {name: _played(env, name, policy, evaluations, key, episodes) for name, policy in policies.items()}


def _played(env, name: str, policy, evaluations: list, key: jax.Array, episodes: int) -> Outcomes:
    run = jax.jit(partial(play, env, policy=policy, episodes=episodes), compiler_options=devices.well())
    found = [jax.tree.map(np.asarray, run(params, key=key)) for params in evaluations]
    names, who = adapter.outcomes(env), f"{episodes} episodes of the policy {name!r} in {contract.name_of(env)}"
    expected = {
        "unnamed": ("ended with another outcome", f"info['outcome'] from 0 to {len(names) - 1}, one of {show(names)}"),
        "endless": (
            "did not end",
            f"is_truncated after {adapter.time_limit(env)} steps, default_params.{contract.CLOCK}",
        ),
        "not_finite": ("had a reward that is not finite", "finite numbers"),
    }
    for fault, (what, allowed) in expected.items():
        if (most := max(float(getattr(one, fault)) for one in found)) > ROUNDING:
            raise returned(who, f"show a fault: {round(most * episodes)} {what}", allowed)
    return jax.tree.map(lambda *x: np.stack(x), *(one.outcomes for one in found))


def uniform(env):
    """A policy that acts at random: any action, each as likely; in a Box between its bounds, within ±1 where it has none."""
    actions = adapter.actions(env)

    def policy(obs, state, params, key):
        if isinstance(actions, int):
            return jax.random.randint(key, (), 0, actions)
        centre, half = actions.scale
        return centre + half * jax.random.uniform(key, (actions.size,), minval=-1.0, maxval=1.0)

    return policy
