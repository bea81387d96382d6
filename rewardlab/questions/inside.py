"""Is the goal readable, and steerable, in the activations?

For worlds that say in which states to look into an agent (`World.scenes`), off distribution: where the control is trained. Two
goals: what training pays for, and what may have been learned in its place.

A goal is *readable* where a linear map, fitted to activations of the last layer, tells the first step of the shortest way to it, in
levels that it was not fitted to, clearly more often than in untrained networks. It is *steerable* where the goal's vector, added at
the middle layer at every step, changes how many episodes end there, by its interval and clearly more than random vectors of the
same norm do: taken away, the first goal's lowers it; added, the second one's raises it. Both layers were fixed beforehand; the
page has all of them.

A rule supports a claim only if at least half of its seeds are competent, and if in its control, trained with the goals apart, the
first goal is both readable and steerable: there these can be told. What is read in the observation, single channels that are taken
over from another state, vectors of other levels, and what decisions between the goals hang on are described, not judged.

Added to the summary: rules {rule: {inside {read, steered, jostled, before: {goal: figure}; control: the same, or why there is none;
layers: (read, steered)}}}; opened {goals, off, main, untrained: the rule, or None}; pairwise {"read": accuracy against untrained
networks; "steered": the change with the goal's vector against that with random ones, in pairs}.
"""

from __future__ import annotations

from typing import Any

from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import figure, sentence
from rewardlab.questions import Contrast, Evidence, Found, Question, Verdict, options
from rewardlab.questions.answering import answer
from rewardlab.questions.claims import drawn_by, effect_of, gathered, side, told, unable, uncontrolled
from rewardlab.questions.goal_fits import off_distribution
from rewardlab.questions.inside_tables import sections
from rewardlab.questions.insides import SIGNS, clearly, figures_of, goals_of, inside, picked

NO_CLAIM = "no claim about what is inside"
CAN = {
    (True, True): "can be read and steered",
    (True, False): "can be read, not steered",
    (False, True): "can be steered, not read",
    (False, False): "can neither be read nor steered",
}


def evidence(found: Found) -> Evidence:
    """What is read and what is steered, by rule, beside untrained networks, random vectors and the control."""
    results, runs = found.results, found.runs
    goals, main = goals_of(results), runs.conditions[0]
    bare, _ = options.untrained(results, runs)  # yoked reward is a control, too, and trains
    untrained = None if bare is None else inside(results, runs, bare, main)
    rules: dict[str, Any] = {}
    read, steered = [], []
    for rule in runs.rules:
        control: Any = "no condition is the control"
        pairs = [(main, inside(results, runs, rule, main))]
        if runs.control:
            pairs.append((runs.control, inside(results, runs, rule, runs.control)))
            control = figures_of(pairs[1][1], goals)
        found_in = figures_of(pairs[0][1], goals, rule == bare)
        rules[rule] = {"inside": found_in | {"control": control, "layers": picked(results, rule)}}
        for condition, one in [] if unable(found.rules[rule]) else pairs:
            for i, goal in enumerate(goals if condition == main else goals[:1]):
                row = {"a": rule, "condition": condition, "goal": goal}
                mine = one.read[one.able, i, None]
                if untrained is not None:
                    read.append(Contrast([row | {"b": bare}], mine, untrained.read[:, i, None]))
                own, random = (x[one.able, i, None] for x in (one.steered, one.jostled))
                steered.append(Contrast([row | {"b": rule}], own, random, paired=True))
    about = {"goals": goals, "off": off_distribution(results), "untrained": bare, "main": main}
    return Evidence(rules, {"read": read, "steered": steered}, {"opened": about})


def can(summary: dict[str, Any], rule: str, condition: str, goal: int) -> tuple[bool, bool]:
    """(whether a goal is readable, whether it is steerable) in the seeds of a rule under a condition."""
    where = {"a": rule, "condition": condition, "goal": summary["opened"]["goals"][goal]}
    read, steered = (side(summary["pairwise"][table], **where) for table in ("read", "steered"))
    own = summary["rules"][rule]["inside"]
    own = own if condition == summary["opened"]["main"] else own["control"]
    return read > 0, steered == SIGNS[goal] and clearly(own["steered"][where["goal"]], SIGNS[goal])


def _why_not(summary: dict[str, Any], rule: str, entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    control, of = entry["inside"]["control"], summary["opened"]
    goal = of["goals"][0]
    if why := unable(entry) or uncontrolled(control if isinstance(control, str) else control["read"][goal]):
        return why
    if not of["untrained"]:
        return "no rule shows what an untrained network has inside"
    readable, steerable = can(summary, rule, summary["control"]["condition"], 0)
    if not (readable and steerable):
        return f"in its control the {goal} {CAN[readable, steerable]}"
    return ""


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: which goals can be read and steered in whose networks."""
    said, of = words_of(summary), summary["opened"]

    def figures(entry: dict[str, Any], goal: str) -> str:
        own, bare = entry["inside"], summary["rules"][of["untrained"]]["inside"]
        return (
            f"first step to the {goal} told in {figure(own['read'][goal])} of states, in untrained networks "
            f"{figure(bare['read'][goal])}; episodes that end there change by {figure(own['steered'][goal])} with its vector, by "
            f"{figure(own['jostled'][goal])} with random ones"
        )

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        what = [f"the {goal} {CAN[can(summary, rule, of['main'], i)]}" for i, goal in enumerate(of["goals"])]
        rest = ". ".join(sentence(figures(entry, goal)) for goal in of["goals"])
        return "; ".join(what), f"{said.rule(rule)}: {'; '.join(what)}. {rest}."

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, rule, entry), claim)
    headline = told(summary, claims, lambda entry: figures(entry, of["goals"][0]))
    what, first = "change of episodes that end at the ", of["goals"][0]
    effect = effect_of(summary, claims, what + first, lambda entry: entry["inside"]["steered"][first])
    brief = answer(summary, claims, {what: f"in agents of {{who}} {what}" for what in claims.made})
    return Verdict([sentence(t) for t in (*headline, *claims.silent)], claims.every, effect=effect, answer=brief)


figures = drawn_by("inside_figures", inside="draw_inside")
question = Question(("readouts", "steered", "patched", "drives"), evidence, verdict, figures, sections)
