"""Dose-response curves: the dose at which a curve crosses one half, and the median of many such doses.

The curve is top * dose**slope / (dose**slope + middle**slope), by least squares, over a grid of middles and slopes with the best
top in [0, 1] for each. It is 0 at dose 0, whatever was measured there. Its half dose is where it crosses 1/2. Where it does
not up to the largest dose tried, the half dose is above that (infinite); where it has by the smallest one, it is below (0).
Medians and their intervals read the order of half doses alone, so one that is out of range counts as what it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rewardlab.analysis import stats

LEAST = 3  # points at doses above 0 that a curve needs, as it has three numbers
MIDDLES, SLOPES = 121, np.geomspace(0.5, 8.0, 25)


def half_dose(doses: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Where fitted curves cross 1/2: doses float[D], shares float[..., D], NaN where there is no point -> float[...].

    inf above the largest dose, 0 below the smallest one that is not 0; NaN for curves of fewer than LEAST points, and where a curve
    has no point at the dose beyond which it would have to be known.
    """
    known = np.isfinite(shares)
    y, weight = np.where(known, shares, 0.0), known.astype(float)
    smallest, largest = doses[doses > 0].min(), doses.max()
    middle, slope = np.geomspace(smallest / 8, largest * 8, MIDDLES)[:, None], SLOPES
    ratio = np.where(doses > 0, doses, np.nan)[..., None, None] / middle
    curve = np.nan_to_num(1 / (1 + ratio**-slope)).reshape(len(doses), -1)  # [D, middles * slopes]
    norm, product = weight @ curve**2, (weight * y) @ curve
    top = np.clip(product / np.maximum(norm, 1e-12), 0.0, 1.0)
    error = top**2 * norm - 2 * top * product  # and the sum of y**2, which is the same for all
    best = error.argmin(-1)
    top = np.take_along_axis(top, best[..., None], -1)[..., 0]
    middle, slope = middle.ravel()[best // slope.size], slope[best % slope.size]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = middle * (0.5 / (top - 0.5)) ** (1 / slope)
    found = np.where(top > 0.5, found, np.inf)
    above, below = (
        found > np.where(known, doses, -1.0).max(-1),
        found < np.where(known & (doses > 0), doses, 2.0).min(-1),
    )
    found = np.where(above, np.where(known[..., doses.argmax()], np.inf, np.nan), found)
    found = np.where(below, np.where(known[..., np.flatnonzero(doses == smallest)[0]], 0.0, np.nan), found)
    return np.where((known & (doses > 0)).sum(-1) >= LEAST, found, np.nan)


def median(values: np.ndarray) -> dict[str, Any]:
    """Half doses float[seeds] -> {"half", "low", "high", "n", "above", "below"}; half and ends may be inf, above the doses
    tried, or 0.

    The interval is that of the sign test: between two seeds in order of size, with at least 95 % (Conover 1999, 3.2). None
    below `stats.MIN_SEEDS` seeds. above, below: seeds whose half dose is out of range.
    """
    from scipy.stats import binom

    values = np.sort(values[~np.isnan(values)])
    n = len(values)
    found = {"n": n, "above": int(np.isinf(values).sum()), "below": int((values == 0).sum())}
    if not n:
        return {"half": None, "low": None, "high": None, **found}
    one, other = values[(n - 1) // 2], values[n // 2]
    middle = other if np.isinf(other) else np.sqrt(one * other)
    out = int(binom.ppf(0.025, n, 0.5)) - 1  # seeds cut at either end
    ends = (float(values[out]), float(values[n - 1 - out])) if n >= stats.MIN_SEEDS else (None, None)
    return {"half": float(middle), "low": ends[0], "high": ends[1], **found}
