"""Results -> figures, 200 dots per inch. The numbers come from `numbers.py`; this file draws them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from rewardlab import questions
from rewardlab.analysis.naming import read
from rewardlab.analysis.reading import scores_success
from rewardlab.analysis.wording import plain
from rewardlab.inputs.files import write as write_file
from rewardlab.questions import Question
from rewardlab.report import ends
from rewardlab.report.drawing import styled
from rewardlab.report.numbers import (
    alike,
    learning,
    main_condition,
    per_seed,
    seeds,
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
    draw_dots,
    draw_interval,
    estimate,
    grid,
    label_line,
    mark_no_claim,
    outcome_colour,
    outcome_key,
    row_of_panels,
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
    """How often each rule's seeds, and each reference, end in the first two ways, on every evaluation."""
    names, said = [str(e) for e in results.evaluation.values], read(results)
    outcomes, rules = ends.shown(results), [str(rule) for rule in results.rule.values]
    scripted = list(ends.references(results, names[0]))
    figure, axes = row_of_panels(names, len(rules) + len(scripted), 0.34)
    for axis, name in zip(axes, names, strict=True):
        for one in ends.of(results, name):
            k = outcomes.index(one.outcome)
            y = rules.index(one.rule) + (k - (len(outcomes) - 1) / 2) * 0.36
            draw_dots(axis, one.share[one.counts], y, outcome_colour(k))
            draw_interval(axis, one.centre, y, outcome_colour(k), f"{one.rule}/{one.outcome}")
        for row, shares in enumerate(ends.references(results, name).values(), len(rules)):
            for k, share in enumerate(shares):
                axis.plot([share], [row], "D", markersize=3.5, color=outcome_colour(k), clip_on=False, gid="reference")
        axis.set_yticks(range(len(rules) + len(scripted)), [*map(said.rule, rules), *map(plain, scripted)])
        axis.set_ylim(len(rules) + len(scripted) - 0.5, -0.5)
        for label in axis.get_yticklabels()[len(rules) :]:
            label.set_color("#777777")
        for row, rule in enumerate(rules):
            if rule in no_claim.get(name, ()):
                axis.axhspan(
                    row - 0.46, row + 0.46, facecolor="#F1F1F1", edgecolor="white", hatch="////", zorder=0, gid="hatch"
                )
                mark_no_claim(axis, row, axes)
    figure.supxlabel("% of episodes at the end of training, a dot a seed", fontsize=8)
    outcome_key(figure, results, outcomes)
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


KINDS = ("png", "svg", "pdf")
UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}  # the same results, the same files


def write(
    results: xr.Dataset,
    directory: Path,
    no_claim: Claims = NONE,
    question: Question | None = None,
    papers: bool = True,
) -> dict[str, Path]:
    """Draws every available figure into `directory`, as PNG, 200 dots per inch; for papers as SVG and PDF, too, whose letters
    are text. {name: its PNG}.
    """
    directory.mkdir(parents=True, exist_ok=True)
    files = {}
    with styled(STYLE):
        for name, draw in available(results, question).items():
            files[name] = directory / f"{name}.png"
            figure = draw(results, no_claim)
            for kind in KINDS if papers else KINDS[:1]:
                picture = io.BytesIO()
                figure.savefig(picture, format=kind, dpi=200, facecolor="white", metadata=UNDATED.get(kind))
                write_file(directory, f"{name}.{kind}", picture.getvalue())
                figure.set_layout_engine("none")  # once laid out, it stays so; laying out is what takes long
    return files
