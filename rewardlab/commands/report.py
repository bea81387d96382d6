"""`rewardlab report`: write the summary, the figures and the page of a run again; put its parts together first, if need be."""

from __future__ import annotations

import sys

from rewardlab.backend import devices
from rewardlab.cli import Parser, say


def main(words: list[str]) -> int:
    parser = Parser(
        "report",
        description="Writes the summary, the figures and the page of a run again. Where its results are missing and its parts are "
        "all there, copied together from several hosts maybe, puts them together first.",
    )
    parser.add_argument("directory", metavar="DIR", help="a run's directory")
    given = parser.parse_args(words)

    devices.check_settings()
    devices.start()
    from rewardlab.rundir import parts, store

    run = store.open_run(given.directory)
    from rewardlab.rundir import lease
    from rewardlab.running import assembly

    def note(text: str) -> None:
        say(text, stream=sys.stderr)

    # What is missing or damaged is said before anything is written.
    _ = run.config
    there = (run.path / store.RESULTS).exists()
    if there or not (run.path / parts.FOLDER).is_dir():
        _ = run.results
        _ = run.environment if (run.path / store.ENVIRONMENT).exists() else None
    with lease.Lease(run.path, "results"):
        (assembly.renew if there else assembly.merge)(run, note)
    run = store.open_run(run.path)
    from rewardlab.terminal.table import summary_table

    say(summary_table(run.summary))
    say(f"\n{run.path / store.PAGE}")
    return 0
