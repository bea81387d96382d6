"""The figure of `compatible_goals`: what goals account for off distribution, and how many are compatible, by training levels."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis import levels as declared
from rewardlab.analysis.naming import read
from rewardlab.analysis.runs import runs_of
from rewardlab.analysis.wording import CONTROL_RULES
from rewardlab.questions.goal_fits import PAID, PROXY, fits, goals_of, levels_of
from rewardlab.report.numbers import Curve, main_condition, summarise
from rewardlab.report.style import FAINT, NONE, WIDTH, Claims, colours, draw_interval, draw_points

SHOWN = 9  # goals


def draw_compatible_goals(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Fit of the goals that fit best, by rule; goals that are compatible on and off distribution against training levels."""
    palette, said, runs, names = colours(results), read(results), runs_of(results), goals_of(results)
    level = declared.declared(results)
    look = {rule: FAINT if level.get(rule) == 0 else colour for rule, colour in palette.items()}
    look = {rule: colour for rule, colour in look.items() if colour == FAINT or level.get(rule) not in CONTROL_RULES}
    learn = [rule for rule, colour in look.items() if colour != FAINT]
    every = {rule: fits(results, runs, runs.rules.index(rule), main_condition(results)) for rule in look}
    able = {rule: one.fit[one.able] if rule in learn else one.fit for rule, one in every.items()}
    able = {rule: fit for rule, fit in able.items() if len(fit)}
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    best = np.max([fit.mean(0) for rule, fit in able.items() if rule in learn] or [np.zeros(len(names))], axis=0)
    rest = [k for k in np.argsort(-best, kind="stable") if k not in (PAID, PROXY)]
    goals = [PAID, PROXY, *rest[: SHOWN - 2]]
    for r, (rule, fit) in enumerate(able.items()):
        control = rule in learn and runs.control
        other = fits(results, runs, runs.rules.index(rule), runs.control).fit if control else None
        for row, k in enumerate(goals):
            y = row + 0.12 * (r - (len(able) - 1) / 2)
            draw_interval(left, summarise(0.0, fit[:, [k]]), y, look[rule], f"{rule} {names[k]}")
            if other is not None:
                curve = summarise(0.0, other[:, [k]])
                left.plot(curve.centre, [y], "o", markersize=3.5, markerfacecolor="white", color=look[rule], zorder=5)
    left.axvline(0, color=FAINT, linewidth=0.8)
    left.set_yticks(range(len(goals)), [names[k] for k in goals])
    left.set_ylim(len(goals) - 0.5, -0.5)
    left.set_xlabel("fit, bits a step over acting at random", fontsize=8)
    left.set_title("What it is after, off distribution", loc="left", fontweight="bold")
    order = levels_of(results)
    for r, rule in enumerate(learn):
        found = [fits(results, runs, runs.rules.index(rule), name) for name in order]
        for where, hollow in (("on", False), ("off", True)):
            points = [summarise(0.0, one.compatible(where)[:, None]) for one in found]
            centre, low, high = (
                np.concatenate([getattr(p, what) for p in points]) for what in ("centre", "low", "high")
            )
            curve = Curve(np.arange(len(order)) + 0.0, centre, low, high, 0)
            draw_points(right, curve, palette[rule], 0.07 * (r - 2), hollow, True, f"{rule} {where}")
    right.set_xticks(range(len(order)), ["all" if np.isinf(n) else f"{n:g}" for n in order.values()])
    right.set_xlabel("training levels", fontsize=8)
    right.set_ylabel(f"compatible goals, of {len(names)}", fontsize=8)
    right.set_ylim(0, None)
    right.set_title("How many goals fit", loc="left", fontweight="bold")
    handles = [Line2D([], [], marker="o", color=colour, label=said.rule(rule)) for rule, colour in look.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=7)
    return figure
