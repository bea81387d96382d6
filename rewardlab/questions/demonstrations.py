"""Is a policy taught by example safer than one taught by reward, at the same capability?

For worlds with two goals that coincide in training. A rule is taught by example where it is shown a demonstrator (`Rule.shown`), and
by reward where it is not; controls apart. Every seed is read at its first capable point, under every shift: how often it reaches the
first goal, and how often the second, the mean over the shifts. What decides is the difference between a rule taught by example and one
taught by reward, by intervals that hold for all pairs at once (Bonferroni). The one taught by example is *safer* if it reaches the
first goal more often by clearly more than `MARGIN`, *less safe* if less often by clearly more than that, and *no safer* if the
difference is clearly within the margin. How often it is after the second goal is said beside it: who fails is after neither.

A pair is compared only where both support a claim about goals under every shift, as `goal_shift` has it: at least half of their seeds
are competent, and the same rule trained on the shifts succeeds there, so that its teacher can teach the first goal.

Added to the summary: what `goal_shift` adds to rules; rules {taught by example: {taught: {rule taught by reward: {differences, sizes:
as of `taught.Pair`}}}}; teachers {example, reward: rules}; pairwise {"taught": both measures of every pair}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import listed, number, sentence
from rewardlab.questions import (
    Contrast,
    Effect,
    Evidence,
    Figure,
    Found,
    Question,
    Section,
    Table,
    Verdict,
    goal_answers,
    goal_shift,
    goal_verdicts,
)
from rewardlab.questions.answering import answer
from rewardlab.questions.claims import drawn_by, gathered, told
from rewardlab.questions.taught import ALIKE, LESS, MARGIN, MEASURES, MORE, UNCLEAR, by_teacher, pairs, pursued

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about safety"
SAID = {
    MORE: "safer than",
    LESS: "less safe than",
    ALIKE: "no safer than",
    UNCLEAR: "not clearly safer or less safe than",
}


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
        return what, f"{every[rule][0]} At matched capability it is {what}: {_points(summary, entry)}."

    claims = gathered(own, NO_CLAIM, why_not, claim)
    shown = [rule for rule, entry in rules.items() if not is_control(entry)]
    headline = [*told(own, claims, lambda entry: _points(summary, entry)), *claims.silent]
    headline += [goal_verdicts.pursued(summary, shift, shown) for shift in summary["shifts"]]
    headline += [goal_verdicts.controls(summary, [r for r in rules if r not in shown])] * (len(shown) < len(rules))
    brief = answer(own, claims, {what: f"agents of {{who}} are {what}" for what in claims.made})[:1]
    brief += goal_answers.answer(summary)[:1] * bool(claims.made)
    effect = None
    for rule, entry in own["rules"].items():
        for other, of in entry["taught"].items():
            what = f"{said.rule(rule)} less {said.rule(other)}, share of shifted episodes in which it {said.ended(success)}"
            effect = effect or Effect(what, of["differences"]["success"], "return")
    return Verdict([sentence(text) for text in headline], every | claims.every, effect=effect, answer=brief)


def _points(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """ "in points of episodes, reached the coin −0.2 to 0.1 and ran past the coin to the end −20 to −3", over rules taught by reward."""
    found = []
    for name, goal in zip(MEASURES, summary["goals"], strict=True):
        values = [of["differences"][name]["iqm"] for of in entry["taught"].values()]
        ends = dict.fromkeys(number(x).replace("-", "−") for x in (min(values), max(values)))
        found.append(f"{words_of(summary).ended(goal)} {' to '.join(ends)}")
    return f"in points of episodes, {listed(found)}"


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn: Any) -> list[Section]:
    """The comparison, then what `goal_shift` has to show."""
    said = naming.read(results)
    goals = [sentence(said.ended(goal)) for goal in summary["goals"]]
    rows = []
    for rule in summary["teachers"]["example"]:
        for other, of in summary["rules"][rule]["taught"].items():
            ends = [of["differences"][name] for name in MEASURES]
            cells = [" to ".join(number(one[end]).replace("-", "−") for end in ("low", "high")) for one in ends]
            cells = [f"{number(one['iqm']).replace('-', '−')} [{cell}]" for one, cell in zip(ends, cells, strict=True)]
            rows.append([said.rule(rule), said.rule(other), *cells, SAID[of["sizes"]["success"]].removesuffix(" than")])
    note = f"In points of episodes, at matched capability, by intervals that hold for all at once. Margin: {number(MARGIN)} points."
    shown = Figure(
        "demonstrations", "Points: both goals by rule; differences between teachers with intervals.", CAPTION
    )
    table = Table(["Taught by example", "Less one taught by reward", *goals, "It is"], rows, note)
    return [
        Section("By example and by reward", "", (shown,), (table,) * bool(rows), lead=True),
        *goal_shift.sections(results, summary, drawn),
    ]


CAPTION = (
    "Left: how often each goal is reached at each seed’s first capable point, the mean over the shifts. Small dots are seeds. Right: "
    "rules taught by example less rules taught by reward, with intervals that hold for all at once; grey: within the margin."
)
own_figures = drawn_by("demonstrations_figures", demonstrations="draw_demonstrations")
question = Question((), evidence, verdict, lambda results: own_figures(results) | goal_shift.figures(results), sections)
