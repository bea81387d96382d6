"""The figure of `online`: success in the shifted task since the shift came, beside training afresh, a panel a rule."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import config_of
from rewardlab.analysis.runs import runs_of
from rewardlab.analysis.wording import plain, sentence
from rewardlab.questions.half_lives import planned
from rewardlab.questions.recovery import shifted
from rewardlab.report.numbers import summarise
from rewardlab.report.style import (
    FAINT,
    INK,
    NONE,
    Claims,
    colours,
    draw_band,
    grid,
    inward,
    name_panel,
    outcome_colour,
    short_steps,
)


def draw_online(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Success in the shifted task against steps since the shift, or since the start: under each shift, afresh, and without any."""
    palette, said, runs = colours(results), read(results), runs_of(results)
    starts = shifted(config_of(results), runs)
    shown = {runs.conditions[0]: FAINT, runs.control: outcome_colour(1)}
    shown |= {name: outcome_colour(k) for name, k in zip(starts, (0, 4, 5), strict=False)}
    shift, success = runs.evaluations.index(runs.compared[0]), runs.measures.index(runs.goals[0])
    figure, axes = grid(len(palette), 1.4, sharex=False)
    for i, (axis, rule) in enumerate(zip(axes, palette, strict=True)):
        total = planned(results, rule)
        for condition, shade in shown.items():
            j, start = runs.conditions.index(condition), starts.get(condition, 0.0)
            there = runs.trained[i, j]
            able = runs.capable[i, j]
            if start and there.any():  # of seeds that had learned when the shift came
                there = there & able[np.arange(len(there)), (runs.steps[i, j] >= start * total).argmax(-1)]
            if not there.any():
                continue
            x, y = runs.steps[i, j, there].mean(0), runs.values[i, j, there, :, shift, success]
            since = x >= start * total
            draw_band(axis, summarise(x[since] - x[since][0], y[:, since]), shade, gid=f"{rule}/{condition}")
        axis.axhline(runs.control_capability, color=INK, linewidth=0.7, dashes=(4, 3), zorder=1)
        name_panel(axis, said.rule(rule), palette[rule])
        axis.set_ylim(-0.02, 1.02)
        axis.set_yticks([0, 0.5, 1], ["0", "50", "100"])
        end = (1.0 - min(starts.values(), default=0.0)) * total
        axis.set_xlim(0, end)
        axis.set_xticks([0, end / 2, end], ["0", short_steps(end / 2), short_steps(end)])
        inward(axis)
    figure.supxlabel("environment steps lived since the shift, or since the start", fontsize=8)
    figure.supylabel(f"{said.ended(runs.goals[0])} {said.place(runs.compared[0])}, %", fontsize=8)
    labels = {runs.conditions[0]: "Nothing shifts", runs.control: "Afresh"}
    handles = [
        Line2D([], [], color=c, label=labels.get(n) or sentence(f"shifted {plain(n)}")) for n, c in shown.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure
