"""The figure of `percept`: behaviour within a lifetime while no parameter changes, a panel a rule, a curve an evaluation."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import competent
from rewardlab.analysis.wording import plain
from rewardlab.questions.lifetimes import ROLES, roles
from rewardlab.report.numbers import main_condition, summarise
from rewardlab.report.style import INK, NONE, Claims, colours, draw_band, grid, name_panel, outcome_colour


def draw_lifetimes(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """The share of pulls that pay most against the pulls of a lifetime."""
    palette, said, told, able = colours(results), read(results), roles(results), competent(results)
    figure, axes = grid(len(palette), 1.5)
    shades = {name: outcome_colour((4, 0, 5, 1, 2, 3)[k % 6]) for k, name in enumerate(told, -1)} | {
        next(iter(told)): INK
    }
    best = results["course"].sel(condition=main_condition(results), signal="best")
    parts = best.sizes["part"]
    middle = (np.arange(parts) + 0.5) / parts
    for axis, rule in zip(axes, palette, strict=True):
        mine = best.sel(rule=rule).transpose("seed", "evaluation", "part")
        mine = mine.values[able.sel(rule=rule).values.astype(bool)]
        for e, evaluation in enumerate(told):
            if len(mine):
                draw_band(axis, summarise(middle, mine[:, e]), shades[evaluation], gid=f"{rule}/{evaluation}")
        if not len(mine):
            axis.text(
                0.5, 0.5, "no seed was competent", transform=axis.transAxes, ha="center", fontsize=6.5, style="italic"
            )
        name_panel(axis, said.rule(rule), palette[rule])
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0", "50", "100"])
        axis.set_ylim(-0.02, 1.02)
        axis.set_yticks([0, 0.5, 1], ["0", "50", "100"])
    figure.supxlabel("% of a lifetime lived", fontsize=8)
    figure.supylabel("pulls that pay most, %", fontsize=8)
    handles = [Line2D([], [], color=shades[name], label=f"{plain(name)}: {ROLES[what]}") for name, what in told.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 3), fontsize=7)
    return figure
