"""If every question in training has one answer, can any rule teach more than to give it?

For worlds whose cues can be enumerated (`enumerated`), such as sums. The main condition's training has cues of few answers, the
control's of more, and some cues are shown in no training. An evaluation asks as each condition does (`answers.py`).

What decides is the share of right answers to cues that no training shows. A rule was taught *the answer* where its seeds lie
significantly below half of what the control's seeds come to; *the sum* where they lie significantly above.

A rule supports a claim only if at least half of its seeds are competent under the main condition (they answer rightly what they
are asked in training), and if the control answers at least `control_capability` of the cues that no training shows: it
can learn what the others might have learned.

Added to the summary: rules {rule: {answers {condition: {right, commonest, taught: figures over all seeds}}}}; answers, {condition:
{answers, bits}}; pairwise {"right": the main condition against half of what the control comes to, a row a rule}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import naming, stats
from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import count, figure, listed, percent, plain, sentence
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.answering import answer
from rewardlab.questions.answers import ANSWERS, TAUGHT, lessons, shares
from rewardlab.questions.claims import drawn_by, gathered, side, unable, uncontrolled, with_seeds

if TYPE_CHECKING:
    import xarray

HALF = 0.5
NO_CLAIM = "no claim about what was taught"


def evidence(found: Found) -> Evidence:
    """What every rule answers to cues that no training shows, under every condition."""
    runs, told = found.runs, lessons(found.results)
    each = {what: np.where(runs.failed, 0.0, x) for what, x in shares(found.results, told).items()}
    rules, contrasts = {}, []
    for i, rule in enumerate(runs.rules):
        of = {
            c: {what: stats.figure(x[i, j, runs.trained[i, j]]) for what, x in each.items()}
            for j, c in enumerate(runs.conditions)
        }
        rules[rule] = {"answers": of}
        if runs.control:
            main, control = (each["right"][i, j, runs.trained[i, j]] for j in (0, runs.conditions.index(runs.control)))
            row = {"a": rule, "b": rule, "conditions": [runs.conditions[0], runs.control]}
            contrasts.append(Contrast([row], main[:, None], HALF * control[:, None]))
    more = {name: {"answers": lesson.answers, "bits": lesson.bits} for name, lesson in told.items()}
    return Evidence(rules, {"right": contrasts}, {"answers": more})


def _control(summary: dict[str, Any], entry: dict[str, Any]) -> Any:
    """What the control answers rightly, or why there is none."""
    control = summary["control"]
    return entry["answers"][control["condition"]]["right"] if control else "no condition is the control"


def _why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    control = _control(summary, entry)
    if why := unable(entry) or uncontrolled(control):
        return why
    least = summary["control_capability"]
    if control["iqm"] < least:
        return f"its control learns {figure(control)} of what no training shows, less than {percent(least)} %"
    return ""


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: what each rule taught where one answer occurs, and how much evidence there was for more."""
    said, told, main = words_of(summary), summary["answers"], next(iter(summary["answers"]))

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        one, control = entry["answers"][main], _control(summary, entry)
        what = TAUGHT[side(summary["pairwise"]["right"], a=rule)]
        return what, (
            f"{said.rule(rule)} was {what}: it answers {figure(one['right'])} of the questions that no training shows rightly, and "
            f"{figure(one['commonest'])} with training's commonest answer; taught more answers, {figure(control)} rightly."
        )

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, entry), claim)
    headline = [
        f"with {count(told[main]['answers'], 'answer')} in training, agents of {with_seeds(summary, who)} were {what}."
        for what, who in claims.made.items()
    ]
    each = listed(f"{x['bits']:.2g} ({count(x['answers'], 'answer')})" for x in told.values())
    headline.append(f"bits of evidence in a training question that its answer depends on it: {each}.")
    brief = answer(summary, claims, ANSWERS, lambda entry: entry["answers"][main]["right"]["iqm"])
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """Right answers to what no training shows, by the number of answers that occur in training."""
    said, told = naming.read(results), summary["answers"]
    rows = [
        [said.rule(rule), plain(name), *(figure(of[what]) for what in ("taught", "right", "commonest"))]
        for rule, entry in summary["rules"].items()
        for name, of in entry["answers"].items()
    ]
    head = ["Rule", "Training", "Right, as asked in training", "Right, never shown", "Commonest answer, never shown"]
    bits = "; ".join(f"“{plain(name)}” {x['answers']} answers, {x['bits']:.2f} bits" for name, x in told.items())
    note = f"Interquartile means over all seeds [95 % interval], of all cues. Evidence in a training question: {bits}."
    shown = Figure(
        "answers",
        "Curves: share of right answers, and of the commonest one, against how many answers occur in training, a panel a rule.",
        "What agents answer to questions that no training shows, by how many answers occur in training: interquartile means over "
        "all seeds with 95 % intervals. Dashed: bits of evidence in a training question that its answer depends on it (right).",
    )
    return [Section("What was taught", "", (shown,), (Table(head, rows, note),), lead=True)]


figures = drawn_by("always_six_figures", answers="draw_answers")
question = Question(("repertoire",), evidence, verdict, figures, sections)
