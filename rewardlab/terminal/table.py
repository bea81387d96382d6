"""A run's summary, and the audit, as the terminal shows them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rewardlab.analysis.levels import contradiction
from rewardlab.analysis.wording import AUDIT, audit_cells

if TYPE_CHECKING:
    from rewardlab.running.preflight import Preflight


def summary_table(summary: dict[str, Any]) -> str:
    """Two tables with a row a rule, then the verdict's sentences and the warnings.

    The first: each evaluation's final figures, interquartile means over seeds of success (of the return in a world
    where they are not the same), and under a shift of the second outcome, too. The second: how many seeds became
    capable, the steps to it, success of the control on each shift, and the verdict in short.
    """
    evaluations, outcomes = summary["evaluations"], summary["outcomes"] or ["return"]
    score, goals = summary.get("score", outcomes[0]), summary.get("goals", outcomes[:2])
    shifts = summary.get("shifts", evaluations[1:])
    columns = [(e, m) for e in evaluations for m in dict.fromkeys([score, *goals] if e in shifts else [score])]
    head = [
        ["rule", "learned", *(f"{evaluation}:" for evaluation, _ in columns)],
        ["", "", *(outcome for _, outcome in columns)],
    ]
    rows = [
        [name, "yes" if rule["learned"] else "no", *(_figure(rule.get("final"), *column) for column in columns)]
        for name, rule in summary["rules"].items()
    ]
    controls = [(shift, goals[0] if goals else score) for shift in shifts] if summary.get("control") else []
    below = [["rule", "capable", "steps to it", *(f"control, {shift}" for shift, _ in controls), "in short"]]
    lines = [
        [
            name,
            _capable(rule),
            _steps(rule),
            *(_figure(rule.get("control"), *column) for column in controls),
            rule.get("short", "-"),
        ]
        for name, rule in summary["rules"].items()
    ]
    counts = ", ".join(f"{n} ({condition})" for condition, n in summary["seeds"]["conditions"].items())
    note = (
        f"Interquartile means over all seeds, with 95 % intervals, at the end of each rule's training. Seeds: {counts}."
    )
    published = [f"Published: {who}: {value:g}" for who, value in summary.get("published", {}).items()]
    sentences = [*summary["verdict"], *published, *(f"Note: {warning}" for warning in summary["warnings"])]
    return "\n".join([*grid(head, rows), "", *grid(below, lines), "", note, "", *sentences])


def audit_table(rows: Sequence[dict[str, Any]]) -> str:
    """A table with a row a rule, each with the fields of `auditing.Reach`, and below it what the columns say, and which levels
    it contradicts.
    """
    # Headings of several words take two lines.
    halves = [heading.split(" ") for heading in AUDIT]
    head = [[" ".join(h[: (len(h) + 1) // 2]) for h in halves], [" ".join(h[(len(h) + 1) // 2 :]) for h in halves]]
    legend = [textwrap.fill(f"{heading}: {said}", 120) for heading, said in AUDIT.items() if said]
    said = [f"Note: {row['rule']}: {text}." for row in rows if (text := contradiction(row))]
    return "\n".join([*grid(head, [audit_cells(row) for row in rows]), "", *legend, *said])


def tuned_table(found: dict[str, Any]) -> str:
    """A row a rule of a file of tuned settings: the score of its own setting and of the chosen one, and what was chosen."""
    head = [["rule", "its own", "chosen", "steps spent", "setting"]]
    rows = []
    for name, rule in found["rules"].items():
        own, chosen = (next(one for one in rule["finalists"] if one[what]) for what in ("own", "chosen"))
        setting = ", ".join(f"{field}={value:g}" for field, value in chosen["setting"].items())
        scores = [f"{one['iqm']:.3g}" for one in (own, chosen)]
        rows.append([name, *scores, f"{rule['spent']:,}", "as it was" if chosen["own"] else setting])
    note = f"Scores: {found['how']['score']}, interquartile means over seeds that the search did not use."
    return "\n".join([*grid(head, rows), "", note])


BY = {
    "compiler": "All figures are predictions by the compiler for this chip: nothing ran on it. Looking up rows of tables counts "
    "as free, and time on the host is not in them.",
    "quick": "All figures are rough predictions, from the programs as they are compiled for a CPU: nothing was compiled for this "
    "chip, and nothing ran on it. Times may be twice or half of what the TPU's "
    "compiler would predict; lanes that rest count as living. Time on the host is not in them.",
    "measured": "Measured here, update by update; a run's chunks of many updates wait less for the host.",
}


def preflight_table(found: Preflight, by: str = "compiler") -> str:
    """A row a rule: what fits, how fast it is or would be; then what the time goes to, and what the whole run takes. by: in BY."""
    predicted = by != "measured"
    head = [
        ["rule", "MiB", "largest", "a batch", "an update", "bound", "steps lived", "batches", "hours of"],
        ["", "a seed", "batch", "needs", "takes", "by", "a second", "", "a chip"],
    ]
    rows, sinks, problems, loops = [], [], [], []
    for one in found.rules:
        if one.problem:
            problems.append(f"{one.rule}: {one.problem}")
            continue
        rows.append(
            [
                one.rule,
                f"{one.bytes_per_seed / 2**20:.2f}" if predicted else "-",
                f"{one.fits:,}" if predicted else "-",
                f"{one.bytes / 2**30:.2f} GiB",
                f"{one.update_seconds * 1e3:.2f} ms",
                one.bound,
                f"{one.steps_per_second:,.3g}" if one.steps_per_second < 1e3 else f"{one.steps_per_second:,.0f}",
                f"{one.batches}",
                f"{one.hours:.3f}",
            ]
        )
        if one.open_loops:
            loops.append(f"{one.rule} ({one.open_loops})")
        if not one.operations:
            continue
        parts = ", ".join(f"{share:.0%} {function} ({kind})" for function, kind, share in one.operations)
        sinks.append(textwrap.fill(f"{one.rule}: {parts}", 120, subsequent_indent="  "))
    lines = grid(head, rows) if rows else []
    if sinks:
        lines += ["", "The costliest operations of an update, by the function that asks for them:", *sinks]
    if loops:
        lines += [
            "",
            f"Loops that nobody knows how often they turn count once, so these take longer: {', '.join(loops)}.",
        ]
    if problems:
        lines += ["", "What would not run:", *problems]
    if found.flies:
        where = f"one {found.chip} chip" if found.chips == 1 else f"{found.chips} {found.chip} chips"
        lines += [
            "",
            f"The whole run, {found.seeds:,} seeds in batches of {found.width:,} on {where}: about {duration(found.hours)}.",
        ]
    lines.append(BY[by])
    return "\n".join(lines)


def duration(hours: float) -> str:
    """Hours in words, in minutes or seconds where it is less."""
    if hours >= 1:
        return f"{hours:.1f} hours"
    return f"{hours * 60:.0f} minutes" if hours >= 1 / 30 else f"{hours * 3600:.0f} seconds"


def grid(head: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table with a rule under its head; every column as wide as its widest cell."""
    widths = [max(len(row[i]) for row in (*head, *rows)) for i in range(len(head[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (*head, *rows)
    ]
    return [*lines[: len(head)], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[len(head) :]]


def _figure(figures: dict[str, Any] | None, evaluation: str, measure: str) -> str:
    figure = (figures or {}).get(evaluation, {}).get(measure) or {}
    if figure.get("iqm") is None:
        return "-"
    digits = ".3g" if measure == "return" else ".2f"
    interval = "" if figure["low"] is None else f" [{figure['low']:{digits}}, {figure['high']:{digits}}]"
    return f"{figure['iqm']:{digits}}{interval}"


def _capable(rule: dict[str, Any]) -> str:
    return f"{rule['seeds'] - rule['never']}/{rule['seeds']}" if "never" in rule else "-"


def _steps(rule: dict[str, Any]) -> str:
    steps = rule.get("steps_to_capability", {}).get("iqm")
    return "-" if steps is None else f"{steps:,.0f}" if steps else "untrained"
