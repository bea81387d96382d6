"""Run directory -> figures and one self-contained page."""

from __future__ import annotations

from pathlib import Path

from rewardlab.analysis import reading
from rewardlab.questions import Question
from rewardlab.report import drawing
from rewardlab.rundir import store


def write(run_dir: str | Path, question: Question | None = None, papers: bool = True) -> Path:
    """Draws figures/*.png and writes report.html into a run directory. Returns the page's path.

    question: what its results are read for; None: what its experiment says, unless that is a file of the user's. papers: whether
    figures are drawn as SVG and PDF, too.

    Needs config.json and results.nc there. environment.json and what replays/ has for the page are used where present;
    summary.json is worked out from the results where it is missing. Raises InputError for files that are missing or damaged.
    """
    drawing.import_matplotlib()
    from rewardlab.analysis import compare  # these are slow to import, and only a report needs them
    from rewardlab.report import figures, numbers, page, placements, reel

    run = store.open_run(run_dir)
    summary = run.summary if (run.path / store.SUMMARY).exists() else compare.summarise(run.results, question)
    environment = run.environment if (run.path / store.ENVIRONMENT).exists() else {}
    results = reading.filled(reading.of_founders(run.results))
    drawn = figures.write(results, run.path / "figures", numbers.no_claim(results, summary), question, papers)
    stage, strip = placements.of(run.path, results), reel.stored(run.path)
    html = page.render(results, summary, run.config, environment, drawn, stage, strip, question)
    store.write(run.path, store.PAGE, html.encode())
    return run.path / store.PAGE
