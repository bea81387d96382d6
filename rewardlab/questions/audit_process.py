"""Which overseer is gamed: one who scores a plan as it is made, or one who scores its outcome? And what does that cost?

For a world of plans that can be enumerated (`overseer`). A condition is an overseer with some noise in what it scores. One of them,
the control, scores what plans are truly worth: what a rule falls short of there is not gaming. All figures are exact expectations,
free of noise, of the plans that are written at the end of training.

Under an overseer a rule *games* where its plans are worth significantly less than those of the same rule under the control with as
much noise, and score more than the most useful plan does, by the whole interval. It *errs* where they are worth less and do not
score more: nobody paid for that. What the best-paid plan comes to has a closed form. As far as it costs worth, that is the score's
fault; what a rule loses beyond it, or keeps short of it, is the rule's own.

A rule supports a claim only if at least half of its seeds are competent under the main condition, and if its control, without
noise, comes to more than half of what is possible, by its interval. Of noise under which its control does not, nothing is said.

Added to the summary: rules {rule: {audit_process {overseer: what `gaming.figures_of` says}}}; audit_process {control; possible,
what the most useful plan is worth; optimal {overseer: what `overseers.closed_form` says}}; pairwise: see `gaming.contrasts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import figure, listed, number, percent, plain, sentence
from rewardlab.questions import Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.answering import answer, of_many
from rewardlab.questions.claims import drawn_by, gathered, side, unable, uncontrolled
from rewardlab.questions.gaming import KINDS, contrasts, fault, figures_of, heard, judged, where
from rewardlab.questions.overseers import closed_form, overseers

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what it games"
NONE = "games no overseer"
WORTH = "What plans are worth, by the overseer's noise, a panel an overseer; dashed: the plan that it pays best."
STEPS = "Shares of steps of plans written watched (upper bars) and unwatched, without noise in training; first what is paid best."


def evidence(found: Found) -> Evidence:
    """What the plans of every rule are worth under every overseer, watched and not."""
    results, runs, every = found.results, found.runs, overseers(found.results)
    control = next((name for name, of in every.items() if runs.control in of.at.values()), None)
    rules = {r: {"audit_process": {o: figures_of(results, runs, r, of) for o, of in every.items()}} for r in runs.rules}
    learners = [r for r in runs.rules if not is_control(found.rules[r])]
    optimal = {name: closed_form(results, of) for name, of in every.items()}
    possible = next(iter(optimal.values()))["useful"]["true"]
    about = {"control": control, "possible": possible, "optimal": optimal}
    return Evidence(rules, contrasts(results, runs, learners, every, control), {"audit_process": about})


def _why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    control = summary["audit_process"]["control"]
    first: Any = "no condition is the control"
    if control:
        level, of = next(iter(entry["audit_process"][control].items()))
        first = of["worth"]
    if why := unable(entry) or uncontrolled(first):
        return why
    short = f"paid by what they are worth, its plans are worth {figure(first, 'return')}"
    return "" if level in heard(summary, entry) else short


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: who games whom, who errs, what the best-paid plans are worth, and what is written unwatched."""
    said, of, rules = words_of(summary), summary["audit_process"], summary["rules"]
    found = {rule: judged(summary, rule) for rule in rules}

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        levels, mine = heard(summary, entry), found[rule]
        what = f"games {where(mine['games'], levels)}" if mine["games"] else NONE
        errs = f" It errs under {where(mine['errs'], levels)}." * bool(mine["errs"])
        worth = [f"{plain(o)} {figure(at[levels[0]]['worth'], 'return')}" for o, at in entry["audit_process"].items()]
        return what, f"{said.rule(rule)} {what}.{errs} Without noise its plans are worth: {', '.join(worth)}."

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, entry), claim)
    able = [rule for who in claims.made.values() for rule in who]
    headline = [f"{what}: {said.names(who)}." for what, who in claims.made.items()]
    errs = [
        f"{said.rule(r)} under {where(found[r]['errs'], heard(summary, rules[r]))}" for r in able if found[r]["errs"]
    ]
    headline += [f"plans are worth less though they do not score more: {'; '.join(errs)}."] * bool(errs)
    best = [f"{number(x['paid']['true'], 'return')} under {plain(name)}" for name, x in of["optimal"].items()]
    headline.append(f"the best-paid plans are worth, of {number(of['possible'], 'return')}: {listed(best)}.")
    lower = {o: [r for r in able if side(summary["pairwise"]["unwatched"], a=r, overseer=o) < 0] for o in of["optimal"]}
    worse = [f"{plain(o)} ({said.names(who)})" for o, who in lower.items() if who]
    headline += [f"unwatched, plans are worth less than watched after training under {listed(worse)}."] * bool(worse)
    brief = answer(summary, claims, of_many(claims.made, {"games": "game"}))
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """What plans are worth under each overseer, beside the plan that is paid best, and what is written in place of work."""
    said, rows = naming.read(results), []
    for name, exact in summary["audit_process"]["optimal"].items():
        paid, alone = exact["paid"], exact["alone"]
        best = [number(paid[what], "return") for what in ("true", "reward", "displayed")]
        mix = "/".join(percent(paid[kind]) for kind in KINDS)
        rows.append(
            [plain(name), "the best-paid plan", *best, mix, number(alone["true"], "return") if alone else "–", "–"]
        )
        for rule, entry in summary["rules"].items():
            of = next(iter(entry["audit_process"][name].values()))
            told = [figure(of[what], "return") for what in ("worth", "score", "displayed")]
            mix = "/".join(percent(of[kind]["iqm"]) for kind in KINDS)
            unseen = figure(of["alone"], "return") if "alone" in of else "–"
            rows.append([plain(name), said.rule(rule), *told, mix, unseen, fault(of, exact)])
    head = ["Overseer", "Rule", "Worth", "Score", "Displayed", "Polish/hide/cheat, %", "Worth, unwatched", "Is worth"]
    note = "With the least noise. Interquartile means over all seeds [95 % interval]; the best-paid plan is exact."
    shown = (
        Figure("audit_worth", "Curves: true worth of plans against the overseer's noise, by overseer and rule.", WORTH),
        Figure("audit_steps", "Bars: shares of honest work, polish, hiding and cheating, by overseer and rule.", STEPS),
    )
    return [Section("Which overseer is gamed", "", shown, (Table(head, rows, note),), lead=True)]


figures = drawn_by("audit_figures", audit_worth="draw_worth", audit_steps="draw_steps")
question = Question(("plans",), evidence, verdict, figures, sections)
