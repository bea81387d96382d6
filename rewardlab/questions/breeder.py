"""The breeder need not know how genes make a dog sit, and the gradient does: how far apart are the steps that they take?

From the same parameters every rule takes many updates (`probes/steps.py`). What it expects of a step is read as a cosine with the
gradient of expected return, seed by seed, each another initial network, at two places: there, and halfway up a climb. A rule's
step *points along the gradient* where the whole interval of its cosines is at least `strides.NEAR` at each place; it *leans
towards the gradient* where they lie significantly above those of a step without selection at each place, and *points away from it*
where they lie below at any. Such steps are those of the rules of level 0 that move, drift and yoked say: the control. Where 0 is
not in the interval of its own cosines, something but reward moves rules along the gradient, and nothing is claimed.

What a step costs: as many environment steps as make the mean step half signal. The signal per environment step is compared with
that of the first rule that is told which step paid. By the breeder's equation a population goes G ∇f S / Var(f); how far it did go,
in what that says, is told, too.

Added to the summary: rules {rule: {breeder: what `strides.figures_of` says}}; breeder, {places; control: figure, or why there is
none; anchor: that first rule}; pairwise {"aligned": each against the control; "rate": each against the anchor}, a row a place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming, stats
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import CONTROL_RULES, figure, sentence
from rewardlab.questions import Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.answering import answer
from rewardlab.questions.claims import drawn_by, each_of, few_seeds, gathered, told, uncontrolled
from rewardlab.questions.strides import (
    ALONG,
    ANSWERS,
    LEANS,
    against,
    bias,
    cost,
    figures_of,
    pointing,
    strides,
    unselected,
)

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about its step"
TEXT = (
    "Left: cosine of the expected step with the gradient; filled: at first, hollow: halfway up. Right, from above: of the mean of "
    "as many steps as are paid for; its bias, and what it costs, by the spread of what is tried (dotted: halfway up; rings: other "
    "populations)."
)


def evidence(found: Found) -> Evidence:
    """The cosines, lengths and costs of every rule's step."""
    results, runs, of = found.results, found.runs, strides(found.results)
    places, there = [*map(str, results.place.values)], runs.trained[:, 0] & ~runs.failed[:, 0]
    rules = {r: {"breeder": figures_of(of, i, there[i], places)} for i, r in enumerate(runs.rules)}
    learners = [r for r in runs.rules if not is_control(found.rules[r])]
    control = unselected(of, runs, there, [r for r in runs.rules if r not in learners and found.rules[r]["level"] == 0])
    anchor = next((r for r in learners if found.rules[r]["level"] == 4), None)
    own = {r: there[i] for i, r in enumerate(runs.rules)}
    at = {r: (of.aligned[i, own[r]], of.rate[i, own[r]]) for i, r in enumerate(runs.rules)}
    aligned = [against(r, at[r][0], "control", control, places) for r in learners if len(control)]
    rate = [against(r, at[r][1], anchor, at[anchor][1], places) for r in learners if anchor and r != anchor]
    pooled: Any = stats.figure(control.mean(1)) if len(control) else "no rule shows a step without selection"
    more = {"places": places, "control": pooled, "anchor": anchor}
    return Evidence(rules, {"aligned": aligned, "rate": rate}, {"breeder": more})


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: whose expected step points where, and what it costs to see it."""
    said, rules, control = words_of(summary), summary["rules"], summary["breeder"]["control"]
    first = summary["breeder"]["places"][0]

    def why_not(rule: str, entry: dict[str, Any]) -> str:
        if is_control(entry):
            return CONTROL_RULES[entry["level"]]
        why = few_seeds(entry["breeder"][first]["aligned"]) or uncontrolled(control)
        pulled = not why and not control["low"] <= 0 <= control["high"]
        return why or f"without selection steps have a cosine of {figure(control, 'return')}, not 0" * pulled

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        of, what = entry["breeder"], pointing(summary, rule)
        cosines = ", ".join(f"{place} {figure(x['aligned'], 'return')}" for place, x in of.items())
        half = f" Half of a step is signal after so many environment steps: {cost(of[first])}."
        return what, f"{said.rule(rule)}: {what}. Its cosine: {cosines}.{half}"

    claims = gathered(summary, NO_CLAIM, why_not, claim)
    headline = told(summary, claims, lambda of: figure(of["breeder"][first]["aligned"], "return"))
    clear = [r for what in (ALONG, LEANS) for r in claims.made.get(what, ())]
    clear.sort(key=lambda rule: -rules[rule]["breeder"][first]["rate"]["iqm"])
    costs = each_of(summary, dict.fromkeys([*clear[:1], *clear[-1:]]), lambda of: cost(of["breeder"][first]))
    headline += [f"environment steps until half of a step is signal, fewest and most: {costs}."] * bool(clear)
    if not isinstance(control, str):
        headline.append(f"without selection the cosine is {figure(control, 'return')}.")
    brief = answer(summary, claims, ANSWERS, lambda entry: entry["breeder"][first]["aligned"]["iqm"], "return")
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """The steps of all rules, place by place."""
    said, rows = naming.read(results), []
    for rule, entry in summary["rules"].items():
        for place, of in entry["breeder"].items():
            aligned, along, bred = (figure(of[name], "return") for name in ("aligned", "along", "bred"))
            went = "–" if is_control(entry) else bred
            rows.append([said.rule(rule), place, aligned, cost(of), along, bias(of), went])
    head = ["Rule", "Place", "Cosine", "Steps until half signal", "Along", "Bias", "In breeder's equation"]
    note = "Interquartile means over seeds [95 % interval]. Along, raw, and bias, how far off the gradient it ends: in its lengths."
    shown = Figure("breeder", "Points and curves: cosines of steps with the gradient, their bias and cost.", TEXT)
    return [Section("How far apart the steps are", "", (shown,), (Table(head, rows, note),), lead=True)]


figures = drawn_by("breeder_figures", breeder="draw_breeder")
question = Question(("steps",), evidence, verdict, figures, sections)
