"""The figures of `dogs`: what culling, breeding and teaching come to, and a pedigree."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis import levels
from rewardlab.analysis.naming import read
from rewardlab.analysis.wording import CONTROL_RULES
from rewardlab.questions.breeding import best_of, breeders, cues_of, first_response, heritability, middle, obeyed, tree
from rewardlab.report.numbers import learning, summarise
from rewardlab.report.style import FAINT, INK, NONE, WIDTH, Claims, colours, draw_band, short_steps

DRAWN = 24  # generations of a pedigree


def _bred(results: xr.Dataset) -> dict:
    """Who keeps the fittest, control rules left out."""
    level = levels.declared(results)
    return {rule: b for rule, b in breeders(results).items() if level.get(rule) not in CONTROL_RULES}


def _expected(results: xr.Dataset, founders: int) -> float:
    return middle(best_of(founders, *cues_of(results)))


def _line(level: int | None) -> Any:
    """Control rules are all grey: their lines differ."""
    return {0: ":", 1: "--"}.get(-1 if level is None else level, "-")


def _log(axis, ticks: list, low: float, high: float):
    axis.set_xscale("log")
    axis.set_xlim(low, high)
    axis.set_xticks(ticks, [short_steps(tick) for tick in ticks])
    axis.minorticks_off()


def draw_dogs(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Commands obeyed against episodes and against the litter; the first response against the first selection."""
    palette, said, bred, share = colours(results), read(results), _bred(results), obeyed(results)
    level = levels.declared(results)
    palette = {rule: FAINT if level.get(rule) in CONTROL_RULES else colour for rule, colour in palette.items()}
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for rule in palette:
        draw_band(left, learning(results, rule), palette[rule], gid=rule, linestyle=_line(level[rule]))
    culls = {rule: b for rule, b in bred.items() if not b.varies}
    if culls:
        largest = max(b.founders for b in culls.values())
        left.axhline(_expected(results, largest), color=INK, linewidth=0.7, dashes=(4, 3))
        n = np.unique(np.geomspace(1, 4 * largest, 60).astype(int))
        middle.plot(n, [_expected(results, k) for k in n], color=INK, linewidth=0.9, gid="best")
    for rule, b in bred.items():
        values = share[list(map(str, results.rule.values)).index(rule)]
        point = summarise(0.0, values[np.isfinite(values)][:, None])
        mark = "o" if not b.varies else "^"
        middle.vlines(b.founders, point.low, point.high, color=palette[rule], linewidth=1.2)
        middle.plot([b.founders], point.centre, mark, color=palette[rule], markersize=4.5, gid=rule)
        selection, response = first_response(results, rule)
        right.scatter(selection, response, s=9, color=palette[rule], alpha=0.5, linewidth=0, marker=mark)
        if len(selection):
            right.plot(
                [selection.mean()], [response.mean()], mark, color=palette[rule], markeredgecolor=INK, markersize=5.5
            )
    for h2 in {heritability(cues_of(results)[0], b.tests) for b in bred.values()}:
        ends = np.array([0.0, max(right.get_xlim()[1], 1e-3)])
        right.plot(ends, h2 * ends, color=INK, linewidth=0.9, gid="breeder")
    last = float(results.steps.max())
    _log(middle, [1, 10, 100], 1, middle.get_xlim()[1])
    _log(left, [10.0**k for k in range(1, 10) if last / 200 < 10.0**k <= last], last / 150, last)
    for axis, title, x, y in (
        (left, "On the way", "episodes", "commands obeyed, %"),
        (middle, "At the end", "dogs in the first litter", ""),
        (right, "The first selection", "the kept less all, S", "the next generation less all"),
    ):
        axis.set_title(title, loc="left", fontweight="bold")
        axis.set_xlabel(x, fontsize=8)
        axis.set_ylabel(y, fontsize=8)
    for axis in (left, middle):
        axis.set_ylim(-0.02, 1.04)
        axis.set_yticks([0, 0.5, 1], ["0", "50", "100"])
    handles = []
    for rule, colour in palette.items():
        mark = "" if rule not in bred else "^" if bred[rule].varies else "o"
        line = _line(level[rule])
        handles.append(Line2D([], [], color=colour, marker=mark, linestyle=line, label=said.rule(rule)))
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=7)
    return figure


def draw_pedigree(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """The first generations of one run of the rule that varies most: parents above, children below, the fittest first."""
    said, bred = read(results), _bred(results)
    grown = [rule for rule, b in bred.items() if b.varies and len(tree(results, rule)[0])]
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axis = figure.subplots()
    axis.axis("off")
    if not grown:
        axis.text(0.5, 0.5, "no pedigree was kept", ha="center", fontsize=7, style="italic")
        return figure
    fitness, parents = (x[:DRAWN] for x in tree(results, grown[-1]))
    place = np.argsort(np.argsort(-fitness, axis=1, kind="stable"), axis=1)  # fittest left
    living = place[-1] == 0  # the fittest
    for g in range(len(fitness) - 2, -1, -1):
        before = np.zeros_like(living)
        for kind, lines in (("other", ~living), ("line", living)):
            pairs = [
                [(g, place[g, p]), (g + 1, place[g + 1, c])] for c in np.flatnonzero(lines) for p in {*parents[g, c]}
            ]
            dark = kind == "line"
            axis.add_collection(
                LineCollection(pairs, colors=INK if dark else FAINT, linewidths=0.7 if dark else 0.3, alpha=0.9 if dark else 0.35,
                               zorder=2 if dark else 1, gid=kind)
            )  # fmt: skip
        before[np.unique(parents[g, living])] = True
        living = before
    x = np.repeat(np.arange(len(fitness)), fitness.shape[1])
    dots = axis.scatter(x, place.ravel(), c=fitness.ravel(), cmap="viridis", s=9, linewidth=0, zorder=3, vmin=0, vmax=1)
    axis.set_xlim(-0.5, len(fitness) - 0.5)
    axis.set_ylim(fitness.shape[1], -1)
    bar = figure.colorbar(dots, ax=axis, shrink=0.6, label="fitness, % of commands")
    bar.set_ticks([0, 0.5, 1], labels=["0", "50", "100"])
    axis.set_title(f"{said.rule(grown[-1])}: generations from left to right, the fittest on top", loc="left")
    return figure
