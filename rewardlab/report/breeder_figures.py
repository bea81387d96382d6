"""The figure of `breeder`: cosines of the expected steps with the gradient, on the way to them, and by what is tried."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from rewardlab.analysis import reading
from rewardlab.questions.strides import paths, strides, varied
from rewardlab.report.numbers import summarise
from rewardlab.report.style import (
    INK,
    NONE,
    RULE_COLOURS,
    WIDTH,
    Claims,
    draw_dots,
    draw_interval,
    rule_rows,
    short_steps,
)


def _kinds(results: xr.Dataset) -> dict[str, str]:
    """{rule: the name of what it is}, the same for all variants of it."""
    told = reading.config_of(results)["rules"]
    return {rule: told[rule]["rule"] for rule in map(str, results.rule.values)}


def draw_breeder(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Cosines by rule, at both places; of the mean of as many steps as are paid for; their bias and cost, by spread."""
    kinds, found, (lived, cosine) = _kinds(results), strides(results), paths(results)
    order = list(dict.fromkeys(kinds.values()))
    colour = {rule: RULE_COLOURS[order.index(kind) % len(RULE_COLOURS)] for rule, kind in kinds.items()}
    figure = Figure(figsize=(WIDTH, max(0.8 + 0.26 * len(kinds), 4.5)), layout="constrained")
    axes = figure.subplot_mosaic([["rules", "way"], ["rules", "bias"], ["rules", "cost"]], width_ratios=(1.1, 1))
    rules = rule_rows(axes["rules"], results)
    axes["rules"].tick_params(axis="y", labelsize=6.5)
    seen: set[str] = set()
    for row, rule in enumerate(rules):
        for place, gap in enumerate((-0.17, 0.17)[: found.aligned.shape[-1]]):
            values = found.aligned[row, :, place]
            values = values[np.isfinite(values)]
            if not place:
                draw_dots(axes["rules"], values, row + gap, colour[rule])
            draw_interval(
                axes["rules"], summarise(0.0, values[:, None]), row + gap, colour[rule], gid=rule, hollow=place > 0
            )
        there = np.isfinite(cosine[row, :, 0]).all(-1)
        if kinds[rule] not in seen and there.any():
            line = summarise(lived[row, there, 0].mean(0), cosine[row, there, 0])
            dashes = "-" if order.index(kinds[rule]) < len(RULE_COLOURS) else "--"
            axes["way"].plot(line.x, line.centre, dashes, color=colour[rule], linewidth=1.3, gid=rule)
        seen.add(kinds[rule])
    for kind, of in varied(results).items():
        usual = max({n for _, n in of.values()}, key=lambda n: sum(m == n for _, m in of.values()))
        for name, values in (("bias", found.missed), ("cost", found.rate)):
            for place in range(values.shape[-1]):
                points = []
                for rule, (spread, candidates) in sorted(of.items(), key=lambda one: one[1]):
                    mine = values[rules.index(rule), :, place]
                    centre = float(summarise(0.0, mine[np.isfinite(mine)][:, None]).centre[0])
                    y = np.nan if centre <= 0 else centre**0.5 if name == "bias" else 1 / centre
                    if candidates == usual:
                        points.append((spread, y))
                    else:
                        size = 4 * np.sqrt(candidates / usual) + 1
                        axes[name].plot([spread], [y], "o", color=colour[rule], markersize=size, fillstyle="none")
                style = "-" if place == 0 else ":"
                axes[name].plot(
                    *np.array(points).T, style, marker="o", markersize=3, color=colour[rule], gid=f"{kind} {place}"
                )
    for name in ("rules", "way"):
        draw_zero = axes[name].axvline if name == "rules" else axes[name].axhline
        draw_zero(0.0, color=INK, linewidth=0.6)
    for name, title, x, y in (
        ("rules", "The expected step", "cosine with the gradient", ""),
        ("way", "The mean of some steps", "environment steps spent", "cosine"),
        ("bias", "Bias", "standard deviation of what is tried", "lengths of the gradient"),
        ("cost", "What half a signal costs", "standard deviation of what is tried", "environment steps"),
    ):
        axes[name].set_title(title, loc="left", fontweight="bold")
        axes[name].set_xlabel(x, fontsize=8)
        axes[name].set_ylabel(y, fontsize=8)
    axes["rules"].set_xlim(-1.05, 1.05)
    axes["rules"].set_xticks([-1, -0.5, 0, 0.5, 1])
    for name, which in (("way", "x"), ("bias", "xy"), ("cost", "xy")):
        for axis in which:
            axes[name].set(**{f"{axis}scale": "log"})
            ticks = getattr(axes[name], f"{axis}axis")
            ticks.set_major_formatter(lambda value, _: short_steps(value))  # text is not parsed for formulas
            ticks.set_minor_formatter("")
    axes["way"].set_ylim(min(-0.25, axes["way"].get_ylim()[0]), 1.07)
    return figure
