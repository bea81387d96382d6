"""The figure of `lookahead`: before which walls agents turn off, and how well their later moves are told."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis import reading
from rewardlab.analysis.naming import read
from rewardlab.analysis.runs import runs_of
from rewardlab.analysis.wording import plain
from rewardlab.probes.moves_ahead import AND_MOVE
from rewardlab.questions.ahead import ahead, layers_of, met
from rewardlab.report.numbers import Curve, summarise
from rewardlab.report.style import FAINT, INK, NONE, WIDTH, Claims, colours, dark, draw_points

MARKS = ("o", "s", "^", "D")


def draw_lookahead(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Two panels a rule: turning off by depth of the wall, by condition; moves told by steps later."""
    palette, said, runs = colours(results), read(results), runs_of(results)
    rules = [rule for rule in palette if ahead(results, runs, rule, runs.conditions[0]).able.any()] or [*palette][:1]
    depths, later = (results[name].values.astype(int) for name in ("depth", "ahead"))
    figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
    axes = figure.subplots(2, len(rules), sharex="row", sharey="row", squeeze=False)
    for (above, below), rule in zip(axes.T, rules, strict=True):
        above.axvspan(depths[0] - 0.5, met(results) + 0.5, color="#F1F1F1", zorder=0)
        above.set_title(said.rule(rule), loc="left", color=dark(palette[rule]), fontweight="bold")
        for c, condition in enumerate(runs.conditions):
            one = ahead(results, runs, rule, condition)
            if not one.able.any():
                continue
            colour = palette[rule] if c == 0 else INK
            curve = _curve(depths, one.turned[one.able])
            draw_points(above, curve, colour, 0.08 * c, c > 0, True, f"{rule} {condition} turned")
            above.plot(depths + 0.08 * c, curve.centre, MARKS[c % 4], color=colour, markersize=4,
                       markerfacecolor=colour if c == 0 else "white", zorder=5)  # fmt: skip
            if c == 0:
                bare = _curve(depths, one.without[one.able])
                above.plot(depths, bare.centre, ":", color=colour, linewidth=1, gid=f"{rule} without")
        _told(below, results, rule, later, palette[rule])
    for axis, ticks in ((axes[0, 0], depths), (axes[1, 0], later)):
        axis.set_xticks(ticks)
    axes[0, 0].set_ylim(-0.03, 1.03)
    axes[0, 0].set_ylabel("levels in which it turns off", fontsize=8)
    axes[1, 0].set_ylabel("moves told, held out", fontsize=8)
    for above, below in axes.T:
        above.set_xlabel("moves to the wall", fontsize=8)
        below.set_xlabel("steps later", fontsize=8)
    marks = [
        Line2D(
            [], [], marker=MARKS[c % 4], color=INK, markerfacecolor=INK if c == 0 else "white", label=plain(condition)
        )
        for c, condition in enumerate(runs.conditions)
    ]
    marks.append(Line2D([], [], linestyle=":", color=INK, label="no wall"))
    figure.legend(handles=marks, loc="outside upper center", ncols=len(marks), fontsize=7)
    return figure


def _told(axis, results: xr.Dataset, rule: str, later: np.ndarray, colour: str) -> None:
    runs = runs_of(results)
    able = ahead(results, runs, rule, runs.conditions[0]).able
    if not able.any():
        return
    first, main, last = str(results.evaluation.values[0]), runs.conditions[0], layers_of(results, rule)[-1]

    def curve(name: str, source: str) -> Curve:
        return _curve(later, reading.cell(results, rule, main, name, first).sel(source=source).values[able])

    draw_points(axis, curve("ahead_told_untrained", last), FAINT, 0.0, False, True, f"{rule} untrained")
    now = curve("ahead_told", AND_MOVE)
    axis.plot(later, now.centre, "x--", color=INK, linewidth=0.9, markersize=4, gid=f"{rule} now")
    draw_points(axis, curve("ahead_told", last), colour, 0.0, False, True, f"{rule} read")


def _curve(x: np.ndarray, values: np.ndarray) -> Curve:
    """Of float[seeds, x], at each x of the seeds that have a number there."""
    points = [summarise(0.0, column[np.isfinite(column), None]) for column in values.T]
    centre, low, high = (np.concatenate([getattr(p, what) for p in points]) for what in ("centre", "low", "high"))
    return Curve(x, centre, low, high, len(values))
