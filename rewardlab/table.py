"""A run's summary as the terminal shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def summary_table(summary: dict[str, Any]) -> str:
    """The verdict's sentences, under them one row a rule: how many seeds learned, and each evaluation's final figures.

    A figure is the interquartile mean over seeds of success, and under a shift of the second outcome, too.
    """
    outcomes = summary["outcomes"] or ["return"]
    columns = [
        (evaluation, outcome)
        for i, evaluation in enumerate(summary["evaluations"])
        for outcome in outcomes[: 1 + (i > 0)]
    ]
    head = [
        ["rule", "learned", *(f"{evaluation}:" for evaluation, _ in columns)],
        ["", "", *(outcome for _, outcome in columns)],
    ]
    rows = [
        [name, "yes" if rule["learned"] else "no", *(_figure(rule, *column) for column in columns)]
        for name, rule in summary["rules"].items()
    ]
    counts = ", ".join(f"{n} ({condition})" for condition, n in summary["seeds"]["conditions"].items())
    note = f"Interquartile means over seeds with 95 % intervals, at equal environment steps. Seeds: {counts}."
    sentences = [*summary["verdict"], *(f"Note: {warning}" for warning in summary["warnings"])]
    return "\n".join([*grid(head, rows), "", note, "", *sentences])


def grid(head: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table with a rule under its head; every column as wide as its widest cell."""
    widths = [max(len(row[i]) for row in (*head, *rows)) for i in range(len(head[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (*head, *rows)
    ]
    return [*lines[: len(head)], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[len(head) :]]


def _figure(rule: dict[str, Any], evaluation: str, outcome: str) -> str:
    figure = rule["final"].get(evaluation, {}).get(outcome) or rule.get("return", {}).get(evaluation) or {}
    if figure.get("iqm") is None:
        return "-"
    interval = "" if figure["low"] is None else f" [{figure['low']:.2f}, {figure['high']:.2f}]"
    return f"{figure['iqm']:.2f}{interval}"
