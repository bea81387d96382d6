"""Does an agent that is told which return is wanted deliver it, and how? In range, beyond it, and where the world has changed.

For worlds that ask for a return (`return_asked`); each evaluation asks for one. *Achieved* is the return that is paid, *true* what
episodes were truly worth. How far agents do as they are asked is the slope of what a seed achieves against what it is asked for, by
least squares over the asks within the range of training: 1 is all that is asked for, 0 none of it. The first evaluation, by which
seeds count as competent, is left out of slopes and of what is compared with what: who is picked for a high return there has it in
part by chance, and would deliver less elsewhere whatever is asked for.

A rule supports a claim only if it learned (at least half of its seeds are competent at the end, and no fewer than an interval
needs), evaluations ask for at least `ENOUGH` different returns within the range of training, and some control rule, paid what tells
nothing of its own episodes (`yoked`), shows what asks do without reward: its slope, over all of its seeds, lies within `NEAR` of 0.
A claim about goals in a changed world needs more: trained in a changed world, the rule succeeds there, at some ask, in an
interquartile mean of `control_capability`. Without that a miss may be lack of ability.

Added to the summary: rules {rule: {slope: figure, of competent seeds, or of all of a control rule; true {evaluation: figure of
competent seeds}; able {place: what the control reaches, or None}; shifts {evaluation: {claim}}}}; asks {range, in_range, places,
deceived: whether true and paid returns differ anywhere}; pairwise {"beyond": achieved beyond the range against at its top}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import naming, stats
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import figure, listed, sentence
from rewardlab.questions import Evidence, Figure, Found, Question, Section, Table, Verdict, delivering
from rewardlab.questions.answering import answer, of_many
from rewardlab.questions.asks import needed, slopes, trained, true_returns
from rewardlab.questions.claims import drawn_by, gathered

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what asking does"
NOTE = (
    "Returns that were paid (/ true returns, where they differ), interquartile means over competent seeds, of control rules all "
    "seeds [95 % interval]. Slope: how much more is achieved for each 1 more that is asked for, within the range of training."
)
MEANS = "interquartile means over competent seeds (control rules: all) with 95 % bootstrap intervals"
LINES = "Grey line: what is asked for; shaded: the range of training; hollow: what it was truly worth, if that differs"
ALT = "Points: return achieved against return asked for, a panel a rule, with the diagonal; shaded: asked for in training."
ENDS = "Points: outcome shares against return asked for, a row a rule, a panel a place."
ASKED = Figure("asked", ALT, f"Return achieved against return asked for: {MEANS}. {LINES}.")
GOALS = Figure("goals", ENDS, f"How episodes end against the return asked for: {MEANS}. Hollow: no claim about goals.")


def evidence(found: Found) -> Evidence:
    """Slopes, true returns, what controls reach, and whether asking for more than ever before brings more."""
    results, runs, there, span = found.results, found.runs, needed(found.results), trained(found.results)
    returns, true = runs.values[..., -1, :, -1], true_returns(results).values  # [rule, condition, seed, evaluation]
    true = np.where(np.isfinite(true), true, returns)  # of seeds that failed, what failing counts as
    fair = {name: ask for name, ask in there[0].asks.items() if name != runs.evaluations[0]}
    main = {name: ask for name, ask in fair.items() if span and span[0] <= ask <= span[1]}
    rules, more = dict[str, Any](), []
    for i, (rule, entry) in enumerate(found.rules.items()):
        able = runs.trained[i, 0] if is_control(entry) else runs.competent[i] & runs.trained[i, 0]
        mine = returns[i, 0, able]
        rules[rule] = {
            "slope": stats.figure(slopes(mine, runs.evaluations, main)),
            "true": {name: stats.figure(true[i, 0, able, e]) for e, name in enumerate(runs.evaluations)},
            "able": {place.label: delivering.reached(found, i, place) for place in there[1:]},
        }
        if main and not is_control(entry):
            more += delivering.above(mine, runs.evaluations, fair, [*main][-1], rule)
    apart = np.nanmax(np.abs(true - returns), initial=0) > 1e-3 * np.nanmax(np.abs(returns), initial=1e-6)
    asks: dict[str, Any] = {"range": list(span) if span else None, "in_range": [*main], "deceived": bool(apart)}
    asks["places"] = [place._asdict() for place in there]
    every = {rule: entry | rules[rule] for rule, entry in found.rules.items()}
    for rule, told in rules.items():
        told["shifts"] = delivering.by_evaluation(asks, every, rule, runs.control_capability)
    return Evidence(rules, {"beyond": more}, {"asks": asks})


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: whether what is asked for is delivered, in range and beyond it, by what means, and where the world changed."""
    said, asks, rules, headline = words_of(summary), summary["asks"], summary["rules"], list[str]()

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        does, brings, achieved = delivering.delivered(summary, rule)
        there = delivering.by_place(summary, rule)
        headline.extend([brings, *there])
        return does, " ".join(map(sentence, [f"{said.rule(rule)} {does}. {achieved}", *there]))

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: delivering.why_not(asks, rules, rule), claim)
    controls = {rule: e["slope"] for rule, e in rules.items() if is_control(e) and e["slope"]["low"] is not None}
    slope = listed(f"{said.rule(rule)} {delivering.told(found)}" for rule, found in controls.items())
    headline += [f"without reward's information, the same slope is: {slope}."] * bool(controls)
    each = "each 1 more that is asked for brings {figures} more"
    ways = {what: f"{text}: {each}" for what, text in of_many(claims.made, delivering.DELIVERS).items()}
    brief = answer(summary, claims, ways, lambda entry: entry["slope"]["iqm"], "return")
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """What is achieved against what is asked for, and how."""
    said, asks, rows, first = naming.read(results), summary["asks"], [], summary["asks"]["places"][0]["asks"]
    for rule, entry in summary["rules"].items():
        of = entry["final"] if is_control(entry) else entry["competent"]
        paid = [figure(of[name]["return"], "return") for name in first]
        true = [f" / {figure(entry['true'][name], 'return')}" * asks["deceived"] for name in first]
        slope = "–" if entry["slope"]["low"] is None else delivering.told(entry["slope"])
        competent = f"{entry['competent_seeds']} of {entry['seeds']}"
        rows.append([said.rule(rule), competent, slope, *map(str.__add__, paid, true)])
    shown = tuple(picture for picture in (ASKED, GOALS) if picture.name in drawn)
    text = "Each agent is told which return is wanted. Nothing else differs between the points of a panel."
    head = ["Rule", "Competent", "Slope", *(f"Asked for {ask:g}" for ask in first.values())]
    return [Section("Asked for and achieved", text, shown, (Table(head, rows, NOTE),), lead=True)]


def figures(results: xarray.Dataset) -> dict[str, Any]:
    """{name: draw(results, no_claim)}; goals only in a world that has some."""
    drawn = drawn_by("asked_figures", asked="draw_asked", goals="draw_goals")(results)
    return drawn if results.sizes["outcome"] > 1 else {"asked": drawn["asked"]}


question = Question(("sums",), evidence, verdict, figures, sections)
