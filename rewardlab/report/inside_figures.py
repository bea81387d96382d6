"""The figure of `inside`: what is read at each layer, and what a goal's vector changes there, beside what random ones do."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis import levels as declared
from rewardlab.analysis.naming import read
from rewardlab.analysis.runs import runs_of
from rewardlab.analysis.wording import CONTROL_RULES
from rewardlab.probes.readouts import OBSERVATION, first_step
from rewardlab.questions import options
from rewardlab.questions.insides import SIGNS, cell, changes, goals_of, inside, layers_of
from rewardlab.report.numbers import Curve, summarise
from rewardlab.report.style import FAINT, INK, NONE, WIDTH, Claims, colours, draw_points


def draw_inside(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """Two panels a goal: accuracy of its first step by layer; the change of episodes that end there by layer."""
    palette, said, runs, goals = colours(results), read(results), runs_of(results), goals_of(results)
    level, shown, main = declared.declared(results), declared.shown(results), runs.conditions[0]
    untrained, _ = options.untrained(results, runs)
    look = {r: c for r, c in palette.items() if level[r] not in CONTROL_RULES or shown[r]}
    look |= {untrained: FAINT} if untrained else {}
    figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
    axes = figure.subplots(2, len(goals), sharex="row", sharey="row")
    names: list[str] = []
    for rule in look:
        names += [name for name in layers_of(results, rule) if name not in names]
    for r, (rule, colour) in enumerate(look.items()):
        bare, beside = colour == FAINT, 0.09 * (r - (len(look) - 1) / 2)
        for condition, hollow in ((main, False), *([(runs.control, True)] if runs.control and not bare else [])):
            able = inside(results, runs, rule, condition).able | bare
            if not able.any():
                continue
            scores = cell(results, rule, condition, "readout")
            sources = [OBSERVATION, *layers_of(results, rule)]
            for i, goal in enumerate(goals):
                x = np.array([0, *(1 + names.index(name) for name in sources[1:])], float)
                values = scores.sel(source=sources, read=first_step(goal)).values[able]
                _points(axes[0, i], x, values, colour, beside, hollow, f"{rule} {condition} read {goal}")
                if bare:
                    floor = cell(results, rule, condition, "readout_floor").sel(read=first_step(goal)).values.mean()
                    axes[0, i].axhline(floor, color=INK, linewidth=0.7, linestyle=":")
                    continue
                both = [np.stack(x, 1)[able] for x in zip(*_changed(results, rule, condition, i), strict=True)]
                _points(axes[1, i], x[1:] - 1, both[0], colour, beside, hollow, f"{rule} {condition} steered {goal}")
                for k, at in enumerate(x[1:] - 1):
                    found = summarise(0.0, both[1][:, k, None])
                    axes[1, i].plot(at + beside + 0.04, found.centre, "x", color=colour, markersize=4, zorder=5)
    for i, goal in enumerate(goals):
        axes[0, i].set_title(f"First step to the {goal}, read", loc="left", fontweight="bold")
        axes[0, i].set_xticks(range(1 + len(names)), [OBSERVATION, *names], fontsize=7)
        sign = "added" if SIGNS[i] > 0 else "taken away"
        axes[1, i].set_title(f"Vector of the {goal}, {sign}", loc="left", fontweight="bold")
        axes[1, i].set_xticks(range(len(names)), names, fontsize=7)
        axes[1, i].axhline(0, color=FAINT, linewidth=0.8)
    axes[0, 0].set_ylabel("held-out states told", fontsize=8)
    axes[1, 0].set_ylabel("change of episodes that end there", fontsize=8)
    handles = [Line2D([], [], marker="o", color=colour, label=said.rule(rule)) for rule, colour in look.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, fontsize=7)
    return figure


def _changed(results: xr.Dataset, rule: str, condition: str, goal: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each layer, float[seeds] twice: what the goal's vector changes, and what random ones do."""
    found = (changes(results, rule, condition, layer) for layer in layers_of(results, rule))
    return [(own[:, goal], random[:, goal]) for own, random in found]


def _points(axis, x: np.ndarray, values: np.ndarray, colour: str, beside: float, hollow: bool, gid: str) -> None:
    points = [summarise(0.0, values[:, k, None]) for k in range(len(x))]
    centre, low, high = (np.concatenate([getattr(p, what) for p in points]) for what in ("centre", "low", "high"))
    draw_points(axis, Curve(x, centre, low, high, 0), colour, beside, hollow, True, gid)
