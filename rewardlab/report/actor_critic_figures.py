"""The figure of `actor_critic`: what critics and actors prefer, how often they disagree, and what states are worth."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.reading import competent, filled
from rewardlab.analysis.runs import runs_of
from rewardlab.analysis.wording import plain
from rewardlab.questions.trunks import mean_over, off
from rewardlab.report.numbers import summarise
from rewardlab.report.style import (
    FAINT,
    INK,
    NONE,
    OUTCOME_COLOURS,
    WIDTH,
    Claims,
    colours,
    draw_dots,
    draw_interval,
    rule_rows,
)

MARKS = ("o", "s", "D", "o")  # neither, first, second, both
COLOURS = (FAINT, OUTCOME_COLOURS[0], OUTCOME_COLOURS[1], INK)


def draw_actor_critic(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Preferences of critic and actor, their disagreement, and the critic's values, a row a rule. Competent seeds."""
    palette, able = colours(results), competent(filled(results))
    runs = runs_of(results)
    where = off(results, runs)
    critic, actor, apart, worth = (
        mean_over(results, name, where)[:, 0] for name in ("critic_first", "actor_first", "disagreement", "value_near")
    )
    first, second = map(plain, runs.goals)
    figure = Figure(figsize=(WIDTH, 1.3 + 0.34 * max(len(palette), 5)), layout="constrained")
    left, middle, right = axes = figure.subplots(1, 3, sharey=True, width_ratios=(1.1, 1, 1.1))
    for row, rule in enumerate(rule_rows(left, results)):
        mine = able.sel(rule=rule).values.astype(bool) & np.isfinite(apart[row])
        if not mine.any():
            left.text(
                0.5, row, "no competent seed with a critic", ha="center", va="center", fontsize=6.5, style="italic"
            )
            continue
        for values, y, hollow, gid in ((critic, row - 0.18, True, "critic"), (actor, row + 0.18, False, "actor")):
            draw_dots(left, values[row, mine], y, palette[rule])
            draw_interval(left, summarise(0.0, values[row, mine][:, None]), y, palette[rule], f"{gid} {rule}", hollow)
        draw_dots(middle, apart[row, mine], row, palette[rule])
        draw_interval(middle, summarise(0.0, apart[row, mine][:, None]), row, palette[rule], gid=rule)
        for k, mark in enumerate(MARKS):
            found = summarise(0.0, worth[row, mine, k][:, None])
            right.plot([found.low[0], found.high[0]], [row, row], color=COLOURS[k], linewidth=1.4)
            right.plot(found.centre, [row], mark, color=COLOURS[k], markersize=4.5, gid=f"{k} {rule}")
    middle.axvline(0.5, color=INK, linewidth=0.7, dashes=(4, 3))
    for axis in (left, middle):
        axis.set_xlim(-0.03, 1.03)
        axis.set_xticks([0, 0.5, 1], ["0", "50", "100"])
    left.set_xlabel(f"% of levels: {second} ← → {first}", fontsize=8)
    middle.set_xlabel("% of levels in which they disagree", fontsize=8)
    right.set_xlabel("value, one step short of it", fontsize=8)
    for axis, title in zip(axes, ("What they prefer", "Disagreement", "What the critic says"), strict=True):
        axis.set_title(title, loc="left", fontweight="bold")
        axis.grid(axis="y", visible=False)
    near = ("neither", first, second, f"{first} and {second}")
    handles = [
        Line2D([], [], color=INK, marker="o", linewidth=0, markerfacecolor="white", label="critic"),
        Line2D([], [], color=INK, marker="o", linewidth=0, label="actor"),
        *(
            Line2D([], [], color=COLOURS[k], marker=MARKS[k], linewidth=0, label=f"near {name}")
            for k, name in enumerate(near)
        ),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=6, fontsize=7)
    return figure
