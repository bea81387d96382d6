"""Inputs of unit variance: against a direct count, for every shape of observation, and the same wherever an agent is made."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnax.environments import environment, spaces
from worlds import Params

from rewardlab import MLP, envs, rules, training
from rewardlab.agents import standardise
from rewardlab.envs import adapter, coinrun
from rewardlab.inputs.errors import InputError


class Coins(environment.Environment):
    """Bits that are on with known chances, whatever is done. Two channels of a [2, 3] observation by its last axis: three."""

    num_actions = 2
    chances = np.array([[0.5, 0.5, 0.0], [0.1, 0.5, 0.02]], np.float32)

    @property
    def default_params(self):
        return Params(max_steps_in_episode=4)

    def reset_env(self, key, params):
        state = environment.EnvState(time=0)
        return jax.random.uniform(key, self.chances.shape) < self.chances, state

    def step_env(self, key, state, action, params):
        state = state.replace(time=state.time + 1)
        return self.reset_env(key, params)[0], state, jnp.float32(0), jnp.bool_(False), {}

    def observation_space(self, params):
        return spaces.Box(0, 1, self.chances.shape, jnp.bool_)

    def action_space(self, params=None):
        return spaces.Discrete(2)


class Rows(Coins):
    """The same, with its rows as channels."""

    def observation_channels(self, params):
        return np.array([[0, 0, 0], [1, 1, 1]])


@pytest.mark.parametrize("world,axis", [(Coins(), 0), (Rows(), 1)])
def test_every_channel_has_unit_variance(world, axis):
    found, p = standardise.measured(world), world.chances.astype(float)
    variance = (p * (1 - p)).sum(axis, keepdims=True)
    gain = np.minimum(1 / np.sqrt(variance), standardise.LARGEST_GAIN)
    np.testing.assert_allclose(found.gain, np.broadcast_to(gain, p.shape), rtol=0.02)
    np.testing.assert_allclose(found.shift, p, atol=0.01)
    x = standardise.standardised(jnp.ones((1, 2, 3), bool), found)
    np.testing.assert_allclose(x[0], (1 - found.shift) * found.gain, rtol=1e-6)


def test_what_never_varies_keeps_its_size_and_what_hardly_varies_is_bounded():
    class Still(Coins):
        chances = np.array([[0.0, 1.0, 0.0005, 0.5]], np.float32)

    gain = standardise.measured(Still()).gain[0]
    assert gain[0] == gain[1] == 1 and gain[2] == standardise.LARGEST_GAIN and gain[3] == pytest.approx(2, rel=0.02)


def test_the_coins_channel_is_the_loudest_in_coinrun():
    env = envs.make("coinrun", levels=64, held_out=16)
    channel, gain = env.observation_channels(env.default_params), standardise.measured(env).gain
    by_name = dict(zip([*coinrun.CHANNELS[:4], "moves"], (gain[channel == i] for i in range(5)), strict=True))
    assert all(len(set(found.tolist())) == 1 for found in by_name.values())
    assert max(by_name, key=lambda name: by_name[name][0]) == "coin" and by_name["solid"][0] < 0.5


def test_it_is_of_training_levels_under_the_main_condition_and_computed_once(monkeypatch):
    env = envs.make("coinrun", levels=64, held_out=16)
    plain, moved = standardise.measured(env), standardise.measured(env, {"moved": 1.0, "behind": 1.0})
    assert not np.array_equal(plain.gain, moved.gain)
    monkeypatch.setattr(standardise, "_measure", lambda *_: pytest.fail("it is known"))
    assert standardise.measured(env) is plain and standardise.measured(env, {"behind": 1.0, "moved": 1.0}) is moved


@pytest.mark.parametrize("name", ["bandit", "Pendulum-v1", "score_strip", "reward_in_view", "corner"])
@pytest.mark.slow(quickly=True)
def test_any_world_can_be_standardised(name):
    env = envs.make(name)
    obs, _ = adapter.reset(env, jax.random.key(0), adapter.set_params(env.default_params, {}))
    rule = rules.make("reinforce", num_envs=2, unroll_length=adapter.time_limit(env))
    agent = training.setting(env, rule, MLP(hidden=(4,), inputs="standardised")).agent
    out = agent.apply(agent.init(jax.random.key(0)), obs[None])
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(out))


def test_a_world_that_says_channels_of_another_shape_is_refused():
    class Wrong(Coins):
        def observation_channels(self, params):
            return np.zeros(6, int)

    with pytest.raises(InputError, match=r"observation_channels of the world gives int64\[6\]; allowed: .*\[2, 3\]"):
        standardise.measured(Wrong())


def test_observations_that_are_empty_or_not_finite_are_refused():
    class Endless(Coins):
        def reset_env(self, key, params):
            return jnp.full((2, 3), jnp.inf), environment.EnvState(time=0)

    class Nothing(Coins):
        def reset_env(self, key, params):
            return jnp.zeros((0,)), environment.EnvState(time=0)

    for world, said in ((Endless(), "not all finite"), (Nothing(), "empty")):
        with pytest.raises(InputError, match=f"observations of the world are {said}"):
            standardise.measured(world)


def test_a_world_in_a_wrapper_keeps_its_channels():
    inner = envs.make("coinrun", levels=64, held_out=16)
    plain, strip = standardise.measured(inner), standardise.measured(envs.make("score_strip", world=inner))
    np.testing.assert_allclose(strip.gain[:254], plain.gain, rtol=0.1)
    assert len(set(strip.gain[254:].tolist())) == 1


def test_worlds_need_not_be_hashable():
    class Plain(Coins):
        __hash__ = None

    assert np.isfinite(standardise.measured(Plain()).gain).all()


@pytest.mark.slow(quickly=True)
def test_training_standardises_under_jit_and_vmap_and_differs_from_raw_inputs():
    rule = rules.make("reinforce", num_envs=4, unroll_length=8)

    def train(spec):
        run = jax.jit(jax.vmap(lambda key: training.train(key, rule, Rows(), spec=spec, total_steps=64)))
        return run(jax.random.split(jax.random.key(0), 2)).state

    raw, scaled = (jax.tree.leaves(train(MLP(hidden=(4,), inputs=i))) for i in ("raw", "standardised"))
    assert any(not np.array_equal(a, b) for a, b in zip(raw, scaled, strict=True))


def test_channels_can_be_amplified():
    world = Rows()
    rule, plain, loud = (
        rules.make("reinforce"),
        MLP(inputs="standardised"),
        MLP(inputs="standardised", gains=(1.0, 3.0)),
    )
    x = jnp.asarray(np.random.default_rng(0).random((5, 2, 3)) < 0.5)
    by = standardise.measured(world)
    louder = standardise.amplified(by, world, loud.gains)
    factors = np.array([[1, 1, 1], [3, 3, 3]], np.float32)
    np.testing.assert_allclose(
        standardise.standardised(x, louder), standardise.standardised(x, by) * factors, rtol=1e-6
    )
    params = training.setting(world, rule, plain).agent.init(jax.random.key(0))
    outputs = [training.setting(world, rule, spec).agent.apply(params, x)["logits"] for spec in (plain, loud)]
    assert not np.allclose(*outputs)
    for spec, said in (
        (
            MLP(inputs="standardised", gains=(1.0,)),
            "agent.gains has 1 factors; allowed: none, or one for each of 2 channels",
        ),
        (MLP(gains=(1.0, 1.0)), "agent.gains are of standardised inputs"),
    ):
        with pytest.raises(InputError, match=said):
            training.setting(world, rule, spec)
