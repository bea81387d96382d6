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

from rewardlab.analysis import naming, stats
from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.runs import Runs
from rewardlab.analysis.wording import figure, listed, plain, sentence
from rewardlab.inputs.errors import InputError
from rewardlab.questions import Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.claims import effect_of, gathered, unable, uncontrolled, with_seeds
from rewardlab.questions.lifetimes import ROLES, control, late, roles

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what it follows"
CHANCE, NEAR = 0.5, 0.1


def evidence(found: Found) -> Evidence:
    """Late behaviour of competent seeds on every evaluation, and of those that never saw reward."""
    if "best" not in found.results.signal.values:
        raise InputError(
            'asks = percept needs a world whose signals have "best"; allowed: reward_in_view around bandit, for one'
        )
    runs, behaviour, told = found.runs, late(found.results, "best"), roles(found.results)
    rules = {}
    for i, rule in enumerate(runs.rules):
        able = np.flatnonzero(runs.competent[i] & runs.trained[i, 0])
        mine = behaviour[i, 0, able]
        rules[rule] = {
            "percept": {name: stats.figure(mine[:, e]) for e, name in enumerate(runs.evaluations)},
            "blind": _blind(found.results, runs, behaviour, i),
        }
    return Evidence(rules, {}, {"percept": told})


def _blind(results: xarray.Dataset, runs: Runs, behaviour: np.ndarray, rule: int) -> Any:
    """Late behaviour of the control, all of its seeds, where reward is hidden; or why it shows nothing, in a few words."""
    found = control(results, runs, roles(results))
    if isinstance(found, str):
        return found
    j, e = found
    return stats.figure(behaviour[rule, j, runs.trained[rule, j], e])


def _why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    blind = entry["blind"]
    if why := unable(entry) or uncontrolled(blind):
        return why
    if blind["high"] > CHANCE + NEAR or blind["low"] < CHANCE - NEAR:
        return (
            f"trained with reward hidden, it pulls the best arm late in {figure(blind)} of pulls, which is not chance"
        )
    if "faked" not in summary["percept"].values():
        return "no evaluation inverts the reward in view"
    return ""


def follows(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Whom competent agents follow, in words, by what they do where the reward in view is inverted, and after the arm changes."""
    of = {
        what: [found for name, found in entry["percept"].items() if summary["percept"][name] == what] for what in ROLES
    }
    if all(found["high"] < CHANCE for found in of["faked"]):
        return "follows what is shown"
    if not all(found["low"] > CHANCE for found in of["faked"]):
        return "clearly follows neither"
    moved = of["switched"] and all(found["low"] > CHANCE for found in of["switched"])
    return "follows what is paid" if moved else "does not follow what is shown"


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: whom each rule's agents follow, and what they do where the display lies, stops, or was never there."""
    said, told, rules = words_of(summary), summary["percept"], summary["rules"]

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        whom = follows(summary, entry)
        late_in = "; ".join(f"“{plain(name)}” {figure(found)}" for name, found in entry["percept"].items())
        return whom, (
            f"{said.rule(rule)} {whom}. Share of the pulls late in a lifetime that pay most, of "
            f"{entry['competent_seeds']} competent seeds: {late_in}; trained without reward in view {figure(entry['blind'])}."
        )

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, entry), claim)
    headline = []
    for whom, who in claims.made.items():
        verb = whom.replace("follows", "follow").replace("does not", "do not")
        headline.append(f"while no parameter changes, competent agents of {with_seeds(summary, who)} {verb}.")
        for name, what in told.items():
            each = listed(f"{said.rule(rule)} {figure(rules[rule]['percept'][name])}" for rule in who)
            headline.append(
                f"where {ROLES[what]}{_since(summary, name)}, this share of their late pulls pays most: {each}."
            )
    faked = next((name for name, what in told.items() if what == "faked"), "")
    effect = effect_of(
        summary, claims, f"best arm late in a lifetime, “{plain(faked)}”", lambda of: of["percept"][faked]
    )
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, effect=effect)


def _since(summary: dict[str, Any], evaluation: str) -> str:
    same = [name for name, what in summary["percept"].items() if what == summary["percept"][evaluation]]
    return f" (“{plain(evaluation)}”)" if len(same) > 1 else ""


def figures(results: xarray.Dataset) -> dict[str, Any]:
    """{name: draw(results, no_claim)}."""
    from rewardlab.report.percept_figures import draw_lifetimes  # matplotlib is slow to import

    return {"lifetimes": draw_lifetimes}


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """Behaviour over a lifetime, and late in it."""
    said, told = naming.read(results), summary["percept"]
    head = [
        "Rule",
        "Competent",
        *(f"{plain(name)}: {ROLES[what]}" for name, what in told.items()),
        "Trained without it in view",
    ]
    rows = []
    for rule, entry in summary["rules"].items():
        blind = "–" if isinstance(entry["blind"], str) else figure(entry["blind"])
        shown = [figure(found) if entry["competent_seeds"] else "–" for found in entry["percept"].values()]
        rows.append([said.rule(rule), f"{entry['competent_seeds']} of {entry['seeds']}", *shown, blind])
    note = (
        "% of the pulls in the last fifth of a lifetime that pay most, interquartile means over competent seeds [95 % interval]; "
        "the last column: over all seeds of the control, where reward is hidden in the test, too."
    )
    shown_figure = Figure(
        "lifetimes",
        "Curves: share of pulls that pay most against the pulls of a lifetime, a panel a rule, a curve an evaluation.",
        "Behaviour within a lifetime, while no parameter changes: interquartile means over competent seeds with 95 % bootstrap "
        "bands.",
    )
    text = "Agents are trained with reward in view. Then their parameters are frozen, and what they are shown, or paid, is changed."
    return [Section("Shown or paid", text, (shown_figure,), (Table(head, rows, note),), lead=True)]


question = Question(("course",), evidence, verdict, figures, sections)
