"""The part of the page of `demonstrations`: its figure and its table, and the differences in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming
from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import listed, number, sentence
from rewardlab.questions import Figure, Section, Table, goal_shift
from rewardlab.questions.taught import MARGIN, MEASURES, SAID

if TYPE_CHECKING:
    import xarray

SHOWN = (
    "Left: how often each goal is reached at each seed’s first capable point, the mean over the shifts. Small dots are seeds. "
    "Right: rules taught by example less rules taught by reward, with intervals that hold for all at once; grey: within the margin."
)
NOTE = f"In points of episodes, at matched capability, by intervals that hold for all at once. Margin: {number(MARGIN)} points."


def signed(share: float) -> str:
    """A difference in points: "−20", "0.1"."""
    return number(share).replace("-", "−")


def points(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """ "reached the coin by −0.2 to 0.1 and ran past it by −20 to −3": by what a rule differs from those taught by reward."""
    found = []
    for name, goal in zip(MEASURES, summary["goals"], strict=True):
        values = [of["differences"][name]["iqm"] for of in entry["taught"].values()]
        ends = dict.fromkeys(map(signed, (min(values), max(values))))
        found.append(f"{words_of(summary).ended(goal)} by {' to '.join(ends)}")
    return f"in points of episodes, {listed(found)}"


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn: Any) -> list[Section]:
    """The comparison, then what `goal_shift` has to show."""
    said, rows = naming.read(results), []
    for rule in summary["teachers"]["example"]:
        for other, of in summary["rules"][rule]["taught"].items():
            ends = [of["differences"][name] for name in MEASURES]
            cells = [f"{signed(one['iqm'])} [{signed(one['low'])} to {signed(one['high'])}]" for one in ends]
            rows.append([said.rule(rule), said.rule(other), *cells, SAID[of["sizes"]["success"]].removesuffix(" than")])
    goals = [sentence(said.ended(goal)) for goal in summary["goals"]]
    shown = Figure("demonstrations", "Points: both goals by rule; differences between teachers with intervals.", SHOWN)
    table = Table(["Taught by example", "Less one taught by reward", *goals, "It is"], rows, NOTE)
    lead = Section("By example and by reward", "", (shown,), (table,) * bool(rows), lead=True)
    return [lead, *goal_shift.sections(results, summary, drawn)]
