"""The figures of `learned_reward`: true and modelled return over training, and true against modelled return."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis import stats
from rewardlab.analysis.naming import read
from rewardlab.analysis.runs import Runs, runs_of
from rewardlab.analysis.wording import plain
from rewardlab.questions.overoptimising import BEST, Models, chosen, course, models
from rewardlab.report.numbers import Curve
from rewardlab.report.style import INK, NONE, WIDTH, Claims, colours, draw_band, short_steps


def _mean(x: np.ndarray, values: np.ndarray) -> Curve:
    """Means over seeds, float[seeds, P], as the question has them."""
    centre, low, high = stats.mean_interval(values) if len(values) else (np.full(len(x), np.nan),) * 3
    return Curve(x, centre, low, high, len(values))


def _shown(of: Models, runs: Runs) -> list[str]:
    """The true reward, then models by their number of comparisons, then the others."""
    first = [of.truth, *of.numbers]
    return [*first, *(c for c in runs.conditions if c not in first)]


def draw_curves(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """True return above, what the model says below, over training; a column a model. The square root of steps spreads the start."""
    palette, said, runs, of = colours(results), read(results), runs_of(results), models(results)
    shown = _shown(of, runs)
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots(2, len(shown), sharex=True, sharey="row", squeeze=False)
    for k, condition in enumerate(shown):
        for rule, colour in palette.items():
            own = course(results, runs, rule, condition)
            for axis, values in zip(axes[:, k], (own.true, own.modelled), strict=True):
                if len(values) and not (axis is axes[1, k] and condition == of.truth):
                    draw_band(axis, _mean(own.at, values), colour, gid=rule)
        last = float(np.nanmax(results.steps)) or 1.0
        for axis in axes[:, k]:
            axis.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
            axis.set_xlim(0, last)
            axis.set_xticks([0, last / 4, last], ["0", short_steps(last / 4), short_steps(last)])
        axes[0, k].set_title(plain(condition).replace(" ", "\n", 1), loc="left", fontweight="bold")
        axes[1, k].set_xlabel("steps", fontsize=8)
    axes[0, 0].set_ylabel("true return", fontsize=8)
    axes[1, 0].set_ylabel("what the model says", fontsize=8)
    axes[1, 0].text(0.5, 0.5, "no model", transform=axes[1, 0].transAxes, ha="center", fontsize=7, color=INK)
    handles = [Line2D([], [], color=colour, label=said.rule(rule)) for rule, colour in palette.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=6, fontsize=7)
    return figure


def draw_pairs(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """True against modelled return, means over seeds: a line a rule, from the start (hollow) to the end; and best of n."""
    palette, said, runs, of = colours(results), read(results), runs_of(results), models(results)
    shown = [c for c in _shown(of, runs) if c != of.truth] or [of.truth]
    figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axis, condition in zip(axes, shown, strict=True):
        for rule, colour in palette.items():
            own = course(results, runs, rule, condition)
            if len(own.true):
                x, y = own.modelled.mean(0), own.true.mean(0)
                axis.plot(x, y, color=colour, linewidth=1.1, gid=rule)
                axis.plot(x[:1], y[:1], "o", color=colour, markersize=3.2, markerfacecolor="white")
                axis.plot(x[-1:], y[-1:], "o", color=colour, markersize=3.2)
        best = chosen(results, runs, of.tests[condition])
        if len(best.true):
            axis.plot(
                best.modelled.mean(0), best.true.mean(0), color=INK, linewidth=1.4, dashes=(4, 2), zorder=5, gid=BEST
            )
        axis.set_title(plain(condition).replace(" ", "\n", 1), loc="left", fontweight="bold")
        axis.set_xlabel("model says", fontsize=8)
    axes[0].set_ylabel("true return", fontsize=8)
    handles = [Line2D([], [], color=colour, label=said.rule(rule)) for rule, colour in palette.items()]
    handles.append(Line2D([], [], color=INK, dashes=(4, 2), label=BEST))
    figure.legend(handles=handles, loc="outside upper center", ncols=7, fontsize=7)
    return figure
