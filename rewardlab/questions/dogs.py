"""Is what an agent can do found in its first litter, bred from it, or taught?

For worlds whose cues can be enumerated, such as commands. A rule that keeps the fittest and makes only copies of them *culls*: at
best it comes to the best of its first litter, whose distribution has a closed form (`breeding.py`). One that varies what it copies,
by mutation or crossover, *breeds*. Others are taught, or are controls.

What decides is the share of commands that the policy at the end obeys, exactly. A rule that does not cull *goes beyond the litter*
where its seeds lie significantly above those of the rule that culls the largest one; at least half of them have to be competent. Of
a rule that culls it is said whether the best of its litter lies within its interval. By the breeder's equation, if the first who
are kept are fitter by S, the next generation is by h² S.

Added to the summary: rules {rule: {dogs: {obeyed: figure, culls, and of those with parents what `breeding.litter` says}}}; dogs,
{culled: the rule that culls the largest litter}; pairwise {"obeyed": each rule that does not cull against that one; "episodes":
pairs of competent rules, in the steps that they lived until capable}.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import naming, stats
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.runs import until_capable
from rewardlab.analysis.wording import STEPS, figure, percent, sentence
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.answering import answer
from rewardlab.questions.breeding import ANSWERS, BEYOND, UNCLEAR, breeders, culls, litter, obeyed
from rewardlab.questions.claims import drawn_by, each_of, few_seeds, gathered, side, told, unable

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what breeding adds"
DOGS = (
    "Left: commands obeyed on the way; dashed: the expected best of the largest litter. Middle: at the end, by litter; line: its "
    "closed form. Right: response to the first selection, a dot a seed; line: the breeder's equation."
)
TREE = "One run: a dot a dog, its colour how fit it was; dark lines lead to the fittest of the last."


def evidence(found: Found) -> Evidence:
    """What every rule's agents obey at the end, what a litter held, and what selection brought."""
    results, runs, bred = found.results, found.runs, breeders(found.results)
    share, there = np.where(runs.failed[:, 0], 0.0, obeyed(results)), runs.trained[:, 0]
    sample = {r: share[i, there[i]] for i, r in enumerate(runs.rules)}
    culls = [r for r, b in bred.items() if not b.varies and not is_control(found.rules[r])]
    rules: dict[str, Any] = {}
    for rule, values in sample.items():
        held = litter(results, rule, bred[rule]) if rule in bred and not is_control(found.rules[rule]) else {}
        rules[rule] = {"dogs": {"obeyed": stats.figure(values), "culls": rule in culls} | held}
    largest = max(culls, key=lambda rule: bred[rule].founders, default=None)
    others = [r for r in runs.rules if r not in culls and not is_control(found.rules[r])] if largest else []
    beyond = [Contrast([{"a": r, "b": largest}], sample[r][:, None], sample[str(largest)][:, None]) for r in others]
    lived = {r: until_capable(runs, i)[:, None] for i, r in enumerate(runs.rules) if not unable(found.rules[r])}
    pairs = [Contrast([{"a": a, "b": b}], lived[a], lived[b]) for a, b in itertools.combinations(lived, 2)]
    return Evidence(rules, {"obeyed": beyond, "episodes": pairs}, {"dogs": {"culled": largest}})


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: what culling finds, who goes beyond it, and in how many episodes."""
    said, rules, culled = words_of(summary), summary["rules"], summary["dogs"]["culled"]

    def why_not(rule: str, entry: dict[str, Any]) -> str:
        of = entry["dogs"]
        return few_seeds(of["obeyed"]) if of["culls"] else unable(entry) or "no rule culls" * (not culled)

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        of, lies = entry["dogs"], side(summary["pairwise"]["obeyed"], a=rule)
        what = culls(of["obeyed"], of["best"]) if of["culls"] else BEYOND.get(lies, UNCLEAR)
        held = f"; the best of {of['founders']} newborns {percent(of['best'])} %" if "best" in of else ""
        return what, f"{said.rule(rule)} {what}: its agents obey {figure(of['obeyed'])} of the commands{held}."

    claims = gathered(summary, NO_CLAIM, why_not, claim)
    able = [r for r, entry in rules.items() if not unable(entry)]
    until = each_of(summary, able, lambda of: figure(of["steps_to_capability"], STEPS))
    headline = told(summary, claims, lambda of: figure(of["dogs"]["obeyed"]))
    headline += [f"episodes until capable: {until}."] * bool(able)
    brief = answer(summary, claims, ANSWERS, lambda entry: entry["dogs"]["obeyed"]["iqm"])
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """What culling, breeding and teaching come to, and the response to selection."""
    said, rows = naming.read(results), []
    for rule, entry in summary["rules"].items():
        of = entry["dogs"]
        bred = [figure(of[what]) for what in ("selection", "response", "missed")] if "best" in of else ["–"] * 3
        best = f"{percent(of['best'])} %, of {of['founders']}" if "best" in of else "–"
        rows.append([said.rule(rule), figure(of["obeyed"]), best, figure(entry["steps_to_capability"], STEPS), *bred])
    head = [
        "Rule",
        "Obeyed",
        "Best of the litter",
        "Episodes until capable",
        "First selection S",
        "Response",
        "Less h² S",
    ]
    note = "Interquartile means over all seeds [95 % interval]; the best of the litter and h² are closed forms."
    shown = (
        Figure("dogs", "Curves: commands obeyed against episodes and litter; response against selection.", DOGS),
        Figure("pedigree", "A tree: who descends from whom, generation by generation, in one run.", TREE),
    )
    return [Section("Found, bred or taught", "", shown, (Table(head, rows, note),), lead=True)]


figures = drawn_by("dogs_figures", dogs="draw_dogs", pedigree="draw_pedigree")
question = Question(("repertoire", "logs", "pedigree"), evidence, verdict, figures, sections)
