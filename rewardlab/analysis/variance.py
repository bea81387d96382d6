"""How much of a variance lies between groups: the one-way random effects model, whose groups are the independent cases.

x_gf = mean + a_g + e_gf, with g = 1 … G groups of F members each. Where x is a vector, variances are summed over its entries; for a
category as a one-hot vector the sum is the probability that two differ (Gini), so that the share between groups is what members
of one group agree more than strangers do, over what they could (Fleiss 1971, "Measuring nominal scale agreement").
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rewardlab.inputs.errors import InputError


class Components(NamedTuple):
    """between, within: float[...], the variances of a and e. `between` is unbiased, so that it may lie below 0."""

    between: np.ndarray
    within: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """float[...]: between / (between + within), the intraclass correlation ICC(1); 0 where nothing varies."""
        total = self.between + self.within
        return np.where(total > 0, self.between / np.where(total > 0, total, 1.0), 0.0)


def components(groups: np.ndarray, counts: np.ndarray | None = None) -> Components:
    """The components by analysis of variance (Fisher 1925): within = MSW, between = (MSB − MSW) / F.

    groups: float[G, F, D], D entries of the vector. counts: float[..., G], how often each group is drawn, for resamples;
    None: each once. Raises InputError for fewer than two groups or members.
    """
    number, members = groups.shape[:2]
    if min(number, members) < 2:
        raise InputError(f"{number} groups of {members} were given; allowed: at least 2 of 2 each")
    counts = np.ones(number) if counts is None else counts
    means = groups.mean(1) - groups.mean((0, 1))
    spread = ((groups - groups.mean(1, keepdims=True)) ** 2).sum((1, 2))
    drawn = counts.sum(-1)
    within = counts @ spread / (drawn * (members - 1))
    squares = counts @ (means**2).sum(1) - ((counts @ means) ** 2).sum(-1) / drawn
    return Components((members * squares / (drawn - 1) - within) / members, within)


def agreement(groups: np.ndarray) -> np.ndarray:
    """float[G]: of the pairs of members of each group, the share whose categories, int[G, F], are the same."""
    members = groups.shape[1]
    same = (groups[:, :, None] == groups[:, None, :]).sum((1, 2)) - members
    return same / (members * (members - 1))


def rising(curves: np.ndarray) -> np.ndarray:
    """The closest curves in least squares that never fall, float[..., K]: max over a ≤ i of min over b ≥ i of the mean of a … b
    (Barlow et al. 1972). For shares that can only grow with what is known.
    """
    size = curves.shape[-1]
    sums = np.concatenate([np.zeros((*curves.shape[:-1], 1)), np.cumsum(curves, -1)], -1)
    found = np.full(curves.shape, -np.inf)
    for a in range(size):
        means = np.stack([(sums[..., b + 1] - sums[..., a]) / (b + 1 - a) for b in range(a, size)], -1)
        lowest = np.flip(np.minimum.accumulate(np.flip(means, -1), -1), -1)  # over b from each i on
        found[..., a:] = np.maximum(found[..., a:], lowest)
    return found


def crossing(x: np.ndarray, curves: np.ndarray, level: float = 0.5) -> np.ndarray:
    """float[...]: where rising curves float[..., K] over x float[K] first reach a level, on straight lines; x[0] where they begin
    there, x[-1] where they never do.
    """
    reached = curves >= level
    first = np.where(reached.any(-1), reached.argmax(-1), curves.shape[-1] - 1)
    before = np.maximum(first - 1, 0)
    low, high = (np.take_along_axis(curves, i[..., None], -1)[..., 0] for i in (before, first))
    part = np.where(high > low, (level - low) / np.where(high > low, high - low, 1.0), 1.0)
    return np.where(first == 0, x[0], x[before] + np.clip(part, 0, 1) * (x[first] - x[before]))
