"""Acting: softmax sampling and ε-greedy draw what they say."""

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.agents.select import epsilon_greedy, log_prob, sample


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
