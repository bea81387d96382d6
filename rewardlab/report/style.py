"""How figures look: colours, words, number formats, panels and marks that several figures share."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping

import numpy as np
import xarray as xr
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.wording import NO_CLAIM, percent, plain
from rewardlab.report.numbers import Curve, titles

RULE_COLOURS = (
    "#0072B2",
    "#56B4E9",
    "#009E73",
    "#D55E00",
    "#E69F00",
    "#CC79A7",
    "#7A7A7A",
    "#332288",
    "#882255",
    "#999933",
)
OUTCOME_COLOURS = ("#F0B400", "#2F4B9B", "#8C8C8C", "#D6D6D6", "#5FA8A0", "#B5739D")  # success first
INK, FAINT = "#222222", "#9A9A9A"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "grid.color": "#E9E9E9",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "text.color": INK,
    "axes.labelcolor": INK,
    "text.parse_math": False,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "rewardlab",  # the same figure has the same bytes
    "pdf.fonttype": 42,
}
WIDTH = 7.2  # inches
PANELS = 5  # that stand side by side
PANEL_LETTERS = 22  # in a line of a panel's title
Claims = Mapping[str, Collection[str]]  # {shift: rules about whose goals no claim is made there}
NONE: Mapping = {}


def colours(results: xr.Dataset) -> dict[str, str]:
    """{rule: its colour}; one rule with several networks has one colour."""
    named = titles(results)
    order = list(dict.fromkeys(named.values()))
    return {rule: RULE_COLOURS[order.index(title) % len(RULE_COLOURS)] for rule, title in named.items()}


def outcome_colour(index: int) -> str:
    return OUTCOME_COLOURS[index % len(OUTCOME_COLOURS)]


def dark(colour: str) -> tuple[float, ...]:
    """The same hue, dark enough for text."""
    return tuple(0.75 * c for c in to_rgb(colour))


def mark_no_claim(axis, row: int, axes: list):
    """Spelled out beside the last panel, where there is room; other panels have the hatch alone."""
    if axis is axes[-1]:
        text = NO_CLAIM.replace(" about", "\nabout")
        axis.text(1.03, row, text, va="center", fontsize=6.5, style="italic", gid="no claim", clip_on=False)


def estimate(curve: Curve, share: bool = True) -> str:
    """The last centre with its interval, where there is one: "96 % [94–97]", or "475 [457–493]" for returns."""
    centre, low, high = (percent(x[-1]) if share else f"{x[-1]:.3g}" for x in (curve.centre, curve.low, curve.high))
    return centre + " %" * share + (f" [{low}–{high}]" if np.isfinite(curve.low[-1]) else "")


def short_steps(value: float) -> str:
    """A number of steps in three digits: "1.03M", "514k"."""
    value = float(f"{value:.3g}")
    return f"{value / 1e6:g}M" if abs(value) >= 1e6 else f"{value / 1e3:g}k" if abs(value) >= 1e3 else f"{value:g}"


def inward(axis):
    """Aligns three tick labels so that those of neighbouring panels do not touch."""
    for label, side in zip(axis.get_xticklabels(), ("left", "center", "right"), strict=False):  # inner panels have none
        label.set_horizontalalignment(side)


def step_axis(axis, results: xr.Dataset):
    last = float(np.nanmax(results.steps)) or 1.0
    digit = 10.0 ** np.floor(np.log10(last))
    tick = digit * np.floor(last / digit)  # the end of the axis, rounded down to one digit
    axis.set_xlim(0, last)
    axis.set_xticks([0, tick / 2, tick], ["0", short_steps(tick / 2), short_steps(tick)])
    inward(axis)


def grid(count: int, height: float, columns: int = 4, sharex: bool = True) -> tuple[Figure, list]:
    """A figure of `count` small multiples with shared axes; spare cells are hidden."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH, (height + 0.3 * (4 - columns)) * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=sharex, sharey=True, squeeze=False).ravel()
    for spare in axes[count:]:
        spare.set_visible(False)
    for i in range(max(count - columns, 0), count):  # the lowest visible panel of a column carries the tick labels
        axes[i].tick_params(labelbottom=True)
    return figure, list(axes[:count])


def name_panel(axis, name: str, colour: str):
    """The title of a panel of `grid`, in lines that do not run into the next panel."""
    title = textwrap.fill(name, PANEL_LETTERS, break_long_words=False)
    axis.set_title(title, loc="left", color=dark(colour), fontweight="bold", fontsize=8 if "\n" in title else None)


def row_of_panels(names: list[str], rows: int, row_height: float = 0.3) -> tuple[Figure, list]:
    """A panel a name, side by side, each with so many rows; in several lines where they are more than PANELS."""
    lines = -(-len(names) // PANELS)
    columns = -(-len(names) // lines)
    figure = Figure(figsize=(WIDTH, 0.5 + (0.6 + row_height * rows) * lines), layout="constrained")
    every = list(figure.subplots(lines, columns, sharey=True, squeeze=False).ravel())
    axes = every[: len(names)]
    for spare in every[len(names) :]:
        spare.set_visible(False)
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(plain(name), loc="left", fontweight="bold")
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0", "50", "100"])
        inward(axis)
        axis.grid(axis="y", visible=False)
        axis.tick_params(axis="y", length=0)
    return figure, axes


def rule_rows(axis, results: xr.Dataset, notes: Mapping[str, str] = NONE) -> list[str]:
    rules, said = [str(rule) for rule in results.rule.values], read(results)
    axis.set_yticks(
        range(len(rules)), [said.rule(rule) + (f"\n{notes[rule]}" if notes.get(rule) else "") for rule in rules]
    )
    axis.set_ylim(len(rules) - 0.5, -0.5)
    return rules


def draw_band(axis, curve: Curve, colour: str, **kwargs):
    axis.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0, zorder=3)
    axis.plot(curve.x, curve.centre, color=colour, linewidth=1.6, zorder=4, **kwargs)


def draw_points(axis, curve: Curve, colour: str, beside: float, hollow: bool, joined: bool, gid: str):
    """Points with upright intervals, moved aside so that those of several rules stay apart; `joined` by a line or not."""
    x = curve.x + beside
    axis.vlines(x, curve.low, curve.high, color=colour, linewidth=1.1, zorder=3)
    fill, dashes = ("white", (0, (3, 2))) if hollow else (colour, "-")
    axis.plot(x, curve.centre, color=colour, linewidth=1.1 * joined, linestyle=dashes, zorder=3, gid=gid)
    axis.plot(x, curve.centre, "o", color=colour, markersize=3.2, markerfacecolor=fill, zorder=4)


def draw_interval(axis, curve: Curve, y: float, colour: str, gid: str, hollow: bool = False):
    axis.plot(
        [curve.low[0], curve.high[0]],
        [y, y],
        color=colour,
        linewidth=1.8,
        solid_capstyle="round",
        zorder=4,
        clip_on=False,
    )
    axis.plot(
        curve.centre,
        [y],
        "o",
        markersize=5,
        color=colour,
        markerfacecolor="white" if hollow else colour,
        markeredgewidth=1.2,
        markeredgecolor=colour,
        zorder=5,
        clip_on=False,
        gid=gid,
    )


def draw_dots(axis, values: np.ndarray, y: float, colour: str):
    spread = np.linspace(-0.09, 0.09, len(values)) if len(values) > 1 else np.zeros(len(values))
    order = np.random.default_rng(0).permutation(len(values))  # a fixed jitter: the same picture for the same results
    axis.scatter(values, y + spread[order], s=7, color=colour, alpha=0.3, linewidth=0, zorder=2, clip_on=False)


def label_line(axis, text: str, y: float, offset: float, colour: str):
    axis.annotate(
        text,
        (1, y),
        (-1, offset),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        fontsize=6.5,
        color=colour,
    )


def outcome_key(figure: Figure, results: xr.Dataset, outcomes: list[str]):
    labels = map(read(results).ended, outcomes)
    handles = [Line2D([], [], marker="o", color=outcome_colour(k), label=label) for k, label in enumerate(labels)]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def apart(values: np.ndarray, gap: float) -> np.ndarray:
    """`values` moved as little as needed to lie at least `gap` apart, in the same order, within [0, 1] if possible."""
    order = np.argsort(values, kind="stable")
    placed = values[order].astype(float)
    for _ in range(200):
        short = np.maximum(gap - np.diff(placed), 0)
        if short.max(initial=0) < 1e-6:
            break
        placed[:-1] -= short / 2
        placed[1:] += short / 2
        placed += np.clip(0 - placed[0], 0, None) - np.clip(placed[-1] - 1, 0, None)
    return placed[np.argsort(order)]


def label_ends(axis, curves: Mapping[str, Curve], palette: Mapping[str, str], titles: Mapping[str, str]):
    """Names the rules at their lines' right ends, moved apart where they would overlap."""
    low, high = axis.get_ylim()
    heights = apart((np.array([c.centre[-1] for c in curves.values()]) - low) / (high - low), 0.055)
    for (rule, curve), height in zip(curves.items(), heights, strict=True):
        axis.annotate(
            titles[rule],
            (1, curve.centre[-1]),
            (1.06, low + (high - low) * height),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7,
            color=dark(palette[rule]),
            arrowprops={"arrowstyle": "-", "color": palette[rule], "linewidth": 0.5},
        )
