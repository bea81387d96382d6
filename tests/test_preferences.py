"""Rewards learned from comparisons: Bradley and Terry's model against closed forms, and the best of n by its model."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.envs import preferences
from rewardlab.probes import best_of_n

KEY = jax.random.key


def test_likelihood_and_slope_are_those_of_the_closed_form():
    """Two comparisons of two features, by hand; and the slope against automatic differentiation."""
    margins, counts = jnp.array([[1.0, 0.0], [1.0, -2.0]]), jnp.array([1.0, 3.0])
    weights = jnp.array([0.5, 0.25])
    said = -np.log1p(np.exp(-0.5)) - 3 * np.log1p(np.exp(-0.0)) - (0.25 + 0.0625) / 2
    assert np.isclose(float(preferences.log_posterior(weights, margins, counts)), said, atol=1e-6)
    wrong = np.array([1 / (1 + np.exp(0.5)), 0.5])
    by_hand = wrong[0] * np.array([1.0, 0.0]) + 3 * wrong[1] * np.array([1.0, -2.0]) - np.array([0.5, 0.25])
    assert np.allclose(preferences.slope(weights, margins, counts), by_hand, atol=1e-6)
    margins, counts = jax.random.normal(KEY(0), (50, 7)), jax.random.randint(KEY(1), (50,), 0, 4).astype(jnp.float32)
    weights = jax.random.normal(KEY(2), (7,))
    gradient = jax.grad(preferences.log_posterior)(weights, margins, counts)
    assert np.allclose(preferences.slope(weights, margins, counts), gradient, atol=1e-4)
    assert np.allclose(preferences.squares(margins, counts), (margins.T * counts) @ margins, atol=1e-3)


def newton(margins: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The most probable weights by Newton's method, in float64."""
    weights, one = np.zeros(margins.shape[1]), preferences.PRECISION * np.eye(margins.shape[1])
    for _ in range(50):
        wrong = 1 / (1 + np.exp(margins @ weights))
        bend = (margins.T * (counts * wrong * (1 - wrong))) @ margins + one
        weights = weights + np.linalg.solve(bend, margins.T @ (counts * wrong) - preferences.PRECISION * weights)
    return weights


def test_the_fit_is_the_most_probable_and_no_step_is_for_the_worse():
    true = np.array([1.0, -0.5, 0.0, 0.25])
    margins = np.asarray(jax.random.normal(KEY(0), (300, 4)))
    first = np.asarray(preferences.preferred(KEY(1), jnp.asarray(margins @ true), 1.0))
    margins, counts = np.where(first[:, None], margins, -margins), np.ones(300)
    found = preferences.fit(jnp.asarray(margins), jnp.ones(300))
    assert np.allclose(found, newton(margins.astype(float), counts), atol=1e-3)
    assert np.allclose(found, true, atol=0.35), "and near what the comparisons were drawn from"
    rises = [float(preferences.log_posterior(w, margins, jnp.ones(300))) for w in (jnp.zeros(4), found / 2, found)]
    assert rises == sorted(rises)


def test_many_comparisons_recover_the_rewards_of_a_tabular_world():
    """Episodes of 10 steps among 5 states: features are visits. Rewards are found over the noise, up to an amount a step."""
    true, noise = jnp.array([0.0, 1.0, 2.0, -1.0, 0.5]), 2.0
    visits = jax.nn.one_hot(jax.random.randint(KEY(0), (2, 20_000, 10), 0, 5), 5).sum(2)
    apart = visits[0] - visits[1]
    first = preferences.preferred(KEY(1), apart @ true, noise)
    found = preferences.fit(jnp.where(first[:, None], apart, -apart), jnp.ones(20_000))
    centred = lambda x: x - x.mean()  # noqa: E731
    assert np.allclose(centred(found), centred(true) / noise, atol=0.05)
    shifted = preferences.preferred(KEY(1), (visits[0] @ (true + 3.0)) - (visits[1] @ (true + 3.0)), noise)
    assert (shifted == first).mean() > 0.999, "what all steps are paid alike is in no comparison"
    assert abs(float(found.sum())) < 1e-3, "and the prior leaves it at none"


def test_comparisons_go_the_way_that_is_likely():
    apart = jnp.repeat(jnp.array([-2.0, 0.0, 1.0]), 20_000).reshape(3, -1)
    share = np.asarray(preferences.preferred(KEY(0), apart, 2.0)).mean(1)
    assert np.allclose(share, 1 / (1 + np.exp([1.0, 0.0, -0.5])), atol=0.015)
    sure = np.asarray(preferences.preferred(KEY(1), apart, 0.0)).mean(1)
    assert sure[[0, 2]].tolist() == [0.0, 1.0] and abs(sure[1] - 0.5) < 0.015


def test_an_ensemble_is_told_of_the_first_ones_only_and_its_word_is_mean_less_spread():
    counts = np.asarray(preferences.redrawn(KEY(0), 20, 8, 3))
    assert counts.shape == (3, 20) and (counts.sum(1) == 8).all() and (counts[:, 8:] == 0).all()
    assert len({tuple(row) for row in counts.tolist()}) == 3
    assert np.asarray(preferences.redrawn(KEY(0), 5, 3, 1)).tolist() == [[1, 1, 1, 0, 0]]
    said = jnp.array([1.0, 3.0])
    assert float(preferences.worth(said)) == 2.0 and float(preferences.worth(said, 0.5)) == 1.5


def test_the_best_of_n_is_the_mean_over_all_choices():
    paid, worth = jnp.array([3.0, 1.0, 2.0, 5.0, 4.0, 0.0]), jnp.array([1.0, 7.0, -2.0, 0.5, 4.0, 3.0])
    for n in range(1, 7):
        every = [max(of, key=lambda i: paid[i]) for of in itertools.combinations(range(6), n)]
        assert np.isclose(float(best_of_n.best_of(paid, worth, n)), np.mean([worth[i] for i in every]), atol=1e-5)
    many = jax.random.uniform(KEY(0), (2048,))
    for n in best_of_n.OF[:8]:
        assert abs(float(best_of_n.best_of(many, many, n)) - n / (n + 1)) < 0.02
    assert best_of_n.nats(1) == 0 and np.isclose(best_of_n.nats(4), np.log(4) - 0.75)
