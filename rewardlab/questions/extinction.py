"""Does a habit outlive the reward that shaped it? How long behaviour lasts once nothing is paid for it, or the reverse.

The main condition pays throughout: it shows that the behaviour lasts while it is paid. In each other condition with a phase whose
reward is another, pay changes at that phase's start, once agents are competent. Behaviour is success (the return, in a world that
names no outcomes) on the first evaluation, where the world pays as ever and nobody learns.

A seed's *half-life* is how long after the change its behaviour takes to come halfway down from where it was to where the same
rule's untrained networks are, by straight lines between evaluations. A seed that has not come so far by the end is *censored*: its
half-life is longer than what was watched, and counts as that, not as a number. So a median of half-lives, and its interval by the
sign test, are said only as far as they were watched. Steps are those lived; updates are the rule's own, read from its records.

A rule supports a claim only if it had learned when pay changed (at least half of its seeds competent there, and no fewer than an
interval needs), and if most of these are still competent at the end where pay goes on. Control rules (an untrained network, yoked
reward) show what is there without reward's information.

Added to the summary: rules {rule: {extinction {condition: `half_lives.figures_of`}}}; extinction, {condition: {start, reward}};
pairwise {"half-life": pairs of rules in each condition; "while paid": behaviour at the end, paid throughout against not}.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming, reading
from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import plain, sentence
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.claims import drawn_by
from rewardlab.questions.habits import answer, controls, of_rule, once, pairs, shown, unfit, why_not
from rewardlab.questions.half_lives import changes, end_while_paid, figures_of, half_life, lives, together

if TYPE_CHECKING:
    import xarray

ALT = "Curves: behaviour against environment steps, a panel a rule, paid throughout and under each change of pay."
TEXT = (
    "Behaviour on the first evaluation, of seeds that were competent when pay changed (dashed): interquartile means with 95 % "
    "bootstrap bands. Grey: pay goes on. Dots: the median half-life, where it was reached."
)


def evidence(found: Found) -> Evidence:
    """Half-lives of every rule under every condition in which pay changes, and whether the behaviour lasts while it is paid."""
    runs, changed = found.runs, changes(reading.config_of(found.results))
    rules: dict[str, Any] = {rule: {"extinction": {}} for rule in runs.rules}
    halves, paid = [], []
    for condition, change in changed.items():
        every = {r: lives(found.results, runs, i, condition, change["start"]) for i, r in enumerate(runs.rules)}
        for i, (rule, one) in enumerate(every.items()):
            end = end_while_paid(runs, i, condition, one.able)
            rules[rule]["extinction"][condition] = figures_of(one, end)
            row = {"a": rule, "b": rule, "condition": condition}
            paid.append(Contrast([row], end[:, None], one.end[one.able][:, None]))
        able = [rule for rule in every if not unfit(rules[rule]["extinction"][condition])]
        for a, b in itertools.combinations(able, 2):
            horizon = min(every[a].watched[0], every[b].watched[0])
            taken = [every[r].steps[every[r].able] for r in (a, b)]
            halves.append(Contrast([{"a": a, "b": b, "condition": condition}], *together(taken[0], taken[1], horizon)))
    return Evidence(rules, {"half-life": halves, "while paid": paid}, {"extinction": changed})


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: how long behaviour lasts for each rule that had learned, and which rules differ."""
    said, headline = words_of(summary), ["No condition changes what is paid, so nothing is said of what lasts."]
    if summary["extinction"]:
        headline = [text for condition in summary["extinction"] for text in once(summary, condition)]
    every = {}
    for rule in summary["rules"]:
        each = {condition: of_rule(summary, rule, condition) for condition in summary["extinction"]}
        long = " ".join(f"{sentence(said.rule(rule))}, {text}" for text, _ in each.values())
        short = [text for _, text in each.values()]
        if len({*short}) > 1:
            short = ["; ".join(f"{plain(condition)}: {text}" for condition, text in zip(each, short, strict=True))]
        every[rule] = (long, next(iter(short), ""))
    headline += [*pairs(summary), *controls(summary)]
    return Verdict(list(map(sentence, headline)), every, answer=answer(summary))


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """Behaviour since pay changed, and the table of half-lives."""
    said, rows = naming.read(results), []
    for rule, entry in summary["rules"].items():
        for condition, of in entry["extinction"].items():
            done = [shown(summary, of[name]) for name in ("before", "end", "paid")]
            took = ["–" if why_not(entry, of) else half_life(of), f"{of['steps']['above']} of {of['steps']['n']}"]
            rows.append([said.rule(rule), plain(condition), f"{of['able']} of {of['seeds']}", *done, *took])
    head = ["Rule", "Training", "Seeds competent at the change", "Before", "At the end", "At the end, paid throughout"]
    note = (
        "Interquartile means over the seeds that were competent when pay changed [95 % interval]; half-lives: medians [95 % "
        "interval of the sign test]. Censored: had not come halfway down to the untrained network by the end, and count as longer "
        "than what was watched. –: no claim."
    )
    table = Table([*head, "Half-life", "Censored"], rows, note)
    told = "Agents are trained until they are competent; then what is paid changes, and training goes on. Evaluations pay as ever."
    return [Section("When reward stops", told, (Figure("extinction", ALT, TEXT),), (table,), lead=True)] if rows else []


def figures(results: xarray.Dataset) -> dict[str, Any]:
    """{name: draw(results, no_claim)}, where pay changes."""
    changed = changes(reading.config_of(results))
    return drawn_by("extinction_figures", extinction="draw_extinction")(results) if changed else {}


question = Question(("logs",), evidence, verdict, figures, sections)
