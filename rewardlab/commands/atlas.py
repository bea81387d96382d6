"""`rewardlab atlas`: the verdicts of many runs on one page; and the record of committed findings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rewardlab.backend import devices
from rewardlab.cli import Parser, say
from rewardlab.inputs.errors import InputError, show

GUIDE = """\
examples:
  rewardlab atlas                      the committed findings
  rewardlab atlas runs                 every finished run in runs/
  rewardlab atlas runs/dogs runs/keys --out two.html
  rewardlab atlas runs/dogs --record   puts what was found there into the record, and writes docs/findings.md
"""


def main(words: list[str]) -> int:
    parser = Parser(
        "atlas",
        usage="rewardlab atlas [DIR ...] [--out FILE] [--record]",
        description="Puts the verdicts of many runs on one page, grouped by the claims that they are about.",
        epilog=GUIDE,
    )
    parser.add_argument("directories", nargs="*", metavar="DIR", help="a run's directory, or a folder of them")
    parser.add_argument("--out", metavar="FILE", default="atlas.html", help="the page (default: atlas.html)")
    parser.add_argument(
        "--record",
        action="store_true",
        help="also put what was found there into the record that comes with the package",
    )
    given = parser.parse_args(words)
    devices.check_settings()
    from rewardlab.analysis import findings
    from rewardlab.inputs.files import write
    from rewardlab.report import atlas

    def note(text: str) -> None:
        say(text, stream=sys.stderr)

    atlas.check(given.out)  # before the record is written
    runs: dict[str, Path] = {}
    found = []
    for path in run_directories(given.directories, note):
        try:
            one = findings.of_run(path)
        except InputError as error:
            if str(path) in map(os.path.normpath, given.directories):
                raise InputError(f"{show(str(path))}: {error}") from error
            note(f"{path} is left out: {error}")
            continue
        if findings.key(one) in runs:
            raise InputError(
                f"{show(str(path))} and {show(str(runs[findings.key(one)]))} are both of {findings.key(one)}; allowed: one of each"
            )
        runs[findings.key(one)] = path
        found.append(one)
    if given.record:
        root = findings.RECORD.parents[1]
        known = findings.record(found)
        note(f"{findings.RECORD}: {len(known)} findings")
        if (root / "pyproject.toml").is_file():  # a clone, and no installed package
            write(root / "docs", "findings.md", atlas.markdown(known.values(), findings.of_others()).encode())
            note(str(root / "docs" / "findings.md"))
        if not found:
            return 0
    if not given.directories:
        found = list(findings.read().values())
    if not found:
        raise InputError("there are no findings to show; allowed: directories of finished runs")
    say(atlas.write(given.out, found, runs))
    return 0


def run_directories(given: list[str], note) -> list[Path]:
    """The finished runs among directories and in folders of them; others are named to `note`. Raises InputError."""
    from rewardlab.experiment import config
    from rewardlab.rundir import store

    found: list[Path] = []
    for name in given:
        path = Path(name)
        inside = (
            sorted(x for x in path.iterdir() if config.is_run(x))
            if path.is_dir() and not config.is_run(path)
            else [path]
        )
        if not inside:
            raise InputError(f"{show(name)} is no run directory, and there is none in it")
        for one in inside:
            if store.open_run(one).finished:
                found.append(one)
            elif len(inside) == 1 and one == path:
                raise InputError(f"{show(name)} is not finished; `rewardlab run` of the same experiment finishes it")
            else:
                note(f"{one} is left out: it is not finished")
    return found
