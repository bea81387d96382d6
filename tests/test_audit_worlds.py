"""The audit of worlds that show reward, in plain sight or hidden."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import pytest
from gymnax.environments import spaces
from test_audit import WALK, row
from worlds import Walk

from rewardlab import MLP, envs
from rewardlab.agents import GRU, by, make, sample
from rewardlab.agents.learner import Learner
from rewardlab.analysis.wording import mind
from rewardlab.auditing.marks import marked_world
from rewardlab.collect import collect, start
from rewardlab.envs import adapter
from rewardlab.envs.wrapping import Wrapper
from rewardlab.types import Policy

# ---------------------------------------------------------------------------------------------------------------- worlds


class Shows(Walk):
    """Shows the reward of the last step as a third number. How it comes by it, the subclasses say."""

    def reset_env(self, key, params):
        obs, state = super().reset_env(key, params)
        return jnp.append(obs, 0.0), state

    def step_env(self, key, state, action, params):
        obs, state, reward, terminated, info = super().step_env(key, state, action, params)
        return jnp.append(obs, self.shown(state, reward, params)), state, self.paid(reward), terminated, info

    def shown(self, state, reward, params):
        return reward.astype(jnp.float32)

    def paid(self, reward):
        return reward

    def observation_space(self, params=None):
        return spaces.Box(-10, 10, (3,), jnp.float32)


class Scaled(Shows):
    def paid(self, reward):
        return -0.5 * reward.astype(jnp.float32) + 1.0


class Again(Shows):
    """Works the reward out again, in the same words."""

    def shown(self, state, reward, params):
        return (state.position >= params.goal).astype(jnp.int32).astype(jnp.float32)


class Otherwise(Shows):
    """Works the reward out again, in other words: what merely has the same causes."""

    def shown(self, state, reward, params):
        return jnp.clip(1.0 + state.position - params.goal, 0.0, 1.0)


class Nothing(Shows):
    def shown(self, state, reward, params):
        return jnp.float32(0)


class Later:
    """Any world, with the reward kept in the state and shown two steps later."""

    def __init__(self, env):
        self.env = env

    def __getattr__(self, name):
        return getattr(self.env, name)

    def reset_env(self, key, params):
        obs, state = self.env.reset_env(key, params)
        return jnp.append(obs, 0.0), (state, jnp.zeros(2))

    def step_env(self, key, state, action, params):
        state, kept = state
        obs, state, reward, terminated, info = self.env.step_env(key, state, action, params)
        queue = jnp.append(kept[1:], reward.astype(jnp.float32))
        return jnp.append(obs, kept[0]), (state, queue), reward, terminated, info

    def is_truncated(self, state, params):
        return self.env.is_truncated(state[0], params)

    def observation_space(self, params=None):
        return spaces.Box(-10, 10, (3,), jnp.float32)


class Ending(Walk):
    """Ends when its reward says so, and is reset then."""

    def step_env(self, key, state, action, params):
        obs, state, reward, _, info = super().step_env(key, state, action, params)
        return obs, state, reward, reward > 0, info


class Compiled(Shows):
    step_env = jax.jit(Shows.step_env, static_argnums=0)


SEEN, UNSEEN = ("observation",), ()
WORLDS = {
    "shown": (Shows(), SEEN),
    "shown at another scale": (Scaled(), SEEN),
    "worked out again": (Again(), SEEN),
    "inside of a jit": (Compiled(), SEEN),
    "kept, and shown later": (Later(WALK), SEEN),
    "not shown": (Nothing(), UNSEEN),
    "ends by its reward": (Ending(), UNSEEN),
    "by another formula": (Otherwise(), UNSEEN),  # not caught, as `Reach` says
    "a bandit that shows the last reward": ("BernoulliBandit-misc", SEEN),
    "CartPole": ("CartPole-v1", UNSEEN),
    "a reward that is fixed": ("MountainCar-v0", UNSEEN),
    "CoinRun": (envs.make("coinrun", levels=8, held_out=8), UNSEEN),
}


ASKED = ("request",)


class Unheard(Wrapper):
    """A world that asks for a return, of which it shows nothing."""

    def __init__(self, inner):
        super().__init__(inner, {}, 0)
        self.join = lambda obs, *more: jnp.zeros(self._shape)

    def reset_env(self, key, params):
        obs, state = self.inner.reset_env(key, params)
        return jnp.zeros_like(obs), state

    def step_env(self, key, state, action, params):
        obs, *rest = self.inner.step_env(key, state, action, params)
        return jnp.zeros_like(obs), *rest

    def is_truncated(self, state, params):
        return self.inner.is_truncated(state, params)

    def asking(self, obs, asked):
        return obs


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("rule", ["ppo", "truncation", "return_prompt"])
def test_a_return_that_is_asked_for_is_part_of_what_a_mind_is_given(rule):
    lever = envs.make("return_asked", world="lever", length=3, steps=4)
    asked = row(rule, env=lever)
    assert asked.act == SEEN + ASKED and mind(dataclasses.asdict(asked)) == "percept and asked"
    assert row(rule, env=Unheard(lever)).act == ()


def test_a_mind_in_words():
    assert [mind({"act": act}) for act in ((), SEEN, ASKED, ("memory",))] == [
        "blind", "percept", "asked", "what the rule remembers",
    ]  # fmt: skip


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("name", WORLDS)
def test_a_world_that_shows_reward_is_caught(name):
    env, act = WORLDS[name]
    assert [row(rule, env=env).act for rule in ("ppo", "truncation")] == [act, act]


@pytest.mark.parametrize(
    "name", ["shown at another scale", "kept, and shown later", "not shown", "a bandit that shows the last reward"]
)
def test_another_reward_changes_actions_where_the_audit_says_so_and_nowhere_else(name):
    """A second opinion, by numbers: the actions of an agent that looks at everything, with 7 more reward in the program."""
    env, act = WORLDS[name]
    env = envs.make(env)

    @jax.jit
    def actions(more):
        world = marked_world(env, lambda x, role: (x + more).astype(x.dtype) if role == "reward" else x)
        params = adapter.set_params(env.default_params, {})
        lanes = start(world, params, jax.random.key(0), 64)
        agent = make(
            MLP(hidden=(8,), head_scale=3.0),
            jax.ShapeDtypeStruct(lanes.obs.shape[1:], lanes.obs.dtype),
            {"logits": env.num_actions},
        )
        acting = Policy(agent.init(jax.random.key(1)), by(sample("logits")))
        return collect(world, params, agent, acting, lanes, jax.random.key(2), 10)[1].action

    assert bool((actions(jnp.float32(0)) != actions(jnp.float32(7))).any()) == bool(act)


@pytest.mark.parametrize("spec", [Learner(), Learner("sarsa"), GRU(units=4)])
def test_a_memory_that_parameters_begin_is_no_memory_of_the_rule(spec):
    """What a lifetime begins with comes by the parameters, which selection by reward has chosen."""
    assert row("truncation", agent=spec, env=envs.make("reward_in_view", world="fake_arm", pulls=4)).act == SEEN
