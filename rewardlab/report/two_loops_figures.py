"""The figures of `two_loops`: how often agents end at the fake, by what the outer loop scored, and the gap over training."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import config_of
from rewardlab.analysis.wording import percent, sentence
from rewardlab.questions.lifetimes import late
from rewardlab.questions.loops import SCORED, fakes, scored
from rewardlab.report.numbers import summarise
from rewardlab.report.style import (
    FAINT,
    INK,
    NONE,
    Claims,
    colours,
    draw_band,
    draw_points,
    grid,
    name_panel,
    outcome_colour,
    step_axis,
)

SHADES = {"true": outcome_colour(0), "shown": outcome_colour(1), "no fakes": INK}


def draw_fakes(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """The share of late pulls that are of the fake, for each fake, by what was scored."""
    palette, said, experiment = colours(results), read(results), config_of(results)
    told = scored(experiment)
    faked = {e: shows for e, shows in fakes(experiment).items() if shows is not None}
    behaviour = late(results, "fake")
    rules, conditions, evaluations = ([*map(str, results[dim].values)] for dim in ("rule", "condition", "evaluation"))
    random = _random(results)
    figure, axes = grid(len(palette), 1.5)
    x = np.arange(len(faked), dtype=float)
    for axis, rule in zip(axes, palette, strict=True):
        for k, (condition, what) in enumerate(told.items()):
            mine = behaviour[rules.index(rule), conditions.index(condition)][:, [evaluations.index(e) for e in faked]]
            mine = mine[np.isfinite(mine).all(1)]
            if mine.size:
                beside = 0.16 * (k - (len(told) - 1) / 2)
                draw_points(axis, summarise(x, mine), SHADES[what], beside, False, False, gid=f"{rule}/{condition}")
        for at, e in enumerate(faked):
            if random is not None:
                axis.plot([at - 0.35, at + 0.35], [random[e]] * 2, color=FAINT, linewidth=0.9, dashes=(3, 2), zorder=1)
        name_panel(axis, said.rule(rule), palette[rule])
        axis.set_xlim(-0.5, max(len(faked), 1) - 0.5)
        axis.set_xticks(x, [percent(shows) for shows in faked.values()])
        axis.set_ylim(-0.02, 1.02)
        axis.set_yticks([0, 0.5, 1], ["0", "50", "100"])
    figure.supxlabel("how often a fake shows reward, % of its pulls", fontsize=8)
    figure.supylabel("late pulls that are of the fake, %", fontsize=8)
    _key(figure, told.values())
    return figure


def draw_gap(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """What a lifetime shows less what it earned, against steps, on the first evaluation with a fake."""
    palette, said, experiment = colours(results), read(results), config_of(results)
    told = scored(experiment)
    evaluation = next(
        (e for e, shows in fakes(experiment).items() if shows is not None), str(results.evaluation.values[0])
    )
    totals = results["signal_sum"].sel(evaluation=evaluation)
    gap = totals.sel(signal="displayed") - totals.sel(signal="true")
    figure, axes = grid(len(palette), 1.4, sharex=False)
    for axis, rule in zip(axes, palette, strict=True):
        for condition, what in told.items():
            y = gap.sel(rule=rule, condition=condition).transpose("seed", "point").values
            x = results.steps.sel(rule=rule, condition=condition).transpose("seed", "point").values
            there = np.isfinite(y).all(1)
            if there.any():
                draw_band(axis, summarise(x[there].mean(0), y[there]), SHADES[what], gid=f"{rule}/{condition}")
        axis.axhline(0, color=FAINT, linewidth=0.7, zorder=1)
        name_panel(axis, said.rule(rule), palette[rule])
        step_axis(axis, results.sel(rule=rule))
    figure.supxlabel("environment steps lived per seed", fontsize=8)
    figure.supylabel("shown less earned, per lifetime", fontsize=8)
    _key(figure, told.values())
    return figure


def _key(figure: Figure, kinds) -> None:
    handles = [Line2D([], [], color=SHADES[what], label=sentence(SCORED[what])) for what in dict.fromkeys(kinds)]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=7)


def _random(results: xr.Dataset) -> dict[str, float] | None:
    """{evaluation: share of lifetimes that a random policy ends with the fake}, where the run played one."""
    if "reference_share" not in results or "random" not in results.reference.values:
        return None
    found = results["reference_share"].sel(reference="random", outcome="fake arm")
    return {str(e): float(found.sel(evaluation=e)) for e in results.evaluation.values}
