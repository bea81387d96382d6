"""The figure of `order`: what was penalised, before and after the penalty is lifted, a panel a rule."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import config_of
from rewardlab.analysis.runs import runs_of
from rewardlab.analysis.wording import plain, sentence
from rewardlab.questions.half_lives import planned
from rewardlab.questions.penalties import NEVER, THROUGHOUT, WHEN, courses, shares
from rewardlab.report.numbers import summarise
from rewardlab.report.style import FAINT, NONE, Claims, colours, draw_band, grid, name_panel, outcome_colour, step_axis

SHADES = dict(zip(WHEN, (FAINT, *map(outcome_colour, (0, 1, 4))), strict=True))


def dashes(when: str) -> Literal["--", "-"]:
    """A curve's style: that of a penalty throughout often lies on that of an early one."""
    return "--" if when == THROUGHOUT else "-"


def draw_order(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """How much of what was penalised is done, against environment steps, under each penalty; ticks where it is lifted."""
    palette, said, runs, of = colours(results), read(results), runs_of(results), courses(config_of(results))
    figure, axes = grid(len(palette), 1.4, sharex=False)
    for i, (axis, rule) in enumerate(zip(axes, palette, strict=True)):
        for condition, course in of.items():
            j, shade = runs.conditions.index(condition), SHADES[course.when]
            there = runs.trained[i, j]
            share = np.nan_to_num(shares(results, course.signal)[i, j, there], nan=1.0)
            if len(share):
                curve = summarise(runs.steps[i, j, there].mean(0), share)
                draw_band(axis, curve, shade, gid=f"{rule}/{condition}", linestyle=dashes(course.when))
            if course.when != NEVER:
                lift = course.lift * planned(results, rule)
                below = -0.06 if course.when != THROUGHOUT else -0.13
                axis.plot([lift], [below], "^", color=shade, markersize=4, clip_on=False, zorder=5)
        name_panel(axis, said.rule(rule), palette[rule])
        axis.set_ylim(-0.13, 1.04)
        axis.set_yticks([0, 0.5, 1], ["0", "50", "100"])
        step_axis(axis, results.sel(rule=rule))
    figure.supxlabel("environment steps lived per seed", fontsize=8)
    figure.supylabel("what was penalised, % of steps", fontsize=8)
    handles = []
    for name, one in of.items():
        handles.append(Line2D([], [], color=SHADES[one.when], label=sentence(plain(name))))
        handles[-1].set_linestyle(dashes(one.when))
    figure.legend(handles=handles, loc="outside upper center", ncols=max(len(handles), 1))
    return figure
