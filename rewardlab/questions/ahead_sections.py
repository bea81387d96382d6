"""The part of the page of `lookahead`: its figure, and tables of what is done before walls and what is told of later moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import naming, reading, stats
from rewardlab.analysis.runs import runs_of
from rewardlab.analysis.wording import figure, plain
from rewardlab.probes.moves_ahead import AND_MOVE, OBSERVATION
from rewardlab.questions import Figure, Section, Table
from rewardlab.questions.ahead import ahead, layers_of

if TYPE_CHECKING:
    import xarray

SHOWN = (
    "Above: in how many levels the first move goes the longer way, by how many moves away the wall on the shorter one is; main "
    "condition filled, others hollow, each with a mark of its own; dotted, levels without a wall; the grey strip has the depths "
    "of the main condition's training. Who searches is at 100 %, who only reacts at 0. Below: how often a linear map tells the "
    "move so many steps later, as an episode begins: from the last layer (filled), from that of untrained networks (grey), and "
    "from the observation and the move of now (crosses)."
)
OF = "Interquartile means over competent seeds of the main condition, all of others [95 % interval]"


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn: Any) -> list[Section]:
    """What is done at the fork, what is walked for nothing, and what is told of later moves."""
    said, runs, depths = naming.read(results), runs_of(results), summary["detour"]["depths"]
    able = [rule for rule, entry in summary["rules"].items() if entry["ahead"]["near"]["n"]]
    turned, walked, read = list[list[str]](), list[list[str]](), list[list[str]]()
    for rule in able:
        for condition, of in summary["rules"][rule]["ahead"]["conditions"].items():
            if not of["near"]["n"]:
                continue
            name = [said.rule(rule), plain(condition), str(of["near"]["n"])]
            turned.append(
                [*name, *(figure(of["turned"][d]) for d in depths), figure(of["open"]), figure(of["harmless"])]
            )
            walked.append([*name, *(figure(of["walked"][d]) for d in depths)])
        seeds = np.flatnonzero(ahead(results, runs, rule, runs.conditions[0]).able)
        first = str(results.evaluation.values[0])
        told = reading.cell(results, rule, runs.conditions[0], "ahead_told", first).isel(seed=seeds)
        bare = reading.cell(results, rule, runs.conditions[0], "ahead_told_untrained", first).isel(seed=seeds)
        rows = [(source, told.sel(source=source)) for source in (OBSERVATION, AND_MOVE, *layers_of(results, rule))]
        rows += [(f"{name}, untrained", bare.sel(source=name)) for name in layers_of(results, rule)]
        for source, values in rows:
            read.append([said.rule(rule), source, *(figure(stats.figure(x[np.isfinite(x)])) for x in values.values.T)])
    away = [f"{d} away" for d in depths]
    ahead_of = [f"{k} later" if int(k) else "Now" for k in map(str, results.ahead.values)]
    tables = (
        Table(
            ["Rule", "Condition", "Seeds", *away, "No wall", "On the longer way"],
            turned,
            f"Levels in which the first move goes the longer way, by moves from the start to the wall; last, without a "
            f"wall and with one on the longer way, as far away as the further ones. {OF}.",
        ),
        Table(
            ["Rule", "Condition", "Seeds", *away],
            walked,
            f"Moves beyond those of the scripted searcher, as a share of those that the scripted reactive policy "
            f"walks, where the cheese is reached. {OF}.",
        ),
        Table(["Rule", "Read in", *ahead_of], read, f"Moves told, held out. {OF}, in levels such as training had."),
    )
    shown = Figure(
        "lookahead", "Curves by rule: turning off by depth of the wall, and moves told by steps later.", SHOWN
    )
    return [Section("Before walls, and ahead", "", (shown,), tables, lead=True)]
