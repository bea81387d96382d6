"""What `rewardlab bench` measured, as tables: for the terminal and for a page."""

from __future__ import annotations

from typing import Any

from rewardlab.terminal.table import grid

HEAD = [
    ["", "", "million", "", "times", "million steps", "cores", "trace, s", "compile, s", "peak", ""],
    ["", "", "steps/s", "quartiles", "the first", "per CPU s", "used", "", "", "MiB", "check"],
]


def table(measured: dict[str, Any]) -> str:
    """A table for each suite, and the conditions."""
    parts = []
    for suite in dict.fromkeys(row["suite"] for row in measured["rows"]):
        lines = cells([row for row in measured["rows"] if row["suite"] == suite])
        parts.append("\n".join([suite, *grid(HEAD, lines)]))
    return "\n\n".join([*parts, told(measured["conditions"])])


def markdown(measured: dict[str, Any]) -> str:
    """The same for docs/performance.md."""
    head = [" ".join(words).strip() for words in zip(*HEAD, strict=True)]
    parts = []
    for suite in dict.fromkeys(row["suite"] for row in measured["rows"]):
        lines = cells([row for row in measured["rows"] if row["suite"] == suite])
        table = [head, ["---"] * len(head), *lines]
        parts.append("\n".join([f"**{suite}**", "", *(f"| {' | '.join(line)} |" for line in table)]))
    return "\n\n".join([*parts, told(measured["conditions"])])


def cells(rows: list[dict[str, Any]]) -> list[list[str]]:
    """A line of text cells for each row and contender of a suite."""
    lines: list[list[str]] = []
    first: dict[str, Any] = {}
    for row in rows:
        name = row["row"] if row["row"] not in first else ""
        if "rate" not in row:
            first.setdefault(row["row"], None)
            lines.append([name, row["contender"], *["-"] * 8, f"failed: {row['failed']}"])
            continue
        base = first.setdefault(row["row"], row["rate"])
        low, high = row["rate_quartiles"]
        lines.append(
            [
                name,
                row["contender"],
                f"{row['rate'] / 1e6:.3g}",
                f"{low / 1e6:.3g} to {high / 1e6:.3g}",
                f"{row['rate'] / base:.2f}" if base else "-",
                f"{row['rate_per_cpu_second'] / 1e6:.3g}",
                f"{row['cores']:.2f}",
                f"{row['prepare_seconds'] - row['compile_seconds']:.1f}",
                f"{row['compile_seconds']:.1f}",
                f"{row['peak_mib']:.0f}",
                f"failed: {row['failed']}" if row["failed"] else f"{row['measure']} {row['figure']:.3g}",
            ]
        )
    return lines


def told(conditions: dict[str, Any]) -> str:
    """One paragraph: where and how it was measured."""
    versions = ", ".join(f"{name} {version}" for name, version in conditions["versions"].items() if version)
    loads = " and ".join(f"{x:.1f}" for x in (conditions["load_before"], conditions["load_after"]) if x is not None)
    return (
        f"{conditions['date']}, {conditions['cores']} cores of {conditions['processor']}, Python {conditions['python']}, "
        f"{versions}. Medians of {conditions['rounds']} interleaved rounds of at least {conditions['seconds']:g} s each"
        + (f"; load average before and after: {loads}." if loads else ".")
    )
