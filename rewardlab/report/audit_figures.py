"""The figures of `audit_process`: what plans are worth under each overseer, and which steps they are made of."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rewardlab.analysis.naming import read
from rewardlab.analysis.runs import runs_of
from rewardlab.analysis.wording import plain
from rewardlab.questions.gaming import KINDS, plan_of
from rewardlab.questions.overseers import closed_form, overseers
from rewardlab.report.numbers import Curve, summarise
from rewardlab.report.style import FAINT, INK, NONE, WIDTH, Claims, colours, draw_points, row_of_panels

STEPS = {"work": "#009E73", "polish": "#F0E442", "hide": "#B0B0B0", "cheat": "#D55E00"}


def draw_worth(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """True worth of plans against the overseer's noise, a panel an overseer who has several levels of it."""
    runs, said, palette, every = runs_of(results), read(results), colours(results), overseers(results)
    noisy = {name: of for name, of in every.items() if len(of.at) > 1} or every
    hollow = {rule: colour in [*palette.values()][:k] for k, (rule, colour) in enumerate(palette.items())}
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.subplots(1, len(noisy), sharey=True, squeeze=False)[0]
    for axis, (name, of) in zip(axes, noisy.items(), strict=True):
        for k, (rule, colour) in enumerate(palette.items()):
            points = [
                summarise(0.0, plan_of(results, runs, rule, condition, of.test)["true"][:, None])
                for condition in of.at.values()
            ]
            centre, low, high = (
                np.concatenate([getattr(p, what) for p in points]) for what in ("centre", "low", "high")
            )
            x = np.arange(len(points)) + 0.0
            draw_points(
                axis, Curve(x, centre, low, high, 0), colour, 0.09 * (k - len(palette) / 2), hollow[rule], True, rule
            )
        exact = closed_form(results, of)["paid"]["true"]
        axis.axhline(exact, color=INK, linewidth=0.9, dashes=(4, 3), zorder=1, gid="best paid")
        axis.set_title(plain(name), loc="left", fontweight="bold")
        axis.set_xticks(range(len(of.at)), [f"{noise:g}" for noise in of.at])
        axis.set_xlabel("noise", fontsize=8)
    axes[0].set_ylabel("what plans are worth", fontsize=8)
    handles = [
        Line2D(
            [], [], marker="o", color=colour, label=said.rule(rule), markerfacecolor="white" if hollow[rule] else colour
        )
        for rule, colour in palette.items()
    ]
    handles.append(Line2D([], [], color=INK, linewidth=0.9, dashes=(4, 3), label="the best-paid plan"))
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=7)
    return figure


def draw_steps(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """What plans are made of, by overseer with the least noise: watched the upper bar, unwatched the lower one."""
    runs, said, every = runs_of(results), read(results), overseers(results)
    rows = ["the best-paid plan", *map(said.rule, runs.rules)]
    figure, axes = row_of_panels([*every], len(rows))
    for axis, of in zip(axes, every.values(), strict=True):
        exact, condition = closed_form(results, of), next(iter(of.at.values()))
        both = [[exact["paid"], exact["alone"]]]
        for rule in runs.rules:
            tests = (of.test, of.alone)
            seen = [plan_of(results, runs, rule, condition, test) if test else {} for test in tests]
            both.append([{name: float(x.mean()) for name, x in own.items() if len(x)} for own in seen])
        for row, pair in enumerate(both):
            for made, y in zip(pair, (row - 0.2, row + 0.2), strict=True):
                left = 0.0
                for kind, colour in STEPS.items() if made else ():
                    axis.barh(y, made[kind], 0.36, left, color=colour, linewidth=0, gid=kind)
                    left += made[kind]
        axis.axhline(0.5, color=FAINT, linewidth=0.6)
        axis.set_yticks(range(len(rows)), rows)
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.set_xlabel("% of steps", fontsize=8)
    assert {*STEPS} == {"work", *KINDS}
    handles = [Patch(color=colour, label=kind) for kind, colour in STEPS.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=7)
    return figure
