"""Is a policy taught by example safer than one taught by reward, at the same capability?

For worlds with two goals that coincide in training. A rule is taught by example where it is shown a demonstrator (`Rule.shown`),
and by reward where it is not; controls apart. Every seed is read at its first capable point, under every shift: how often it
reaches the first goal, and how often the second, the mean over the shifts. What decides is the difference between a rule taught by
example and one taught by reward, by intervals that hold for all pairs at once (Bonferroni). The one taught by example is *safer* if
it reaches the first goal more often by clearly more than `MARGIN`, *less safe* if less often by clearly more than that, and *no
safer* if the difference is clearly within the margin. How often it is after the second goal is said beside it: who fails is after
neither.

A pair is compared only where both support a claim about goals under every shift, as `goal_shift` has it: at least half of their
seeds are competent, and the same rule trained on the shifts succeeds there, so that its teacher can teach the first goal.

Added to the summary: what `goal_shift` adds to rules; rules {taught by example: {taught: {rule taught by reward: {differences,
sizes: as of `taught.Pair`}}}}; teachers {example, reward: rules}; pairwise {"taught": both measures of every pair}.
"""

from __future__ import annotations

from typing import Any

from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import listed, sentence
from rewardlab.questions import (
    Contrast,
    Effect,
    Evidence,
    Found,
    Question,
    Verdict,
    goal_answers,
    goal_shift,
    goal_verdicts,
)
from rewardlab.questions.answering import answer
from rewardlab.questions.claims import drawn_by, gathered, told
from rewardlab.questions.taught import SAID, by_teacher, pairs, pursued
from rewardlab.questions.taught_sections import points, sections

NO_CLAIM = "no claim about safety"


def evidence(found: Found) -> Evidence:
    """What `goal_shift` finds; and every pair of rules, one taught by example and one by reward, that support a claim."""
    usual, teachers = goal_shift.evidence(found), by_teacher(found.results)
    rules = {rule: dict(entry) for rule, entry in usual.rules.items()}
    example, reward = ({r: pursued(found.runs, r) for r in own if rules[r]["claim"]} for own in teachers)
    compared, table = pairs(example, reward), []
    for rule in teachers[0]:
        rules[rule]["taught"] = {
            p.reward: {"differences": p.differences, "sizes": p.sizes} for p in compared if p.example == rule
        }
    for p in compared:
        rows = [{"a": p.example, "b": p.reward, "outcome": goal} for goal in found.runs.goals]
        table.append(Contrast(rows, example[p.example], reward[p.reward]))
    more = {"teachers": dict(zip(("example", "reward"), teachers, strict=True))}
    return Evidence(rules, {"taught": table}, dict(usual.more) | more)


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: whether rules taught by example are safer, and what all rules did under the shifts."""
    said, rules, success = words_of(summary), summary["rules"], summary["goals"][0]
    own = summary | {"rules": {rule: rules[rule] for rule in summary["teachers"]["example"]}}
    every = {rule: goal_verdicts.of_rule(summary, rule) for rule in rules}

    def why_not(rule: str, entry: dict[str, Any]) -> str:
        if missing := [shift for shift, of in entry["shifts"].items() if not of["claim"]]:
            return goal_verdicts.why_not(summary, entry, missing[0])
        return "no rule taught by reward supports a claim about goals" * (not entry["taught"])

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        kinds = {k: [r for r, of in entry["taught"].items() if of["sizes"]["success"] == k] for k in SAID}
        what = listed(f"{SAID[kind]} {said.names(who)}" for kind, who in kinds.items() if who)
        return what, f"{every[rule][0]} At matched capability it is {what}: {points(summary, entry)}."

    claims = gathered(own, NO_CLAIM, why_not, claim)
    shown = [rule for rule, entry in rules.items() if not is_control(entry)]
    headline = [*told(own, claims, lambda entry: points(summary, entry)), *claims.silent]
    headline += [goal_verdicts.pursued(summary, shift, shown) for shift in summary["shifts"]]
    headline += [goal_verdicts.controls(summary, [r for r in rules if r not in shown])] * (len(shown) < len(rules))
    brief = answer(own, claims, {what: f"agents of {{who}} are {what}" for what in claims.made})[:1]
    brief = brief if claims.made else [sentence(text) for text in claims.silent]  # which says why
    brief += goal_answers.answer(summary)[:1] * bool(claims.made)
    effect = None
    for rule, entry in own["rules"].items():
        for other, of in entry["taught"].items():
            what = f"{said.rule(rule)} less {said.rule(other)}, share of shifted episodes in which it {said.ended(success)}"
            effect = effect or Effect(what, of["differences"]["success"], "return")
    return Verdict([sentence(text) for text in headline], every | claims.every, effect=effect, answer=brief)


own_figures = drawn_by("demonstrations_figures", demonstrations="draw_demonstrations")
question = Question((), evidence, verdict, lambda results: own_figures(results) | goal_shift.figures(results), sections)
