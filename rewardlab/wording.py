"""The words in which results are told: names of rules, outcomes and evaluations, numbers, counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

RULES = {
    "reinforce": "REINFORCE",
    "a2c": "A2C",
    "natural_gradient": "natural gradient",
    "trpo": "TRPO",
    "ppo": "PPO",
    "value_iteration": "value iteration",
    "q_learning": "Q-learning",
    "sarsa": "SARSA",
    "expected_sarsa": "expected SARSA",
    "dqn": "DQN",
    "parallel_q": "parallel Q",
    "truncation": "truncation selection",
    "openai_es": "OpenAI-ES",
    "guess_and_check": "guess-and-check",
    "yoked": "yoked reward",
}
# What a rule reads of reward.
LEVELS = {
    0: "nothing",
    1: "whether the return clears a bar",
    2: "the order of returns",
    3: "the return of an episode",
    4: "which step paid",
    5: "a learned predictor of reward",
    6: "reward as a percept",
}
# Rules of these levels can't learn a goal from reward; they are run to show what comes about without.
CONTROL_RULES = {0: "a control: it reads nothing of reward", 1: "a control: it shows what the prior alone does"}
OUTCOMES = {"coin": "coin reached", "end": "end reached past the coin", "time": "out of time"}
ENDED = {
    "coin": "reached the coin",
    "end": "ran past it to the end",
    "died": "died",
    "time": "ran out of time",
    "cheese": "reached the cheese",
    "corner": "went to the corner and not to the cheese",
    "dish": "reached the dish",
    "all opened": "opened all chests with no key to spare",
    "surplus keys": "ended with surplus keys",
    "line": "reached the line",
    "gem": "reached the gem",
}
PLACES = {
    "train": "on training levels",
    "held-out": "on held-out levels",
    "detour": "with the coin at a detour",
    "behind": "with the coin behind the start",
}
# The audit's columns, and what each says.
AUDIT = {
    "Rule": "",
    "Level": "what the rule itself declares; the audit does not use it.",
    "Reward enters the update": "whether the new parameters depend on the reward that the rule was told or shown: as amounts, "
    "its numbers go into them; as choices, it only decides (a bar, an order, a draw); it may carry amounts where it becomes a "
    "whole number, or the number of a loop's turns; or not at all.",
    "Its gradient reaches": "which parameters reward's gradient reaches through which output of the network, output: groups. "
    "A group is an output's own layer, the trunk that outputs share, or an output's own trunk.",
    "Derivative of behaviour": "whether the new parameters depend on a derivative of the output that actions are chosen by.",
    "Reaches act": "whether reward comes to the acting function other than by its parameters: by the observation, within an "
    "episode, or by what the rule remembers.",
    "Predictor of reward": "the outputs that are fitted to reward, and whether actions are chosen by them.",
}
READINGS = {"equal": "at equal environment steps", "matched": "at matched capability"}
NO_CLAIM = "no claim about goals"


def readings(summary: Mapping[str, Any]) -> dict[str, str]:
    """The ways in which rules are compared, the leading one first: capability, where rules live unlike many steps."""
    return READINGS if summary.get("alike", True) else dict(reversed(READINGS.items()))


def words(name: object) -> str:
    """The name of a rule or an outcome as a reader would write it."""
    return RULES.get(str(name)) or OUTCOMES.get(str(name)) or plain(name)


def plain(name: object) -> str:
    """The name of a condition or an evaluation as a reader would write it."""
    return str(name).replace("_", " ")


def audit_cells(row: Mapping[str, Any]) -> list[str]:
    """A row of the audit's table; `row` has the fields of `auditing.Reach`."""
    gradient = "; ".join(f"{head}: {', '.join(groups)}" for head, groups in row["gradient"].items())
    consulted = {head: "acts" if head in row["reads"] else "does not act" for head in row["fitted"]}
    return [
        row["rule"],
        "–" if row["level"] is None else str(row["level"]),
        f"as {row['enters']}" if row["enters"] in ("choices", "amounts") else row["enters"],
        gradient or "nothing",
        "yes" if row["derivative"] else "no",
        f"by {' and '.join(row['act'])}" if row["act"] else "no",
        ", ".join(f"{head}, which {does}" for head, does in consulted.items()) or "none",
    ]


def ended(outcome: str) -> str:
    """What an agent did in an episode with that outcome."""
    return ENDED.get(outcome, f"ended with “{outcome}”")


def place(evaluation: str) -> str:
    """Where an evaluation takes place."""
    return PLACES.get(evaluation.replace("_", "-"), f"on “{evaluation}”")


def listed(items: Iterable[object]) -> str:
    """ "a, b and c"; "" for none."""
    *most, last = [*map(str, items)] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def names(rules: Iterable[str]) -> str:
    return listed(map(words, rules))


def count(number: int, noun: str) -> str:
    """ "1 seed", "2 seeds"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def counts(numbers: Iterable[int], noun: str) -> str:
    """ "32 seeds each" where all are the same, else "32, 31 and 30 seeds"."""
    numbers = list(numbers)
    if len(numbers) > 1 and len(set(numbers)) == 1:
        return f"{count(numbers[0], noun)} each"
    return f"{listed(numbers)} {noun}{'s' * (numbers != [1])}"


def sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def percent(share: float) -> str:
    """A share in percent, without the sign; a digit more close to 0 and 100, so that "never" and "always" mean it."""
    value = 100 * share
    if math.isnan(value):
        return "–"
    return f"{value:.1f}" if 0.05 <= abs(value) < 0.95 or 99.05 < abs(value) < 99.95 else f"{round(value):d}"


def number(value: float, measure: str = "") -> str:
    """A share in percent, or a return as it is."""
    return f"{value:.3g}" if measure == "return" else percent(value)


def figure(found: dict, measure: str = "") -> str:
    """A figure as "93 % [91–94]", or "475 [457–493]" for returns; without the interval where there is none."""
    if found["iqm"] is None:
        return "–"
    ends = "" if found["low"] is None else f" [{number(found['low'], measure)}–{number(found['high'], measure)}]"
    return number(found["iqm"], measure) + " %" * (measure != "return") + ends
