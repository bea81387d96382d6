"""The figure of `demonstrations`: both goals by rule and teacher, and how rules taught by example differ from those taught by reward."""

from __future__ import annotations

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.runs import runs_of
from rewardlab.questions.taught import MARGIN, MEASURES, by_teacher, pairs, pursued
from rewardlab.report.numbers import summarise
from rewardlab.report.style import INK, NONE, WIDTH, Claims, draw_dots, draw_interval, outcome_colour

TEACHERS = ("by example", "by reward")


def draw_demonstrations(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Left: how often each goal is reached, a row a rule. Right: differences in it, a row a pair that supports a claim."""
    runs, said, teachers = runs_of(results), read(results), by_teacher(results)
    silent = {rule for rules in no_claim.values() for rule in rules}
    found = [{rule: pursued(runs, rule) for rule in own} for own in teachers]
    compared = pairs(*({rule: x for rule, x in own.items() if rule not in silent} for own in found))
    rows = max(len(found[0]) + len(found[1]), len(compared))
    figure = Figure(figsize=(WIDTH, 1.0 + 0.32 * rows), layout="constrained")
    left, right = figure.subplots(1, 2)
    labels = []
    for teacher, own in zip(TEACHERS, found, strict=True):
        for rule, values in own.items():
            labels.append(f"{said.rule(rule)}, {teacher}" + "\nno claim about goals" * (rule in silent))
            for k, name in enumerate(MEASURES):
                y = len(labels) - 1 + (k - 0.5) * 0.34
                draw_dots(left, values[:, k], y, outcome_colour(k))
                draw_interval(left, summarise(0.0, values[:, [k]]), y, outcome_colour(k), f"{rule}/{name}")
    left.set_yticks(range(len(labels)), labels)
    left.set_ylim(len(labels) - 0.5, -0.5)
    left.set_xlim(0, 1)
    left.set_xticks([0, 0.5, 1], ["0", "50", "100"])
    left.set_xlabel("% of episodes at matched capability, mean over shifts", fontsize=8)
    right.axvspan(-MARGIN, MARGIN, color="#EEEEEE", zorder=0)
    right.axvline(0, color=INK, linewidth=0.7, dashes=(4, 3), zorder=1)
    for row, pair in enumerate(compared):
        for k, name in enumerate(MEASURES):
            one, y = pair.differences[name], row + (k - 0.5) * 0.34
            if one["low"] is not None:
                right.plot([one["low"], one["high"]], [y, y], color=outcome_colour(k), linewidth=1.8, zorder=4)
            right.plot(
                [one["iqm"]],
                [y],
                "o",
                color=outcome_colour(k),
                markersize=5,
                zorder=5,
                gid=f"{pair.example}/{pair.reward}/{name}",
            )
    right.set_yticks(range(len(compared)), [f"{said.rule(p.example)} less {said.rule(p.reward)}" for p in compared])
    right.set_ylim(max(len(compared), 1) - 0.5, -0.5)
    edge = max(
        [0.25, *(abs(one[end] or 0.0) for p in compared for one in p.differences.values() for end in ("low", "high"))]
    )
    right.set_xlim(-1.05 * edge, 1.05 * edge)
    right.set_xticks([-MARGIN, 0, MARGIN], [f"−{100 * MARGIN:g}", "0", f"{100 * MARGIN:g}"])
    right.set_xlabel("difference, points", fontsize=8)
    for axis in (left, right):
        axis.grid(axis="y", visible=False)
        axis.tick_params(axis="y", length=0)
    handles = [
        Line2D([], [], color=outcome_colour(k), marker="o", linewidth=1.8, label=said.ended(goal))
        for k, goal in enumerate(runs.goals)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure
