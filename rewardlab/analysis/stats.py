"""Statistics over seeds: interquartile means with bootstrap intervals, differences, and a test that keeps its level.

Scores are float[runs, ...]: one axis of runs (seeds), every other axis is a batch that is computed at once. `axis` is
the runs' axis. Nothing here may drop a run, so NaN is refused. What is resampled takes an explicit seed: same seed,
same numbers, and a score's interval does not depend on what else is in the batch.

An interquartile mean is a weighted sum of the sorted scores, and the weights of a resample depend on the drawn counts
alone. So 10,000 resamples of a whole batch are one matrix product, and no resample is ever sorted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from rewardlab.inputs.errors import InputError

# No interval below: from here on a 95 % interval covers at least 93 % (normal, bimodal, ceiling).
MIN_SEEDS = 10
ADVISED_SEEDS = 30  # a warning below
RESAMPLES = 10_000
PERMUTATIONS = 9_999
LEVEL = 0.95
POWER = 0.8  # with which the smallest effect is said that a size finds


class Interval(NamedTuple):
    """centre, low, high: float[...]. low and high are NaN below `MIN_SEEDS` runs."""

    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray


def iqm(scores, axis: int | tuple[int, ...] = 0) -> np.ndarray:
    """Interquartile mean: the mean of what is left when the lowest and the highest floor(n / 4) runs are cut.

    scores: float[runs, ...] -> float[...]. axis=(0, 1) pools a matrix of runs × tasks (Agarwal et al. 2021). With fewer
    than four runs it is the mean. Raises InputError if there are no runs, or NaN or infinite scores.
    """
    axes = axis if isinstance(axis, tuple) else (axis,)
    scores = _checked(scores)
    pooled = np.moveaxis(scores, axes, range(-len(axes), 0))
    pooled = np.sort(pooled.reshape(*pooled.shape[: -len(axes)], -1), -1)
    n = pooled.shape[-1]
    _some(n)
    return pooled[..., n // 4 : n - n // 4].mean(-1)


def iqm_interval(
    scores,
    axis: int = 0,
    tasks: int | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
    expanded: bool = True,
) -> Interval:
    """Interquartile mean with a bootstrap interval over runs.

    scores: float[runs, ...] -> Interval of float[...]. tasks: an axis to pool, whose tasks are strata: runs are
    resampled within each (stratified bootstrap, Agarwal et al. 2021).
    expanded=False is the plain percentile interval. It is too narrow for few runs, by the factor sqrt((n - 1) / n) and
    for using normal in place of t quantiles; expanded=True takes the percentiles that undo both (Hesterberg 2015, "What
    teachers should know about the bootstrap", expanded percentile), and stays within the range of the scores. Coverage
    at 10 runs, plain / expanded: normal .940 / .977, bimodal 80/20 .927 / .963, half at a ceiling .933 / .972.
    low and high are NaN below `MIN_SEEDS` runs. Raises InputError as `iqm`.
    """
    scores = _checked(scores)
    groups = (
        np.moveaxis(scores, (tasks, axis), (-2, -1))
        if tasks is not None
        else np.moveaxis(scores, axis, -1)[..., None, :]
    )
    n = groups.shape[-1]
    _some(groups.shape[-2] * n)
    centre = iqm(groups, axis=(-2, -1))
    if n < MIN_SEEDS:
        return Interval(centre, np.full_like(centre, np.nan), np.full_like(centre, np.nan))
    return Interval(centre, *percentiles(_resampled(groups, resamples, seed, 0), n, level, expanded))


def figure(scores) -> dict[str, float | int | None]:
    """float[runs] -> {"iqm", "low", "high", "n"} as JSON holds it: None for what cannot be said."""
    centre, low, high = iqm_interval(scores) if len(scores) else (np.nan,) * 3
    return {"iqm": plain(centre), "low": plain(low), "high": plain(high), "n": len(scores)}


def figures(scores, names: Iterable[str]) -> dict[str, dict[str, float | int | None]]:
    """{name: the figure of a column} of float[runs, names], each over the runs that have a number there."""
    scores = np.asarray(scores, float)
    if len(scores) and np.isfinite(scores).all():  # all at once, which is faster
        ends = [map(plain, column) for column in np.stack(iqm_interval(scores)).T]
        found = [dict(zip(("iqm", "low", "high"), column, strict=True)) | {"n": len(scores)} for column in ends]
    else:
        found = [figure(column[np.isfinite(column)]) for column in scores.T]
    return dict(zip(names, found, strict=True))


def plain(value) -> float | None:
    """A number as JSON holds it: NaN becomes None."""
    return float(value) if np.isfinite(value) else None


def share_interval(count: int, n: int, level: float = LEVEL) -> tuple[float, float] | tuple[None, None]:
    """The exact interval of a share of which `count` of n independent cases were seen (Clopper & Pearson 1934); None of none."""
    from scipy.stats import beta

    if not n:
        return None, None
    out = (1 - level) / 2
    low = float(beta.ppf(out, count, n - count + 1)) if count else 0.0
    return low, float(beta.isf(out, count + 1, n - count)) if count < n else 1.0


def difference_interval(
    a, b, axis: int = 0, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """IQM of `a` minus IQM of `b`, with an expanded percentile bootstrap interval; each sample is resampled on its own.

    a: float[runs A, ...], b: float[runs B, ...] -> Interval of float[...]. The smaller sample decides how far the
    percentiles are expanded. low and high are NaN if either has fewer than `MIN_SEEDS` runs. Raises as `iqm`.
    """
    a, b = (np.moveaxis(_checked(x), axis, -1)[..., None, :] for x in (a, b))
    n = min(a.shape[-1], b.shape[-1])
    _some(n)
    centre = iqm(a, axis=(-2, -1)) - iqm(b, axis=(-2, -1))
    if n < MIN_SEEDS:
        return Interval(centre, np.full_like(centre, np.nan), np.full_like(centre, np.nan))
    drawn = _resampled(a, resamples, seed, 1) - _resampled(b, resamples, seed, 2)
    return Interval(centre, *percentiles(drawn, n, level, True))


class Difference(NamedTuple):
    """Of two samples, float[...] each: IQM of a minus IQM of b, its interval, probability of improvement, p-value."""

    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    effect: np.ndarray
    p: np.ndarray


def compare(a, b, permutations: int = PERMUTATIONS, seed: int = 0) -> Difference:
    """All about one pair: float[runs A, ...], float[runs B, ...] -> Difference. All NaN below two runs in either."""
    if min(len(a), len(b)) < 2:
        return Difference(*np.full((5, *np.shape(a)[1:]), np.nan))
    p = permutation_test(a, b, permutations=permutations, seed=seed)
    return Difference(*difference_interval(a, b, seed=seed), improvement(a, b), p)


def mean_interval(scores, seed: int = 0) -> Interval:
    """The mean of float[runs, ...] with an expanded percentile bootstrap interval over runs: Interval of float[...].

    For what is a mean by definition, and for differences of which most are 0, whose interquartile mean says nothing. low and high
    are NaN below `MIN_SEEDS` runs. Raises InputError as `iqm`.
    """
    scores = np.moveaxis(_checked(scores), 0, -1)
    n = scores.shape[-1]
    _some(n)
    if n < MIN_SEEDS:
        return Interval(scores.mean(-1), *np.full((2, *scores.shape[:-1]), np.nan))
    drawn = scores @ _shares(n, RESAMPLES, seed, 4).T
    return Interval(scores.mean(-1), *percentiles(drawn, n, LEVEL, True))


def compare_paired(a, b, permutations: int = PERMUTATIONS, seed: int = 0) -> Difference:
    """All about samples whose runs go in pairs, such as two rules on the same tasks: float[runs, ...] twice -> Difference.

    difference: the mean of the differences (`mean_interval`). effect: the share of pairs in which a lies above b, a tie being half
    a win. p: of that mean, two-sided, by flipping the signs of differences at random (Fisher 1935): exact where these are
    symmetric, and about right where they are skewed and some 30 or more. All NaN below two pairs. Raises InputError for samples of
    unlike shapes, and as `iqm`.
    """
    a, b = _checked(a), _checked(b)
    if a.shape != b.shape:
        raise InputError(f"pairs of shapes {list(a.shape)} and {list(b.shape)} were given; allowed: two of one shape")
    if len(a) < 2:
        return Difference(*np.full((5, *a.shape[1:]), np.nan))
    apart = np.moveaxis(a - b, 0, -1)
    observed = np.abs(apart.sum(-1, keepdims=True))
    extreme = (np.abs(apart @ _signs(len(a), permutations, seed).T) >= observed - 1e-9).sum(-1) + 1
    effect = (np.sign(apart).mean(-1) + 1) / 2
    return Difference(*mean_interval(a - b, seed), effect, extreme / (permutations + 1))


def improvement(a, b, axis: int = 0) -> np.ndarray:
    """Probability of improvement P(A > B) + P(A = B) / 2: how often a run of A beats one of B, a tie being half a win.

    a: float[runs A, ...], b: float[runs B, ...] -> float[...] in [0, 1]; 0.5 for no tendency. Mann & Whitney 1947;
    Agarwal et al. 2021. Over several tasks it is the mean over tasks.
    """
    a, b = (np.moveaxis(_checked(x), axis, -1) for x in (a, b))
    _some(min(a.shape[-1], b.shape[-1]))
    return (np.sign(a[..., :, None] - b[..., None, :]).mean((-2, -1)) + 1) / 2


def cliffs_delta(a, b, axis: int = 0) -> np.ndarray:
    """Cliff's delta P(A > B) - P(A < B), in [-1, 1] (Cliff 1993)."""
    return 2 * improvement(a, b, axis) - 1


def magnitude(delta: float) -> str:
    """The usual word for a Cliff's delta: negligible < .147 <= small < .33 <= medium < .474 <= large (Romano 2006)."""
    words = ("negligible", "small", "medium", "large")
    return words[int(np.searchsorted((0.147, 0.33, 0.474), abs(delta), side="right"))]


def permutation_test(a, b, axis: int = 0, permutations: int = PERMUTATIONS, seed: int = 0) -> np.ndarray:
    """Two-sided p-value for "a run of A is as likely to beat one of B as to lose to it", by permuting which run belongs to which.

    a: float[runs A, ...], b: float[runs B, ...] -> float[...], at least 1 / (permutations + 1).
    The statistic is the distance of the probability of improvement from 1/2, in standard errors (Brunner & Munzel 2000);
    arrangements equal in it are ordered by the difference of means. Why this one: where A and B have the same distribution,
    whatever it is, exchanging labels is exact at every number of runs, so the false-positive rate never exceeds the level; where
    only their spreads differ it is about right (Neubert & Brunner 2007), as it is not without the division. In 4,000 draws of
    normal scores whose spreads are as 4 to 1, at 5 % and at 1 %: of 12 and 30 runs 5.5 and 1.6 % in place of 12.8 and 4.4 %, of 30
    and 30 5.8 and 1.0 % in place of 7.5 and 2.0 %. Of fewer than ten runs of the wider spread it still finds too much. Where
    spreads are equal and .8 standard deviations lie between the means, it finds that as often (30 and 30 runs: 85 % in place of
    84 %; 12 and 30: 58 % in place of 60 %). The observed arrangement counts as one (Phipson & Smyth 2010).
    """
    a, b = (np.moveaxis(_checked(x), axis, -1) for x in (a, b))
    _some(min(a.shape[-1], b.shape[-1]))
    scores = np.concatenate([a, b], -1)
    found = np.empty(scores.shape[:-1])
    for at in np.ndindex(found.shape):
        found[at] = _permuted(scores[at], a.shape[-1], permutations, seed)
    return found


def _permuted(scores: np.ndarray, size: int, permutations: int, seed: int) -> float:
    """`permutation_test` of float[runs A + runs B], the first `size` of which are A's."""
    order = np.argsort(scores, kind="stable")
    x = scores[order] - scores.min()  # so that equal scores have no rounding
    x /= max(x[-1], np.finfo(float).tiny)
    low, high = (np.searchsorted(x, x, side) for side in ("left", "right"))
    mine = (order < size)[None].astype(float)
    observed, apart = float(_studentised(mine, low, high)[0]), float(_means_apart(mine, x)[0])
    by = _drawn(size, permutations, seed, tuple(low), tuple(high))
    same = np.isclose(by, observed, rtol=1e-9, atol=0)
    further = _means_apart(_labels(size, len(x) - size, permutations, seed), x) >= apart - 1e-9
    extreme = 1 + np.where(same, further, by > observed).sum()
    return extreme / (permutations + 1)


@functools.lru_cache(maxsize=64)
def _drawn(size: int, permutations: int, seed: int, low: tuple[int, ...], high: tuple[int, ...]) -> np.ndarray:
    """float[permutations]: `_studentised` of `_labels`, which is the same for all scores with ties in the same places."""
    labels = _labels(size, len(low) - size, permutations, seed)
    parts = np.array_split(labels, -(-permutations // 1_000))
    return np.concatenate([_studentised(part, np.array(low), np.array(high)) for part in parts])


def _studentised(labels: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Brunner and Munzel's statistic of arrangements of scores in order, float[P].

    labels: float[P, N], 1 for A's. low, high: int[N], how many scores lie below each, and not above it.
    """
    n = labels.sum(1)
    m = labels.shape[1] - n
    counted = np.concatenate([np.zeros((len(labels), 1)), labels.cumsum(1)], 1)
    below = (counted[:, low] + counted[:, high]) / 2  # of A's runs; a tie is half, and so is the run itself
    others = (low + high) / 2 - below  # of B's runs
    of_a, of_b = labels * others, (1 - labels) * below
    wins, losses = of_a.sum(1), of_b.sum(1)
    spread_a = np.maximum((of_a**2).sum(1) - wins**2 / n, 0) / np.maximum(n - 1, 1) / (n * m**2)
    spread_b = np.maximum((of_b**2).sum(1) - losses**2 / m, 0) / np.maximum(m - 1, 1) / (m * n**2)
    distance, error = np.abs(wins / (n * m) - 0.5), np.sqrt(spread_a + spread_b)
    # Samples that do not overlap have no error: nothing is further apart.
    apart = np.divide(distance, error, out=np.full(len(n), np.inf), where=error > 1e-9)
    return np.where(distance < 1e-9, 0.0, apart)


def _means_apart(labels: np.ndarray, x: np.ndarray) -> np.ndarray:
    """float[P]: how far the means of A's scores and B's lie apart, of float[N] scores."""
    n = labels.sum(1)
    total = labels @ x
    return np.abs(total / n - (x.sum() - total) / (len(x) - n))


def smallest_effect(a: int, b: int, level: float = 1 - LEVEL, power: float = POWER) -> float:
    """The probability of improvement, above 1/2, that the two-sided test of two samples of so many runs finds with that power.

    Of scores without ties, by the normal approximation of Noether 1987: 1/2 + (z₁₋ₗ/₂ + z_power) / √(12 n c (1 − c)), with n runs
    of which c are of the one sample. NaN where even samples that do not overlap are missed: then n is too small.
    """
    from scipy.stats import norm

    if min(a, b) < 2:
        return np.nan
    found = 0.5 + (norm.isf(level / 2) + norm.ppf(power)) / np.sqrt(12 * a * b / (a + b))
    return float(found) if found < 1 else np.nan


def smallest_paired(n: int, level: float = 1 - LEVEL, power: float = POWER) -> float:
    """The share of pairs in which the one lies above the other, above 1/2, that the sign test of n pairs finds with that power.

    By the normal approximation of Noether 1987: 1/2 + (z₁₋ₗ/₂ + z_power) / (2 √n). NaN
    where even pairs that all differ in one direction are missed.
    """
    from scipy.stats import norm

    if n < 2:
        return np.nan
    found = 0.5 + (norm.isf(level / 2) + norm.ppf(power)) / (2 * np.sqrt(n))
    return float(found) if found < 1 else np.nan


def holm(p, axis: int = -1) -> np.ndarray:
    """Holm's step-down adjusted p-values (Holm 1979): rejecting those <= α keeps the familywise error at α.

    p: float[..., comparisons] -> the same shape. NaN is no comparison and stays NaN.
    """
    p = np.moveaxis(np.asarray(p, float), axis, -1)
    order = np.argsort(p, -1)  # NaN last
    left = (~np.isnan(p)).sum(-1, keepdims=True) - np.arange(p.shape[-1])
    adjusted = np.minimum(np.maximum.accumulate(left * np.take_along_axis(p, order, -1), -1), 1)
    result = np.empty_like(p)
    np.put_along_axis(result, order, adjusted, -1)
    return np.moveaxis(result, -1, axis)


def first_reaching(values, threshold: float) -> np.ndarray:
    """Matched capability: index of the first point at which a seed's value is at least `threshold`, -1 for never.

    values: float[..., points] -> int[...]. The threshold is rounded to the values' dtype; NaN never reaches it.
    """
    values = np.asarray(values)
    reached = values >= values.dtype.type(threshold)
    return np.where(reached.any(-1), reached.argmax(-1), -1)


def _checked(scores) -> np.ndarray:
    scores = np.asarray(scores, float)
    if not np.isfinite(scores).all():
        bad = (~np.isfinite(scores)).sum()
        raise InputError(f"{bad} of {scores.size} scores are NaN or infinite; allowed: finite scores")
    return scores


def _some(runs: int) -> None:
    if runs == 0:
        raise InputError("0 runs were given; allowed: at least 1")


def _weights(counts: np.ndarray) -> np.ndarray:
    """int[..., n], how often each of n ascending scores was drawn -> float[..., n], its weight in the trimmed mean."""
    upper = np.cumsum(counts, -1)
    total = upper[..., -1:]
    cut = total // 4
    return (np.clip(upper, cut, total - cut) - np.clip(upper - counts, cut, total - cut)) / (total - 2 * cut)


@functools.lru_cache(maxsize=16)
def draws(tasks: int, runs: int, resamples: int = RESAMPLES, seed: int = 0, stream: int = 0) -> np.ndarray:
    """int[resamples, tasks * runs]: how often each run is drawn, `runs` draws within each task."""
    drawn = np.random.default_rng([seed, stream]).multinomial(runs, np.full(runs, 1 / runs), size=(resamples, tasks))
    return drawn.reshape(resamples, tasks * runs)


@functools.lru_cache(maxsize=16)
def _shared_weights(runs: int, resamples: int, seed: int, stream: int) -> np.ndarray:
    return _weights(draws(1, runs, resamples, seed, stream))


@functools.lru_cache(maxsize=16)
def _shares(runs: int, resamples: int, seed: int, stream: int) -> np.ndarray:
    """float[resamples, runs]: the weight of each run in the mean of a resample."""
    return draws(1, runs, resamples, seed, stream) / runs


@functools.lru_cache(maxsize=8)
def _signs(n: int, permutations: int, seed: int) -> np.ndarray:
    """float[permutations, n]: random signs."""
    return np.random.default_rng([seed, 5]).choice([-1.0, 1.0], (permutations, n))


@functools.lru_cache(maxsize=8)
def _labels(a: int, b: int, permutations: int, seed: int) -> np.ndarray:
    """float[permutations, a + b]: random arrangements of a ones and b zeros."""
    ones = np.tile(np.arange(a + b) < a, (permutations, 1))
    return np.random.default_rng([seed, 3]).permuted(ones, axis=-1).astype(float)


def _resampled(groups: np.ndarray, resamples: int, seed: int, stream: int) -> np.ndarray:
    """float[..., tasks, runs] -> float[..., resamples], interquartile means of stratified resamples."""
    *batch, tasks, runs = groups.shape
    flat = groups.reshape(-1, tasks * runs)
    if tasks == 1:
        drawn = np.sort(flat, -1) @ _shared_weights(runs, resamples, seed, stream).T
    else:  # the pooled order differs from matrix to matrix, and with it the order of the counts
        counts = draws(tasks, runs, resamples, seed, stream)
        orders = np.argsort(flat, -1)
        drawn = np.stack([_weights(counts[:, i]) @ row[i] for row, i in zip(flat, orders, strict=True)])
    return drawn.reshape(*batch, resamples)


def percentiles(
    drawn: np.ndarray, runs: int, level: float = LEVEL, expanded: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """low and high, float[...], of resamples float[..., resamples] of so many runs, as `iqm_interval` takes them."""
    from scipy.stats import norm, t

    tail = (1 - level) / 2
    if expanded:
        tail = norm.cdf(-np.sqrt(runs / (runs - 1)) * t.ppf(1 - tail, runs - 1))
    return tuple(np.quantile(drawn, [tail, 1 - tail], axis=-1))
