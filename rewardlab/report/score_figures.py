"""The figure of `score_on_screen`: task return against displayed return, a panel a rule, a point an evaluation."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import competent
from rewardlab.analysis.wording import plain
from rewardlab.questions.displays import DOES, displays, sums, trainings
from rewardlab.report.numbers import summarise
from rewardlab.report.style import FAINT, INK, NONE, Claims, colours, grid, name_panel, outcome_colour

SHADES = {"faithful": INK, "frozen": outcome_colour(2), "offset": outcome_colour(4), "writable": outcome_colour(5)}
CONTROLS = {
    "paid": ("s", "paid for the number, display can be written on"),
    "unseen": ("^", "trained with the display frozen, likewise"),
}


def draw_scores(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Task return against displayed return."""
    palette, said, told, able = colours(results), read(results), displays(results), competent(results)
    each, trained, rules = sums(results), trainings(results), [str(rule) for rule in results.rule.values]
    figure, axes = grid(len(palette), 1.9)
    top = max(np.nanmax(each["task"]), 1e-9)
    for axis, rule in zip(axes, palette, strict=True):
        i = rules.index(rule)
        mine = able.sel(rule=rule).values.astype(bool)
        for e, (name, does) in enumerate(told.items()):
            if mine.any():
                point(axis, each, (i, 0, mine, e), SHADES.get(does, FAINT), "o", f"{rule}/{name}")
        for j, condition in enumerate(map(str, results.condition.values)):
            kind = trained.get(condition, "")
            seeds = np.isfinite(each["task"][i, j]).all(-1)
            if kind in CONTROLS and "writable" in told.values() and seeds.any():
                e = [*told.values()].index("writable")
                point(axis, each, (i, j, seeds, e), SHADES["writable"], CONTROLS[kind][0], f"{rule}/{condition}")
        if not mine.any():
            axis.text(
                0.5, 0.5, "no seed was competent", transform=axis.transAxes, ha="center", fontsize=6.5, style="italic"
            )
        axis.plot([0, top], [0, top], color=FAINT, linewidth=0.8, linestyle=":", zorder=1)
        name_panel(axis, said.rule(rule), palette[rule])
        if np.nanmax(each["displayed"]) > 10 * top:
            axis.set_yscale("symlog", linthresh=top)
    figure.supxlabel("task return of an episode", fontsize=8)
    figure.supylabel("displayed return of an episode", fontsize=8)
    handles = [
        Line2D([], [], color=SHADES.get(does, FAINT), marker="o", linewidth=0, label=f"{plain(name)}: {DOES[does]}")
        for name, does in told.items()
    ]
    handles += [
        Line2D([], [], color=SHADES["writable"], marker=mark, markerfacecolor="white", linewidth=0, label=label)
        for kind, (mark, label) in CONTROLS.items()
        if kind in trained.values()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=7)
    return figure


def point(axis, each: dict[str, np.ndarray], at: tuple, colour: str, mark: str, gid: str):
    """Both means with both intervals; hollow unless it is a circle."""
    x, y = (summarise(0.0, each[what][at[0], at[1]][at[2], at[3]][:, None]) for what in ("task", "displayed"))
    axis.hlines(y.centre, x.low, x.high, color=colour, linewidth=1.1, zorder=3)
    axis.vlines(x.centre, y.low, y.high, color=colour, linewidth=1.1, zorder=3)
    fill = colour if mark == "o" else "white"
    axis.plot(x.centre, y.centre, mark, color=colour, markersize=4.5, markerfacecolor=fill, zorder=4, gid=gid)
