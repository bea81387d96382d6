"""Read-outs against closed forms: least squares by numpy, odds by counting, and what nothing can be read from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab.analysis import readout

N = 400


@pytest.fixture(scope="module", name="drawn")
def _drawn():
    random = np.random.default_rng(0)
    x = (random.normal(size=(N, 5)) * [1, 2, 3, 4, 5] + [0, 10, -3, 0, 1]).astype(np.float32)
    return random, jnp.asarray(x), jnp.arange(N) % 2 == 0


def test_without_a_penalty_ridge_is_least_squares(drawn):
    random, x, fitted = drawn
    y = np.asarray(x[:, :2] @ jnp.array([[1.0, 2.0], [-3.0, 0.5]])) + random.normal(size=(N, 2)).astype(np.float32)
    found = readout.ridge(x, jnp.asarray(y), fitted, penalty=0.0)
    design = np.concatenate([np.asarray(x), np.ones((N, 1))], 1)
    best = np.linalg.lstsq(design[::2], y[::2], rcond=None)[0]
    np.testing.assert_allclose(found(x), design @ best, rtol=1e-3, atol=1e-3)


def test_with_a_penalty_ridge_solves_the_normal_equations_of_scaled_features(drawn):
    random, x, fitted = drawn
    y = random.normal(size=(N, 1)).astype(np.float32)
    found = readout.ridge(x, jnp.asarray(y), fitted, penalty=0.5)
    z = np.asarray(x)[::2].astype(float)
    z = (z - z.mean(0)) / z.std(0)
    best = np.linalg.solve(z.T @ z / len(z) + 0.5 * np.eye(5), z.T @ (y[::2] - y[::2].mean()) / len(z))
    np.testing.assert_allclose(found.weights, best, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.bias, y[::2].mean(0), rtol=1e-4)


def test_more_features_than_examples_are_no_trouble_and_constants_do_not_count():
    random = np.random.default_rng(1)
    x = random.normal(size=(20, 60)).astype(np.float32)
    x[:, 7] = 3.0
    found = readout.ridge(jnp.asarray(x), jnp.asarray(x[:, :1]), jnp.arange(20) < 16)
    assert np.isfinite(found(x)).all() and found.gain[7] == 0


def test_a_binary_feature_has_the_log_odds_that_were_counted():
    """30 of 40 are of class 1 where the feature is on, 12 of 48 where it is off."""
    on = np.repeat([1, 1, 0, 0], [30, 10, 12, 36])
    label = np.repeat([1, 0, 1, 0], [30, 10, 12, 36])
    x, y = jnp.asarray(on[:, None], jnp.float32), jax.nn.one_hot(label, 2)
    found = readout.logistic(x, y, jnp.ones(len(on), bool), penalty=0.0)
    said = found(jnp.array([[1.0], [0.0]]))
    np.testing.assert_allclose(said[:, 1] - said[:, 0], [np.log(3), -np.log(3)], rtol=1e-3)


def test_of_three_classes_the_slope_is_nil_where_logistic_regression_ends(drawn):
    random, x, fitted = drawn
    label = random.integers(0, 3, N)
    y = jax.nn.one_hot(label, 3)
    found = readout.logistic(x, y, fitted)

    def loss(weights, bias):
        told = ((x - found.mean) * found.gain)[::2] @ weights + bias
        return -(jax.nn.log_softmax(told) * y[::2]).sum(-1).mean() + readout.LOGISTIC / 2 * (weights**2).sum()

    slopes = jax.grad(loss, (0, 1))(found.weights, found.bias)
    assert all(float(jnp.abs(slope).max()) < 1e-4 for slope in slopes)


def test_descent_settles_where_features_go_against_one_another():
    """Of -1, 1 and its opposite, in equal shares, the steepest direction is their difference: a vector of ones has none of it."""
    random = np.random.default_rng(4)
    on = np.repeat([1.0, -1.0], N // 2)
    x, label = np.stack([on, -on], 1), (on + 3 * random.normal(size=N) > 0).astype(int)
    found = readout.logistic(jnp.asarray(x, jnp.float32), jax.nn.one_hot(label, 2), jnp.ones(N, bool))
    apart = found(jnp.asarray(x, jnp.float32)) @ jnp.array([-1.0, 1.0])
    slope = x.T @ (1 / (1 + np.exp(-apart)) - label) / N + readout.LOGISTIC * found.weights[:, 1]
    assert np.abs(slope).max() < 1e-5


def test_the_step_is_bounded_by_the_largest_eigenvalue_and_hardly_more():
    random = np.random.default_rng(5)
    for features in (1, 4, 60):
        z = random.normal(size=(N, features)) * random.uniform(0, 3, features)
        for given in (z, np.concatenate([z, -z], 1), 0 * z):
            largest = np.linalg.eigvalsh(given.T @ given / N).max()
            found = readout._largest(jnp.asarray(given, jnp.float32), jnp.float32(N))
            assert largest <= found <= 1.09 * largest + 1e-5


def test_what_is_there_is_read_and_what_is_not_is_not(drawn):
    random, x, fitted = drawn
    there, noise = x[:, :1] * 2 - x[:, 1:2], jnp.asarray(random.normal(size=(N, 1)), jnp.float32)
    both = jnp.concatenate([there, noise], 1)
    scores = readout.r_squared(readout.ridge(x, both, fitted)(x), both, fitted)
    assert scores[0] > 0.98 and scores[1] < 0.05


def test_scores_are_of_what_was_not_fitted():
    """As many features as examples that are fitted: those are learned by heart, which says nothing."""
    random = np.random.default_rng(2)
    x = jnp.asarray(random.normal(size=(200, 100)), jnp.float32)
    right = jax.nn.one_hot(random.integers(0, 2, 200), 2).astype(bool)
    fitted = jnp.arange(200) < 100
    said = readout.ridge(x, readout.shares(right), fitted, penalty=1e-4)(x)
    assert readout.accuracy(said, right, ~fitted) > 0.95 and readout.accuracy(said, right, fitted) < 0.7


def test_scores_by_hand():
    fitted = jnp.array([True, True, False, False])
    y, said = jnp.array([[0.0], [2.0], [3.0], [1.0]]), jnp.array([[9.0], [9.0], [2.0], [1.0]])
    np.testing.assert_allclose(readout.r_squared(said, y, fitted), [1 - 1 / 4])  # the mean of those fitted is 1
    right = jnp.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 0]], bool)
    said = jnp.array([[0, 1, 0], [0, 1, 0], [0, 1, 2], [1, 0, 0]], jnp.float32)
    assert readout.accuracy(said, right, fitted) == 1  # the third is, the fourth has no right answer
    assert readout.commonest(right, fitted) == 0  # the first is, of those fitted
    np.testing.assert_allclose(readout.shares(right)[1], [0.5, 0.5, 0])
    assert np.isnan(readout.accuracy(said, right & False, fitted))
    assert np.isnan(readout.r_squared(y, y, fitted | True)) and np.isnan(readout.accuracy(said, right, fitted | True))


def test_variance_inflation_by_its_closed_form(drawn):
    """Two features that go together by r: 1 / (1 - r²) each; a third one that goes with neither: 1."""
    random = np.random.default_rng(3)
    x = random.normal(size=(4000, 3)).astype(np.float32)
    x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
    r = np.corrcoef(x[:, 0], x[:, 1])[0, 1]
    found = readout.inflation(jnp.asarray(x), jnp.ones(4000, bool))
    np.testing.assert_allclose(found[:2], 1 / (1 - r**2), rtol=2e-3)
    assert found[2] == pytest.approx(1, abs=0.01)


def test_seeds_are_read_at_once_as_one_by_one(drawn):
    _, x, fitted = drawn
    several, y = jnp.stack([x, x * 2 + 1]), x[:, :1]
    together = jax.jit(jax.vmap(lambda x: readout.ridge(x, y, fitted)(x)))(several)
    np.testing.assert_allclose(together[0], readout.ridge(x, y, fitted)(x), rtol=1e-4, atol=1e-4)


def test_no_library_is_called():
    """Where two devices of a CPU call one while they also multiply, both may wait for good."""
    x, y, fitted = jnp.ones((20, 3)), jnp.ones((20, 2)), jnp.arange(20) < 10
    for function in (lambda: readout.ridge(x, y, fitted), lambda: readout.inflation(x, fitted)):
        assert "lapack" not in jax.jit(function).lower().as_text()
