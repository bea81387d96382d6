"""Evolution strategies against their closed forms: rank-shaped ES and CMA-ES."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from told import episodes, vector_agent

from rewardlab import rules
from rewardlab.inputs.errors import InputError
from rewardlab.rules.cma_es import CMAES, LARGEST
from rewardlab.rules.openai_es import smoothed_gradient
from rewardlab.rules.rank_es import RankES


def close(found, truth, error, limit=4.5):
    """|z| below the limit, everywhere."""
    z = (np.asarray(found, np.float64) - truth) / error
    assert np.abs(z).max() < limit, z


# ---- rank-shaped ES ----


def test_centred_ranks_are_centred_whatever_was_earned():
    rule = RankES(candidates=6, num_envs=6)
    score = jnp.array([3.0, 1e9, -2.0, 3.0, 0.0, -1e-9])
    found = np.asarray(rule.utility(score))
    np.testing.assert_allclose(found, (stats.rankdata(score) - 1) / 5 - 0.5, atol=1e-7)
    np.testing.assert_allclose(found, [0.2, 0.5, -0.5, 0.2, -0.1, -0.3], atol=1e-7)
    np.testing.assert_array_equal(rule.utility(jnp.full(6, 7.0)), 0.0)


def test_the_rank_shaped_gradient_of_a_linear_function():
    """For f(x) = g·x, from C/2 antithetic pairs: ĝ [(C − 2)/(2√π) + 1/√(2π)] / ((C − 1) σ), whatever the size of g.

    A candidate's centred rank is the mean of ½ sign(f − f') over the others: for one drawn apart E[½ z sign(z − z')] = 1/(2√π),
    for its own mirror image E[½|z|] = 1/√(2π).
    """
    n, c, sigma, g = 100_000, 6, 0.2, np.array([3.0, -4.0])
    rule = RankES(candidates=c, num_envs=c)
    noise = jax.random.normal(jax.random.key(0), (n, c // 2, 2))

    def one(noise):
        score = sigma * (jnp.concatenate([noise, -noise]) @ g.astype(np.float32))
        return smoothed_gradient(noise, rule.utility(score), sigma)

    found = np.asarray(jax.jit(jax.vmap(one))(noise), np.float64)
    truth = g / 5 * ((c - 2) / (2 * np.sqrt(np.pi)) + 1 / np.sqrt(2 * np.pi)) / ((c - 1) * sigma)
    close(found.mean(0), truth, found.std(0) / np.sqrt(n))


# ---- CMA-ES ----


@pytest.mark.slow
@pytest.mark.parametrize("separable", [True, False])
def test_cma_es_moves_to_the_weighted_mean_of_the_better_half(separable):
    """m' = Σ_{i ≤ λ/2} w_i x_{i:λ} with w_i ∝ ln((λ + 1)/2) − ln i (Hansen 2016, eqs. 41–53): more reward is better."""
    rule, agent = CMAES(candidates=10, num_envs=10, unroll_length=1, sigma=0.7, separable=separable), vector_agent()
    state = rule.init(agent, jax.random.key(0))
    np.testing.assert_array_equal(rule.deploy(agent, state).params, state.mean)
    weights = np.log(5.5) - np.log(np.arange(1, 6))
    weights /= weights.sum()
    update = jax.jit(lambda state, score, key: rule.update(agent, state, episodes(score[None]), key)[0])
    for key in jax.random.split(jax.random.key(1), 3):
        score = np.random.default_rng(0).permutation(10).astype(np.float32)
        best = np.asarray(state.population, np.float64)[np.argsort(-score)[:5]]
        state = update(state, score, key)
        np.testing.assert_allclose(state.mean, weights @ best, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("separable", [True, False])
def test_cma_es_draws_with_its_step_size_and_climbs(separable):
    """The first litter is N(mean, σ² I); on a stretched quadratic the search ends on its top, its covariance stretched with it."""
    agent, n = vector_agent(), 40_000
    state = CMAES(candidates=n, num_envs=n, sigma=0.7, separable=separable).init(agent, jax.random.key(0))
    step = np.asarray(state.population - state.mean, np.float64)
    close(step.mean(0), 0.0, 0.7 / np.sqrt(n))
    close(step.std(), 0.7, 0.7 / np.sqrt(6 * n))
    rule, goal, stretch = (
        CMAES(candidates=12, num_envs=12, unroll_length=1, sigma=0.5, separable=separable),
        2.0,
        jnp.array([1.0, 10, 100]),
    )

    def generation(state, key):
        return rule.update(agent, state, episodes(-(stretch * (state.population - goal) ** 2).sum(-1)[None]), key)

    keys = jax.random.split(jax.random.key(2), 60)
    state, _ = jax.jit(lambda: jax.lax.scan(generation, rule.init(agent, jax.random.key(1)), keys))()
    np.testing.assert_allclose(rule.deploy(agent, state).params, goal, atol=0.02)
    spread = state.search.C if separable else jnp.diag(state.search.C)
    assert spread[0] > 10 * spread[2]


@pytest.mark.slow
def test_a_generation_of_equals_does_not_shrink_the_search():
    """With one shared weight for ties the step size would fall in worlds where nobody has earned anything yet."""
    rule, agent = CMAES(candidates=12, num_envs=12, unroll_length=1, sigma=0.5), vector_agent(20)
    nothing = episodes(jnp.zeros((1, 12)))

    def generation(states, keys):
        return jax.vmap(lambda state, key: rule.update(agent, state, nothing, key))(states, keys)

    founders = jax.vmap(partial(rule.init, agent))(jax.random.split(jax.random.key(0), 200))
    keys = jax.random.split(jax.random.key(1), (30, 200))
    sigma = np.asarray(jax.jit(partial(jax.lax.scan, generation))(founders, keys)[1]["sigma"])
    assert 0.4 < np.exp(np.log(sigma[-1]).mean()) < 0.6


def test_cma_es_says_what_it_needs(monkeypatch):
    with pytest.raises(InputError, match=f"up to {LARGEST}"):
        CMAES(separable=False).init(vector_agent(LARGEST + 1), jax.random.key(0))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "rewardlab\[evosax\]"'):
        rules.make("cma_es")
