"""Does the order in which two properties are trained decide what lasts: to be able, and to leave something be?

Conditions penalise something in some of their phases: *early*, before the task is paid for the first time, *late*, after that,
*throughout*, or *never*. Then the penalty is lifted, the task is paid on, and what was penalised pays more. Early and late ones
should be equally long. The main condition has neither penalty nor temptation.

What decides is how much of what was penalised is done on the first evaluation, as long after the lift as every condition is
watched. *What is trained first lasts* where a rule does significantly less of it after an early penalty than after a late one;
*what is trained last lasts* where it does significantly more. Without a clear difference, *pay alone decides* where both intervals
lie above one half, and *either order lasts* where both lie below. How many steps after the lift half of what is done is that, the
*escape*, is told of the seeds that did less than half at the lift; whoever has not come so far counts as longer than was watched.

Nothing is claimed of a rule that has not learned the task in the main condition, nor of one that, never penalised, does not do
what tempts it in clearly more than half of its steps at the end: then nothing had to be trained away.

Added to the summary: rules {rule: {order {condition: `penalties.figures_of`}}}; order, {condition: [when, lift, signal]};
pairwise {"later": each condition against each in what is done; "escape": the same in steps}, penalties only.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming, reading
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import figure, listed, plain, sentence
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.answering import answer
from rewardlab.questions.claims import drawn_by, effect_of, gathered, told
from rewardlab.questions.half_lives import half_life, planned, together
from rewardlab.questions.lasting import ANSWERS, apart, named, what_lasts, why_not
from rewardlab.questions.penalties import EARLY, LATE, NEVER, After, after, courses, figures_of, shares

if TYPE_CHECKING:
    import xarray

STEPS = ("steps",)
NO_CLAIM = "no claim about what lasts"
TEXT = (
    "How much of what was penalised is done, against environment steps: interquartile means over all seeds with 95 % bootstrap "
    "bands. Ticks below: where each penalty is lifted."
)


def evidence(found: Found) -> Evidence:
    """What every rule does after each penalty is lifted."""
    results, runs, of = found.results, found.runs, courses(reading.config_of(found.results))
    rules: dict[str, Any] = {rule: {"order": {}} for rule in runs.rules}
    later, escape = [], []
    watched = 1.0 - max((one.lift for one in of.values()), default=1.0)
    for i, rule in enumerate(runs.rules):
        each: dict[str, After] = {}
        for name, one in of.items():
            each[name] = after(runs, shares(results, one.signal), i, name, one, planned(results, rule), watched)
        rules[rule]["order"] = {name: figures_of(one) for name, one in each.items()}
        penalised = [name for name, one in of.items() if one.when != NEVER and not is_control(found.rules[rule])]
        for a, b in itertools.combinations(penalised, 2):
            row = {"a": rule, "b": rule, "one": a, "other": b}
            later.append(Contrast([row], each[a].later[:, None], each[b].later[:, None]))
            escape.append(
                Contrast([row], *together(each[a].escape, each[b].escape, min(each[a].watched, each[b].watched)))
            )
    return Evidence(rules, {"later": later, "escape": escape}, {"order": {name: [*one] for name, one in of.items()}})


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: what lasts of an early and of a late penalty."""
    said, early, late = words_of(summary), named(summary, EARLY), named(summary, LATE)

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        of, what = entry["order"], what_lasts(summary, rule)
        slower = {
            1: " Its escape is later after the early penalty.",
            -1: " Its escape is later after the late penalty.",
        }
        each = listed(
            f"“{plain(name)}” {figure(x['lift'])}, then {figure(x['later'])} (half after {half_life(x, STEPS)})"
            for name, x in of.items()
        )
        done = f"{said.rule(rule)}: {what}. It does what was penalised, at the lift and later: {each}."
        return what, done + slower.get(apart(summary, "escape", rule, early, late), "")

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: why_not(summary, entry), claim)
    headline = told(
        summary, claims, lambda e: " and ".join(figure(e["order"][name]["later"]) for name in (early, late))
    )
    if headline:
        headline.append("in brackets: what is done of the penalised after an early penalty, and after a late one.")
    if not summary["order"]:
        headline.append("no condition penalises what later pays, so nothing is said of what lasts.")
    effect = effect_of(summary, claims, "of what an early penalty was for", lambda e: e["order"][early]["later"])
    brief = answer(summary, claims, ANSWERS, lambda e: e["order"][early]["later"]["iqm"])
    return Verdict([sentence(t) for t in (*headline, *claims.silent)], claims.every, effect=effect, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """What is done before and after the penalty is lifted."""
    said, rows = naming.read(results), []
    for rule, entry in summary["rules"].items():
        for name, of in entry["order"].items():
            left = f"{of['steps']['above']} of {of['steps']['n']}, of {of['end']['n']}"
            done = [figure(of[k]) for k in ("lift", "later", "end")]
            rows.append([said.rule(rule), plain(name), *done, half_life(of, STEPS), left])
    head = ["Rule", "Penalty", "At the lift", "Later", "At the end", "Half after", "Not by then"]
    note = (
        "Shares of what was penalised: interquartile means over all seeds [95 % interval]. Later: as long after the lift as all "
        "are watched. Half after: median of the seeds that did less than half at the lift [95 % interval of the sign test]; "
        "not by then: those that had not come so far, of these, of all."
    )
    shown = Figure("order", "Curves: what was penalised against environment steps, by rule and penalty.", TEXT)
    return [Section("What lasts of a penalty", "", (shown,), (Table(head, rows, note),), lead=True)] if rows else []


def figures(results: xarray.Dataset) -> dict[str, Any]:
    """{name: draw(results, no_claim)}, where anything was penalised."""
    return drawn_by("order_figures", order="draw_order")(results) if courses(reading.config_of(results)) else {}


question = Question(("sums",), evidence, verdict, figures, sections)
