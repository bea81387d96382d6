"""The answer of `goal_shift` in two plain sentences: what agents did under the shifts, and how far that tells what they pursue."""

from __future__ import annotations

from collections.abc import Iterable

from rewardlab.analysis import doses
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import NO_CLAIM, listed, number, sentence


def answer(summary: dict) -> list[str]:
    """At most two sentences, without intervals; none where there is no goal or no shift, or where half doses are compared."""
    rules, goals, shifts = summary["rules"], summary["goals"], summary["shifts"]
    if not goals or not shifts or summary.get("doses"):
        return []
    told = [rule for rule, entry in rules.items() if not is_control(entry)] or list(rules)
    silent = {rule: [shift for shift in shifts if not rules[rule]["shifts"][shift]["claim"]] for rule in told}
    claimed = [rule for rule in told if len(silent[rule]) < len(shifts)]
    why = _silent(summary, {rule: places for rule, places in silent.items() if places})
    if not claimed:
        return [sentence(f"{NO_CLAIM} can be made: {why}.")]
    alike: dict[tuple[str | None, ...], list[str]] = {}
    for rule in claimed:
        alike.setdefault(tuple(_reading(rules[rule], shift) for shift in shifts), []).append(rule)
    both = all(any(rules[rule]["level"] in levels for rule in claimed) for levels in doses.KINDS.values())
    start = "by selection and by gradient alike, " * (both and len(alike) == 1)
    did = [_did(summary, who, dict(zip(shifts, found, strict=True))) for found, who in alike.items()]
    text = [*_able(summary, claimed), *[f"{NO_CLAIM} for {why}"] * bool(why)]
    return [sentence(f"{start}{'; '.join(did)}."), *[sentence(f"{'; '.join(text)}.")] * bool(text)]


def _reading(entry: dict, shift: str) -> str | None:
    return entry["shifts"][shift]["reading"] if entry["shifts"][shift]["claim"] else None


def _did(summary: dict, who: list[str], found: dict[str, str | None]) -> str:
    """ "agents of PPO and A2C mostly ran past the coin to the end, in 84–93 % of episodes with the coin at a detour"."""
    said, goals, parts = words_of(summary), summary["goals"], []
    for reading in dict.fromkeys(filter(None, found.values())):
        there = [shift for shift in found if found[shift] == reading]
        for goal in [goals[0 if reading == "success" else -1]] if reading != "neither" else []:
            parts.append(f"mostly {said.ended(goal)}, {_where(summary, who, there, goal, ' of episodes')}")
        if reading == "neither":
            where = f" {said.place(there[0])}" * (len(there) == 1)
            each = (f"{said.ended(g)} {_where(summary, who, there, g, placed=not where)}" for g in goals)
            parts.append(f"pursued no goal in most episodes{where}: they {listed(each)}")
    return f"agents of {said.names(who)} {', but '.join(parts)}"


def _able(summary: dict, claimed: list[str]) -> list[str]:
    """What the controls of those that missed show."""
    rules, goal = summary["rules"], summary["goals"][0]
    missed = [s for s in summary["shifts"] if any(_reading(rules[r], s) in ("proxy", "neither") for r in claimed)]
    who = [rule for rule in claimed if any(_reading(rules[rule], s) in ("proxy", "neither") for s in missed)]
    if not who:
        return []
    found = [
        rules[r]["control"][s][goal]["iqm"]
        for r in who
        for s in missed
        if _reading(rules[r], s) in ("proxy", "neither")
    ]
    did = f"{words_of(summary).ended(goal)} in {_span(found)} of them"
    return [f"trained with such episodes, the same rules {did}, so it is not for lack of ability"]


def _silent(summary: dict, silent: dict[str, list[str]]) -> str:
    """ "REINFORCE and PPO (too few agents did well in training)", of rules, with the shifts on which they support no claim."""
    why: dict[str, list[str]] = {}
    for rule, places in silent.items():
        entry, where = summary["rules"][rule], ""
        if len(places) < len(summary["shifts"]):
            where = f"{listed(map(words_of(summary).place, places))}, "
        if not entry["learned"] or entry["competent_seeds"] < summary["seeds"]["minimum"]:
            reason = "too few agents did well in training"
        elif any(entry["shifts"][shift]["able"] is None for shift in places):
            reason = "no control was trained"
        else:
            reason = "mostly fails even if trained with such episodes"
        why.setdefault(where + reason, []).append(rule)
    return listed(f"{words_of(summary).names(who)} ({reason})" for reason, who in why.items())


def _where(summary: dict, who: Iterable[str], shifts: list[str], goal: str, of: str = "", placed: bool = True) -> str:
    """ "in 84–93 % with the coin at a detour", the least and the most of these rules that support a claim there."""
    rules, said, each = summary["rules"], words_of(summary), list[str]()
    for shift in shifts:
        found = [rules[rule]["competent"][shift][goal]["iqm"] for rule in who if rules[rule]["shifts"][shift]["claim"]]
        each.append(f"in {_span(found)}{of * (not each)}" + f" {said.place(shift)}" * placed)
    return listed(each)


def _span(shares: list[float]) -> str:
    """ "84–93 %"."""
    return f"{'–'.join(dict.fromkeys(map(number, (min(shares), max(shares)))))} %"
