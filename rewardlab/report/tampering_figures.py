"""The figure of `tampering`: who takes the shortcut at which distance, and when it was met and taken to, seed by seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.runs import runs_of
from rewardlab.questions.takeover import best, takeover
from rewardlab.report.numbers import Curve, main_condition, summarise, swept
from rewardlab.report.style import FAINT, NONE, WIDTH, Claims, colours, draw_points, short_steps


def draw_tampering(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Share of episodes that take the shortcut against its distance; discovery against takeover in the main condition."""
    palette, said, runs = colours(results), read(results), runs_of(results)
    param, values = swept(results)
    order = np.argsort(values, kind="stable")
    names = [str(results.condition.values[k]) for k in order]
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    first, last = float(np.nanmin(results.record_steps)), float(np.nanmax(results.steps))
    never = 3 * last  # where what never happened is drawn; what there was before training, at half of the first record
    hollow = {
        rule: colour in [*palette.values()][:k] for k, (rule, colour) in enumerate(palette.items())
    }  # it starts over
    filled = lambda rule, colour: "white" if hollow[rule] else colour  # noqa: E731
    for k, (rule, colour) in enumerate(palette.items()):
        every = {name: takeover(results, runs, runs.rules.index(rule), name) for name in names}
        points = [summarise(0.0, one.share[:, None]) for one in every.values()]
        centre, low, high = (np.concatenate([getattr(p, what) for p in points]) for what in ("centre", "low", "high"))
        beside = 0.02 * (k - len(palette) / 2)
        draw_points(
            left, Curve(np.arange(len(names)) + 0.0, centre, low, high, 0), colour, beside, hollow[rule], True, rule
        )
        one = every[main_condition(results)]
        jitter = np.random.default_rng(k).uniform(-0.03, 0.03, (2, len(one.found)))  # the same for the same results
        x, y = (np.clip(steps, first / 2, never) * (1 + shift) for steps, shift in zip(one[:2], jitter, strict=True))
        right.scatter(x, y, s=14, edgecolor=colour, facecolor=filled(rule, colour), alpha=0.6, linewidth=0.8, gid=rule)
    if optimal := best(results):
        left.plot(
            range(len(names)), [optimal[name] for name in names], color=FAINT, linewidth=1, linestyle="--", zorder=1
        )
    left.set_xticks(range(len(names)), [f"{values[k]:g}" for k in order])
    left.set_xlabel(param or "condition", fontsize=8)
    left.set_ylabel("episodes with the shortcut, %", fontsize=8)
    left.set_ylim(-0.03, 1.03)
    left.set_yticks([0, 0.5, 1], ["0", "50", "100"])
    left.set_title("At the end", loc="left", fontweight="bold")
    right.set_title("On the way, shortcut far", loc="left", fontweight="bold")
    ticks = [10.0**k for k in range(2, 9) if first / 2 < 10.0**k <= last]
    for axis, label in (
        (right.xaxis, "training first meets it, steps"),
        (right.yaxis, "policy takes it from then on, steps"),
    ):
        axis.set_label_text(label, fontsize=8)
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xticks([*ticks, never], [*map(short_steps, ticks), "never"])
    right.set_yticks([*ticks, never], [*map(short_steps, ticks), "never"])
    right.minorticks_off()
    right.plot([first / 2, last], [first / 2, last], color=FAINT, linewidth=0.8, linestyle=":", zorder=1)
    dots: dict[str, dict[str, Any]] = {
        rule: {"color": colour, "markerfacecolor": filled(rule, colour)} for rule, colour in palette.items()
    }
    handles = [Line2D([], [], marker="o", linewidth=0, label=said.rule(rule), **look) for rule, look in dots.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=7)
    return figure
