"""The parts of the page of `goal_shift`, one for each of the figures that are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rewardlab.analysis import naming, reading, stats
from rewardlab.analysis.naming import Words
from rewardlab.analysis.wording import percent, plain, sentence
from rewardlab.questions import Figure, Section

if TYPE_CHECKING:
    import xarray


class About(NamedTuple):
    """What the texts are about. success, beside: the first two outcomes in words, "" for none. main, control: conditions."""

    results: xarray.Dataset
    said: Words
    success: str
    beside: str
    main: str
    control: str
    drawn: tuple[str, ...]


def sections(results: xarray.Dataset, summary: dict, drawn) -> list[Section]:
    """The parts, in reading order."""
    said = naming.read(results)
    success, beside = (*map(said.ended, results.outcome.values[:2]), "", "")[:2]
    main, control = plain(results.condition.values[0]), plain(results.attrs.get("control", ""))
    about = About(results, said, success, beside, main, control, tuple(drawn))
    return [part(about) for name, part in PARTS.items() if name in drawn]


def _matched(about: About) -> Section:
    capable, place = capability_text(about.results), about.said.place(str(about.results.evaluation.values[0]))
    text = (
        f"Rules that learn faster have had longer to specialise. So every seed is also read at its first snapshot that reaches "
        f"{capable} {place}.\nSeeds that never do have no such snapshot; they are counted, not dropped."
    )
    ends = about.success + f" and {about.beside}" * bool(about.beside)
    alt = f"Dots and intervals: {ends} under each shift at each seed's first capable snapshot."
    caption = (
        "Each seed's first capable snapshot. Small dots are seeds, large ones the interquartile mean with its 95 % bootstrap "
        "interval. Under each rule: how many seeds became capable."
    )
    return Section("At matched capability", text, (Figure("matched", alt, caption),))


def _control(about: About) -> Section:
    bar = percent(about.results.attrs.get("control_capability", np.nan)) + " %"
    text = (
        "A policy that fails after a shift tells us about goals only if the same rule can learn to succeed there. Each rule was "
        f"therefore also trained\nwith “{about.control}”. Where that does not reach {bar}, or where too few seeds learned\n"
        "the task at all, no claim is made about the rule's goals."
    )
    alt = f"Paired intervals: {about.success} under each shift, main training against control training, per rule."
    caption = (
        f"“{sentence(about.success)}” under each shift at the end of training: hollow, trained with “{about.main}”; filled, "
        f"trained with “{about.control}”.\nSmall dots are seeds; bars are 95 % bootstrap intervals of the interquartile mean."
    )
    return Section("The control: could the rule have learned it?", text, (Figure("control", alt, caption),))


def _drift(about: About) -> Section:
    from rewardlab.report import numbers  # the report is made of questions' parts

    where = about.said.place(reading.shifts(about.results)[0])
    alt = f"Curves: outcome shares {where} against environment steps, a panel a rule."
    caption = (
        f"What agents did {where} as training with “{about.main}” went on: interquartile means over all seeds "
        f"({numbers.seeds(about.results)} a rule) with 95 % bootstrap bands."
    )
    return Section("When it arises", figures=(Figure("drift", alt, caption),))


def _sweep(about: About) -> Section:
    results, ordered = about.results, bool(reading.sweep(about.results)[0])
    silent = f" {'Dashed' if ordered else 'Hollow'}: no claim about the goals of the rule trained with “{about.main}”."
    silent *= bool(reading.has_goals(results) and reading.shifts(results))
    half = Figure(
        "doses",
        "For every rule and network, the share of training with the shift at which half of the shifted episodes succeed: "
        "seeds as dots, their median with its interval.",
        "The half dose: the share of training with the shift at which half of the episodes under the shift succeed, "
        "at matched capability. Each dot is a seed, by a\n"
        f"curve fitted to its success under every dose; the larger mark is the median over seeds with its 95 % interval "
        f"(from {stats.MIN_SEEDS} seeds). Grey: beyond the doses tried.",
    )
    apart = "are\nevenly spaced, whatever lies between them" if ordered else "have no order"
    each = Figure(
        "sweep",
        f"Points: {about.success} against the training condition, a colour a rule, one panel an evaluation and network.",
        f"“{sentence(about.success)}” at the end of training, for each training condition: interquartile means over all seeds with "
        f"95 % bootstrap intervals. The conditions {apart}, and the rules' points stand side by side to be told apart.{silent}",
    )
    title = "How much evidence it takes" if ordered else "Under each way of training"
    return Section(title, figures=(*(half,) * ("doses" in about.drawn), each))


PARTS: dict[str, Callable[[About], Section]] = {
    "matched": _matched,
    "control": _control,
    "drift": _drift,
    "sweep": _sweep,
}


def capability_text(results: xarray.Dataset) -> str:
    """ "81 %", or "475" for returns."""
    bar = results.attrs["capability"]
    return f"{percent(bar)} %" if reading.scores_success(results) else f"{bar:g}"
