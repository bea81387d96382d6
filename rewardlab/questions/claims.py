"""Who supports a claim, and how those that do not are told: what the verdicts of questions share."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from rewardlab.analysis import stats
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import CONTROL_RULES, count, listed, sentence
from rewardlab.questions import Effect


class Claims(NamedTuple):
    """made: {what is claimed, in a few words: rules}. every: {rule: (the verdict on it, the same in a few words)}. silent: of rules
    without a claim, but for control rules, a sentence; none where there are none.
    """

    made: dict[str, list[str]]
    every: dict[str, tuple[str, str]]
    silent: list[str]


def too_few(competent: int, seeds: int, when: str = "") -> str:
    """Why so many competent seeds of so many support no claim, in a few words; "" where they do: half of them, and as many as an
    interval needs.
    """
    if competent >= max(seeds / 2, stats.MIN_SEEDS):
        return ""
    return few(competent, seeds) + when + f", fewer than {stats.MIN_SEEDS}" * (2 * competent >= seeds)


def few(competent: int, seeds: int) -> str:
    """ "3 of 10 seeds competent"."""
    return f"{competent} of {count(seeds, 'seed')} competent"


def unable(entry: dict[str, Any]) -> str:
    """Why a rule supports no claim, whatever is asked: it is a control, or too few seeds are competent at the end; else ""."""
    return CONTROL_RULES[entry["level"]] if is_control(entry) else too_few(entry["competent_seeds"], entry["seeds"])


def few_seeds(found: dict[str, Any]) -> str:
    """ "5 seeds, fewer than 10", of a figure whose seeds are too few for an interval; else ""."""
    return f"{count(found['n'], 'seed')}, fewer than {stats.MIN_SEEDS}" * (found["low"] is None)


def uncontrolled(control: dict[str, Any] | str) -> str:
    """Why a control, the figure of one or why there is none, shows nothing: there is none, or its seeds are too few; else ""."""
    if isinstance(control, str):
        return control
    few_of_it = few_seeds(control)
    return f"its control has {few_of_it}" * bool(few_of_it)


def gathered(
    summary: dict[str, Any],
    no_claim: str,
    why_not: Callable[[str, dict[str, Any]], str],
    claim: Callable[[str, dict[str, Any]], tuple[str, str]],
) -> Claims:
    """The claims of all rules, in order.

    no_claim: "no claim about what it follows". why_not: (rule, its entry) -> why there is none, "" where there is one.
    claim: (rule, its entry) -> (what is claimed, in a few words; the verdict, sentences).
    """
    said, made, every, silent = words_of(summary), dict[str, list[str]](), {}, []
    for rule, entry in summary["rules"].items():
        if why := why_not(rule, entry):
            text = why if is_control(entry) else f"{no_claim}: {why}"
            silent += [f"{said.rule(rule)} ({why})"] * (not is_control(entry))
            every[rule] = (f"{sentence(said.rule(rule))}: {text}.", text)
            continue
        what, text = claim(rule, entry)
        made.setdefault(what, []).append(rule)
        every[rule] = (sentence(text), what)
    return Claims(made, every, [f"{no_claim} for {listed(silent)}."] * bool(silent))


def with_seeds(summary: dict[str, Any], who: Iterable[str]) -> str:
    """ "PPO (32 of 32 seeds) and A2C (29 of 32 seeds)", those that are competent."""
    said, rules = words_of(summary), summary["rules"]
    return listed(f"{said.rule(r)} ({rules[r]['competent_seeds']} of {count(rules[r]['seeds'], 'seed')})" for r in who)


def side(rows: Iterable[dict[str, Any]], **fields: Any) -> int:
    """What the row of a table says that has such fields: 1 where a lies significantly above b, -1 below, 0 else.

    Of pairs it is the mean difference that lies above or below 0.
    """
    for row in rows:
        if all(row.get(name) == value for name, value in fields.items()) and row["significant"]:
            return 1 if (row["difference"] > 0 if row.get("paired") else row["effect"] > 0.5) else -1
    return 0


def drawn_by(module: str, **functions: str) -> Callable[[Any], dict[str, Any]]:
    """What `Question.figures` is, for figures that are always drawn: {name: function} of a file in rewardlab/report/, which is
    imported when it draws, as matplotlib is slow to import.
    """

    def figures(results: Any) -> dict[str, Any]:
        found = importlib.import_module(f"rewardlab.report.{module}")
        return {name: getattr(found, function) for name, function in functions.items()}

    return figures


def each_of(summary: dict[str, Any], who: Iterable[str], value: Callable[[dict[str, Any]], str]) -> str:
    """ "PPO (93 % [91–94]) and A2C (90 %)", what `value` says of each rule's entry."""
    said = words_of(summary)
    return listed(f"{said.rule(rule)} ({value(summary['rules'][rule])})" for rule in who)


def beside(summary: dict[str, Any], who: Iterable[str], value: Callable[[dict[str, Any]], str]) -> str:
    """ "PPO 93 % [91–94] and A2C 90 %", what `value` says of each rule's entry."""
    said = words_of(summary)
    return listed(f"{said.rule(rule)} {value(summary['rules'][rule])}" for rule in who)


def effect_of(
    summary: dict[str, Any], claims: Claims, what: str, value: Callable[[dict[str, Any]], Any], measure: str = ""
) -> Effect | None:
    """What a verdict hangs on: the figure that `value` takes from the entry of the first rule with a claim; None without one."""
    first = next((rule for rule in summary["rules"] if any(rule in who for who in claims.made.values())), None)
    if first is None:
        return None
    return Effect(f"{words_of(summary).rule(first)}, {what}", value(summary["rules"][first]), measure)


def told(summary: dict[str, Any], claims: Claims, value: Callable[[dict[str, Any]], str]) -> list[str]:
    """What is claimed of whom, a sentence each: "follows what is shown: PPO (93 %) and A2C (90 %)."."""
    return [f"{what}: {each_of(summary, who, value)}." for what, who in claims.made.items()]
