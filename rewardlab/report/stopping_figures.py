"""The figure of `stopping`: behaviour since reward ended, whichever way it ended, on one axis of steps; a panel a rule."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rewardlab.analysis.naming import read
from rewardlab.analysis.runs import runs_of
from rewardlab.analysis.wording import plain
from rewardlab.questions import frozen
from rewardlab.questions.half_lives import reward_in_words
from rewardlab.report.numbers import summarise
from rewardlab.report.style import INK, NONE, Claims, colours, draw_band, grid, name_panel, outcome_colour, short_steps

DASHES = ((5, 2), (1.5, 1.5), (6, 1.5, 1.5, 1.5))  # a reward that updates are told, each


def draw_stopping(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """The share of what pays most against steps since reward ended, from the first of them on, on a logarithmic axis."""
    palette, said = colours(results), read(results)
    every, told, chance = frozen.kinds(results), frozen.evaluations(results), frozen.chance(results)
    runs = frozen.seen(results, runs_of(results), told, chance)
    name, (_, since) = next(iter(told.changed.items()))
    rewards = [*dict.fromkeys(reward_in_words(c["reward"]) for kind in every for c in kind.changed.values())]
    shades = {kind.name: outcome_colour(k) for kind, k in zip(every, (1, 0, 4, 5), strict=False)}
    far = float(np.nanmax(results.steps))
    ticks = 10.0 ** np.arange(0, np.log10(far), 2)
    figure, axes = grid(len(palette), 1.6, columns=3, sharex=False)
    for axis, (i, rule) in zip(axes, enumerate(palette), strict=True):
        for kind in every:
            able = frozen.able_at_the_end(runs, i, kind)
            x, y = frozen.course(results, i, kind.name, name, able)
            after = x > since
            if able.any() and after.any():
                draw_band(axis, summarise(x[after] - since, y[:, after]), shades[kind.name], gid=f"{rule}/{kind.name}")
            for condition, change in kind.changed.items():
                found = frozen.since_change(results, runs, i, condition, change["start"])
                if len(found[1]):
                    one, dashes = summarise(*found), DASHES[rewards.index(reward_in_words(change["reward"])) % 3]
                    draw_band(axis, one, shades[kind.name], gid=f"{rule}/{condition}", dashes=dashes)
        if not axis.lines:
            axis.text(
                0.5, 0.5, "no seed was competent", transform=axis.transAxes, ha="center", fontsize=6.5, style="italic"
            )
        axis.axhline(chance, color=INK, linewidth=0.6, dashes=(1, 2), zorder=1)
        name_panel(axis, said.rule(rule), palette[rule])
        axis.set_xscale("log")
        axis.minorticks_off()
        axis.set_xlim(0.4, far)
        axis.set_xticks(ticks, map(short_steps, ticks))
        axis.set_ylim(-0.02, 1.02)
        axis.set_yticks([0, 0.5, 1], ["0", "50", "100"])
    figure.supxlabel("environment steps since reward ended", fontsize=8)
    figure.supylabel("steps that pay most, %", fontsize=8)
    handles = [Line2D([], [], color=shades[kind.name], label=f"Trained “{plain(kind.name)}”") for kind in every]
    handles.append(Line2D([], [], color=INK, label="Frozen: reward no longer in view"))
    handles += [
        Line2D([], [], color=INK, dashes=DASHES[k % 3], label=f"Updates go on: {text}")
        for k, text in enumerate(rewards)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=7)
    return figure
