"""The figure of `ridge`: where seeds go, and what noise and slips leave of their return."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import competent
from rewardlab.questions.routes import fragile, noised, slips, survival
from rewardlab.report.numbers import summarise
from rewardlab.report.style import INK, NONE, WIDTH, Claims, colours, draw_band, draw_dots, draw_interval, rule_rows


def draw_ridge(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Share on the ridge by rule; return against noise in the parameters, and against slips. Competent seeds."""
    palette, able, said = colours(results), competent(results), read(results)
    ways, (sizes, returns), tests = fragile(results), noised(results), slips(results)
    figure = Figure(figsize=(WIDTH, 0.8 + 0.32 * max(len(palette), 7)), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.2, 1, 1))
    rules = rule_rows(left, results)
    last = results["return"].isel(condition=0, point=-1).sel(evaluation=list(tests))
    for row, rule in enumerate(rules):
        mine = able.sel(rule=rule).values.astype(bool)
        if not mine.any():
            left.text(0.5, row, "no seed was competent", ha="center", va="center", fontsize=6.5, style="italic")
            continue
        taken = ways[row, 0, mine]
        draw_dots(left, taken, row, palette[rule])
        draw_interval(left, summarise(0.0, taken[:, None]), row, palette[rule], gid=rule)
        draw_band(middle, summarise(sizes, returns[row, 0, mine]), palette[rule], gid=rule, label=said.rule(rule))
        left_of = last.sel(rule=rule).transpose("seed", "evaluation").values[mine]
        draw_band(right, summarise([*tests.values()], left_of), palette[rule], gid=rule)
    slip = np.linspace(0, max(*tests.values(), 1e-6), 60)
    right.plot(slip, survival(results, slip), color=INK, linewidth=0.9, dashes=(4, 3), gid="closed form")
    left.set_xlim(-0.03, 1.03)
    left.set_xticks([0, 0.5, 1], ["0", "50", "100"])
    for axis, title, x in (
        (left, "The way", "% along the ridge"),
        (middle, "Noise in parameters", "noise / root mean square"),
        (right, "Slips", "chance that a step slips"),
    ):
        axis.set_title(title, loc="left", fontweight="bold")
        axis.set_xlabel(x, fontsize=8)
    for axis in (middle, right):
        axis.set_ylim(-0.02, 1.04)
    middle.set_ylabel("return", fontsize=8)
    return figure
