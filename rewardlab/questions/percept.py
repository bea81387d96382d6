"""Does behaviour follow the reward that an agent is shown, or the one that is paid? Asked while no parameter changes.

For worlds in which reward can be in view (`reward_in_view`), around one whose signals have "best", whether what was done pays most.
What an evaluation does to a lifetime is read from its params (`lifetimes.py`): the paid arm changes, or the reward in view is
inverted, stops, or is hidden. Behaviour is the share of "best" in the last fifth of a lifetime.

A rule supports a claim only if it learned (at least half of its seeds are competent at the end, and no fewer than an interval
needs), and if its control, the same rule trained with reward hidden, ends at chance: its interval, on an evaluation with reward
hidden, lies within `NEAR` of it. Behaviour follows what is *shown* where, under every inverted display, the interval lies below
chance: the agent then does what pays least. It follows what is *paid* where it lies above under every one, and above after a change
of the paid arm, too; without the latter it may do no more than stay where it was.

Added to the summary: rules {rule: {percept {evaluation: figure of competent seeds}, blind: figure of its control, or why there is
none}}; percept {evaluation: role}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import naming, reading, stats
from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import figure, plain, sentence
from rewardlab.questions import Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.answering import answer, of_many, several
from rewardlab.questions.claims import beside, drawn_by, effect_of, gathered, unable, uncontrolled, with_seeds
from rewardlab.questions.lifetimes import ROLES, control, late, roles

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what it follows"
CHANCE, NEAR = 0.5, 0.1
SHOWN, STAYS = "follows what is shown", "does not follow what is shown"
PAID, UNCLEAR = "follows what is paid", "clearly follows neither"
PULLS = "where the reward that they see is inverted, {figures} of their late pulls are of the best arm"


def evidence(found: Found) -> Evidence:
    """Late behaviour of competent seeds on every evaluation, and of those that never saw reward."""
    reading.needs(found.results, "percept", "reward_in_view around bandit", "best")
    runs, behaviour, told = found.runs, late(found.results, "best"), roles(found.results)
    blind, rules = control(found.results, runs, told), {}
    for i, rule in enumerate(runs.rules):
        mine = behaviour[i, 0, np.flatnonzero(runs.competent[i] & runs.trained[i, 0])]
        unseen: Any = blind
        if not isinstance(blind, str):
            unseen = stats.figure(behaviour[i, blind[0], runs.trained[i, blind[0]], blind[1]])
        own = {name: stats.figure(mine[:, e]) for e, name in enumerate(runs.evaluations)}
        rules[rule] = {"percept": own, "blind": unseen}
    return Evidence(rules, {}, {"percept": told})


def _why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    blind = entry["blind"]
    if why := unable(entry) or uncontrolled(blind):
        return why
    if blind["high"] > CHANCE + NEAR or blind["low"] < CHANCE - NEAR:
        return f"trained with reward hidden, it pulls the best arm late in {figure(blind)} of pulls, not by chance"
    return "no evaluation inverts the reward in view" * ("faked" not in summary["percept"].values())


def follows(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Whom competent agents follow, by what they do where the reward in view is inverted, and after the arm changes."""
    every = [(summary["percept"][name], found) for name, found in entry["percept"].items()]
    faked, moved = ([found for what, found in every if what == role] for role in ("faked", "switched"))
    if not all(found["low"] > CHANCE for found in faked):
        return SHOWN if all(found["high"] < CHANCE for found in faked) else UNCLEAR
    return PAID if moved and all(found["low"] > CHANCE for found in moved) else STAYS


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: whom each rule's agents follow, and what they do where the display lies, stops, or was never there."""
    said, told, does = words_of(summary), summary["percept"], [*summary["percept"].values()]

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        whom = follows(summary, entry)
        each = "; ".join(f"“{plain(name)}” {figure(found)}" for name, found in entry["percept"].items())
        late_in = f"Share of the pulls late in a lifetime that pay most, of {entry['competent_seeds']} competent seeds: {each}"
        return whom, f"{said.rule(rule)} {whom}. {late_in}; trained without reward in view {figure(entry['blind'])}."

    claims, headline = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, entry), claim), []
    for whom, who in claims.made.items():
        headline.append(f"while no parameter changes, competent agents of {with_seeds(summary, who)} {several(whom)}.")
        for name, what in told.items():
            where = ROLES[what] + f" (“{plain(name)}”)" * (does.count(what) > 1)
            each = beside(summary, who, lambda entry, name=name: figure(entry["percept"][name]))  # type: ignore[misc]
            headline.append(f"where {where}, this share of their late pulls pays most: {each}.")
    faked = next((name for name, what in told.items() if what == "faked"), "")
    late_there = f"best arm late in a lifetime, “{plain(faked)}”"
    effect = effect_of(summary, claims, late_there, lambda entry: entry["percept"][faked])
    ways = {whom: f"{text}: {PULLS}" for whom, text in of_many(claims.made).items()}
    brief = answer(summary, claims, ways, lambda entry: entry["percept"][faked]["iqm"])
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, effect=effect, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """Behaviour over a lifetime, and late in it."""
    said, rows = naming.read(results), []
    for rule, entry in summary["rules"].items():
        blind = "–" if isinstance(entry["blind"], str) else figure(entry["blind"])
        shown = [figure(found) if entry["competent_seeds"] else "–" for found in entry["percept"].values()]
        rows.append([said.rule(rule), f"{entry['competent_seeds']} of {entry['seeds']}", *shown, blind])
    tested = (f"{plain(name)}: {ROLES[what]}" for name, what in summary["percept"].items())
    note = (
        "% of the pulls in the last fifth of a lifetime that pay most, interquartile means over competent seeds [95 % interval]; "
        "the last column: over all seeds of the control, where reward is hidden in the test, too."
    )
    alt = "Curves: share of pulls that pay most against the pulls of a lifetime, by rule and evaluation."
    curves = "While no parameter changes: interquartile means over competent seeds with 95 % bootstrap bands."
    table = Table(["Rule", "Competent", *tested, "Trained without it in view"], rows, note)
    text = "Agents are trained with reward in view. Then their parameters are frozen, and what they are shown, or paid, is changed."
    return [Section("Shown or paid", text, (Figure("lifetimes", alt, curves),), (table,), lead=True)]


figures = drawn_by("percept_figures", lifetimes="draw_lifetimes")
question = Question(("course",), evidence, verdict, figures, sections)
