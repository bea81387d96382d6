"""`rewardlab report`: write the summary, the figures and the page of a run again; put its parts together first, if need be."""

from __future__ import annotations

import sys

from rewardlab.cli import Parser


def main(words: list[str]) -> int:
    parser = Parser(
        "report",
        description="Writes the summary, the figures and the page of a run again. Where its results are missing and its parts are "
        "all there, copied together from several hosts maybe, puts them together first.",
    )
    parser.add_argument("directory", metavar="DIR", help="a run's directory")
    given = parser.parse_args(words)

    from rewardlab import parts, store

    run = store.open_run(given.directory)
    if not (run.path / store.RESULTS).exists() and (run.path / parts.FOLDER).is_dir():
        from rewardlab import assembly, lease

        with lease.Lease(run.path, "results"):
            assembly.merge(run, lambda text: print(text, file=sys.stderr))
        run = store.open_run(run.path)
    else:
        from rewardlab import compare, report

        store.write_summary(run.path, compare.summarise(run.results))
        report.write(run.path)
    from rewardlab.table import summary_table

    print(summary_table(run.summary))
    print(f"\n{run.path / 'report.html'}")
    return 0
