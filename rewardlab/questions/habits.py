"""What is said of behaviour once pay has changed: how long that of each rule lasts, and of which nothing can be said."""

from __future__ import annotations

from typing import Any

from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import CONTROL_RULES, STEPS, count, figure, listed, percent, plain
from rewardlab.questions import answering
from rewardlab.questions.claims import Claims, few, too_few
from rewardlab.questions.half_lives import half_life, reward_in_words

NO_CLAIM = "no claim about what lasts"


def unfit(of: dict[str, Any]) -> str:
    """Why too few seeds had learned when pay changed, in a few words; "" where enough had."""
    return too_few(of["able"], of["seeds"], " when pay changed")


def why_not(entry: dict[str, Any], of: dict[str, Any]) -> str:
    """Why no claim is made about a rule under a change of pay, in a few words; "" where one is."""
    if is_control(entry):
        return CONTROL_RULES[entry["level"]]
    lost = few(entry["competent_seeds"], entry["seeds"]) + " at the end even while paid"
    return unfit(of) or lost * (not entry["learned"])


def shown(summary: dict[str, Any], of: dict[str, Any] | None) -> str:
    """How much of the behaviour there is: a share, or a return."""
    return "–" if of is None else figure(of, "return" if summary["score"] == "return" else "")


def _what(summary: dict[str, Any]) -> str:
    named = f"how often agents {words_of(summary).ended(summary['score'])}"
    return "the return" if summary["score"] == "return" else named


def _at_the_end(summary: dict[str, Any], of: dict[str, Any]) -> str:
    return shown(summary, of[summary["evaluations"][0]][summary["score"]])


def of_rule(summary: dict[str, Any], rule: str, condition: str) -> tuple[str, str]:
    """What is said of a rule under a change of pay: in a sentence behind its name, and in a few words."""
    entry, change = summary["rules"][rule], summary["extinction"][condition]
    of = entry["extinction"][condition]
    where = f"where {reward_in_words(change['reward'])} from {percent(change['start'])} % of the steps on"
    if why := why_not(entry, of):
        done = f"control rule; {_at_the_end(summary, summary['conditions'][rule][condition])} at the end"
        paid = f"{_at_the_end(summary, entry['final'])} at the end while paid"
        return f"{where}: {NO_CLAIM} ({why}; {paid}).", done if is_control(entry) else f"{NO_CLAIM}: {why}"
    halved, (before, end, paid) = of["steps"], (shown(summary, of[name]) for name in ("before", "end", "paid"))
    kept = f"{halved['above']} of {count(halved['n'], 'competent seed')} had not come halfway down by the end"
    goes = f"{where}, {_what(summary)} goes from {before} to {end} at the end ({paid} where pay goes on)"
    short = "outlives what was watched" if halved["half"] == "inf" else f"half-life {half_life(of)}"
    return f"{goes}: half-life {half_life(of)}; {kept}.", short


def _halves(summary: dict[str, Any], condition: str) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """({rule: its figures}, those whose habit was half gone, the shortest first; rules whose habit outlived what was watched)."""
    every = {rule: entry["extinction"][condition] for rule, entry in summary["rules"].items()}
    told = {rule: of for rule, of in every.items() if not why_not(summary["rules"][rule], of)}
    gone = sorted((of["steps"]["half"], rule) for rule, of in told.items() if of["steps"]["half"] != "inf")
    return {rule: told[rule] for _, rule in gone}, [rule for rule in told if told[rule]["steps"]["half"] == "inf"]


def once(summary: dict[str, Any], condition: str) -> list[str]:
    """The sentence on a change of pay, none where there is no rule to be told of."""
    said, (gone, lasting) = words_of(summary), _halves(summary, condition)
    every = ((rule, why_not(entry, entry["extinction"][condition])) for rule, entry in summary["rules"].items())
    silent = [f"{said.rule(rule)} ({why})" for rule, why in every if why and not is_control(summary["rules"][rule])]
    each = listed(f"{said.rule(rule)} {half_life(of)}" for rule, of in gone.items())
    parts = [f"the habit is half gone after {each}"] * bool(gone)
    whose = f"{'that' if gone else 'the habit'} of {listed(map(said.rule, lasting))}"
    parts += [f"{whose} outlives what was watched in at least half of the seeds"] * bool(lasting)
    parts += [f"{NO_CLAIM} for {listed(silent)}"] * bool(silent)
    paid = reward_in_words(summary["extinction"][condition]["reward"])
    return [f"once {paid}: {'; '.join(parts)}."] * bool(parts)


def pairs(summary: dict[str, Any]) -> list[str]:
    """How many pairs of rules differ in half-life: those that both have a claim."""
    rules, said, rows = summary["rules"], words_of(summary), []
    for row in summary["pairwise"]["half-life"]:
        claimed = not any(why_not(rules[row[k]], rules[row[k]]["extinction"][row["condition"]]) for k in "ab")
        rows += [row] * (row["p"] is not None and claimed)
    if not rows:
        return []
    apart = [row for row in rows if row["significant"]]
    holm = f"Holm-corrected over {count(summary['comparisons'], 'comparison')}"
    text = f"{len(apart)} of {len(rows)} pairs of rules differ in half-life, in steps ({holm})"
    if apart:
        most = max(apart, key=lambda row: abs(row["effect"] - 0.5))
        first, other = (most["a"], most["b"]) if most["effect"] >= 0.5 else (most["b"], most["a"])
        often = (
            f"in {percent(max(most['effect'], 1 - most['effect']))} % of pairs of seeds (“{plain(most['condition'])}”)"
        )
        text += f"; the most: {said.rule(first)} outlasts {said.rule(other)} {often}"
    return [f"{text}."]


def controls(summary: dict[str, Any]) -> list[str]:
    """What control rules do at the end, paid throughout."""
    said, rules = words_of(summary), summary["rules"]
    each = [f"{said.rule(r)} {_at_the_end(summary, e['final'])}" for r, e in rules.items() if is_control(e)]
    told = f"control rules, not counted above, {_what(summary)}, paid throughout: {listed(each)}."
    return [told] * bool(each)


def answer(summary: dict[str, Any]) -> list[str]:
    """The answer that the report begins with."""
    made, ways = dict[str, list[str]](), {}
    for condition, change in summary["extinction"].items():
        paid, (gone, lasting) = reward_in_words(change["reward"]), _halves(summary, condition)
        halves = answering.span((of["steps"]["half"] for of in gone.values()), STEPS) if gone else ""
        for who, does in ((gone, f"is half gone after {halves} steps"), (lasting, "outlasts what was watched")):
            if who:
                way = f"once {paid}, what agents of {{who}} had learned to do {does}"
                made[way], ways[way] = [*who], way
    return answering.answer(summary, Claims(made, {}, []), ways) if summary["extinction"] else []
