"""Where tuning looks: the intervals that rules declare for their hyperparameters, and settings drawn from them.

A float field of a rule is searched where its metadata has {"search": (lowest, highest, scale)}. Scales: "linear"; "log", for
what counts by its order of magnitude; "log1m", for what counts by that of its distance from 1, as a discount does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rewardlab.inputs.errors import InputError, show
from rewardlab.inputs.fields import hints
from rewardlab.types import Rule

DIGITS = 5  # significant ones of a drawn value: short in a file, and far finer than what can be told apart
SCALES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {  # what is uniform in value, and back
    "linear": (lambda x: x, lambda y: y),
    "log": (np.log, np.exp),
    "log1m": (lambda x: np.log1p(-x), lambda y: -np.expm1(y)),
}


class Interval(NamedTuple):
    """Both ends included."""

    low: float
    high: float
    scale: str


def intervals(rule: Rule, where: str) -> dict[str, Interval]:
    """{field: interval} of what a rule has to be searched. Raises InputError, by the name `where.field`, for no interval."""
    found = {}
    kind: type = type(rule)
    for field in dataclasses.fields(rule):
        if field.init and "search" in field.metadata:
            found[field.name] = _checked(field, hints(kind)[field.name], f"{where}.{field.name}")
    return found


def draw(space: dict[str, Interval], count: int, random: np.random.Generator) -> list[dict[str, float]]:
    """`count` settings {field: value}, each field uniform on its interval's scale, independently of the others."""
    columns = []
    for low, high, scale in space.values():
        there, back = SCALES[scale]
        lowest, highest = sorted((there(low), there(high)))
        drawn = back(random.uniform(lowest, highest, count))
        columns.append([min(max(float(f"{x:.{DIGITS}g}"), low), high) for x in drawn])
    return [dict(zip(space, row, strict=True)) for row in zip(*columns, strict=True)]


def _checked(field: dataclasses.Field, hint: Any, where: str) -> Interval:
    given = field.metadata["search"]
    lowest, highest = field.metadata.get("range", (-np.inf, np.inf))
    try:
        low, high, scale = given
        good = hint is float and lowest <= low < high <= highest and np.isfinite([low, high]).all()
        good = good and (scale == "linear" or (scale == "log" and low > 0) or (scale == "log1m" and high < 1))
    except (TypeError, ValueError):
        good = False
    if not good:
        allowed = "(lowest, highest, scale) of a float, within its range; scales: linear, log above 0, log1m below 1"
        raise InputError(f"search of {where} = {show(given)}; allowed: {allowed}")
    return Interval(float(low), float(high), scale)
