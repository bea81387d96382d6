"""A finished run with made-up results, and its finding: what tests of records, pages and `run --all` begin with."""

from __future__ import annotations

from pathlib import Path

import pytest
import synthetic

from rewardlab.analysis import findings
from rewardlab.experiment import Experiment, config
from rewardlab.rundir import store

PIECES = [
    {"date": "2026-01-02", "commit": "0123456789ab", "cores": 2, "wall": 100.0, "cpu": 150.0},
    {"date": "2026-01-03", "commit": "0123456789ab", "cores": 2, "wall": 20.0, "cpu": 30.0},
]


def written(path: Path, experiment: Experiment, pieces=PIECES) -> Path:
    """A finished run of an experiment, with made-up results of CoinRun's rules, and a report that is a stub."""
    few = {"conditions": (("end", 0.0, 12), ("half", 0.5, 12)), "evaluations": ("held-out", "detour"), "points": 3}
    data = synthetic.results(("ppo", "openai_es", "yoked"), **few).assign_attrs(experiment=experiment.to_json())
    synthetic.write_run(path, data, {})
    known = store.Run(path).environment | {"pieces": pieces}
    store.write(path, store.ENVIRONMENT, store.sealed({k: v for k, v in known.items() if k != "sha256"}))
    (path / store.PAGE).write_text("a report")
    return path


@pytest.fixture(scope="module", name="run")
def _run(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("runs") / "coinrun", config.load("coinrun"))


@pytest.fixture(scope="module", name="found")
def _found(run):
    return findings.of_run(run)
