"""`rewardlab report`: write the summary, the figures and the page of a finished run again."""

from __future__ import annotations

from rewardlab.cli import Parser


def main(words: list[str]) -> int:
    parser = Parser("report", description="Writes the summary, the figures and the page of a finished run again.")
    parser.add_argument("directory", metavar="DIR", help="a run's directory")
    given = parser.parse_args(words)

    from rewardlab import store

    run = store.open_run(given.directory)
    results = run.results
    from rewardlab import compare, report
    from rewardlab.table import summary_table

    store.write_summary(run.path, compare.summarise(results))
    print(summary_table(run.summary))
    print(f"\n{report.write(run.path)}")
    return 0
