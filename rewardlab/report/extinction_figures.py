"""The figure of `extinction`: behaviour before and after what is paid has changed, a panel a rule."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import config_of, scores_success
from rewardlab.analysis.wording import sentence
from rewardlab.questions.half_lives import changes, curves, reward_in_words
from rewardlab.report.numbers import summarise
from rewardlab.report.style import (
    FAINT,
    INK,
    NONE,
    Claims,
    colours,
    draw_band,
    grid,
    name_panel,
    outcome_colour,
    step_axis,
)


def draw_extinction(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Behaviour against environment steps: paid throughout, and under each change of pay."""
    palette, said, shares = colours(results), read(results), scores_success(results)
    figure, axes = grid(len(palette), 1.4, sharex=False)
    changed = changes(config_of(results))
    shades = {name: outcome_colour(k) for name, k in zip(changed, (1, 0, 4, 5), strict=False)}
    for axis, rule in zip(axes, palette, strict=True):
        start, found = curves(results, rule)
        for condition, one in found.items():
            if one is None:
                continue
            x, y, half = one
            curve = summarise(x, y)
            draw_band(axis, curve, shades.get(condition, FAINT), gid=f"{rule}/{condition}")
            if half is not None and np.isfinite(half):
                at = x[(x >= start).argmax()] + half
                axis.plot([at], [np.interp(at, x, curve.centre)], "o", markersize=4, color=shades[condition], zorder=5)
        if all(one is None for one in found.values()):
            axis.text(
                0.5, 0.5, "no seed was competent", transform=axis.transAxes, ha="center", fontsize=6.5, style="italic"
            )
        axis.axvline(start, color=INK, linewidth=0.7, dashes=(4, 3), zorder=1)
        name_panel(axis, said.rule(rule), palette[rule])
        if shares:
            axis.set_ylim(-0.02, 1.02)
            axis.set_yticks([0, 0.5, 1], ["0", "50", "100"])
        step_axis(axis, results.sel(rule=rule))
    figure.supxlabel("environment steps lived per seed", fontsize=8)
    figure.supylabel(
        f"{said.ended(results.outcome.values[0])}, % of episodes" if shares else "return per episode", fontsize=8
    )
    handles = [Line2D([], [], color=FAINT, label="Paid throughout")]
    handles += [
        Line2D([], [], color=colour, label=sentence(reward_in_words(changed[name]["reward"])))
        for name, colour in shades.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure
