"""Acting: softmax sampling and ε-greedy draw what they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import rules
from rewardlab.agents import memoryless
from rewardlab.agents.gaussian import Gaussian
from rewardlab.agents.select import epsilon_greedy, greedy, log_prob, sample, warm, warm_or_greedy
from rewardlab.collect import act
from rewardlab.types import Box


def test_sampling_follows_the_softmax():
    logits = jnp.array([0.5, -1.0, 0.0, 2.0])
    n = 200_000
    action, extras = sample()({"logits": jnp.tile(logits, (n, 1))}, jax.random.key(3))
    expected = np.asarray(jax.nn.softmax(logits), np.float64)
    z = (np.bincount(action, minlength=4) / n - expected) / np.sqrt(expected * (1 - expected) / n)
    assert np.abs(z).max() < 4.5
    np.testing.assert_allclose(extras["log_prob"], jax.nn.log_softmax(logits)[action], rtol=1e-6)
    np.testing.assert_allclose(log_prob(logits, jnp.int32(3)), jax.nn.log_softmax(logits)[3], rtol=1e-6)


def test_epsilon_greedy_frequencies():
    n = 100_000
    action, _ = epsilon_greedy("q", 0.3)({"q": jnp.tile(jnp.array([0.0, 5.0, 1.0]), (n, 1))}, jax.random.key(4))
    share = np.bincount(action, minlength=3) / n
    for found, truth in zip(share, [0.1, 0.8, 0.1], strict=True):
        assert abs(found - truth) < 4.5 * np.sqrt(truth * (1 - truth) / n)


def test_a_temperature_sharpens_the_softmax_and_narrows_a_gaussian():
    n, logits = 200_000, jnp.array([0.5, -1.0, 0.0, 0.8])
    action, extras = warm("logits", jnp.float32(0.3))({"logits": jnp.tile(logits, (n, 1))}, jax.random.key(5))
    expected = np.asarray(jax.nn.softmax(logits / 0.3), np.float64)
    z = (np.bincount(action, minlength=4) / n - expected) / np.sqrt(expected * (1 - expected) / n)
    assert np.abs(z).max() < 4.5 and action.dtype == jnp.int32 and not extras
    gaussian = Gaussian(jnp.ones((n, 1)), jnp.full((n, 1), jnp.log(2.0)), Box((-9.0,), (9.0,)))
    drawn = np.asarray(warm("logits", jnp.float32(0.3))({"logits": gaussian}, jax.random.key(6))[0], np.float64)
    assert abs(drawn.mean() - 1) < 4.5 * 0.6 / np.sqrt(n) and abs(drawn.std() / 0.6 - 1) < 4.5 / np.sqrt(2 * n)


def test_a_temperature_of_0_is_greedy_beside_others_that_draw():
    outputs = {"logits": jnp.array([[1.0, 1.0, 0.0]] * 64)}
    drawn = jax.vmap(lambda t: warm_or_greedy("logits", t)(outputs, jax.random.key(7))[0])
    cold, mild = drawn(jnp.array([0.0, 0.5]))
    np.testing.assert_array_equal(cold, greedy("logits")(outputs, None)[0])  # ties to the lowest index
    np.testing.assert_array_equal(mild, warm("logits", jnp.float32(0.5))(outputs, jax.random.key(7))[0])
    assert {*np.asarray(mild).tolist()} == {0, 1, 2}


@pytest.mark.parametrize("name", ["truncation", "openai_es", "guess_and_check"])
def test_populations_draw_while_they_are_tested_where_they_are_told_to(name):
    agent = memoryless(init=lambda key: jnp.zeros(2), apply=lambda params, obs: {"logits": obs * params})
    obs = jnp.ones((800, 2))
    for sampled in (False, True):
        rule = rules.make(name, candidates=16, num_envs=800, sampled=sampled)
        acting = rule.behave(agent, rule.init(agent, jax.random.key(0)), jax.random.key(1))
        acting = acting._replace(params=jnp.zeros_like(acting.params))
        action, _, _ = act(agent, acting, (), obs, jax.random.key(2), 16)
        assert abs(action.mean() - 0.5) < 4.5 * 0.5 / np.sqrt(800) if sampled else not action.any()
