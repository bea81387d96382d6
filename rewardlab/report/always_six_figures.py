"""The figure of `always_six`: what is answered to questions that no training shows, by how many answers training has."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.questions.answers import lessons, shares
from rewardlab.report.numbers import Curve, summarise
from rewardlab.report.style import FAINT, NONE, Claims, colours, draw_points, grid, name_panel, outcome_colour

SHOWN = {"right": ("right", 0, False), "commonest": ("the answer that training has most", 1, True)}


def draw_answers(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Right answers, and the commonest one, against the number of answers in training; the evidence for more as a line."""
    palette, said, told = colours(results), read(results), lessons(results)
    each, rules = shares(results, told), [str(rule) for rule in results.rule.values]
    order = np.argsort([lesson.answers for lesson in told.values()], kind="stable")
    answers, bits = (np.array([getattr(x, what) for x in told.values()])[order] for what in ("answers", "bits"))
    top = max(np.ceil(bits.max()), 1.0)
    figure, axes = grid(len(palette), 1.5)
    for axis, rule in zip(axes, palette, strict=True):
        axis.plot(answers, bits / top, color=FAINT, linewidth=1, dashes=(4, 3), zorder=1)
        for what, (_, shade, hollow) in SHOWN.items():
            values = each[what][rules.index(rule)]
            points = [summarise(0.0, x[np.isfinite(x)][:, None]) for x in values[order]]
            centre, low, high = (np.concatenate([getattr(p, k) for p in points]) for k in ("centre", "low", "high"))
            draw_points(
                axis, Curve(answers, centre, low, high, 0), outcome_colour(shade), 0.0, hollow, True, f"{rule}/{what}"
            )
        name_panel(axis, said.rule(rule), palette[rule])
        axis.set_ylim(-0.04, 1.04)
        axis.set_yticks([0, 0.5, 1], ["0", "50", "100"])
        axis.set_xticks(answers, [str(n) for n in answers])
        right = axis.secondary_yaxis("right", functions=(lambda y: y * top, lambda b: b / top))
        right.set_yticks([0, top / 2, top])
        right.tick_params(labelsize=6, colors="#888888")
    figure.supxlabel("answers that occur in training", fontsize=8)
    figure.supylabel("% of the questions that no training shows", fontsize=8)
    handles = [
        Line2D(
            [], [], color=outcome_colour(shade), marker="o", markerfacecolor="white" if hollow else None, label=label
        )
        for label, shade, hollow in SHOWN.values()
    ]
    handles.append(Line2D([], [], color=FAINT, dashes=(4, 3), label="bits of evidence a question (right)"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure
