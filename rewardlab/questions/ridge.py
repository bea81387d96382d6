"""Of two ways of equal pay, is the one passed over whose neighbours fare badly?

For worlds with a fragile route and a safe one, "ridge" and "plain", which pay alike to who makes no slip. Which one a seed takes is
read on the first evaluation, of competent seeds. What is there without learning, the prior shows: guess-and-check keeps initial
parameters at random, if only they clear the bar.

A rule *passes over the ridge* where its seeds take it significantly less often than the prior's do; it *prefers* it where they take
it significantly more often. It supports a claim only if at least half of its seeds are competent, and of the prior's, and if its
control, trained where steps slip, takes the plain in clearly more than half of its episodes: it can learn to.

How much of its return lasts under noise in its parameters, of `AT` of their root mean square, is compared between rules, of
competent seeds only: at matched return.

Added to the summary: rules {rule: {ridge {fragile, control: figures of the share on the ridge; noised {size: figure}; slips
{evaluation: figure}}}}; ridge, {prior}; pairwise {"fragile": each rule against the prior; "noised": pairs of competent rules}.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import naming
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import figure, plain, sentence
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.answering import answer
from rewardlab.questions.claims import drawn_by, each_of, gathered, side, told, too_few, unable, uncontrolled
from rewardlab.questions.routes import ANSWERS, TAKES, found_of, fragile, noised

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what is passed over"
PRIOR = 1  # the level of a rule that shows what the prior alone does
AT = "0.4"


def evidence(found: Found) -> Evidence:
    """Which way competent seeds of every rule take, and how their return lasts."""
    results, runs = found.results, found.runs
    ways, (sizes, returns) = fragile(results)[:, 0], noised(results)
    each = (runs.competent & runs.trained[:, 0] & ~runs.failed[:, 0] & np.isfinite(ways)).astype(bool)
    able = {rule: np.flatnonzero(each[i]) for i, rule in enumerate(runs.rules)}
    rules = {r: {"ridge": found_of(results, runs, i, able[r])} for i, r in enumerate(runs.rules)}
    prior = next((r for r in runs.rules if found.rules[r]["level"] == PRIOR), None)
    learners = [r for r in runs.rules if not is_control(found.rules[r])]
    sample = {r: ways[i, able[r], None] for i, r in enumerate(runs.rules)}
    at = [f"{size:g}" for size in sizes].index(AT)
    lasts = {r: returns[runs.rules.index(r), 0, able[r], at, None] for r in learners if not unable(found.rules[r])}
    beside = [Contrast([{"a": r, "b": prior}], sample[r], sample[prior]) for r in learners if prior]
    pairs = [Contrast([{"a": a, "b": b}], lasts[a], lasts[b]) for a, b in itertools.combinations(lasts, 2)]
    return Evidence(rules, {"fragile": beside, "noised": pairs}, {"ridge": {"prior": prior}})


def _why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    prior, control = summary["ridge"]["prior"], entry["ridge"]["control"]
    if why := unable(entry) or uncontrolled(control):
        return why
    if not prior:
        return "no rule shows what the prior holds"
    held = summary["rules"][prior]
    if why := too_few(held["competent_seeds"], held["seeds"]):
        return f"of the prior, {why}"
    if control["high"] >= 0.5:
        return f"its control, where steps slip, takes the ridge in {figure(control)} of episodes, too"
    return ""


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: who passes over the ridge, and whose return lasts under noise."""
    said, rules, prior = words_of(summary), summary["rules"], summary["ridge"]["prior"]

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        of, what = entry["ridge"], TAKES[side(summary["pairwise"]["fragile"], a=rule)]
        return what, (
            f"{said.rule(rule)}, {what}: {figure(of['fragile'])} of its episodes go along the ridge, of the prior's "
            f"{figure(rules[prior]['ridge']['fragile'])}. With noise of {AT} of its parameters' size it keeps a return of "
            f"{figure(of['noised'][AT], 'return')}."
        )

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, entry), claim)
    headline = told(summary, claims, lambda of: figure(of["ridge"]["fragile"]))
    if prior:
        headline.append(f"the prior takes the ridge in {figure(rules[prior]['ridge']['fragile'])} of its episodes.")
    apart = [row for row in summary["pairwise"]["noised"] if row["significant"]]
    for row in sorted(apart, key=lambda row: -abs(row["effect"] - 0.5))[:1]:
        who = (row["a"], row["b"])[:: 1 if row["effect"] > 0.5 else -1]
        lasting = each_of(summary, who, lambda of: figure(of["ridge"]["noised"][AT], "return"))
        headline.append(f"of what noise in the parameters leaves, the most unlike: {lasting}.")
    brief = answer(summary, claims, ANSWERS, lambda entry: entry["ridge"]["fragile"]["iqm"])
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """Which way is taken, and what is left under noise and under slips."""
    said = naming.read(results)
    first = next(iter(summary["rules"].values()))["ridge"]
    rows = []
    for rule, entry in summary["rules"].items():
        of, control = entry["ridge"], entry["ridge"]["control"]
        taken = [figure(of["fragile"]), "–" if isinstance(control, str) else figure(control)]
        left = [figure(x, "return") for what in ("noised", "slips") for x in of[what].values()]
        rows.append([said.rule(rule), *taken, *left])
    noise = [f"Noise {size}" for size in first["noised"]]
    head = ["Rule", "Ridge", "Ridge, control", *noise, *map(plain, first["slips"])]
    note = "Share of episodes, then returns: interquartile means over competent seeds [95 % interval]; the control's over all."
    text = "Left: where seeds go. Middle: return under noise in parameters. Right: under slips; dashed, the ridge's closed form."
    shown = Figure("ridge", "Points and curves: share on the ridge, return under noise and under slips, by rule.", text)
    return [Section("The ridge or the plain", "", (shown,), (Table(head, rows, note),), lead=True)]


figures = drawn_by("ridge_figures", ridge="draw_ridge")
question = Question(("neighbours",), evidence, verdict, figures, sections)
