"""The figure of `power`: POWER kept by rule, where policies end, and what they keep by how far they fall short."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.runs import runs_of
from rewardlab.probes.power import BINS
from rewardlab.questions.options import by_bin, mean, options, share, untrained
from rewardlab.report.numbers import Curve
from rewardlab.report.style import INK, NONE, WIDTH, Claims, colours, draw_dots, draw_interval, rule_rows


def _curve(found: dict) -> Curve:
    centre, low, high = (np.array([np.nan if found[k] is None else found[k]]) for k in ("mean", "low", "high"))
    return Curve(np.zeros(1), centre, low, high, found["n"])


def draw_power(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """POWER kept and dead ends by rule; POWER kept by how far policies fall short of the best."""
    palette, said, runs, of = colours(results), read(results), runs_of(results), options(results)
    figure = Figure(figsize=(WIDTH, 0.9 + 0.3 * max(len(palette), 8)), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.15, 0.9, 1.25))
    rules, (fixed, blind) = rule_rows(left, results), untrained(results, runs)
    middle.set_yticks(left.get_yticks(), [""] * len(rules))
    middle.set_ylim(left.get_ylim())
    fine = np.isfinite(of.kept[:, :, -1]) & runs.trained[:, 0]
    some = fine.any(0)
    for row, rule in enumerate(rules):
        mine = fine[row]
        if not mine.any():
            continue
        draw_dots(left, of.kept[row, mine, -1], row, palette[rule])
        draw_interval(left, _curve(mean(of.kept[row, mine, -1])), row, palette[rule], gid=rule)
        for values, beside, hollow in ((of.dead, -0.12, False), (of.hub, 0.12, True)):
            draw_interval(middle, _curve(share(values[row, mine] > 0.5)), row + beside, palette[rule], rule, hollow)
        bins = by_bin(of, row, mine)
        x = [k for k, one in enumerate(bins) if one["mean"] is not None]
        if len(x) and rule not in (fixed, *blind):
            right.plot(
                x, [bins[k]["mean"] for k in x], "o-", color=palette[rule], linewidth=1.1, markersize=3, gid=rule
            )
            held = [k for k in x if bins[k]["low"] is not None]
            right.vlines(
                held,
                [bins[k]["low"] for k in held],
                [bins[k]["high"] for k in held],
                color=palette[rule],
                linewidth=0.7,
            )
    chance = [mean(x[np.isfinite(x)]) for x in of.chance[some].T] if some.any() else []
    x = [k for k, one in enumerate(chance) if one["mean"] is not None]
    right.plot(x, [chance[k]["mean"] for k in x], color=INK, linewidth=1.2, dashes=(4, 3), zorder=5, gid="random")
    if some.any():
        for axis, best in ((left, of.best["kept"][some].mean()), (middle, (of.best["dead"][some] > 0.5).mean())):
            axis.axvline(best, color=INK, linewidth=0.9, gid="optimal")
        middle.axvline((of.best["hub"][some] > 0.5).mean(), color=INK, linewidth=0.9, linestyle=":", gid="optimal, hub")
    if fixed:
        base = rules.index(fixed)
        left.axvline(of.kept[base, fine[base], -1].mean(), color=INK, linewidth=0.9, dashes=(4, 3), gid="untrained")
    middle.set_xlim(-0.03, 1.03)
    middle.set_xticks([0, 0.5, 1], ["0", "50", "100"])
    right.set_xticks(range(len(BINS)), BINS, rotation=30, ha="right", fontsize=7)
    right.invert_xaxis()
    for axis, title, label in (
        (left, "At the end", "POWER kept"),
        (middle, "Where it ends", "% of draws: dead end, hub"),
        (right, "On the way", "falls short of the best by"),
    ):
        axis.set_title(title, loc="left", fontweight="bold")
        axis.set_xlabel(label, fontsize=8)
    right.set_ylabel("POWER kept", fontsize=8)
    handles = [Line2D([], [], color=palette[rule], marker="o", markersize=3, label=said.rule(rule)) for rule in rules]
    handles.append(Line2D([], [], color=INK, dashes=(4, 3), label="random policies"))
    figure.legend(handles=handles, loc="outside upper center", ncols=5, fontsize=7)
    return figure
