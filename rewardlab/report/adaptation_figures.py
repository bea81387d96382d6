"""The figure of `adaptation`: the return of each episode of a lifetime, a panel a rule, a curve an evaluation."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import competent
from rewardlab.analysis.wording import plain
from rewardlab.questions.episodes import DOES, kinds, per_episode, returns
from rewardlab.report.numbers import summarise
from rewardlab.report.style import (
    FAINT,
    INK,
    NONE,
    Claims,
    colours,
    draw_points,
    grid,
    name_panel,
    outcome_colour,
)

SHADES = (4, 0, 5, 1, 2, 3)


def draw_episodes(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Mean return against the number of the episode in its lifetime."""
    palette, said, told, able, each = (
        colours(results),
        read(results),
        kinds(results),
        competent(results),
        returns(results),
    )
    figure, axes = grid(len(palette), 1.7)
    shades = {name: outcome_colour(SHADES[k % len(SHADES)]) for k, name in enumerate(told, -1)} | {
        next(iter(told)): INK
    }
    x = np.arange(1, each.shape[-1] + 1)
    rules = [str(rule) for rule in results.rule.values]
    for axis, rule in zip(axes, palette, strict=True):
        mine = each[rules.index(rule), 0][able.sel(rule=rule).values.astype(bool)]
        for policy in map(str, results.get("reference", xr.DataArray([])).values):
            level = per_episode(results, policy, next(iter(told)))
            axis.axhline(level, color=FAINT, linewidth=0.7, linestyle=(0, (3, 2)), zorder=1, gid=f"reference/{policy}")
            axis.text(x[-1] + 0.45, level, policy, fontsize=6, color=FAINT, ha="right", va="bottom")
        for e, evaluation in enumerate(told):
            if len(mine):
                aside = 0.06 * (e - (len(told) - 1) / 2)
                draw_points(
                    axis, summarise(x, mine[:, e]), shades[evaluation], aside, e > 0, True, f"{rule}/{evaluation}"
                )
        if not len(mine):
            axis.text(
                0.5, 0.5, "no seed was competent", transform=axis.transAxes, ha="center", fontsize=6.5, style="italic"
            )
        name_panel(axis, said.rule(rule), palette[rule])
        axis.set_xlim(0.55, x[-1] + 0.45)
        axis.set_xticks(x)
    figure.supxlabel("episode of a lifetime", fontsize=8)
    figure.supylabel("return of the episode", fontsize=8)
    handles = [Line2D([], [], color=shades[name], label=f"{plain(name)}: {DOES[what]}") for name, what in told.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 2), fontsize=7)
    return figure
