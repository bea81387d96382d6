"""Figures of sweeps: success against dose, and the dose of half success, a row of panels or of rules for each network."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.doses import half_doses
from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import has_goals, shifts
from rewardlab.analysis.wording import NO_CLAIM, plain, sentence
from rewardlab.report import numbers
from rewardlab.report.style import (
    FAINT,
    INK,
    NONE,
    WIDTH,
    Claims,
    colours,
    draw_dots,
    draw_points,
    label_ends,
)

OUT = 2.2  # how far beyond the doses tried those are drawn that are out of range, as a factor


def draw_sweep(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Success (return, in a world that names no outcomes) on every shift under each condition, evenly spaced.

    A row of panels for each network. Points are joined where the conditions have an order.
    """
    (parameter, values), said = numbers.swept(results), read(results)
    palette, names, known = colours(results), shifts(results) or [str(results.evaluation.values[0])], has_goals(results)
    networks = numbers.networks(results)
    figure = Figure(figsize=(WIDTH, 0.9 + 2.5 * len(networks)), layout="constrained")
    grid = figure.subplots(len(networks), len(names), sharex=True, sharey=True, squeeze=False)
    share = parameter and values.min() >= 0 and values.max() <= 1
    ticks = [f"{100 * v:g}" if share else f"{v:g}" for v in np.sort(values)]
    ticks = ticks if parameter else [plain(c) for c in results.condition.values]
    for row, (network, rules) in zip(grid, networks.items(), strict=True):
        reach = min(0.24, 0.06 * (len(rules) - 1))
        aside = np.linspace(-reach, reach, len(rules))
        for axis, name in zip(row, names, strict=True):
            curves = {rule: numbers.dose(results, rule, name) for rule in rules}
            for (rule, curve), beside in zip(curves.items(), aside, strict=True):
                silent = rule in no_claim.get(name, ())
                draw_points(axis, curve, palette[rule], beside, silent, joined=bool(parameter), gid=rule)
            title = f"{plain(name)}, {network}" if len(networks) > 1 else plain(name)
            axis.set_title(title, loc="left", fontweight="bold")
            axis.set_xticks(range(len(ticks)), ticks, fontsize=7)
            axis.set_xlim(-0.5, len(ticks) - 0.5)
            axis.grid(axis="x", visible=False)
            if known:
                axis.set_ylim(-0.02, 1.02)
                axis.set_yticks(np.linspace(0, 1, 6), ["0", "20", "40", "60", "80", "100"])
            if axis is row[-1]:
                label_ends(axis, curves, palette, numbers.titles(results))
    figure.supylabel(
        f"{said.ended(results.outcome.values[0])}, % of episodes" if known else "return per episode", fontsize=8
    )
    label = f"“{plain(parameter)}” in training" + ", %" * bool(share) if parameter else "trained with"
    fewest = min(numbers.each(results, str(c)).min() for c in results.condition.values)
    figure.supxlabel(f"{label} (evenly spaced; n ≥ {fewest} per rule and point)", fontsize=8)
    if any(no_claim.get(name) for name in names):
        handle = Line2D([], [], color=INK, marker="o", markersize=4, markerfacecolor="white", linestyle=(0, (3, 2)))
        figure.legend([handle], [NO_CLAIM], loc="outside upper right", handlelength=3)
    return figure


def draw_doses(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """The half dose of every seed, their median and its interval, at matched capability, on every shift."""
    found, palette, names, titles = half_doses(results), colours(results), shifts(results), numbers.titles(results)
    assert found is not None  # else there is no such figure
    tried = [dose for dose in found["doses"] if dose > 0]
    low, high = min(tried) / OUT, max(tried) * OUT
    rows: list[str | None] = []
    groups: list[tuple[str, int]] = []
    for network, rules in numbers.networks(results).items():
        rows += [*([None] if groups else []), *rules]
        groups.append((network, len(rows) - len(rules)))
    figure = Figure(figsize=(WIDTH, 0.9 + 0.24 * len(rows)), layout="constrained")
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]

    def place(half) -> np.ndarray:
        x = np.array([np.nan if h is None else float(h) for h in half])
        return np.clip(x, low, high)

    for axis, name in zip(axes, names, strict=True):
        axis.axvspan(max(tried), high * 1.3, color="#F4F4F4", zorder=0)
        axis.axvspan(low / 1.3, min(tried), color="#F4F4F4", zorder=0)
        for y, rule in enumerate(rows):
            if rule is None:
                continue
            of = found["half"]["matched"][rule][name]
            x = place(of["seeds"])
            draw_dots(axis, x[np.isfinite(x)], y, palette[rule])
            if of["half"] is not None:
                ends = place([of["low"], of["high"]])
                axis.plot(ends, [y, y], color=palette[rule], linewidth=1.8, solid_capstyle="round", zorder=4)
                axis.plot(
                    place([of["half"]]), [y], "o", markersize=5, color=palette[rule], zorder=5, gid=f"{rule}/half"
                )
        axis.set_xscale("log")
        axis.set_xlim(low / 1.3, high * 1.3)
        ticks = [low, *tried, high]
        said = [f"<{100 * min(tried):g}", *(f"{100 * dose:g}" for dose in tried), f">{100 * max(tried):g}"]
        axis.set_xticks(ticks, said, fontsize=6.5)
        axis.set_xticks([], minor=True)
        axis.set_title(plain(name), loc="left", fontweight="bold")
        axis.grid(axis="y", visible=False)
        axis.tick_params(axis="y", length=0)
    named = [(y, rule) for y, rule in enumerate(rows) if rule is not None]
    axes[0].set_yticks([y for y, _ in named], [titles[rule] for _, rule in named])
    axes[0].set_ylim(len(rows) - 0.5, -0.8)
    if len(groups) > 1:
        for network, y in groups:
            axes[-1].annotate(
                sentence(network), (1.0, y - 0.62), xycoords=("axes fraction", "data"), ha="right", va="center",
                fontsize=6.5, color=FAINT, style="italic",
            )  # fmt: skip
    figure.supxlabel(
        f"share “{plain(found['param'])}” in training with which half of the episodes succeed, % (log scale)",
        fontsize=8,
    )
    return figure
