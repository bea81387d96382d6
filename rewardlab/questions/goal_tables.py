"""The part of the page of `compatible_goals`: its figure, and the figures behind it as two tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming
from rewardlab.analysis.wording import figure, plain, sentence
from rewardlab.questions import Figure, Section, Table
from rewardlab.questions.goal_fits import BAR, PAID, PROXY

if TYPE_CHECKING:
    import xarray

FIT = (
    "Fit in bits a step over acting at random, then the posterior, off distribution: interquartile means over competent seeds, "
    "of the untrained network over all [95 % interval]. Seeds: how many each goal fits best."
)
SHOWN = (
    "Left: the goals that account for most off distribution, for competent seeds (filled) and for those of the control (hollow); "
    "grey: an untrained network. Right: how many goals are compatible with what seeds do, on their training distribution (filled) "
    "and off it (hollow), by training levels."
)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn: Any) -> list[Section]:
    """What goals account for, and how many are compatible."""
    of, entries = summary["candidates"], {naming.read(results).rule(r): e["goals"] for r, e in summary["rules"].items()}
    rows = [[rule, *_fitted(own, of["names"])] for rule, own in entries.items()]
    head = ["Rule", *map(sentence, of["names"][: PROXY + 1]), "Fits best", "Seeds", "Control"]
    head[-1] += f": {of['names'][PAID]}"
    counts = [[rule, *map(_counted, own["compatible"].values())] for rule, own in entries.items()]
    columns = ["Rule", *map(plain, summary["seeds"]["conditions"])]
    note = (
        f"Of {len(of['names'])} goals, those of whose worth a seed loses at most {BAR:.0%}: on its training distribution; off it. "
        "Interquartile means over the seeds that learned what is paid for [95 % interval]."
    )
    shown = Figure("compatible_goals", "Points: fit of goals by rule; compatible goals against training levels.", SHOWN)
    return [
        Section("What they are after", "", (shown,), (Table(head, rows, FIT), Table(columns, counts, note)), lead=True)
    ]


def _fitted(own: dict[str, Any], names: list[str]) -> list[str]:
    def both(goal: str) -> str:
        return f"{figure(own['fits'][goal], 'return')}; {figure(own['posterior'][goal])}"

    best = sorted(own["best"].items(), key=lambda pair: -pair[1])[:4]
    held = f"{own['held']}: {both(own['held'])}" if own["held"] else "–"
    control = "–" if isinstance(own["control"], str) else figure(own["control"]["posterior"])
    return [both(names[PAID]), both(names[PROXY]), held, ", ".join(f"{goal} {n}" for goal, n in best) or "–", control]


def _counted(one: dict[str, Any]) -> str:
    return "–" if not one["on"]["n"] else f"{figure(one['on'], 'return')}; {figure(one['off'], 'return')}"
