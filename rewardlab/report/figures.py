"""Results -> figures, 200 dots per inch. The numbers come from `numbers.py`; this file draws them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from rewardlab import questions
from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import scores_success
from rewardlab.analysis.wording import percent, plain
from rewardlab.inputs.files import write as write_file
from rewardlab.questions import Question
from rewardlab.report.drawing import styled
from rewardlab.report.numbers import (
    alike,
    learning,
    main_condition,
    per_seed,
    seeds,
    stacks,
)
from rewardlab.report.style import (
    FAINT,
    INK,
    NONE,
    STYLE,
    Claims,
    colours,
    dark,
    draw_band,
    estimate,
    grid,
    label_line,
    mark_no_claim,
    outcome_colour,
    row_of_panels,
    rule_rows,
    step_axis,
)


def draw_learning(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """One panel a rule: every seed, the interquartile mean with its band, threshold and references."""
    shares, held_out, palette = scores_success(results), str(results.evaluation.values[0]), colours(results)
    rules, said = list(palette), read(results)
    figure, axes = grid(len(rules), 1.55, sharex=alike(results))
    main = results.sel(condition=main_condition(results))
    for axis, rule in zip(axes, rules, strict=True):
        curve = learning(results, rule)
        every = per_seed(main["return"].sel(rule=rule, evaluation=held_out))
        axis.plot(curve.x, every.T, color=palette[rule], alpha=0.13, linewidth=0.5, gid="seed")
        draw_band(axis, curve, palette[rule], gid=rule)
        axis.set_title(said.rule(rule) + "\n", loc="left", color=dark(palette[rule]), fontweight="bold")
        axis.annotate(
            estimate(curve, shares),
            (0, 1),
            (0, 4),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=7,
            color="#555555",
        )
        axis.axhline(results.attrs["capability"], color=INK, linewidth=0.7, dashes=(4, 3), zorder=1)
        if shares:
            axis.set_ylim(-0.02, 1.06)
            axis.set_yticks([0, 0.5, 1], ["0", "50", "100"])
        for name, level in reference_lines(results, held_out).items():
            axis.axhline(level, color=FAINT, linewidth=0.7, dashes=(1, 2), zorder=1)
            if axis is axes[0]:
                label_line(axis, name, level, 1.5, "#777777")
        if axis is axes[0]:
            label_line(axis, "capability", results.attrs["capability"], -7.5, INK)
        step_axis(axis, results if alike(results) else results.sel(rule=rule))
    figure.supxlabel(f"environment steps lived per seed (n = {seeds(results)} a rule)", fontsize=8)
    what = f"{said.ended(results.outcome.values[0])}, % of episodes" if shares else "return per episode"
    figure.supylabel(f"{what}\n{said.place(held_out)}", fontsize=8)
    return figure


def draw_outcomes(results: xr.Dataset, no_claim: Claims = NONE) -> Figure:
    """How episodes end, per rule and reference, on every evaluation."""
    names, outcomes = [str(e) for e in results.evaluation.values], [str(o) for o in results.outcome.values]
    references, said = [str(r) for r in results.reference.values] if "reference_share" in results else [], read(results)
    rows = results.sizes["rule"] + len(references)
    figure, axes = row_of_panels(names, rows, 0.22)
    for axis, name in zip(axes, names, strict=True):
        rules = rule_rows(axis, results)
        table = stacks(results, name)
        y, shares = np.arange(len(rules), dtype=float), table.values
        if references:
            y = np.concatenate([y, len(rules) + 0.5 + np.arange(len(references))])
            extra = results.reference_share.sel(evaluation=name).transpose("reference", "outcome").values
            shares = np.concatenate([shares, extra])
        left = np.zeros(len(shares))
        for k, outcome in enumerate(outcomes):
            bars = axis.barh(
                y, shares[:, k], 0.78, left, color=outcome_colour(k), edgecolor="white", linewidth=0.5, label=outcome
            )
            for bar, share, start in zip(bars, shares[:, k], left, strict=True):
                if k < 2 and share >= 0.14:
                    axis.text(
                        start + share / 2,
                        bar.get_y() + bar.get_height() / 2 + 0.03,
                        percent(share),
                        ha="center",
                        va="center",
                        fontsize=6.5,
                        color=INK if k == 0 else "white",
                        zorder=6,
                        bbox={"facecolor": outcome_colour(k), "linewidth": 0, "pad": 0.6},
                    )
            left = left + np.nan_to_num(shares[:, k])
        axis.set_yticks(y, [*map(said.rule, rules), *map(plain, references)])
        axis.set_ylim(y[-1] + 0.5, -0.5)
        for label in axis.get_yticklabels()[len(rules) :]:
            label.set_color("#777777")
        for row, rule in enumerate(rules):
            if rule in no_claim.get(name, ()):
                axis.barh(
                    row, 1, height=0.78, facecolor="none", edgecolor="white", hatch="////", linewidth=0, gid="hatch"
                )
                mark_no_claim(axis, row, axes)
        axis.grid(visible=False)
        axis.spines[["left", "bottom"]].set_visible(False)
    figure.supxlabel(f"% of all episodes of all seeds (n = {seeds(results)} a rule)", fontsize=8)
    handles = [Patch(color=outcome_colour(k), label=said.ended(outcome)) for k, outcome in enumerate(outcomes)]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(outcomes), handlelength=1, handleheight=1)
    return figure


def reference_lines(results: xr.Dataset, evaluation: str) -> dict[str, float]:
    """{policy: its mean return} of the random and the optimal one, as far as they were played."""
    names = [n for n in ("random", "optimal") if "reference" in results.coords and n in results.reference]
    if "reference_return" in results:
        return {name: float(results.reference_return.sel(reference=name, evaluation=evaluation)) for name in names}
    shares = results.reference_share.isel(outcome=0) if names and scores_success(results) else None
    return {} if shares is None else {n: float(shares.sel(reference=n, evaluation=evaluation)) for n in names}


def available(results: xr.Dataset, question: Question | None = None) -> dict[str, Any]:
    """{figure name: draw(results, no_claim)}: those that any run has, then those of its question, in reading order."""
    outcomes = {"outcomes": draw_outcomes} if results.sizes.get("outcome") else {}
    return {"learning": draw_learning} | outcomes | dict((question or questions.of(results)).figures(results))


def write(
    results: xr.Dataset, directory: Path, no_claim: Claims = NONE, question: Question | None = None
) -> dict[str, Path]:
    """Draws every available figure into `directory`. {name: file}, 200 dots per inch."""
    directory.mkdir(parents=True, exist_ok=True)
    files = {}
    with styled(STYLE):
        for name, draw in available(results, question).items():
            files[name] = directory / f"{name}.png"
            picture = io.BytesIO()
            draw(results, no_claim).savefig(picture, format="png", dpi=200, facecolor="white")
            write_file(directory, files[name].name, picture.getvalue())
    return files
