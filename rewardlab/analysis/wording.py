"""The words in which results are told: what any world and rule have in common, numbers, counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

# What a rule reads of reward.
LEVELS = {
    0: "nothing",
    1: "whether the return clears a bar",
    2: "the order of returns",
    3: "the return of an episode",
    4: "which step paid",
    5: "a learned predictor of reward",
}
MINDS = {
    "observation": "percept",
    "memory": "what the rule remembers",
    "request": "asked",
    "state": "given the world's state",
    "dynamics": "given its dynamics, reward included",
}
# Rules of these levels can't learn a goal from reward; they are run to show what comes about without.
CONTROL_RULES = {0: "a control: it reads nothing of reward", 1: "a control: it shows what the prior alone does"}
# The outcomes of a world that names none. They say nothing about goals.
UNNAMED = {"terminated": "ended before time was up", "truncated": "ran out of time"}
# The audit's columns, and what each says.
AUDIT = {
    "Rule": "",
    "Level": "what the rule itself declares; the audit does not use it.",
    "Reward enters the update": "whether the new parameters depend on the reward that the rule was told or shown: as amounts, "
    "its numbers go into them; as choices, it only decides (a bar, an order, a draw); it may carry amounts where it becomes a "
    "whole number, or the number of a loop's turns; or not at all. Beside it stands the scripted policy that a rule is shown.",
    "Its gradient reaches": "which parameters reward's gradient reaches through which output of the network, output: groups. "
    "A group is an output's own layer, the trunk that outputs share, or an output's own trunk.",
    "Derivative of behaviour": "whether the new parameters depend on a derivative of the output that actions are chosen by.",
    "The mind is": "what the acting function is given of reward beside its parameters, which belongs to the setting and not to the "
    "rule: blind, nothing; percept, the reward of earlier steps is in what it observes; asked, the return that is wanted is; or "
    "reward comes by what the rule remembers. A scripted policy of a probe has no parameters and no level; what it is given of the "
    "world that agents never are is what the probe declares.",
    "Predictor of reward": "the outputs that are fitted to reward, and whether actions are chosen by them.",
}
READINGS = {"equal": "at equal environment steps", "matched": "at matched capability"}
NO_CLAIM = "no claim about goals"
STEPS = "steps lived"  # a measure


class Words(NamedTuple):
    """What rules and worlds say of themselves, by the names that an experiment has for them; see `naming.py`.

    rules: {rule: its title}. outcomes: {outcome: what an agent did in such an episode}. evaluations: {evaluation: where it
    takes place}. What is not there is told by its name.
    """

    rules: Mapping[str, str] = MappingProxyType({})
    outcomes: Mapping[str, str] = MappingProxyType({})
    evaluations: Mapping[str, str] = MappingProxyType({})

    def rule(self, name: object) -> str:
        """ "REINFORCE"."""
        return self.rules.get(str(name)) or plain(name)

    def names(self, rules: Iterable[object]) -> str:
        """ "REINFORCE, PPO and parallel Q"."""
        return listed(map(self.rule, rules))

    def ended(self, outcome: object) -> str:
        """What an agent did in an episode with that outcome: "reached the coin"."""
        return self.outcomes.get(str(outcome)) or UNNAMED.get(str(outcome)) or f"ended with “{plain(outcome)}”"

    def place(self, evaluation: object) -> str:
        """Where an evaluation takes place: "with the coin at a detour"."""
        return self.evaluations.get(str(evaluation)) or f"on “{plain(evaluation)}”"


def readings(summary: Mapping[str, Any]) -> dict[str, str]:
    """The ways in which rules are compared, the leading one first: capability, where rules live unlike many steps."""
    return READINGS if summary.get("alike", True) else dict(reversed(READINGS.items()))


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
        (f"as {row['enters']}" if row["enters"] in ("choices", "amounts") else row["enters"])
        + (f"; it is shown what “{row['shown']}” does" if row.get("shown") else ""),
        gradient or "nothing",
        "yes" if row["derivative"] else "no",
        mind(row),
        ", ".join(f"{head}, which {does}" for head, does in consulted.items()) or "none",
    ]


def mind(row: Mapping[str, Any]) -> str:
    """What a mind is given of reward, by a row of the audit: "blind", "percept and asked", "given the world's state"."""
    return listed(MINDS.get(how, how) for how in row["act"]) or "blind"


def listed(items: Iterable[object]) -> str:
    """ "a, b and c"; "" for none."""
    *most, last = [*map(str, items)] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def count(number: int, noun: str) -> str:
    """ "1 seed", "2 seeds"."""
    return f"{number} {noun}{'' if number == 1 else 'es' if noun.endswith('ch') else 's'}"


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
    """A share in percent, a return as it is, or steps as a whole number."""
    return f"{value:,.0f}" if measure == STEPS else f"{value:.3g}" if measure == "return" else percent(value)


def figure(found: dict, measure: str = "") -> str:
    """A figure as "93 % [91–94]", "475 [457–493]" for returns, or "5,376 [3,776–7,232]" for steps; without the interval where
    there is none.
    """
    if found["iqm"] is None:
        return "–"
    ends = "" if found["low"] is None else f" [{number(found['low'], measure)}–{number(found['high'], measure)}]"
    return number(found["iqm"], measure) + " %" * (measure not in ("return", STEPS)) + ends
