"""Guess-and-check: the bar, the rate of acceptance, and what it keeps."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats
from told import episodes, vector_agent

from rewardlab.agents import memoryless
from rewardlab.rules.guess_and_check import GuessAndCheck
from rewardlab.rules.guess_and_check import State as GuessState
from rewardlab.rules.population import clears


def test_the_bar_is_cleared_by_what_equals_it_in_enough_of_a_candidates_own_lanes():
    told = episodes([[1.0, 1.5, 0.0, -1.0]])
    assert clears(told, 2, 1.0, 1.0).tolist() == [True, False]
    assert clears(told, 2, 1.5, 0.5).tolist() == [True, False]
    assert clears(told, 2, 1.5, 0.6).tolist() == [False, False]


def test_guess_and_check_accepts_at_the_closed_form_rate():
    """Greedy on two Gaussian logits N(m_i, s_i²), arm 1 pays: the prior passes with Φ((m₁ − m₀) / √(s₀² + s₁²))."""
    mean, sd, n = jnp.array([0.5, -0.2]), jnp.array([1.0, 0.7]), 100_000
    agent = memoryless(
        lambda key: mean + sd * jax.random.normal(key, (2,)), lambda params, obs: {"logits": obs * params}
    )
    rule = GuessAndCheck(candidates=n, num_envs=n, unroll_length=1, share=1.0)
    state = rule.init(agent, jax.random.key(0))
    litter = state.population
    told = episodes((litter[:, 1] > litter[:, 0]).astype(jnp.float32)[None])
    accepted = float(rule.update(agent, state, told, jax.random.key(1))[1]["accepted"])
    truth = stats.norm.cdf((-0.2 - 0.5) / np.hypot(1.0, 0.7))
    assert abs(accepted - truth) < 4.5 * np.sqrt(truth * (1 - truth) / n)


def test_what_guess_and_check_keeps_is_the_prior_conditioned_on_passing():
    """Kept logit differences against the truncated normal, by a Kolmogorov–Smirnov test over 4,000 runs."""
    agent = memoryless(lambda key: jax.random.normal(key, (2,)), lambda params, obs: {"logits": obs * params})
    rule = GuessAndCheck(candidates=16, num_envs=16, unroll_length=1, share=1.0)

    def one(key):
        init_key, update_key = jax.random.split(key)
        state = rule.init(agent, init_key)
        litter = state.population
        told = episodes((litter[:, 1] - litter[:, 0] > 0.5).astype(jnp.float32)[None])
        return rule.update(agent, state, told, update_key)[0]

    state = jax.vmap(one)(jax.random.split(jax.random.key(3), 4000))
    kept = np.asarray(state.kept[:, 1] - state.kept[:, 0])[np.asarray(state.cleared)]
    prior = stats.truncnorm(0.5 / np.sqrt(2), np.inf, scale=np.sqrt(2))
    assert stats.kstest(kept, prior.cdf).pvalue > 1e-4


def test_guess_and_check_keeps_its_first_find_for_good():
    rule, agent = GuessAndCheck(candidates=4, num_envs=4, unroll_length=1, share=1.0), vector_agent()
    state = rule.init(agent, jax.random.key(0))
    first_guess = state.kept
    state, _ = rule.update(agent, state, episodes([[0.0, 0, 0, 0]]), jax.random.key(1))
    np.testing.assert_array_equal(state.kept, first_guess)
    found, guesses = state.population[2], state.population
    state, _ = rule.update(agent, state, episodes([[0.0, 0, 1, 1]]), jax.random.key(2))
    np.testing.assert_array_equal(state.kept, found)
    state, _ = rule.update(agent, state, episodes([[1.0, 1, 1, 1]]), jax.random.key(3))
    np.testing.assert_array_equal(state.kept, found)
    assert isinstance(state, GuessState) and bool(state.cleared)
    assert (state.population != guesses).all()
