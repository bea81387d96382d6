"""OpenAI-ES: antithetic pairs, an unbiased gradient, a climb."""

import jax
import jax.numpy as jnp
import numpy as np
from told import episodes, vector_agent

from rewardlab.rules.openai_es import OpenAIES, smoothed_gradient


def test_antithetic_pair_on_a_quadratic_is_exact():
    """For ½xᵀAx + bᵀx a pair gives (g·ε)ε with g = Aμ + b, at any σ (Salimans et al. 2017)."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        a, b, mu = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
        a = a + a.T
        f = lambda x: 0.5 * x @ a @ x + b @ x  # noqa: E731
        for sigma in (0.01, 1.0, 30.0):
            eps = rng.normal(size=4)
            score = jnp.array([f(mu + sigma * eps), f(mu - sigma * eps)])
            found = smoothed_gradient(jnp.asarray(eps)[None], score, sigma)
            np.testing.assert_allclose(found, (a @ mu + b) @ eps * eps, rtol=1e-9)


def test_es_gradient_is_unbiased_with_the_known_covariance():
    """Mean g and, for linear f, covariance ‖g‖² I + g gᵀ of one pair's estimate."""
    n, sigma, g = 200_000, 0.3, np.array([1.0, -2.0, 0.5])
    eps = jax.random.normal(jax.random.key(7), (n, 3))
    one = jax.vmap(lambda e: smoothed_gradient(e[None], sigma * jnp.stack([e @ g, -e @ g]), jnp.float32(sigma)))
    found = np.asarray(one(eps.astype(jnp.float32)), np.float64) if eps.dtype == jnp.float32 else None
    truth = g @ g * np.eye(3) + np.outer(g, g)
    z = (found.mean(0) - g) / np.sqrt(np.diag(truth) / n)
    assert np.abs(z).max() < 4.5
    centred = found - g
    products = centred[:, :, None] * centred[:, None, :]
    z = (products.mean(0) - truth) / (products.std(0) / np.sqrt(n))
    assert np.abs(z).max() < 4.5


def test_openai_es_acts_with_antithetic_pairs_and_climbs_a_bandit():
    rule = OpenAIES(candidates=32, num_envs=32, unroll_length=1, learning_rate=0.1, sigma=0.3)
    agent = vector_agent()
    state = rule.init(agent, jax.random.key(0))
    acting = rule.behave(agent, state, jax.random.key(1)).params
    np.testing.assert_allclose(acting[:16] + acting[16:], jnp.broadcast_to(2 * state.mean, (16, 3)), atol=1e-5)
    goal = jnp.array([1.0, -1.0, 0.5])
    after, _ = rule.update(agent, state, episodes(jnp.zeros((1, 32))), jax.random.key(3))
    assert (after.noise != state.noise).all()  # drawn afresh

    def generation(state, key):
        litter = rule.behave(agent, state, key).params
        return rule.update(agent, state, episodes(-((litter - goal) ** 2).sum(-1)[None]), key)

    state, _ = jax.lax.scan(generation, state, jax.random.split(jax.random.key(2), 200))
    np.testing.assert_allclose(rule.deploy(agent, state).params, goal, atol=0.15)
