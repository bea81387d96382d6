"""What a run is asked, one question per file: a file that defines `question` is one. The other files here are helpers.

A question says which probes it needs, what it makes of each rule's figures, which samples are to be compared, and what is then
said. Statistics, the one correction over all comparisons of a run, and how figures look are the same for every question
(`compare.py`, `report/style.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, show

if TYPE_CHECKING:
    import xarray

    from rewardlab.analysis.runs import Runs

FAMILY = registry.Family("question", "rewardlab.questions", "question")
USUAL = "goal_shift"
ALWAYS = ("outcomes",)  # probes: every summary says what each rule reached


class Found(NamedTuple):
    """What a question is told.

    results: every seed, an xarray Dataset. runs: the same as plain arrays, failed seeds counted as reaching nothing.
    rules: {rule: its figures}, as `compare.summarise` says.
    """

    results: xarray.Dataset
    runs: Runs
    rules: Mapping[str, dict[str, Any]]


class Contrast(NamedTuple):
    """Two samples to be compared. rows: what each column is of, plain values; one, other: float[n, rows], float[m, rows].

    paired: whether the n runs of the one go with those of the other, as of two rules on the same tasks (`stats.compare_paired`).
    """

    rows: list[dict[str, Any]]
    one: np.ndarray
    other: np.ndarray
    paired: bool = False


class Evidence(NamedTuple):
    """What a question makes of the figures.

    rules: {rule: what is added to its entry in the summary}. tables: {name: Contrasts}, all of a run's under one correction.
    more: what is added to the summary. All plain JSON values.
    """

    rules: Mapping[str, dict[str, Any]] = {}
    tables: Mapping[str, list[Contrast]] = {}
    more: Mapping[str, Any] = {}


class Effect(NamedTuple):
    """The figure that a verdict hangs on first. what: of what, in a few words. figure: {iqm, low, high, n}, as `stats.figure` has
    it. measure: as `wording.figure` takes it; "" for a share.
    """

    what: str
    figure: Mapping[str, Any]
    measure: str = ""


class Verdict(NamedTuple):
    """headline: the run in a few sentences. rules: {rule: (the verdict on it, the same in a few words)}. warnings: sentences.
    effect: None for the clearest difference of the question's first table. answer: at most two plain sentences, which the page
    shows first; none for the first two of the headline, shortened.
    """

    headline: list[str]
    rules: Mapping[str, tuple[str, str]]
    warnings: list[str] = []
    effect: Effect | None = None
    answer: list[str] = []


class Figure(NamedTuple):
    """A figure of the page: its name, what it shows to who can't see it, and the text below it."""

    name: str
    alt: str
    caption: str


class Table(NamedTuple):
    """A table of the page: texts."""

    head: list[str]
    rows: list[list[str]]
    note: str = ""


class Section(NamedTuple):
    """A part of the page. lead: it stands right behind the verdict; otherwise behind the learning curves."""

    title: str
    text: str = ""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    lead: bool = False


class Question(NamedTuple):
    """A question, as pure functions.

    probes: names of the probes whose arrays it reads, beside `outcomes`, which every run has.
    evidence: Found -> Evidence. verdict: the summary, in which each row of a table has its test -> Verdict.
    figures: (results, failed seeds filled in) -> {name: draw(results, no_claim) -> a matplotlib Figure}.
    sections: (results, summary, names of the figures that are drawn) -> the parts of the page.
    """

    probes: tuple[str, ...]
    evidence: Callable[[Found], Evidence]
    verdict: Callable[[dict[str, Any]], Verdict]
    figures: Callable[[Any], Mapping[str, Callable[..., Any]]] = lambda results: {}
    sections: Callable[[Any, dict[str, Any], Any], list[Section]] = lambda results, summary, drawn: []


def names() -> tuple[str, ...]:
    """Names of the questions that come with the package."""
    return tuple(FAMILY.names())


def load(name_or_path: str | Path) -> Question:
    """A question: by name, or from the user's own file, which has to define `question`. Raises InputError."""
    found = FAMILY.load(name_or_path)
    if not isinstance(found, Question):
        raise InputError(
            f"`question` in {show(str(name_or_path))} is {show(found)}; allowed: a rewardlab.questions.Question"
        )
    return found


def of(results: xarray.Dataset) -> Question:
    """The question that results are of, by what their experiment says. Raises InputError for one in a user's own file: reading
    runs no files.
    """
    from rewardlab.analysis.reading import config_of

    asks = config_of(results).get("asks", USUAL)
    if registry.is_path(asks):
        raise InputError(
            f"asks lives in the Python file {show(asks)}, which reading does not run; `rewardlab run` of that experiment does"
        )
    return load(asks)
