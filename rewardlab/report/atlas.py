"""Findings -> one page: the verdicts of many runs, grouped by the claims that they are about. And the same as Markdown."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rewardlab.analysis import findings
from rewardlab.analysis.findings import Finding
from rewardlab.analysis.wording import count, sentence
from rewardlab.inputs.errors import InputError, show, visible
from rewardlab.inputs.files import write as write_file
from rewardlab.report.templates import engine
from rewardlab.rundir import store

PAGE = "atlas.html"
INTRO = """\
# Findings

What was asked, by claim, and what came out. `rewardlab atlas DIR... --record` writes this page and `rewardlab/findings.json` from
finished runs, and nobody else does; a test holds the two together. Every sentence is made from the arrays of a run's `results.nc`.
The interval behind a main effect is a 95 % interval over seeds. "–" stands where a run has no such figure, or was not timed.
"""
OTHERS = """\
## Findings of others

*Met* is meant in kind: the same direction, under our conditions, which stand beside theirs.
"""


def render(found: Iterable[Finding], links: Mapping[str, str] = {}) -> str:
    """The page's HTML. links: {key of a finding: address of its report}."""
    groups = findings.by_claim(found)
    every = [one for group in groups.values() for one in group]
    facts = [
        count(len([claim for claim in groups if claim]), "claim"),
        count(len(every), "experiment"),
        f"{sum(r['seeds'] for one in every for r in one['rules'].values()):,} agents trained under main conditions",
    ]
    return (
        engine()
        .get_template(PAGE)
        .render(
            facts=facts,
            groups=[
                {
                    "claim": claim,
                    "sources": findings.sources(group),
                    "cards": [card(one, links.get(findings.key(one), "")) for one in group],
                }
                for claim, group in groups.items()
            ],
        )
    )


def card(found: Finding, link: str) -> dict[str, Any]:
    """What the page says of one experiment."""
    effect = found["effect"]
    share = bool(effect) and effect["measure"] == "" and effect["low"] is not None
    return {
        "id": findings.key(found),
        "question": found["question"] or found["name"],
        "small": found["size"],
        "facts": [
            f"world {found['world']}",
            count(len(found["rules"]), "rule"),
            findings.seeds(found),
            findings.time(found),
        ],
        "brief": [(sentence(who), short, claimed) for who, short, claimed in findings.brief(found, whole=True)],
        "effect": findings.effect(found),
        "ends": [100 * min(max(effect[x], 0.0), 1.0) for x in ("iqm", "low", "high")] if share else [],
        "control": findings.control(found),
        "rules": ", ".join(rule["title"] for rule in found["rules"].values()),
        "verdict": found["verdict"],
        "command": found["command"],
        "conditions": findings.conditions(found),
        "link": link,
    }


def write(file: str | Path, found: Iterable[Finding], runs: Mapping[str, Path] = {}) -> Path:
    """Writes the page. runs: {key of a finding: its run's directory}, whose reports are linked. Raises InputError."""
    file = Path(file)
    links = {
        name: os.path.relpath(path / store.PAGE, file.parent)
        for name, path in runs.items()
        if (path / store.PAGE).is_file()
    }
    html = render(found, {name: Path(link).as_posix() for name, link in links.items()})
    check(file)
    write_file(file.parent, file.name, html.encode())
    return file


def check(file: str | Path) -> None:
    """Raises InputError where the page can't be written for want of a directory, or because there is one in its place."""
    file = Path(file)
    if not file.parent.is_dir():
        raise InputError(f"can't write {show(str(file))}: there is no directory {show(str(file.parent))}")
    if file.is_dir():
        raise InputError(
            f"can't write {show(str(file))}: it is a directory; allowed: a file, as {show(str(file / PAGE))}"
        )


def markdown(found: Iterable[Finding], others: Iterable[dict[str, Any]]) -> str:
    """The page `docs/findings.md`."""
    head = ("Claim", "Experiment", "World", "In short", "Main effect", "Seeds", "Control", "Time")
    groups = findings.by_claim(found)
    rows = []
    for claim, group in groups.items():
        for i, one in enumerate(group):
            told = f"{claim} ({findings.sources(group)})" if findings.sources(group) else claim
            rows.append((told if i == 0 else "", f"`{one['command']}`", one["world"], findings.in_short(one), findings.effect(one),
                         findings.seeds(one), findings.control(one), findings.time(one)))  # fmt: skip
    lines = [INTRO, *(_table(head, rows) if rows else ["Nothing was recorded yet."]), ""]
    theirs = ("Finding", "Source", "Their conditions", "", "Ours", "Experiments")
    of_others = [
        (
            row["finding"],
            row["source"],
            row["theirs"],
            f"**{row['state']}**",
            row["ours"],
            ", ".join(row["experiments"]),
        )
        for row in others
    ]
    lines += [OTHERS, *_table(theirs, of_others), ""]
    for one in (one for group in groups.values() for one in group):
        lines += [f"## {findings.key(one)}", "", _cell(f"{one['question']} {sentence(findings.conditions(one))}."), ""]
        lines += [*(f"- {_cell(text)}" for text in one["verdict"]), ""]
    return "\n".join(lines)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(head)
    return [f"| {' | '.join(map(_cell, row))} |" for row in (head, ["---"] * len(head), *rows)]


def _cell(text: str) -> str:
    return " ".join(visible(text).replace("|", "\\|").replace("<", "&lt;").split())
