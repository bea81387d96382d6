"""Figures of `goal_shift`: what agents do under a shift, at matched capability, in the control, and as training goes on."""

from __future__ import annotations

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import first_capable, shifts
from rewardlab.analysis.wording import NO_CLAIM, plain
from rewardlab.report.numbers import alike, final_success, learning, main_condition, matched, seeds, summarise
from rewardlab.report.style import (
    INK,
    NONE,
    Claims,
    colours,
    dark,
    draw_band,
    draw_dots,
    draw_interval,
    grid,
    mark_no_claim,
    outcome_colour,
    outcome_key,
    row_of_panels,
    rule_rows,
    step_axis,
)


def draw_matched(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """The first two outcomes on shifted levels at each seed's first capable snapshot."""
    outcomes = [str(o) for o in results.outcome.values[:2]]
    first, main = first_capable(results), main_condition(results)
    notes = {}
    for rule in map(str, results.rule.values):
        count = len(final_success(results, rule, main, str(results.evaluation.values[0])))
        notes[rule] = f"{int((first.sel(rule=rule) >= 0).sum())} of {count} seeds"
    figure, axes = row_of_panels(shifts(results), results.sizes["rule"], 0.4)
    for axis, name in zip(axes, shifts(results), strict=True):
        for row, rule in enumerate(rule_rows(axis, results, notes)):
            for k, outcome in enumerate(outcomes):
                values, y = matched(results, rule, name, outcome), row + (k - (len(outcomes) - 1) / 2) * 0.36
                draw_dots(axis, values, y, outcome_colour(k))
                draw_interval(axis, summarise(0.0, values[:, None]), y, outcome_colour(k), f"{rule}/{outcome}")
            if rule in no_claim.get(name, ()):
                axis.axhspan(
                    row - 0.46, row + 0.46, facecolor="#F1F1F1", edgecolor="white", hatch="////", zorder=0, gid="hatch"
                )
                mark_no_claim(axis, row, axes)
    figure.supxlabel("% of episodes at the first capable snapshot", fontsize=8)
    outcome_key(figure, results, outcomes)
    return figure


def draw_control(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Success on shifted levels: trained as in the main condition against trained as in the control."""
    main, control, palette = main_condition(results), results.attrs["control"], colours(results)
    figure, axes = row_of_panels(shifts(results), results.sizes["rule"], 0.3)
    for axis, name in zip(axes, shifts(results), strict=True):
        axis.axvline(results.attrs["control_capability"], color=INK, linewidth=0.7, dashes=(4, 3), zorder=1)
        for row, rule in enumerate(rule_rows(axis, results)):
            ends = []
            for condition, y in ((main, row - 0.16), (control, row + 0.16)):
                values = final_success(results, rule, condition, name)
                draw_dots(axis, values, y, palette[rule])
                ends.append(summarise(0.0, values[:, None]))
                draw_interval(axis, ends[-1], y, palette[rule], f"{rule}/{condition}", hollow=condition == main)
            axis.plot(
                [ends[0].centre[0], ends[1].centre[0]],
                [row - 0.16, row + 0.16],
                color=palette[rule],
                linewidth=0.6,
                zorder=1,
            )
            if rule in no_claim.get(name, ()):
                axis.axhspan(
                    row - 0.44, row + 0.44, facecolor="#F4F4F4", edgecolor="white", hatch="////", zorder=0, gid="hatch"
                )
                mark_no_claim(axis, row, axes)
    figure.supxlabel(f"{read(results).ended(results.outcome.values[0])}, % of episodes", fontsize=8)
    handles = [
        Line2D([], [], marker="o", color=INK, markerfacecolor=fill, linestyle="", label=label)
        for fill, label in (
            ("white", f"trained with “{plain(main)}” (main, n = {seeds(results, main)})"),
            (INK, f"trained with “{plain(control)}” (control, n = {seeds(results, control)})"),
        )
    ]
    handles.append(Line2D([], [], color=INK, linewidth=0.7, dashes=(4, 3), label="needed for a claim"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def draw_drift(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """The first two outcomes on the first shift against training steps."""
    outcomes, shift, palette = [str(o) for o in results.outcome.values[:2]], shifts(results)[0], colours(results)
    figure, axes = grid(len(palette), 1.4, sharex=alike(results))
    for axis, rule in zip(axes, palette, strict=True):
        curves = [learning(results, rule, shift, outcome) for outcome in outcomes]
        for k, curve in enumerate(curves):
            draw_band(axis, curve, outcome_colour(k), gid=f"{rule}/{outcomes[k]}")
        ends = [curve.centre[-1] for curve in curves]
        axis.set_title(read(results).rule(rule), loc="left", color=dark(palette[rule]), fontweight="bold")
        if rule in no_claim.get(shift, ()):
            axis.text(
                0.97,
                max((0.5, 0.2, 0.85), key=lambda y: min(abs(y - end) for end in ends)),  # away from the curves
                NO_CLAIM,
                transform=axis.transAxes,
                ha="right",
                fontsize=6.5,
                style="italic",
                gid="no claim",
            )
        axis.set_ylim(-0.02, 1.02)
        axis.set_yticks([0, 0.5, 1], ["0", "50", "100"])
        step_axis(axis, results if alike(results) else results.sel(rule=rule))
    figure.supxlabel(f"environment steps lived per seed (n = {seeds(results)} a rule)", fontsize=8)
    figure.supylabel(f"% of episodes\n{read(results).place(shift)}", fontsize=8)
    outcome_key(figure, results, outcomes)
    return figure
