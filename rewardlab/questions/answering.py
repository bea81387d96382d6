"""The answer that a report begins with: at most two plain sentences without intervals, made from the claims of a verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import listed, number, sentence
from rewardlab.questions.claims import Claims

VERBS = {
    "it consults": "they consult",
    "does": "do",
    "follows": "follow",
    "gets": "get",
    "loses": "lose",
    "raises": "raise",
    "it is": "they are",
}
MOST = 4  # names in one sentence; of more, it is said how many they are


def answer(
    summary: dict[str, Any],
    claims: Claims,
    ways: Mapping[str, str],
    value: Callable[[dict[str, Any]], float] | None = None,
    measure: str = "",
) -> list[str]:
    """ "Agents of PPO and A2C ran past the coin, in 84–93 % of episodes." and "No claim can be made about parallel Q."

    ways: {what is claimed, as `claims.made` has it: a sentence without its end, with "{who}" and, if it likes, "{figures}" in it}.
    value: of a rule's entry, the number that "{figures}" is the least and the most of. measure: as `wording.figure` takes it.
    """
    said = []
    for what, who in claims.made.items():
        figures = span([value(summary["rules"][rule]) for rule in who], measure) if value else ""
        said.append(ways[what].format(who=named(summary, who), figures=figures))
    claimed = {rule for who in claims.made.values() for rule in who}
    silent = [r for r, entry in summary["rules"].items() if not is_control(entry) and r not in claimed]
    if not said:
        return ["No claim can be made about any rule: too few of its agents learned the task, or its control failed."]
    rest = [f"No claim can be made about {named(summary, silent)}."] * bool(silent)
    return [sentence(f"{'; '.join(said)}."), *rest]


def of_many(claims: Iterable[str], verbs: Mapping[str, str] = VERBS) -> dict[str, str]:
    """Of what is claimed of one rule, "games outcome", the sentence that `answer` takes: "agents of {who} game outcome"."""
    return {what: f"agents of {{who}} {several(what, verbs)}" for what in claims}


def several(what: str, verbs: Mapping[str, str] = VERBS) -> str:
    """What is claimed of one rule, as it is said of several: "game outcome" of "games outcome".

    verbs: {as it is said of one: as it is said of several}, tried in this order.
    """
    words = "|".join(map(re.escape, verbs))
    return re.sub(rf"(?<!\w)(?:{words})(?!\w)", lambda found: verbs[found[0]], what)


def named(summary: dict[str, Any], who: Iterable[str]) -> str:
    """ "PPO and OpenAI-ES (large)": rules whose variants are all there by their one name; "7 rules" where they are many."""
    said, who = words_of(summary), [*who]
    every: dict[str, list[str]] = {}
    for rule, entry in summary["rules"].items():
        if not is_control(entry):
            every.setdefault(rule.partition("-")[0], []).append(rule)
    names = []
    for own, variants in every.items():
        there = [rule for rule in variants if rule in who]
        if there and there == variants and len(variants) > 1:
            names.append(said.rule(own))
        else:
            names += [_variant(said.rule(rule)) for rule in there]
    return f"{len(names)} rules" if len(names) > MOST else listed(names)


def _variant(title: str) -> str:
    """ "OpenAI-ES (large)" of "OpenAI-ES, large"."""
    own, _, variant = title.partition(", ")
    return f"{own} ({variant})" if variant else own


def span(values: Iterable[float], measure: str = "") -> str:
    """ "84–93 %": the least and the most."""
    values = [*values]
    ends = dict.fromkeys((number(min(values), measure), number(max(values), measure)))
    return "–".join(ends) + " %" * (not measure)
