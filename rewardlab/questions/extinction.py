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

import numpy as np

from rewardlab.analysis import naming, reading
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.runs import Runs
from rewardlab.analysis.wording import CONTROL_RULES, count, figure, listed, percent, plain, sentence
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.claims import few, too_few
from rewardlab.questions.half_lives import changes, figures_of, half_life, lives, reward_in_words, together

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what lasts"


def evidence(found: Found) -> Evidence:
    """Half-lives of every rule under every condition in which pay changes, and whether the behaviour lasts while it is paid."""
    runs, changed = found.runs, changes(reading.config_of(found.results))
    rules: dict[str, Any] = {rule: {"extinction": {}} for rule in runs.rules}
    halves, paid = [], []
    for condition, change in changed.items():
        every = {r: lives(found.results, runs, i, condition, change["start"]) for i, r in enumerate(runs.rules)}
        for i, (rule, one) in enumerate(every.items()):
            end = _end_while_paid(runs, i, condition, one.able)
            rules[rule]["extinction"][condition] = figures_of(one, end)
            row = {"a": rule, "b": rule, "condition": condition}
            paid.append(Contrast([row], end[:, None], one.end[one.able][:, None]))
        able = [rule for rule, one in every.items() if not _unfit(rules[rule]["extinction"][condition])]
        for a, b in itertools.combinations(able, 2):
            horizon = min(every[a].watched[0], every[b].watched[0])
            taken = [every[r].steps[every[r].able] for r in (a, b)]
            halves.append(Contrast([{"a": a, "b": b, "condition": condition}], *together(taken[0], taken[1], horizon)))
    return Evidence(rules, {"half-life": halves, "while paid": paid}, {"extinction": changed})


def _end_while_paid(runs: Runs, rule: int, condition: str, able: np.ndarray) -> np.ndarray:
    """Behaviour at the end of training with pay, of the seeds that were able when pay changed elsewhere: the same until then."""
    seeds = np.flatnonzero(runs.trained[rule, runs.conditions.index(condition)])[able]
    seeds = seeds[runs.trained[rule, 0, seeds]]
    return runs.values[rule, 0, seeds, -1, 0, runs.measures.index(runs.score)]


def _unfit(of: dict[str, Any]) -> str:
    return too_few(of["able"], of["seeds"], " when pay changed")


def _why_not(summary: dict[str, Any], entry: dict[str, Any], of: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    if is_control(entry):
        return CONTROL_RULES[entry["level"]]
    if why := _unfit(of):
        return why
    if not entry["learned"]:
        return few(entry["competent_seeds"], entry["seeds"]) + " at the end even while paid"
    return ""


def _measure(summary: dict[str, Any], of: dict[str, Any] | None) -> str:
    return "–" if of is None else figure(of, "return" if summary["score"] == "return" else "")


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: how long behaviour lasts for each rule that had learned, and which rules differ."""
    said, rules = words_of(summary), summary["rules"]
    what = "the return" if summary["score"] == "return" else f"how often agents {said.ended(summary['score'])}"
    headline = [] if summary["extinction"] else ["No condition changes what is paid, so nothing is said of what lasts."]
    short: dict[str, list[str]] = {rule: [] for rule in rules}
    long: dict[str, list[str]] = {rule: [] for rule in rules}
    for condition, change in summary["extinction"].items():
        paid = reward_in_words(change["reward"])
        told, silent = [], []
        for rule, entry in rules.items():
            of = entry["extinction"][condition]
            why, halved = _why_not(summary, entry, of), of["steps"]
            if why:
                first, score = summary["evaluations"][0], summary["score"]
                shown = _measure(summary, summary["conditions"][rule][condition][first][score])
                text = f"control rule; {shown} at the end" if is_control(entry) else f"{NO_CLAIM}: {why}"
                silent += [(rule, why)] * (not is_control(entry))
                short[rule].append(text)
                shown = f"{_measure(summary, entry['final'][summary['evaluations'][0]][summary['score']])} at the end while paid"
                long[rule].append(
                    f"where {paid} from {percent(change['start'])} % of the steps on: {NO_CLAIM} ({why}; {shown})."
                )
                continue
            told.append((rule, of))
            lasts = halved["half"] == "inf"
            short[rule].append("outlives what was watched" if lasts else f"half-life {half_life(of)}")
            kept = f"{halved['above']} of {count(halved['n'], 'competent seed')} had not come halfway down by the end"
            long[rule].append(
                f"where {paid} from {percent(change['start'])} % of the steps on, {what} "
                f"goes from {_measure(summary, of['before'])} to "
                f"{_measure(summary, of['end'])} at the end ({_measure(summary, of['paid'])} where pay goes on): "
                f"half-life {half_life(of)}; {kept}."
            )
        lasting = [said.rule(rule) for rule, of in told if of["steps"]["half"] == "inf"]
        ended = sorted(
            ((of["steps"]["half"], rule, of) for rule, of in told if of["steps"]["half"] != "inf"),
            key=lambda x: x[:2],
        )
        each = listed(f"{said.rule(rule)} {half_life(of)}" for _, rule, of in ended)
        parts = [f"the habit is half gone after {each}"] * bool(ended)
        parts += [
            f"{'that' if ended else 'the habit'} of {listed(lasting)} outlives what was watched in at least half of the seeds"
        ] * bool(lasting)
        why_not = listed(f"{said.rule(rule)} ({why})" for rule, why in silent)
        parts += [f"{NO_CLAIM} for {why_not}"] * bool(silent)
        headline += [f"once {paid}: {'; '.join(parts)}."] * bool(parts)
    headline += _pairs(summary)
    controls = [rule for rule, entry in rules.items() if is_control(entry)]
    if controls:
        first = summary["evaluations"][0]
        each = listed(
            f"{said.rule(r)} {_measure(summary, rules[r]['final'][first][summary['score']])}" for r in controls
        )
        headline.append(f"control rules, not counted above, {what}, paid throughout: {each}.")
    every = {
        rule: (" ".join(f"{sentence(said.rule(rule))}, {text}" for text in long[rule]), _joined(summary, short[rule]))
        for rule in rules
    }
    return Verdict(list(map(sentence, headline)), every)


def _joined(summary: dict[str, Any], texts: list[str]) -> str:
    if len({*texts}) <= 1:
        return next(iter(texts), "")
    return "; ".join(
        f"{plain(condition)}: {text}" for condition, text in zip(summary["extinction"], texts, strict=True)
    )


def _pairs(summary: dict[str, Any]) -> list[str]:
    """How many pairs of rules differ in half-life: those that both have a claim."""
    rules, said = summary["rules"], words_of(summary)
    rows = [
        row
        for row in summary["pairwise"]["half-life"]
        if row["p"] is not None
        and not any(_why_not(summary, rules[row[k]], rules[row[k]]["extinction"][row["condition"]]) for k in "ab")
    ]
    if not rows:
        return []
    apart = [row for row in rows if row["significant"]]
    text = (
        f"{len(apart)} of {len(rows)} pairs of rules differ in half-life, in steps "
        f"(Holm-corrected over {count(summary['comparisons'], 'comparison')})"
    )
    if apart:
        most = max(apart, key=lambda row: abs(row["effect"] - 0.5))
        first, other = (most["a"], most["b"]) if most["effect"] >= 0.5 else (most["b"], most["a"])
        chance = max(most["effect"], 1 - most["effect"])
        text += (
            f"; the most: {said.rule(first)} outlasts {said.rule(other)} in {percent(chance)} % of pairs of seeds "
            f"(“{plain(most['condition'])}”)"
        )
    return [text + "."]


def figures(results: xarray.Dataset) -> dict[str, Any]:
    """{name: draw(results, no_claim)}."""
    from rewardlab.report.extinction_figures import draw_extinction  # matplotlib is slow to import

    return {"extinction": draw_extinction} if changes(reading.config_of(results)) else {}


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """Behaviour since pay changed, and the table of half-lives."""
    if not summary.get("extinction"):
        return []
    said = naming.read(results)
    head = [
        "Rule",
        "Training",
        "Seeds competent at the change",
        "Before",
        "At the end",
        "At the end, paid throughout",
        "Half-life",
        "Censored",
    ]
    rows = []
    for rule, entry in summary["rules"].items():
        for condition, of in entry["extinction"].items():
            numbers = [_measure(summary, of[name]) for name in ("before", "end", "paid")]
            censored = f"{of['steps']['above']} of {of['steps']['n']}"
            claim = "–" if _why_not(summary, entry, of) else half_life(of)
            rows.append(
                [said.rule(rule), plain(condition), f"{of['able']} of {of['seeds']}", *numbers, claim, censored]
            )
    note = (
        "Interquartile means over the seeds that were competent when pay changed [95 % interval]; half-lives: medians "
        "[95 % interval of the sign test]. "
        "Censored: had not come halfway down to the untrained network by the end, and count as longer than what was watched. "
        "–: no claim."
    )
    shown = Figure(
        "extinction",
        "Curves: behaviour against environment steps, a panel a rule, paid throughout and under each change of pay.",
        "Behaviour on the first evaluation, of seeds that were competent when pay changed (dashed): interquartile means with "
        "95 % bootstrap bands. Grey: pay goes on. Dots: the median half-life, where it was reached.",
    )
    told = "Agents are trained until they are competent; then what is paid changes, and training goes on. Evaluations pay as ever."
    return [Section("When reward stops", told, (shown,), (Table(head, rows, note),), lead=True)]


question = Question(("logs",), evidence, verdict, figures, sections)
