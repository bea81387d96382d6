"""Statistics against an independent, straightforward implementation, numbers worked out by hand, and simulation."""

import itertools

import numpy as np
import pytest
from scipy.stats import brunnermunzel, mannwhitneyu, trim_mean

from rewardlab.analysis import stats
from rewardlab.inputs.errors import InputError

MATRICES = [np.random.default_rng([5, i]).normal(size=(10 + i % 23, 1 + i % 6)).round(1 + i % 3) for i in range(100)]


def draw(kind, rng, shape):
    """Scores as rules produce them: spread evenly, a fifth of the seeds failed, or half of the seeds at a ceiling."""
    if kind == "normal":
        return rng.normal(0.5, 0.1, shape)
    if kind == "bimodal":
        return np.where(rng.random(shape) < 0.8, rng.normal(0.9, 0.04, shape), rng.normal(0.1, 0.04, shape))
    return np.minimum(rng.normal(1.0, 0.05, shape), 1.0)


KINDS = ("normal", "bimodal", "ceiling")

# ------------------------------------------------------------------------------------------------ S1: the definitions


def test_iqm_is_the_trimmed_mean_of_the_pooled_matrix():
    for matrix in MATRICES:
        assert abs(stats.iqm(matrix, axis=(0, 1)) - trim_mean(matrix, 0.25, axis=None)) < 1e-12
        np.testing.assert_allclose(stats.iqm(matrix), trim_mean(matrix, 0.25, axis=0), rtol=0, atol=1e-12)
        np.testing.assert_allclose(stats.iqm(matrix.T, axis=-1), stats.iqm(matrix), rtol=0, atol=0)


def test_iqm_by_hand():
    assert stats.iqm([9.0, 1.0, 2.0, 100.0]) == 5.5  # 1 and 100 are cut
    assert stats.iqm([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == 3.0  # floor(7 / 4) = 1 cut at each end
    assert stats.iqm([1.0, 2.0, 6.0]) == 3.0  # too few to cut
    assert stats.iqm(np.array([[[1.0, 2.0], [3.0, 40.0]]]), axis=(1, 2)).tolist() == [2.5]


def wins(a, b):
    return sum((x > y) + 0.5 * (x == y) for x, y in itertools.product(a, b)) / (len(a) * len(b))


def test_probability_of_improvement_counts_wins_and_half_ties():
    for matrix, other in zip(MATRICES, MATRICES[6:], strict=False):
        tasks = min(matrix.shape[1], other.shape[1])
        a, b = matrix[:, :tasks], other[:, :tasks]
        plain = np.mean([wins(a[:, k], b[:, k]) for k in range(tasks)])
        assert abs(stats.improvement(a, b).mean() - plain) < 1e-12
        u = mannwhitneyu(a[:, 0], b[:, 0]).statistic / (len(a) * len(b))
        assert abs(stats.improvement(a, b)[0] - u) < 1e-12
    assert stats.improvement([1.0, 2.0, 3.0], [2.0, 2.0]) == 0.5
    assert stats.improvement([2.0, 3.0], [1.0, 2.0]) == 0.875
    assert stats.cliffs_delta([2.0, 3.0], [1.0, 2.0]) == 0.75


def test_stratified_bootstrap_agrees_with_plain_resampling():
    """Both ends of the plain percentile interval on 100 matrices, against a loop that draws runs within each task.

    The Monte Carlo error of a 2.5 % quantile from B draws of a near-normal is sqrt(p (1 - p)) / φ(z_p) sd / sqrt(B),
    about 2.7 sd / sqrt(B).
    """
    resamples, z = 4_000, []
    for i, matrix in enumerate(MATRICES):
        rng, (runs, tasks) = np.random.default_rng([6, i]), matrix.shape
        index = rng.integers(0, runs, (resamples, runs, tasks))
        drawn = trim_mean(np.take_along_axis(matrix[None], index, 1).reshape(resamples, -1), 0.25, axis=1)
        got = stats.iqm_interval(matrix, tasks=1, resamples=resamples, seed=i, expanded=False)
        error = 2.7 * drawn.std() * np.sqrt(2 / resamples) + 1e-12
        z += [(got.low - np.quantile(drawn, 0.025)) / error, (got.high - np.quantile(drawn, 0.975)) / error]
        assert abs(got.centre - trim_mean(matrix, 0.25, axis=None)) < 1e-12
    assert np.max(np.abs(z)) < 4.5
    assert 0.7 < np.std(z) < 1.3 and abs(np.mean(z)) < 0.35


def test_runs_are_resampled_within_each_task():
    """Every run of one task is 0, of the other 10: only a resample that takes a task too often could differ from 5."""
    np.testing.assert_allclose(stats.iqm_interval(np.tile([0.0, 10.0], (12, 1)), tasks=1), 5.0, rtol=0, atol=1e-12)


def test_one_resample_by_hand():
    """Scores 1 2 3 4 drawn 0 2 1 1 times are 2 2 3 4, without the ends 2 3: weights 0, 1/2, 1/2, 0."""
    assert stats._weights(np.array([0, 2, 1, 1])).tolist() == [0.0, 0.5, 0.5, 0.0]
    assert stats._weights(np.array([4, 0, 0, 0])).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert stats._weights(np.ones(8, int)).tolist() == [0, 0, 0.25, 0.25, 0.25, 0.25, 0, 0]


def test_interval_is_fixed_by_its_seed_and_not_by_its_batch():
    scores = draw("normal", np.random.default_rng(0), (16, 3, 2))
    whole, one = stats.iqm_interval(scores, seed=4), stats.iqm_interval(scores[:, 1, 1], seed=4)
    assert whole.low.shape == (3, 2)
    np.testing.assert_allclose([whole.low[1, 1], whole.high[1, 1]], [one.low, one.high], rtol=0, atol=1e-12)
    assert stats.iqm_interval(scores[:, 0, 0], seed=5).low != stats.iqm_interval(scores[:, 0, 0], seed=4).low
    assert (whole.low <= whole.centre).all() and (whole.centre <= whole.high).all()
    batch_first = stats.iqm_interval(np.moveaxis(scores, 0, -1), axis=-1, seed=4)
    np.testing.assert_allclose(batch_first.high, whole.high, rtol=0, atol=1e-12)


def test_expanded_interval_contains_the_plain_one_and_stays_within_the_scores():
    scores = draw("ceiling", np.random.default_rng(1), (12, 50))
    plain, wide = stats.iqm_interval(scores, expanded=False), stats.iqm_interval(scores)
    assert (wide.low <= plain.low).all() and (plain.high <= wide.high).all() and (wide.low < plain.low).any()
    assert (wide.high <= 1).all() and (wide.low >= scores.min(0)).all()


def test_no_interval_below_the_minimum():
    few, enough = np.arange(stats.MIN_SEEDS - 1.0), np.arange(float(stats.MIN_SEEDS))
    assert np.isnan(stats.iqm_interval(few)[1:]).all() and np.isfinite(stats.iqm_interval(few).centre)
    assert np.isfinite(stats.iqm_interval(enough)).all()
    assert np.isnan(stats.difference_interval(enough, few)[1:]).all()
    assert np.isfinite(stats.difference_interval(enough, enough)).all()


def test_difference_interval():
    rng = np.random.default_rng(2)
    a, b = rng.normal(3.0, 1.0, (40, 500)), rng.normal(1.0, 1.0, (30, 500))
    got = stats.difference_interval(a, b)
    np.testing.assert_allclose(got.centre, stats.iqm(a) - stats.iqm(b), rtol=0, atol=1e-12)
    assert np.mean((got.low <= 2) & (got.high >= 2)) >= 0.93
    # the spread of the difference of two independent interquartile means
    assert 0.8 < np.mean(got.high - got.low) / (4 * np.std(got.centre)) < 1.3


@pytest.mark.parametrize("scores", [[1.0, np.nan], [np.inf, 1.0], []])
def test_runs_cannot_silently_vanish(scores):
    for function in (stats.improvement, stats.permutation_test, stats.difference_interval):
        with pytest.raises(InputError, match="allowed"):
            function([1.0], scores)
    for function in (stats.iqm, stats.iqm_interval):
        with pytest.raises(InputError, match="allowed"):
            function(scores)


def test_magnitude():
    assert [stats.magnitude(d) for d in (0.1, -0.147, 0.32, -0.33, 0.474, -1)] == [
        "negligible",
        "small",
        "small",
        "medium",
        "large",
        "large",
    ]


def test_first_reaching():
    values = np.array([[0.1, 0.7, 0.9], [0.8, 0.1, 0.9], [0.0, 0.1, 0.2], [np.nan, np.nan, np.nan]], np.float32)
    assert stats.first_reaching(values, 0.7).tolist() == [1, 0, -1, -1]  # float32(0.7) < 0.7, and still reaches it


# ------------------------------------------------------------------------------------------------ S2, S3: in simulation


def test_permutation_p_is_the_share_of_arrangements():
    """a = {3, 4, 5}, b = {1, 2, 0}: 2 of the 20 arrangements are as extreme, so p = 0.1 up to sampling."""
    p = stats.permutation_test([3.0, 4.0, 5.0], [1.0, 2.0, 0.0], permutations=99_999)
    assert abs(p - 0.1) < 4.5 * np.sqrt(0.1 * 0.9 / 99_999)

    # with ties, by enumeration: scipy's statistic first, the difference of means among equals
    def key(a, b):
        apart = abs(wins(a, b) - 0.5)
        with np.errstate(divide="ignore", invalid="ignore"):
            by = abs(brunnermunzel(a, b, distribution="normal").statistic) if apart else 0.0
        return round(by, 9), abs(a.mean() - b.mean())

    a, b = np.array([1.0, 1.0, 5.0, 2.0]), np.array([1.0, 0.0, 2.0])
    z, extreme = np.concatenate([a, b]), 0
    for chosen in itertools.combinations(range(7), 4):
        rest = [i for i in range(7) if i not in chosen]
        extreme += key(z[list(chosen)], z[rest]) >= key(a, b)
    p = stats.permutation_test(a, b, permutations=99_999)
    assert abs(p - extreme / 35) < 4.5 * 0.5 / np.sqrt(99_999)


def test_permutation_test_has_power_and_ignores_monotone_units():
    rng = np.random.default_rng(3)
    a, b = rng.normal(1.0, 1.0, (32, 200)), rng.normal(0.0, 1.0, (20, 200))
    p = stats.permutation_test(a, b, permutations=1_999)
    assert np.mean(p <= 0.05) > 0.85
    assert p.min() >= 1 / 2_000
    np.testing.assert_allclose(stats.permutation_test(7 * a - 3, 7 * b - 3, permutations=1_999), p, rtol=0, atol=1e-12)
    assert (stats.permutation_test(np.ones((12, 3)), np.ones((15, 3)), permutations=99) == 1).all()


@pytest.mark.parametrize("score", [1.0, 0.7, 1 / 3, 7 / 3, 2e6 / 3, -0.1])
@pytest.mark.parametrize("runs", [(10, 10), (30, 30), (30, 12)])
def test_equal_scores_have_no_difference_whatever_they_are(score, runs):
    a, b = (np.full(n, score) for n in runs)
    assert stats.permutation_test(a, b, permutations=499) == 1.0


def test_an_offset_changes_no_p():
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 9, (4, 30)) / 8, rng.integers(0, 9, (5, 30)) / 8
    p = stats.permutation_test(a, b, permutations=999)
    np.testing.assert_array_equal(stats.permutation_test(a + 2.0**30, b + 2.0**30, permutations=999), p)


@pytest.mark.parametrize(("runs", "spread"), [((12, 30), 4.0), ((30, 30), 4.0), ((30, 12), 2.0)])
def test_samples_of_unlike_spreads_are_not_taken_for_unlike(runs, spread):
    """2,000 comparisons of normal scores about one mean."""
    rng = np.random.default_rng(31)
    a, b = spread * rng.normal(size=(runs[0], 2_000)), rng.normal(size=(runs[1], 2_000))
    false = np.mean(stats.permutation_test(a, b, permutations=1_999) <= 0.05)
    assert 0.025 <= false <= 0.075, false


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("runs", [stats.MIN_SEEDS, 32])
@pytest.mark.parametrize("kind", KINDS)
def test_false_positives_and_coverage(kind, runs):
    """2,000 comparisons of two arms from one distribution: false positives at α = .05, coverage of 95 % intervals."""
    rng = np.random.default_rng([8, runs])
    a, b = draw(kind, rng, (runs, 2_000)), draw(kind, rng, (runs, 2_000))
    false = np.mean(stats.permutation_test(a, b, permutations=1_999) <= 0.05)
    assert 0.035 <= false <= 0.065, false
    truth = stats.iqm(draw(kind, rng, (1_000_000,)))
    single, between = stats.iqm_interval(a), stats.difference_interval(a, b)
    covered = np.mean((single.low <= truth) & (single.high >= truth))
    assert covered >= 0.93, covered
    both = np.mean((between.low <= 0) & (between.high >= 0))
    assert both >= 0.93, both
    print(f"{kind}, {runs} runs: false positives {false:.4f}, coverage {covered:.4f}, of the difference {both:.4f}")


def test_holm_by_hand():
    np.testing.assert_allclose(stats.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02], rtol=0, atol=1e-15)
    np.testing.assert_allclose(stats.holm([0.5, np.nan, 0.02]), [0.5, np.nan, 0.04], rtol=0, atol=1e-15)
    assert stats.holm([0.9, 0.8]).tolist() == [1.0, 1.0]


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("kind", KINDS)
def test_holm_keeps_the_familywise_error(kind):
    """10 nulls in each of 600 reports: at most 5 % find anything, up to Monte Carlo error (z < 2.33, one-sided)."""
    reports, nulls, runs = 600, 10, 16
    rng = np.random.default_rng(9)
    a, b = (draw(kind, rng, (runs, reports, nulls)) for _ in range(2))
    p = stats.permutation_test(a, b, permutations=1_999)
    error = np.mean((stats.holm(p) <= 0.05).any(-1))
    assert error <= 0.05 + 2.33 * np.sqrt(0.05 * 0.95 / reports), error
    assert np.mean((p <= 0.05).any(-1)) > 0.3  # uncorrected, every third report finds something
    print(f"{kind}: familywise error {error:.4f}")
