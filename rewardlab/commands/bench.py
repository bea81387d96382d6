"""`rewardlab bench`: how fast it is, beside its peers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rewardlab.backend import devices
from rewardlab.cli import Parser, say
from rewardlab.inputs.errors import InputError

GUIDE = """\
examples:
  rewardlab bench --suite ppo --out ppo.json
  rewardlab bench --suite stepping evolution --vs gymnax
  rewardlab bench --suite growth --vs none

Peers are installed by `pip install 'rewardlab[bench]'`. Contenders take turns, each measurement in a process of its own.
"""


def main(words: list[str]) -> int:
    parser = Parser(
        "bench",
        description="Measures how fast training and stepping are, beside peers that do the same work.",
        epilog=GUIDE,
    )
    parser.add_argument("--suite", nargs="+", default=[], metavar="NAME", help="what to measure (default: every suite)")
    parser.add_argument("--vs", nargs="+", metavar="PEER", help="peers, or none (default: all that a suite has)")
    parser.add_argument("--rows", default="", metavar="TEXT", help="only the rows whose name holds this text")
    parser.add_argument("--rounds", default="2", metavar="N", help="turns of each contender (default: 2)")
    parser.add_argument("--seconds", default="1.5", metavar="S", help="of each turn, at least (default: 1.5)")
    parser.add_argument("--out", metavar="FILE", help="a .json file for everything measured")
    given = parser.parse_args(words)

    devices.check_settings()
    from rewardlab.bench import tables, turns
    from rewardlab.inputs.fields import coerce, parse
    from rewardlab.terminal.progress import Progress

    rounds = coerce(parse([given.rounds], int, "rounds"), int, "rounds", (1, 1000))
    seconds = coerce(parse([given.seconds], float, "seconds"), float, "seconds", (0.0, 3600.0))
    out = Path(given.out) if given.out else None
    if out is not None and (out.suffix != ".json" or not out.parent.is_dir()):
        raise InputError(f"--out {out}; allowed: a .json file in a directory that there is")
    suites = turns.chosen(given.suite, [] if given.vs == ["none"] else given.vs)
    suites = {suite: [row for row in rows if given.rows in row.name] for suite, rows in suites.items()}
    if not any(suites.values()):
        raise InputError(f"--rows {given.rows!r} is in no row's name; allowed: a part of one, such as '128 seeds'")

    measured = turns.measure(suites, rounds, seconds, Progress(1, sys.stderr).note)
    if out is not None:
        out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    say(tables.table(measured))
    return 1 if any(row["failed"] for row in measured["rows"]) else 0
