"""Does the network search, or react?

For worlds whose shorter way may be blocked further on, in view from the start (`detour`). Who searches goes the other way at once;
who reacts walks to the wall and comes back, or turns only before walls such as training had. So the main condition has walls up to
some moves away, and what decides is what is done at the fork before *further* ones, against levels without a wall and against near
walls, in the same seeds. Which goes with the question what there is inside: later moves can be *read* if a linear map tells them
from the last layer as an episode begins, in levels that it was not fitted to, clearly more often than from that of untrained
networks, and than from what is observed and the move of now, which is all that who reacts has to go by.

A rule supports a claim only if at least half of its seeds are competent, if they turn before near walls in clearly more than half
of the levels, and if its control, trained with walls at all depths, turns before further ones clearly more often than without:
there the network can do it.

Added to the summary: rules {rule: {ahead (`ahead.figures_of`) {…, control: the same, or why there is none; conditions: {condition:
the same}}}}; detour {met, depths, control}; pairwise {"turned": further walls against none; "nearer": further against near ones;
"read": later moves from the last layer "against" "untrained" networks or the move of "now", all in pairs; "rules": further walls,
between rules with enough competent seeds}.
"""

from __future__ import annotations

import itertools
from typing import Any

from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import figure, sentence
from rewardlab.questions import Contrast, Evidence, Found, Question, Verdict
from rewardlab.questions.ahead import ahead, figures_of, met, sentences
from rewardlab.questions.ahead_sections import sections
from rewardlab.questions.answering import answer, of_many
from rewardlab.questions.claims import drawn_by, each_of, effect_of, gathered, side, told, unable, uncontrolled

NO_CLAIM = "no claim about looking ahead"
UNCLEAR = "not clearly before walls further than in training, nor clearly less often than before near ones"
TURNS = {  # (further walls turn it, less often than near ones do)
    (True, False): "turns before walls further than any in training as before near ones",
    (True, True): "turns before walls further than any in training, less often than before near ones",
    (False, True): "turns before no wall further than those in training",
    (False, False): "turns " + UNCLEAR,
}
READS = {  # (told better than in untrained networks, than by what is seen and the move of now)
    (True, True): "its later moves can be read",
    (True, False): "its later moves can be read no better than from its first one",
    (False, True): "its later moves can be read no better than in untrained networks",
    (False, False): "its later moves can't be read",
}
MANY = {"turns": "turn", "its": "their"}


def evidence(found: Found) -> Evidence:
    """What every rule does before walls, and what is told of its later moves, beside its control."""
    results, runs = found.results, found.runs
    main, depths = runs.conditions[0], [str(name) for name in results.depth.values]
    rules: dict[str, Any] = {}
    tables: dict[str, list[Contrast]] = {"turned": [], "nearer": [], "read": [], "rules": []}
    far = {}
    for rule in runs.rules:
        every = {condition: ahead(results, runs, rule, condition) for condition in runs.conditions}
        figures = {condition: figures_of(one, depths) for condition, one in every.items()}
        control = figures[runs.control] if runs.control else "no condition is the control"
        rules[rule] = {"ahead": figures[main] | {"control": control, "conditions": figures}}
        if unable(found.rules[rule]):
            continue
        for condition, one in every.items():
            row = {"a": rule, "b": rule, "condition": condition}
            own, none, near = (x[one.able, None] for x in (one.far, one.open, one.near))
            if condition in (main, runs.control):
                tables["turned"].append(Contrast([row], own, none, paired=True))
            if condition == main:
                far[rule] = own
                tables["nearer"].append(Contrast([row], own, near, paired=True))
                for what, other in (("untrained", one.bare), ("now", one.now)):
                    read = Contrast(
                        [row | {"against": what}], one.read[one.able, None], other[one.able, None], paired=True
                    )
                    tables["read"].append(read)
    tables["rules"] = [Contrast([{"a": a, "b": b}], far[a], far[b]) for a, b in itertools.combinations(far, 2)]
    return Evidence(rules, tables, {"detour": {"met": met(results), "depths": depths, "main": main}})


def _why_not(summary: dict[str, Any], rule: str, entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    of = entry["ahead"]
    if why := unable(entry) or uncontrolled(of["control"] if isinstance(of["control"], str) else of["control"]["far"]):
        return why
    if of["near"]["low"] is None or of["near"]["low"] <= 0.5:
        return f"it does not turn before near walls, either ({figure(of['near'])})"
    if side(summary["pairwise"]["turned"], a=rule, condition=summary["control"]["condition"]) <= 0:
        return f"its control does not turn before further walls, either ({figure(of['control']['far'])})"
    return ""


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: who turns before further walls, and whose later moves can be read."""
    said, tables = words_of(summary), summary["pairwise"]

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        of, main = entry["ahead"], summary["detour"]["main"]
        further = side(tables["turned"], a=rule, condition=main) > 0
        bare, now = (side(tables["read"], a=rule, against=what) > 0 for what in ("untrained", "now"))
        what = f"{TURNS[further, side(tables['nearer'], a=rule) < 0]}; {READS[bare, now]}"
        return what, f"{said.rule(rule)} {what}. {sentences(of, summary['detour']['met'])}"

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, rule, entry), claim)
    headline = told(summary, claims, lambda entry: figure(entry["ahead"]["far"]))
    apart = [row for row in tables["rules"] if row["significant"]]
    for row in sorted(apart, key=lambda row: -abs(row["effect"] - 0.5))[:1]:
        who = (row["a"], row["b"])[:: 1 if row["effect"] > 0.5 else -1]
        both = each_of(summary, who, lambda entry: figure(entry["ahead"]["far"]))
        headline.append(f"before further walls the most unlike: {both}.")
    effect = effect_of(summary, claims, "levels in which it turns before further walls", lambda of: of["ahead"]["far"])
    brief = answer(summary, claims, of_many(claims.made, MANY))
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, effect=effect, answer=brief)


figures = drawn_by("lookahead_figures", lookahead="draw_lookahead")
question = Question(("late_blocks", "moves_ahead"), evidence, verdict, figures, sections)
