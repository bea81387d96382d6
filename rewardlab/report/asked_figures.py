"""The figures of `return_prompt`: achieved against asked, and how episodes end against what is asked for."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import competent
from rewardlab.questions.asks import Place, places, trained, true_returns
from rewardlab.report.numbers import Curve, main_condition, summarise
from rewardlab.report.style import FAINT, INK, NONE, WIDTH, Claims, colours, dark, grid, outcome_colour


def of_place(results: xr.Dataset, values: xr.DataArray, rule: str, place: Place) -> Curve:
    """Some values of a rule's competent seeds (of all, of a rule that reads nothing of reward) against what is asked for in a
    place; values: [rule, condition, seed, evaluation].
    """
    mine = values.sel(rule=rule, condition=main_condition(results), evaluation=list(place.asks)).transpose(
        "seed", "evaluation"
    )
    able = competent(results).sel(rule=rule).values.astype(bool)
    blind = "level" in results and int(results["level"].sel(rule=rule)) == 0
    return summarise(list(place.asks.values()), mine.values[able | blind & np.isfinite(mine.values).all(1)])


def _points(axis, curve: Curve, colour, hollow: bool, gid: str):
    axis.vlines(curve.x, curve.low, curve.high, color=colour, linewidth=1.1, zorder=3)
    axis.plot(
        curve.x, curve.centre, color=colour, linewidth=1.0, linestyle=(0, (3, 2)) if hollow else "-", zorder=3, gid=gid
    )
    axis.plot(
        curve.x,
        curve.centre,
        "o",
        color=colour,
        markersize=3.6,
        markerfacecolor="white" if hollow else colour,
        zorder=4,
    )


def _panel(axis, results: xr.Dataset, curve: Curve):
    if span := trained(results):
        axis.axvspan(*span, color="#F3F3F3", zorder=0)
    if not curve.n:
        axis.text(
            0.5, 0.5, "no seed was competent", transform=axis.transAxes, ha="center", fontsize=6.5, style="italic"
        )


def draw_asked(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """What is achieved where nothing but what is asked for changes; hollow, where it differs, what that was truly worth."""
    palette, said, place = colours(results), read(results), places(results)[0]
    paid, true = results["return"].isel(point=-1), true_returns(results)
    parted = bool(np.nanmax(np.abs(paid - true)) > 1e-3 * max(float(np.nanmax(np.abs(paid))), 1e-6))
    figure, axes = grid(len(palette), 1.6)
    ends = [min(0, *place.asks.values()), max(place.asks.values())]
    for axis, (rule, colour) in zip(axes, palette.items(), strict=True):
        curve = of_place(results, paid, rule, place)
        axis.plot(ends, ends, color=FAINT, linewidth=0.8, zorder=1)
        _panel(axis, results, curve)
        if parted:
            _points(axis, of_place(results, true, rule, place), colour, True, f"{rule}/true")
        _points(axis, curve, colour, False, f"{rule}/paid")
        axis.set_title(said.rule(rule).replace(", ", ",\n"), loc="left", color=dark(colour), fontweight="bold")
    figure.supxlabel("return asked for", fontsize=8)
    figure.supylabel("return per episode", fontsize=8)
    if parted:
        handles = [
            Line2D([], [], label="paid", marker="o", markersize=4, color=INK),
            Line2D([], [], label="true", marker="o", markersize=4, color=INK, markerfacecolor="white", dashes=(3, 2)),
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def draw_goals(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """The first two outcomes against what is asked for: a row a rule, a panel a place."""
    palette, said, there = colours(results), read(results), places(results)
    figure = Figure(figsize=(WIDTH, 0.8 + 1.5 * len(palette)), layout="constrained")
    axes = figure.subplots(len(palette), len(there), sharex=True, sharey=True, squeeze=False)
    outcomes = [str(o) for o in results.outcome.values[:2]]
    for axis, place in zip(axes[0], there, strict=True):
        axis.set_title(place.label, loc="left", fontweight="bold")
    for row, (rule, colour) in zip(axes, palette.items(), strict=True):
        row[0].set_ylabel(said.rule(rule).replace(", ", ",\n"), color=dark(colour), fontweight="bold")
        for axis, place in zip(row, there, strict=True):
            hollow = any(rule in no_claim.get(name, ()) for name in place.asks)
            for k, outcome in enumerate(outcomes):
                shares = results.outcome_share.sel(outcome=outcome).isel(point=-1)
                curve = of_place(results, shares, rule, place)
                _points(axis, curve, outcome_colour(k), hollow, f"{rule}/{place.label}/{outcome}")
            _panel(axis, results, curve)
            axis.set_ylim(-0.03, 1.03)
            axis.set_yticks([0, 0.5, 1], ["0", "50", "100"])
    figure.supxlabel("return asked for", fontsize=8)
    figure.supylabel("% of episodes", fontsize=8)
    handles = [
        Line2D([], [], color=outcome_colour(k), marker="o", markersize=4, label=said.ended(o))
        for k, o in enumerate(outcomes)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure
