"""Worlds and rules of other people get jax's own keys: they keep them, mix them with their own and draw whatever they like."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest
from flax import struct
from gymnax.environments import environment
from worlds import Walk

import rewardlab
from rewardlab import envs, rules
from rewardlab.agents import by, greedily, greedy
from rewardlab.backend.randomness import fast, key_for
from rewardlab.envs import adapter
from rewardlab.envs.dark_room import DarkRoom
from rewardlab.inputs.errors import InputError
from rewardlab.probes.references import play
from rewardlab.probes.replay import filming
from rewardlab.rules.drift import Drift
from rewardlab.types import Policy, Rule

ORDINARY = jax.eval_shape(lambda: jax.random.key(0)).dtype
got = []  # the kind of every key that reached code of this file


@pytest.fixture(autouse=True)
def _keys_in_states():
    """jax's check of keys used twice takes a `where` or `tile` of keys for a use."""
    with jax.debug_key_reuse(False):
        yield


def note(key):
    got.append(key.dtype)
    return key


@struct.dataclass
class State(environment.EnvState):
    position: int
    time: int
    key: jax.Array


class Keeper(Walk):
    """Draws from a key in its state, and now and then takes another one in its place."""

    def reset_env(self, key, params):
        return self._obs(0, 0), State(position=0, time=0, key=note(key))

    def step_env(self, key, state, action, params):
        note(key)
        next_key, drawn_key = jax.random.split(state.key)
        next_key = jnp.where(state.time == 3, jax.random.key(7), next_key)
        position = state.position + action * jax.random.bernoulli(drawn_key)
        state = State(position=position, time=state.time + 1, key=next_key)
        there = position >= params.goal
        return self._obs(position, state.time), state, there.astype(float), there, {"outcome": jnp.where(there, 0, 1)}

    def references(self, params):
        return {"draws": lambda obs, state, params, key: jax.random.randint(note(key), (), 0, 2)}

    def render_rgb(self, state, params):
        return jax.random.bits(state.key, (4, 4, 3), jnp.uint8)


@struct.dataclass
class Remembers(Rule):
    """Its state is parameters and a key."""

    level = 0
    whole = False
    lanes: int = struct.field(default=4, pytree_node=False)
    steps: int = struct.field(default=8, pytree_node=False)

    def heads(self, actions):
        return {"logits": actions}

    def init(self, agent, key):
        params_key, kept = jax.random.split(note(key))
        return agent.init(params_key), kept

    def behave(self, agent, state, key):
        note(key)
        return Policy(state[0], by(lambda out, key: (jax.random.randint(note(key), out["logits"].shape[:1], 0, 2), {})))

    def update(self, agent, state, experience, key):
        return (state[0], jnp.where(experience.reward.sum() > 0, note(key), state[1])), {}

    def deploy(self, agent, state):
        return Policy(state[0], greedily("logits"))


class Darker(DarkRoom):
    """A world of the package's with something of a user's in it."""

    def reset_env(self, key, params):
        return super().reset_env(note(key), params)


RULES = {
    "lanes carry on": rules.make("a2c", num_envs=4, unroll_length=8),
    "whole episodes": rules.make("reinforce", num_envs=4, unroll_length=8),
    "candidates": rules.make("truncation", candidates=4, parents=2, num_envs=8, unroll_length=8),
    "episodes of candidates": rules.make("openai_es", candidates=4, num_envs=4, episodes=2, unroll_length=10),
    "a user's": Remembers(),
    "a rule around a user's": rules.make("yoked", rule=Remembers()),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("world", [Keeper, lambda: envs.make("score_strip", world=Keeper())], ids=["bare", "wrapped"])
def test_users_code_gets_ordinary_keys_while_it_trains(name, world):
    train = partial(rewardlab.train, rule=RULES[name], env=world(), total_steps=64)
    got.clear()
    jax.eval_shape(train, jax.random.key(0))
    assert got and set(got) == {ORDINARY}


def test_users_code_gets_ordinary_keys_whatever_else_asks_it():
    got.clear()
    env = Keeper()
    params = adapter.set_params(env.default_params, {})
    draws = env.references(params)["draws"]
    jax.eval_shape(lambda key: play(env, params, draws, key, 8), jax.random.key(0))
    agent = rewardlab.training.setting(env, Remembers()).agent
    frames, _ = filming(env, agent, greedily("logits"), 2).eval_shape(
        params, jax.eval_shape(agent.init, jax.random.key(0)), jax.random.key(0)
    )
    assert frames.shape == (6, 2, 4, 4, 3)
    rewardlab.audit({"remembers": Remembers()}, env=env)
    darker = Darker()
    jax.eval_shape(lambda key: adapter.reset(darker, fast(key), darker.default_params), jax.random.key(0))
    assert len(got) > 8 and set(got) == {ORDINARY}


def test_both_kinds_draw_the_same_numbers():
    env, key = Keeper(), jax.random.key(3)
    obs, state = adapter.reset(env, fast(key), env.default_params)
    assert (jax.random.key_data(state.key) == jax.random.key_data(jax.random.key(3))).all() and obs.tolist() == [0, 0]
    drawn = jax.random.poisson(
        key_for(lambda key: key, fast(jax.random.key(3))), 4.0, (5,)
    )  # which takes no other kind
    assert (drawn == jax.random.poisson(jax.random.key(3), 4.0, (5,))).all()


def test_a_world_and_a_rule_that_keep_their_keys_are_trained():
    carry = jax.jit(partial(rewardlab.train, rule=Remembers(), env=Keeper(), total_steps=64))(jax.random.key(0))
    assert carry.steps == 64 and carry.state[1].dtype == carry.lanes.env_state.key.dtype == ORDINARY
    assert len({tuple(data) for data in jax.random.key_data(carry.lanes.env_state.key).tolist()}) == 4


def test_the_packages_own_code_keeps_the_fast_ones():
    kind = fast(jax.random.key(0)).dtype
    for function in (DarkRoom().reset_env, envs.make("CartPole-v1").reset_env, Drift().update, greedy("logits")):
        assert key_for(function, fast(jax.random.key(0))).dtype == kind, function
    for function in (Darker().reset_env, Darker().step_env, Keeper().step_env, partial(Drift().update)):
        assert key_for(function, fast(jax.random.key(0))).dtype == ORDINARY, function


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (lambda: jax.random.key(0, impl="rbg"), "'rbg', which gives seeds that are not independent; allowed: threefry"),
        (lambda: jax.random.key(0, impl="unsafe_rbg"), "'unsafe_rbg', which"),
        (lambda: jax.random.split(jax.random.key(0)), r"array of keys, \[2\]; allowed: one key"),
        (lambda: 0, "0 is no random key; allowed: one of jax.random.key"),
        (lambda: jnp.zeros(2), "no random key"),
        (lambda: None, "None is no random key"),
    ],
)
def test_other_keys_are_refused_before_anything_compiles(key, said):
    with pytest.raises(InputError, match=said):
        rewardlab.train(key(), RULES["lanes carry on"], Walk(), total_steps=8)
    with pytest.raises(InputError, match="not independent"):
        jax.jit(jax.vmap(partial(rewardlab.train, rule=RULES["lanes carry on"], env=Walk(), total_steps=8)))(
            jax.random.split(jax.random.key(0, impl="rbg"), 2)
        )
