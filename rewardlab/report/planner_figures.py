"""The figure of `planner`: how episodes end in each way of deploying the same parameters, a panel a rule, a bar a way."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import competent
from rewardlab.analysis.wording import plain
from rewardlab.report.numbers import main_condition
from rewardlab.report.style import NONE, WIDTH, Claims, colours, name_panel, outcome_colour

LEAST = 0.08  # of a bar, to have room for a number


def draw_ways(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Stacked shares of outcomes on the first evaluation, mean over competent seeds; each with how many seeds mostly end so."""
    palette, said, able = colours(results), read(results), competent(results)
    ways, outcomes = ([str(x) for x in results[axis].values] for axis in ("way", "outcome"))
    share = results["way_outcome_share"].sel(condition=main_condition(results)).isel(evaluation=0)
    figure = Figure(figsize=(WIDTH, 1.2 + 0.24 * len(ways)), layout="constrained")
    axes = list(figure.subplots(1, len(palette), sharey=True, squeeze=False)[0])
    for axis, rule in zip(axes, palette, strict=True):
        mine = share.sel(rule=rule).transpose("seed", "way", "outcome").values
        mine = mine[able.sel(rule=rule).values.astype(bool)]
        for y in range(len(ways)):
            there = mine[np.isfinite(mine[:, y]).all(-1), y]
            left = 0.0
            for k, width in enumerate(there.mean(0) if len(there) else ()):
                axis.barh(y, width, 0.7, left, color=outcome_colour(k), gid=f"{rule}/{ways[y]}/{outcomes[k]}")
                many = int((there[:, k] > 0.5).sum())
                if many and width > LEAST:
                    light = k in (0, 3)
                    axis.text(
                        left + width / 2, y, str(many), ha="center", va="center", fontsize=6.5,
                        color="#222222" if light else "white",
                    )  # fmt: skip
                left += width
        if not len(mine):
            axis.text(0.5, 0.5, "no seed was competent", transform=axis.transAxes, ha="center", fontsize=6.5)
        name_panel(axis, said.rule(rule), palette[rule])
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0", "50", "100"])
        axis.grid(visible=False)
        axis.set_yticks(range(len(ways)), [plain(way) for way in ways])
        axis.set_ylim(len(ways) - 0.5, -0.5)
        axis.tick_params(axis="y", length=0)
    figure.supxlabel("% of episodes", fontsize=8)
    handles = [Patch(color=outcome_colour(k), label=said.ended(outcome)) for k, outcome in enumerate(outcomes)]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 3), fontsize=7)
    return figure
