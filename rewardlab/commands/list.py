"""`rewardlab list`: list the experiments, questions, worlds, rules and probes that there are."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from rewardlab.backend import devices
from rewardlab.cli import Parser, say

COLUMNS = 100
LEVELS = (
    "Level: what of reward it can read. 0 nothing, 1 a bar, 2 order, 3 return, 4 which step paid, "
    "5 a predictor consulted to act."
)


def main(words: list[str]) -> int:
    parser = Parser("list", description="Lists the experiments, questions, worlds, rules and probes that there are.")
    parser.add_argument("--json", action="store_true", help="as JSON, findings included")
    given = parser.parse_args(words)
    devices.check_settings()
    found = everything()
    say(json.dumps(found, indent=1, ensure_ascii=False) if given.json else told(found))
    return 0


def everything() -> dict[str, Any]:
    """{"experiments": what `experiments` says; "questions", "worlds", "gymnax", "rules" and "probes": {name: what it is}}."""
    from rewardlab import envs, probes, questions, rules
    from rewardlab.inputs import registry

    def docs(family) -> dict[str, str]:
        return {name: registry.outline(path).doc for name, path in family.names().items()}

    return {
        "experiments": experiments(),
        "questions": docs(questions.FAMILY),
        "worlds": docs(envs.FAMILY),
        "gymnax": list(envs.catalogue.names()),
        "rules": {k: {"level": rules.load(k).level, "doc": doc} for k, doc in docs(rules.FAMILY).items()},
        "probes": {k: {"when": probes.load(k).when, "doc": doc} for k, doc in docs(probes.FAMILY).items()},
    }


def experiments() -> list[dict[str, Any]]:
    """What every config is, by claim: name, doc, claim, source, sizes, command; finding: the committed one, or None."""
    from rewardlab.analysis import findings
    from rewardlab.experiment import config
    from rewardlab.inputs import registry

    known, rows = findings.read(), []
    for name, path in config.names().items():
        one = config.load(name)
        rows.append(
            {
                "name": name,
                "doc": registry.outline(path).doc,
                "claim": one.claim,
                "source": one.source,
                "sizes": config.sizes(name),
                "command": f"rewardlab run {name}",
                "finding": known.get(name)
                or next((known[k] for s in config.sizes(name) if (k := f"{name}-{s}") in known), None),
            }
        )
    return [row for group in findings.by_claim(rows).values() for row in group]


def told(found: dict[str, Any]) -> str:
    """The same as text of no more than `COLUMNS` columns."""
    parts = [*_experiments(found["experiments"])]
    parts += _columns("QUESTION", [[name, doc] for name, doc in found["questions"].items()])
    parts += _columns("WORLD", [[name, doc] for name, doc in found["worlds"].items()])
    parts[-1:] = [*_wrapped(f"and gymnax's: {', '.join(found['gymnax'])}", ""), ""]
    parts += _columns("RULE", [[name, str(of["level"]), of["doc"]] for name, of in found["rules"].items()], "LEVEL")
    parts[-1:] = [*_wrapped(LEVELS, ""), ""]
    parts += _columns("PROBE", [[name, of["when"], of["doc"]] for name, of in found["probes"].items()], "WHEN")
    return "\n".join(parts[:-1])


def _experiments(rows: list[dict[str, Any]]) -> list[str]:
    from rewardlab.analysis import findings

    lines = ["EXPERIMENTS, by the claim that they are about: `rewardlab run NAME` runs one", "-" * COLUMNS]
    for claim, group in findings.by_claim(rows).items():
        lines += _wrapped(claim or "No claim: is what published returns say reached?", "")
        source = findings.sources(group)
        lines += _wrapped(source, "  ") if source else []
        for row in group:
            sizes = "".join(f" [--{size}]" for size in row["sizes"])
            known = row["finding"]
            lines += [*_wrapped(row["doc"], "    ")]
            command = (known["command"] if known else row["command"]) + ("" if known else sizes)
            took = findings.time(known) if known else "–"
            lines += _wrapped(command + f"    {took}" * (took != "–"), "      ")
            if known:
                lines += _wrapped(findings.in_short(known), "      ")
        lines.append("")
    return lines


def _columns(title: str, rows: list[list[str]], second: str = "") -> list[str]:
    """Lines of a table whose last column is broken so that it fits, and an empty one."""
    head = [title, *([second] if second else [])]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(head, widths, strict=True)).rstrip(), "-" * COLUMNS]
    for row in rows:
        start = "".join(cell.ljust(width + 2) for cell, width in zip(row[:-1], widths, strict=True))
        lines += textwrap.wrap(row[-1], COLUMNS, initial_indent=start, subsequent_indent=" " * len(start)) or [
            start.rstrip()
        ]
    return [*lines, ""]


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
