"""The part of the page of `inside`: its figure, and tables of read-outs, vectors, channels and what decisions hang on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import naming, stats
from rewardlab.analysis.runs import runs_of
from rewardlab.analysis.wording import figure, plain, sentence
from rewardlab.questions import Figure, Section, Table
from rewardlab.questions.insides import cell, inside, picked

if TYPE_CHECKING:
    import xarray

SHOWN = (
    "Above: how often a linear map tells the first step to a goal, from the observation and from activations of each layer, for "
    "competent seeds (filled), for those of the control (hollow) and for untrained networks (grey); dotted: always the commonest "
    "answer. Below: by how much the goal's vector, added at a layer, changes the share of episodes that end at the goal (filled), "
    "the same in the control (hollow), and random vectors of the same norm (crosses). In states and levels off distribution."
)
OF = "Interquartile means over competent seeds, over all of a control and of untrained networks [95 % interval], off distribution."


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn: Any) -> list[Section]:
    """What is read, what vectors and channels do, and what decisions hang on."""
    said, runs = naming.read(results), runs_of(results)
    bare = summary["opened"]["untrained"]
    main, control = runs.conditions[0], runs.control
    groups: dict[str, tuple[str, str, np.ndarray]] = {}  # how they are called -> (rule, condition, which seeds)
    for rule in runs.rules:
        for condition in runs.conditions:
            if rule == bare and condition != main:
                continue
            able = inside(results, runs, rule, condition).able
            which = np.flatnonzero(able | (rule == bare))
            name = (
                said.rule(rule) + f", {plain(condition)}" * (condition != main) + ", control" * (condition == control)
            )
            if len(which):
                groups[name] = rule, condition, which

    def table(head: list[str], row: Any, note: str) -> Table:
        return Table(["Seeds of", "", *head], [[name, str(len(of[2])), *row(*of)] for name, of in groups.items()], note)

    def told(values: np.ndarray, measure: str = "") -> str:
        return figure(stats.figure(values[np.isfinite(values)]), measure)

    reads = list(map(str, results.read.values))
    parts, layers = list(map(str, results.patch.values)), picked(results, runs.rules[0])

    def of_reads(rule: str, condition: str, which: np.ndarray) -> list[str]:
        x = cell(results, rule, condition, "readout").sel(source=picked(results, rule)[0]).values[which]
        return [told(x[:, k]) for k in range(len(reads))]

    def of_vectors(rule: str, condition: str, which: np.ndarray) -> list[str]:
        layer = picked(results, rule)[1]
        before = cell(results, rule, condition, "unsteered").values[which]
        steered = cell(results, rule, condition, "steered").sel(layer=layer).values[which]
        found = [told(before[:, 0]), told(before[:, 1])]
        for v in range(steered.shape[1]):
            found += ["; ".join(told(steered[:, v, c, end]) for end in (0, 1)) for c in (0, 1)]
        return found

    def of_patches(rule: str, condition: str, which: np.ndarray) -> list[str]:
        x = cell(results, rule, condition, "followed").sel(layer=picked(results, rule)[1]).values[which]
        return [told(x[:, k]) for k in range(len(parts))]

    def of_drives(rule: str, condition: str, which: np.ndarray) -> list[str]:
        drive, inflated, told_by = (
            cell(results, rule, condition, name).values[which]
            for name in ("drive", "drive_inflation", "drive_accuracy")
        )
        each = [f"{told(drive[:, k], 'return')} ({np.median(inflated[:, k]):.2g})" for k in range(drive.shape[1])]
        return [*each, *(told(told_by[:, k]) for k in range(told_by.shape[1]))]

    goals = [*map(plain, runs.goals)]
    vectors = [f"{v}, {c}" for v in map(str, results.vector.values) for c in map(str, results.coefficient.values)]
    last, middle = layers
    tables = (
        table(
            [*map(sentence, reads)],
            of_reads,
            f"Read at the last layer, “{last}”: R² of amounts, accuracy of answers. {OF}",
        ),
        table(
            [*(f"Episodes that end at the {goal}" for goal in goals), *map(sentence, vectors)],
            of_vectors,
            f"Vectors added at the middle layer, “{middle}”: episodes that end at the {'; at the '.join(goals)}. {OF}",
        ),
        table(
            [*map(sentence, parts)],
            of_patches,
            f"Decisions that go to where the {goals[0]} is in what was taken over at “{middle}”: nothing, channels, all. {OF}",
        ),
        table(
            [
                *map(sentence, map(str, results.distance.values)),
                *(f"By {name}" for name in map(str, results.told_by.values)),
            ],
            of_drives,
            f"What decisions between {goals[0]} and {goals[1]} hang on: log-odds of the {goals[0]} for a standard deviation "
            f"more of a distance (variance inflation, median), and how many held-out decisions are told. {OF}",
        ),
    )
    shown = Figure("inside", "Points: read-outs by layer, and what vectors change, by goal.", SHOWN)
    return [Section("What is inside", "", (shown,), tables, lead=True)]
