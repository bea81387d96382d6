"""The figures of `path`: what is decided by when, and the goals that runs came to, fork by fork."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rewardlab.analysis.naming import read
from rewardlab.analysis.wording import listed
from rewardlab.questions.forks import Parted, compared, decided, figure, names_of, parted
from rewardlab.report.numbers import Curve
from rewardlab.report.style import (
    FAINT,
    INK,
    NONE,
    RULE_COLOURS,
    WIDTH,
    Claims,
    colours,
    draw_interval,
    draw_points,
    rule_rows,
)

SHOWN = 4  # times that cells are drawn of
GOALS = 8  # that have a colour of their own
GREY = "#7A7A7A"


def _short(common: str) -> str:
    return (
        common.replace(" of training", "")
        .replace("the initial parameters", "initial\nparameters")
        .replace("the first update", "first\nupdate")
    )


def _curve(centre: np.ndarray, drawn: np.ndarray, groups: int) -> Curve:
    ends = [figure(c, d, groups) for c, d in zip(centre, drawn.T, strict=True)]
    low, high = (np.array([np.nan if one[what] is None else one[what] for one in ends]) for what in ("low", "high"))
    return Curve(np.arange(len(centre), dtype=float), centre, low, high, groups)


def draw_path(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Decided share, and agreement, against what runs have in common; by when half is decided, by rule."""
    palette, said = colours(results), read(results)
    sheet = Figure(figsize=(WIDTH, 5.6), layout="constrained")
    axes = sheet.subplot_mosaic([["share", "share"], ["alike", "half"]], width_ratios=(1.25, 1))
    rules, names, seen = rule_rows(axes["half"], results), [], list[str]()
    for row, rule in enumerate(rules):
        times = parted(results, rule)
        if not times:
            continue
        got, beside = decided(times), 0.05 * (row - len(rules) / 2)
        hollow = palette[rule] in seen  # a variant, or the colours begin again
        names, seen = [one.common for one in times], [*seen, palette[rule]]
        for what, values in (("share", (got.share, got.shares)), ("alike", (got.alike, got.alikes))):
            draw_points(axes[what], _curve(*values, got.groups), palette[rule], beside, hollow, True, rule)
        half = _curve(got.half[None], got.halves[:, None], got.groups)
        draw_interval(axes["half"], half, row, palette[rule], gid=rule, hollow=hollow)
    for name, title in (("share", "Decided share of how runs end, %"), ("alike", "Two runs end with the same goal, %")):
        axes[name].set_title(title, loc="left", fontweight="bold")
        axes[name].set_xticks(
            range(len(names)), [_short(name) for name in names], fontsize=7 if name == "share" else 5.5
        )
        axes[name].set_xlabel("what runs have in common when they part", fontsize=8)
        axes[name].set_ylim(-0.2 if name == "share" else -0.03, 1.06)
        axes[name].set_yticks([0, 0.5, 1], ["0", "50", "100"])
    axes["share"].axhline(0.5, color=FAINT, linewidth=0.8, dashes=(4, 3))
    axes["share"].axhline(0.0, color=INK, linewidth=0.6)
    axes["half"].set_title("By when half is decided", loc="left", fontweight="bold")
    axes["half"].set_xlabel("share of training, %", fontsize=8)
    axes["half"].set_xlim(-0.02, 1.02)
    axes["half"].set_xticks([0, 0.5, 1], ["0", "50", "100"])
    axes["half"].tick_params(axis="y", labelsize=6.5)
    empty = [colour in [*palette.values()][:k] for k, colour in enumerate(palette.values())]
    looks = zip(palette.items(), empty, strict=True)
    handles = [
        Line2D([], [], color=colour, marker="o", markerfacecolor="white" if bare else colour, label=said.rule(rule))
        for (rule, colour), bare in looks
    ]
    sheet.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=7)
    return sheet


def draw_forks(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """The goal of every run: a row of panels a rule, a panel a time; in each a column a group, a cell a run."""
    said, every = read(results), {str(rule): parted(results, str(rule)) for rule in results.rule.values}
    every = {rule: times for rule, times in every.items() if times}
    sheet = Figure(figsize=(WIDTH, 0.9 + 0.62 * max(len(every), 1)), layout="constrained")
    if not every:
        sheet.subplots().axis("off")
        return sheet
    found = np.concatenate([one.goals.ravel() for times in every.values() for one in times])
    numbers, counts = np.unique(found, return_counts=True)
    common = [int(n) for n in numbers[np.argsort(-counts, kind="stable")][:GOALS]]
    palette = [*[c for c in RULE_COLOURS if c != GREY][: len(common)], FAINT]
    count = len(next(iter(every.values())))
    which = np.unique(np.linspace(0, count - 1, SHOWN).round().astype(int)) if count > SHOWN else np.arange(count)
    axes = sheet.subplots(len(every), len(which), squeeze=False)
    for line, (rule, times) in zip(axes, every.items(), strict=True):
        for axis, k in zip(line, which, strict=True):
            _cells(axis, times[k], common, palette)
            if rule == next(iter(every)):
                axis.set_title(times[k].common, loc="left", fontsize=7)
        line[0].set_ylabel(said.rule(rule).replace(" ", "\n", 1), fontsize=6, rotation=0, ha="right", va="center")
    names = [names_of(results, n, said.ended) for n in common]
    handles = [Patch(color=colour, label=name) for colour, name in zip(palette, names, strict=False)]
    handles += [Patch(color=FAINT, label="another")] * (len(numbers) > GOALS)
    sheet.legend(
        handles=handles, loc="outside lower center", ncols=2, fontsize=6, title=_where(results), title_fontsize=6
    )
    return sheet


def _cells(axis, one: Parted, common: list[int], palette: list[str]) -> None:
    place = np.full(one.goals.shape, len(palette) - 1)
    for k, number in enumerate(common):
        place[one.goals == number] = k
    order = np.lexsort(np.sort(place, 1).T[::-1])  # groups that came to the same lie side by side
    axis.pcolormesh(
        np.sort(place, 1)[order].T,
        cmap=ListedColormap(palette),
        vmin=-0.5,
        vmax=len(palette) - 0.5,
        edgecolor="white",
        linewidth=0.4,
    )
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)


def _where(results: xr.Dataset) -> str:
    return "How most episodes end: " + listed(map(read(results).place, compared(results)))
