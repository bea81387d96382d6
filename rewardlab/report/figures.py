"""Results -> figures, 200 dots per inch. The numbers come from `numbers.py`; this file draws them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rewardlab.report.numbers import (
    Curve, count, dose, final_success, first_capable, learning, main_condition,
    matched, per_seed, scores_success, shifts, stacks, summarise, swept,
)

RULE_COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#D55E00", "#E69F00", "#CC79A7", "#7A7A7A", "#332288", "#882255", "#999933")
OUTCOME_COLOURS = ("#F0B400", "#2F4B9B", "#8C8C8C", "#D6D6D6", "#5FA8A0", "#B5739D")  # success first
INK, FAINT = "#222222", "#9A9A9A"
WORDS = {
    "reinforce": "REINFORCE", "ppo": "PPO", "parallel_q": "parallel Q", "truncation": "truncation selection", "openai_es": "OpenAI-ES",
    "guess_and_check": "guess-and-check", "shuffled": "shuffled reward", "coin": "coin reached", "end": "end reached past the coin",
    "time": "out of time",
}
STYLE = {
    "font.family": "DejaVu Sans", "font.size": 8, "axes.titlesize": 8.5, "axes.labelsize": 8, "axes.spines.top": False,
    "axes.spines.right": False, "axes.edgecolor": "#666666", "axes.linewidth": 0.6, "axes.grid": True, "grid.color": "#E9E9E9",
    "grid.linewidth": 0.6, "axes.axisbelow": True, "xtick.color": "#444444", "ytick.color": "#444444", "xtick.major.width": 0.6,
    "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5, "legend.frameon": False, "legend.fontsize": 8,
    "text.color": INK, "axes.labelcolor": INK, "text.parse_math": False, "hatch.linewidth": 0.6,
}
WIDTH = 7.2  # inches


def words(name: object) -> str:
    """The name of a rule or an outcome as a reader would write it."""
    return WORDS.get(str(name), plain(name))


def plain(name: object) -> str:
    """The name of a condition or an evaluation as a reader would write it."""
    return str(name).replace("_", " ")


def colours(results: xr.Dataset) -> dict[str, str]:
    return {str(rule): RULE_COLOURS[i % len(RULE_COLOURS)] for i, rule in enumerate(results.rule.values)}


def outcome_colour(index: int) -> str:
    return OUTCOME_COLOURS[index % len(OUTCOME_COLOURS)]


def _dark(colour: str) -> tuple[float, ...]:
    """The same hue, dark enough for text."""
    return tuple(0.75 * c for c in to_rgb(colour))


def _no_claim(axis, row: int):
    axis.text(1.03, row, "no claim", va="center", fontsize=6.5, style="italic", gid="no claim", clip_on=False)


def decimal(value: float) -> str:
    """Two digits, a share without its leading zero."""
    text = f"{value:.2f}" if abs(value) < 1.005 else f"{value:.3g}"
    return "–" if np.isnan(value) else text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def estimate(curve: Curve) -> str:
    """The last centre with its interval, where there is one: ".96 [.94, .97]"."""
    centre, low, high = (decimal(float(x[-1])) for x in (curve.centre, curve.low, curve.high))
    return f"{centre} [{low}, {high}]" if low != "–" else centre


def short_steps(value: float) -> str:
    return f"{value / 1e6:g}M" if abs(value) >= 1e6 else f"{value / 1e3:g}k" if abs(value) >= 1e3 else f"{value:g}"


def _step_axis(axis, results: xr.Dataset):
    """Two ticks, aligned inwards so that those of neighbouring panels do not touch."""
    last = float(np.nanmax(results.steps)) or 1.0
    axis.set_xlim(0, last)
    axis.set_xticks([0, last / 2, last], ["0", short_steps(last / 2), short_steps(last)])
    for label, side in zip(axis.get_xticklabels(), ("left", "center", "right")):
        label.set_horizontalalignment(side)


def _grid(count: int, height: float, columns: int = 4) -> tuple[Figure, list]:
    """A figure of `count` small multiples with shared axes; spare cells are hidden."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(max(WIDTH * columns / 4, 3.6), height * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for spare in axes[count:]:
        spare.set_visible(False)
    for i in range(max(count - columns, 0), count):  # the lowest visible panel of a column carries the tick labels
        axes[i].tick_params(labelbottom=True)
    return figure, list(axes[:count])


def _row_of_panels(names: list[str], rows: int, row_height: float = 0.3) -> tuple[Figure, list]:
    figure = Figure(figsize=(WIDTH, 1.1 + row_height * rows), layout="constrained")
    axes = list(figure.subplots(1, len(names), sharey=True, squeeze=False)[0])
    for axis, name in zip(axes, names):
        axis.set_title(plain(name), loc="left", fontweight="bold")
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
        axis.grid(axis="y", visible=False)
        axis.tick_params(axis="y", length=0)
    return figure, axes


def _rule_rows(axis, results: xr.Dataset, notes: Mapping[str, str] = {}) -> list[str]:
    rules = [str(rule) for rule in results.rule.values]
    axis.set_yticks(range(len(rules)), [words(rule) + (f"\n{notes[rule]}" if notes.get(rule) else "") for rule in rules])
    axis.set_ylim(len(rules) - 0.5, -0.5)
    return rules


def _band(axis, curve: Curve, colour: str, **kwargs):
    axis.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0, zorder=3)
    axis.plot(curve.x, curve.centre, color=colour, linewidth=1.6, zorder=4, **kwargs)


def _interval(axis, curve: Curve, y: float, colour: str, gid: str, hollow: bool = False):
    axis.plot([curve.low[0], curve.high[0]], [y, y], color=colour, linewidth=1.8, solid_capstyle="round", zorder=4, clip_on=False)
    axis.plot(curve.centre, [y], "o", markersize=5, color=colour, markerfacecolor="white" if hollow else colour,
              markeredgewidth=1.2, markeredgecolor=colour, zorder=5, clip_on=False, gid=gid)


def _dots(axis, values: np.ndarray, y: float, colour: str):
    spread = np.linspace(-0.09, 0.09, len(values)) if len(values) > 1 else np.zeros(len(values))
    order = np.random.default_rng(0).permutation(len(values))  # a fixed jitter: the same picture for the same results
    axis.scatter(values, y + spread[order], s=7, color=colour, alpha=0.3, linewidth=0, zorder=2, clip_on=False)


def _line_label(axis, text: str, y: float, offset: float, colour: str):
    axis.annotate(text, (1, y), (-1, offset), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right", fontsize=6.5, color=colour)


def draw_learning(results: xr.Dataset, no_claim: Collection[str] = ()) -> Figure:
    """One panel a rule: every seed, the interquartile mean with its band, threshold and references."""
    shares, held_out, palette = scores_success(results), str(results.evaluation.values[0]), colours(results)
    rules = list(palette)
    figure, axes = _grid(len(rules), 1.55)
    main = results.sel(condition=main_condition(results))
    for axis, rule in zip(axes, rules):
        curve = learning(results, rule)
        every = per_seed(main["return"].sel(rule=rule, evaluation=held_out))
        axis.plot(curve.x, every.T, color=palette[rule], alpha=0.13, linewidth=0.5, gid="seed")
        _band(axis, curve, palette[rule], gid=rule)
        axis.set_title(words(rule) + "\n", loc="left", color=_dark(palette[rule]), fontweight="bold")
        axis.annotate(estimate(curve), (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=7, color="#555555")
        axis.axhline(results.attrs["capability"], color=INK, linewidth=0.7, dashes=(4, 3), zorder=1)
        if shares:
            axis.set_ylim(-0.02, 1.06)
            for name in (n for n in ("random", "optimal") if "reference" in results.coords and n in results.reference):
                level = float(results.reference_share.sel(reference=name, evaluation=held_out).isel(outcome=0))
                axis.axhline(level, color=FAINT, linewidth=0.7, dashes=(1, 2), zorder=1)
                if axis is axes[0]:
                    _line_label(axis, name, level, 1.5, "#777777")
        if axis is axes[0]:
            _line_label(axis, "capability", results.attrs["capability"], -7.5, INK)
        _step_axis(axis, results)
    figure.supxlabel(f"environment steps lived per seed (n = {count(results)} seeds a rule)", fontsize=8)
    label = f"success on {plain(held_out)} levels\n(share of episodes)" if shares else f"return per episode, {plain(held_out)}"
    figure.supylabel(label, fontsize=8)
    return figure


def draw_outcomes(results: xr.Dataset, no_claim: Collection[str] = ()) -> Figure:
    """How episodes end, per rule and reference, on every evaluation."""
    names, outcomes = [str(e) for e in results.evaluation.values], [str(o) for o in results.outcome.values]
    references = [str(r) for r in results.reference.values] if "reference_share" in results else []
    rows = results.sizes["rule"] + len(references)
    figure, axes = _row_of_panels(names, rows, 0.22)
    for axis, name in zip(axes, names):
        rules = _rule_rows(axis, results)
        table = stacks(results, name)
        y, shares = np.arange(len(rules), dtype=float), table.values
        if references:
            y = np.concatenate([y, len(rules) + 0.5 + np.arange(len(references))])
            extra = results.reference_share.sel(evaluation=name).transpose("reference", "outcome").values
            shares = np.concatenate([shares, extra])
        left = np.zeros(len(shares))
        for k, outcome in enumerate(outcomes):
            bars = axis.barh(y, shares[:, k], 0.78, left, color=outcome_colour(k), edgecolor="white", linewidth=0.5, label=outcome)
            for bar, share, start in zip(bars, shares[:, k], left):
                if k < 2 and share >= 0.14:
                    axis.text(start + share / 2, bar.get_y() + bar.get_height() / 2 + 0.03, decimal(share), ha="center", va="center",
                              fontsize=6.5, color=INK if k == 0 else "white",
                              zorder=6, bbox={"facecolor": outcome_colour(k), "linewidth": 0, "pad": 0.6})
            left = left + np.nan_to_num(shares[:, k])
        axis.set_yticks(y, [words(name) for name in (*rules, *references)])
        axis.set_ylim(y[-1] + 0.5, -0.5)
        for label in axis.get_yticklabels()[len(rules):]:
            label.set_color("#777777")
        if name in shifts(results):
            for row, rule in enumerate(rules):
                if rule in no_claim:
                    axis.barh(row, 1, height=0.78, facecolor="none", edgecolor="white", hatch="////", linewidth=0, gid="hatch")
                    if axis is axes[-1]:
                        _no_claim(axis, row)
        axis.grid(visible=False)
        axis.spines[["left", "bottom"]].set_visible(False)
    figure.supxlabel(f"share of episodes, mean over seeds (n = {count(results)} a rule)", fontsize=8)
    handles = [Patch(color=outcome_colour(k), label=words(outcome)) for k, outcome in enumerate(outcomes)]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(outcomes), handlelength=1, handleheight=1)
    return figure


def _outcome_key(figure: Figure, outcomes: list[str]):
    handles = [Line2D([], [], marker="o", color=outcome_colour(k), label=words(o)) for k, o in enumerate(outcomes)]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def draw_matched(results: xr.Dataset, no_claim: Collection[str] = ()) -> Figure:
    """The first two outcomes on shifted levels at each seed's first capable snapshot."""
    outcomes = [str(o) for o in results.outcome.values[:2]]
    first, main = first_capable(results), main_condition(results)
    notes = {}
    for rule in map(str, results.rule.values):
        count = len(final_success(results, rule, main, str(results.evaluation.values[0])))
        notes[rule] = f"{int((first.sel(rule=rule) >= 0).sum())} of {count} seeds"
    figure, axes = _row_of_panels(shifts(results), results.sizes["rule"], 0.4)
    for axis, name in zip(axes, shifts(results)):
        for row, rule in enumerate(_rule_rows(axis, results, notes)):
            for k, outcome in enumerate(outcomes):
                values, y = matched(results, rule, name, outcome), row + (k - (len(outcomes) - 1) / 2) * 0.36
                _dots(axis, values, y, outcome_colour(k))
                _interval(axis, summarise(0.0, values[:, None]), y, outcome_colour(k), f"{rule}/{outcome}")
            if rule in no_claim:
                axis.axhspan(row - 0.46, row + 0.46, facecolor="#F1F1F1", edgecolor="white", hatch="////", zorder=0)
                if axis is axes[-1]:
                    _no_claim(axis, row)
    figure.supxlabel("share of episodes at the first capable snapshot", fontsize=8)
    _outcome_key(figure, outcomes)
    return figure


def draw_control(results: xr.Dataset, no_claim: Collection[str] = ()) -> Figure:
    """Success on shifted levels: trained as in the main condition against trained as in the control."""
    main, control, palette = main_condition(results), results.attrs["control"], colours(results)
    figure, axes = _row_of_panels(shifts(results), results.sizes["rule"], 0.3)
    for axis, name in zip(axes, shifts(results)):
        axis.axvline(results.attrs["control_capability"], color=INK, linewidth=0.7, dashes=(4, 3), zorder=1)
        for row, rule in enumerate(_rule_rows(axis, results)):
            ends = []
            for condition, y in ((main, row - 0.16), (control, row + 0.16)):
                values = final_success(results, rule, condition, name)
                _dots(axis, values, y, palette[rule])
                ends.append(summarise(0.0, values[:, None]))
                _interval(axis, ends[-1], y, palette[rule], f"{rule}/{condition}", hollow=condition == main)
            axis.plot([ends[0].centre[0], ends[1].centre[0]], [row - 0.16, row + 0.16], color=palette[rule], linewidth=0.6, zorder=1)
            if rule in no_claim and axis is axes[-1]:
                _no_claim(axis, row)
    figure.supxlabel(f"{words(results.outcome.values[0])} (share of episodes)", fontsize=8)
    handles = [Line2D([], [], marker="o", color=INK, markerfacecolor=fill, linestyle="", label=label) for fill, label in
               (("white", f"trained with “{plain(main)}” (main, n = {count(results, main)})"), (INK, f"trained with “{plain(control)}” (control, n = {count(results, control)})"))]
    handles.append(Line2D([], [], color=INK, linewidth=0.7, dashes=(4, 3), label="needed for a claim"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def draw_drift(results: xr.Dataset, no_claim: Collection[str] = ()) -> Figure:
    """The first two outcomes on the first shift against training steps."""
    outcomes, shift, palette = [str(o) for o in results.outcome.values[:2]], shifts(results)[0], colours(results)
    figure, axes = _grid(len(palette), 1.4)
    for axis, rule in zip(axes, palette):
        for k, outcome in enumerate(outcomes):
            _band(axis, learning(results, rule, shift, outcome), outcome_colour(k), gid=f"{rule}/{outcome}")
        axis.set_title(words(rule), loc="left", color=_dark(palette[rule]), fontweight="bold")
        if rule in no_claim:
            axis.text(0.97, 0.2, "no claim", transform=axis.transAxes, ha="right", fontsize=6.5, style="italic", gid="no claim")
        axis.set_ylim(-0.02, 1.02)
        _step_axis(axis, results)
    figure.supxlabel(f"environment steps lived per seed (n = {count(results)} seeds a rule)", fontsize=8)
    figure.supylabel(f"share of episodes, {plain(shift)}", fontsize=8)
    _outcome_key(figure, outcomes)
    return figure


def _apart(values: np.ndarray, gap: float) -> np.ndarray:
    """`values` moved as little as needed to lie at least `gap` apart, in the same order, and within [0, 1] if that is possible."""
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


def draw_sweep(results: xr.Dataset, no_claim: Collection[str] = ()) -> Figure:
    """Success on every shift against the swept parameter, a line per rule."""
    parameter, values = swept(results)
    palette, names = colours(results), shifts(results) or [str(results.evaluation.values[0])]
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    fraction = parameter and values.min() >= 0 and values.max() <= 1
    for axis, name in zip(axes, names):
        curves = {rule: dose(results, rule, name) for rule in palette}
        for rule, curve in curves.items():
            _band(axis, curve, palette[rule], marker="o", markersize=3, gid=rule)
        ends = _apart(np.array([np.nan_to_num(c.centre[-1]) for c in curves.values()]), 0.055)
        for (rule, curve), y in zip(curves.items(), ends):
            if axis is axes[-1]:
                axis.annotate(words(rule), (1, curve.centre[-1]), (1.06, y), xycoords=("axes fraction", "data"), va="center", fontsize=7,
                              color=_dark(palette[rule]), arrowprops={"arrowstyle": "-", "color": palette[rule], "linewidth": 0.5})
        axis.set_title(plain(name), loc="left", fontweight="bold")
        if fraction:
            axis.set_xscale("function", functions=(lambda x: np.sqrt(np.clip(x, 0, None)), np.square))
        axis.set_xticks(np.sort(values), [f"{100 * v:g}" for v in np.sort(values)] if fraction else
                        [f"{v:g}" for v in np.sort(values)] if parameter else [plain(c) for c in results.condition.values], fontsize=7)
        axis.minorticks_off()
        axis.set_ylim(-0.02, 1.02)
    axes[0].set_ylabel(f"{words(results.outcome.values[0])} (share of episodes)")
    label = "training levels with the coin moved" if parameter == "moved" else plain(parameter or "condition of training")
    fewest = min(count(results, str(c)) for c in results.condition.values)
    figure.supxlabel(label + (", % (square-root scale)" if fraction else "") + f"    n ≥ {fewest} seeds a point", fontsize=8)
    return figure


def available(results: xr.Dataset) -> dict[str, object]:
    """{figure name: function that draws it}: those for which the results hold what is needed, in reading order."""
    moved = bool(shifts(results))
    wanted = {
        "learning": (draw_learning, True),
        "outcomes": (draw_outcomes, True),
        "matched": (draw_matched, moved),
        "control": (draw_control, moved and results.attrs.get("control") in results.condition.values),
        "drift": (draw_drift, moved and results.sizes["point"] > 1),
        "sweep": (draw_sweep, results.sizes["condition"] > 2),
    }
    return {name: draw for name, (draw, present) in wanted.items() if present}


def write(results: xr.Dataset, directory: Path, no_claim: Collection[str] = ()) -> dict[str, Path]:
    """Draws every available figure into `directory`. {name: file}, 200 dots per inch."""
    directory.mkdir(parents=True, exist_ok=True)
    files = {}
    with rc_context(STYLE):
        for name, draw in available(results).items():
            files[name] = directory / f"{name}.png"
            draw(results, no_claim).savefig(files[name], dpi=200, facecolor="white")
    return files
