"""Do actor and critic want the same, where what they were taught together comes apart?

For worlds with two goals that coincide in training (`World.parted`), and rules with a critic: a value head, or action values. In a
level in which the goals lie apart, the *critic prefers* the goal one step short of which it values more, and the *actor prefers*
the one that its episode comes to: the first one if it ends there, else the second. A seed's *disagreement* is the share of these
levels in which the two prefer different goals, the mean over the shifts: one number a seed, 0 where they agree everywhere. Episodes
that come to neither goal are left out.

Actor and critic *come apart* where the disagreement lies above a half, and *go together* where it lies below: by intervals that
hold for all rules at once (Bonferroni). A rule supports a claim only if at least half of its seeds are competent, and if in its
control, trained with the goals apart, critic and actor both prefer the first goal in clearly more than half of the levels: each can
learn to.

Rules that differ in nothing but their network's trunk are compared: a shared one with each other kind. What the critic's error
reaches is the audit's. In worlds with an end wall to walk through (`World.passable`): how many episodes pass it, and in how many of
these the critic values the wall more than what is beyond it.

Added to the summary: rules {rule: {critic: what `trunks.found_of` says of competent seeds, control: the same or why there is none,
side: 1 where they come apart, -1 together, 0 else, carries: what the critic's error reaches}}; pairwise {"trunks": disagreement}.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import figure, listed, plain, sentence
from rewardlab.questions import Contrast, Evidence, Found, Question, Verdict
from rewardlab.questions.claims import (
    drawn_by,
    each_of,
    effect_of,
    few_seeds,
    gathered,
    told,
    unable,
    uncontrolled,
)
from rewardlab.questions.trunk_sections import sections
from rewardlab.questions.trunks import WALL_SEEN, carries, clearly, found_of, mean_over, off, trunk_pairs, wall_seen

NO_CLAIM = "no claim about actor and critic"
DO = {1: "come apart", -1: "go together", 0: "neither come apart nor go together clearly"}


def evidence(found: Found) -> Evidence:
    """What critics and actors of competent seeds prefer, and whether the trunk makes a difference."""
    results, runs = found.results, found.runs
    able = runs.competent & runs.trained[:, 0] & ~runs.failed[:, 0]
    figures_of, disagree = found_of(results, runs), mean_over(results, "disagreement", off(results, runs))[:, 0]
    rules, sample = {}, {}
    for i, rule in enumerate(runs.rules):
        control: Any = "no condition is the control"
        if runs.control:
            j = runs.conditions.index(runs.control)
            control = figures_of(i, j, np.flatnonzero(runs.trained[i, j] & ~runs.failed[i, j]))
        of = figures_of(i, 0, np.flatnonzero(able[i]))
        sample[rule] = disagree[i, able[i] & np.isfinite(disagree[i]), None]
        more = {"side": int(clearly(sample[rule][:, 0], len(runs.rules))), "carries": carries(results, rule)}
        rules[rule] = {"critic": of | {"control": control} | more}
    pairs = [(a, b) for a, b in trunk_pairs(results) if not (unable(found.rules[a]) or unable(found.rules[b]))]
    return Evidence(rules, {"trunks": [Contrast([{"a": a, "b": b}], sample[a], sample[b]) for a, b in pairs]})


def _why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    of, goal = entry["critic"], plain(summary["goals"][0])
    if not unable(entry) and not of["shares"]["disagreement"]["n"]:
        return "it has no critic, or nothing parts the goals"
    control: Any = of["control"] if isinstance(of["control"], str) else of["control"]["shares"]
    told_of = control if isinstance(control, str) else control["disagreement"]
    if why := unable(entry) or few_seeds(of["shares"]["disagreement"]) or uncontrolled(told_of):
        return why
    for who, does in (("critic", f"values the {goal} more"), ("actor", f"goes to the {goal}")):
        if control[f"{who}_first"]["low"] <= 0.5:
            return f"its control's {who} {does} in {figure(control[f'{who}_first'])} of levels"
    return ""


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: whose actor and critic come apart, what each prefers, and what the trunk and an open wall change."""
    said, rules, goal = words_of(summary), summary["rules"], plain(summary["goals"][0])

    def prefer(entry: dict[str, Any]) -> str:
        critic, actor = (figure(entry["critic"]["shares"][f"{who}_first"]) for who in ("critic", "actor"))
        return f"critic for the {goal} in {critic} of levels, actor in {actor}"

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        apart, reach = entry["critic"]["shares"]["disagreement"], entry["critic"]["carries"]
        what = f"actor and critic {DO[entry['critic']['side']]}"
        text = f"{said.rule(rule)}: {what}, they disagree in {figure(apart)} of levels ({prefer(entry)})."
        return what, text + f" The critic's error reaches {reach}." * bool(reach)

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, entry), claim)
    headline, claimed = told(summary, claims, prefer), [rule for who in claims.made.values() for rule in who]
    answer = [f"{what}: {said.names(who)}." for what, who in claims.made.items()][:1]
    if rows := [row for row in summary["pairwise"]["trunks"] if {row["a"], row["b"]} <= {*claimed}]:
        more = {True: "more", False: "less"}
        pairs = [(r["a"], more[r["effect"] > 0.5], r["b"]) for r in rows if r["significant"]]
        apart = listed(f"{said.rule(a)} {how} than {said.rule(b)}" for a, how, b in pairs)
        headline.append(
            f"by trunk, whether they disagree {f'clearly differs: {apart}' if pairs else 'does not clearly differ'}."
        )
    if walks := [rule for rule in claimed if wall_seen(rules[rule]["critic"]["wall"])]:
        each = each_of(summary, walks, lambda of: figure(of["critic"]["wall"]["wall_left"]))
        headline.append(f"{WALL_SEEN}, in this share of the episodes that pass it: {each}.")
        answer.append(f"{WALL_SEEN}: {said.names(walks)}.")
    effect = effect_of(
        summary, claims, "levels in which they disagree", lambda of: of["critic"]["shares"]["disagreement"]
    )
    every = [sentence(text) for text in (*headline, *claims.silent)]
    return Verdict(every, claims.every, effect=effect, answer=[sentence(text) for text in answer])


figures = drawn_by("actor_critic_figures", actor_critic="draw_actor_critic")
question = Question(("values", "walls"), evidence, verdict, figures, sections)
