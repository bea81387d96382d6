"""The parts of the page of `actor_critic`: what critics and actors prefer, what states are worth, what happens at an open wall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming
from rewardlab.analysis.wording import figure, plain
from rewardlab.questions import Figure, Section, Table

if TYPE_CHECKING:
    import xarray


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """The figure and its tables."""
    first, second = map(plain, summary["goals"])
    tables = [_preferences(results, summary, first), _values(results, summary, first, second)]
    walls = _walls(results, summary)
    tables += [walls] * any(row[1] != "–" for row in walls.rows)
    text = (
        f"Left: in how many levels the critic (hollow) and the actor prefer the {first} to the {second}. Middle: in how many they "
        "disagree. Right: what the critic says one step short of either, of both, where they coincide, and of none."
    )
    shown = Figure(
        "actor_critic", "Points by rule: what critic and actor prefer, their disagreement, values of states.", text
    )
    return [Section("Actor and critic, apart", "", (shown,), tuple(tables), lead=True)]


def _preferences(results: xarray.Dataset, summary: dict[str, Any], first: str) -> Table:
    said, rows = naming.read(results), []
    for rule, entry in summary["rules"].items():
        of, control = entry["critic"], entry["critic"]["control"]
        there = ["–"] * 2 if isinstance(control, str) else [*map(figure, control["shares"].values())][:2]
        rows.append([said.rule(rule), *map(figure, of["shares"].values()), *there, of["carries"] or "–"])
    head = ["Rule", f"Critic: {first}", f"Actor: {first}", "They disagree", f"Control, critic: {first}"]
    note = (
        "Share of the levels that part the goals: interquartile means over competent seeds [95 % interval]; the control's, all. "
        "The last column is the audit's: what of the actor the error of the critic reaches."
    )
    return Table([*head, f"Control, actor: {first}", "Critic's error reaches"], rows, note)


def _values(results: xarray.Dataset, summary: dict[str, Any], first: str, second: str) -> Table:
    said, rows = naming.read(results), []
    for rule, entry in summary["rules"].items():
        of = entry["critic"]
        values = [figure(x, "return") for x in of["values"].values()]
        rows.append([said.rule(rule), *values, *map(figure, of["steps"].values())])
    head = ["Rule", "Neither", first.capitalize(), second.capitalize(), "Both"]
    note = (
        f"What the critic says one step short of what the column names; “neither” is where the {first} would be, which then is at "
        "the other place. Right: in how many levels the actor, put there, takes that step."
    )
    return Table([*head, f"Takes the {first}", f"Goes to the {second}"], rows, note)


def _walls(results: xarray.Dataset, summary: dict[str, Any]) -> Table:
    said, rows = naming.read(results), []
    for rule, entry in summary["rules"].items():
        of = entry["critic"]
        values = [figure(x, "return") for x in of["wall_values"].values()]
        rows.append([said.rule(rule), *map(figure, of["wall"].values()), *values])
    head = ["Rule", "Come to the wall", "Pass it", "Value it more", "Value at the start", "At the wall", "Beyond"]
    note = (
        "With an end wall to walk through, on the last evaluation: episodes that come to it; of these, those that pass; of these, "
        "those in which the critic values the wall more than what is beyond. Values of the latter, means over episodes."
    )
    return Table(head, rows, note)
