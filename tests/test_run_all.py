"""What `run --all` runs, one after another, and what it says before, between and after."""

from __future__ import annotations

from pathlib import Path

import jax
import pytest
from recorded import _found, _run, written  # noqa: F401

from rewardlab import cli
from rewardlab.analysis import findings
from rewardlab.experiment import config
from rewardlab.rundir import store
from rewardlab.rundir.stopping import Stop
from rewardlab.running import every, runner


@pytest.fixture(name="two")
def _two(monkeypatch):
    """Two configs that state a claim, and one that states none."""
    known = config.names()
    for name in ("coinrun_sweep", "dish"):  # which begin with another config
        config.load(name)
    monkeypatch.setattr(jax, "clear_caches", lambda: None)  # other tests use theirs
    monkeypatch.setattr(config, "names", lambda: {name: known[name] for name in ("coinrun_sweep", "dish", "validate")})


def test_all_that_state_a_claim_are_run_and_one_that_fails_stops_no_other(
    two, found, run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    asked = []

    def train(experiment, out, **_):
        asked.append((experiment, Path(out)))
        if len(asked) == 1:
            raise MemoryError("no room")
        written(Path(out), experiment)

    monkeypatch.setattr(runner, "run", train)
    assert cli.main(["run", "--all", "--small"]) == 1
    printed = capsys.readouterr()
    assert [path for _, path in asked] == [Path("runs/coinrun_sweep-small"), Path("runs/dish")]
    assert asked[0][0] == config.load("coinrun_sweep", "small") and asked[1][0] == config.load("dish")
    assert printed.err.startswith("2 experiments, one after another: 0 finished, 2 to run.")
    assert (
        printed.err.endswith("coinrun_sweep-small failed: MemoryError: no room\n")
        and printed.out == "runs/atlas.html\n"
    )
    assert "rewardlab run dish" in Path("runs/atlas.html").read_text()
    assert cli.main(["run", "--all", "--small"]) == 0 and [path.name for _, path in asked[2:]] == [
        "coinrun_sweep-small"
    ]
    printed = capsys.readouterr()
    assert "1 finished, 1 to run" in printed.err and "dish (2 of 2) is finished" in printed.err
    assert cli.main(["run", "--all", "--small"]) == 0 and len(asked) == 3


def test_what_all_can_not_take_is_said_before_anything_runs(two, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "run", lambda *_, **__: pytest.fail("it ran"))
    for line, said in [
        ("run dish --all", "'dish' and --all are given; allowed: one of them"),
        ("run --all --smoke --small", "--smoke and --small are given; allowed: one size"),
        ("run --all --process 0 --processes 2", "--all takes one process"),
        ("run --all --smoek", "did you mean '--smoke'?"),
        ("run --all --rules.ppo.gamma 2", "coinrun_sweep: "),
        ("run --all --smoke --seeds 0", "coinrun_sweep: seeds = 0 is out of range"),
        ("run --all --smoke --rules pppo", "coinrun_sweep: unknown rule 'pppo'"),
    ]:
        assert cli.main(line.split()) == 2 and said in capsys.readouterr().err, line
    assert list(tmp_path.iterdir()) == []
    other = store.create(tmp_path / "runs" / "dish", config.load("validate"))
    assert cli.main(["run", "--all"]) == 2 and "dish: 'runs/dish' holds another run" in capsys.readouterr().err
    assert other.path.exists()


def test_the_time_is_stated_from_the_record(two, found, tmp_path):
    jobs = every.jobs("", {}, tmp_path)
    assert [job.key for job in jobs] == ["coinrun_sweep", "dish"]
    told = every.forecast(jobs, {"dish": found | {"name": "dish"}})
    assert told == (
        "2 experiments, one after another: 0 finished, 2 to run. 1 of these took 2 minutes when they were recorded, "
        "on 2 cores at most. Of the other 1 no time is recorded."
    )
    changed = every.jobs("smoke", {"episodes": "7"}, tmp_path)
    assert {job.experiment.episodes for job in changed} == {7} and changed[0].key == "coinrun_sweep-smoke"


@pytest.mark.slow(quickly=True)
def test_all_at_smoke_size_end_with_an_atlas_and_are_not_repeated(tmp_path, monkeypatch, one_device):
    """One rule each of two experiments; `python tests/all_at_smoke.py` has all of them, with all rules."""
    known, notes = config.names(), []
    monkeypatch.setattr(config, "names", lambda: {name: known[name] for name in ("always_six", "dogs")})
    jobs = every.jobs("smoke", {"rules": ["reinforce"]}, tmp_path)
    page, failed = every.run_all(jobs, Stop(), notes.append, tmp_path)
    assert failed == {} and page == tmp_path / "atlas.html" and [job.done for job in jobs] == [True, True]
    text = page.read_text()
    assert text.count('class="open"') == 2 and 'href="dogs-smoke/report.html"' in text
    (piece,) = store.pieces_of(jobs[0].path)
    assert (
        piece["wall"] > 0
        and piece["cpu"] > 0
        and findings.of_run(jobs[0].path)["seconds"]["cpu"] == round(piece["cpu"], 1)
    )
    assert findings.of_run(jobs[1].path)["command"] == "rewardlab run config.json", (
        "no flag says which rules were left out"
    )
    monkeypatch.setattr(runner, "run", lambda *_, **__: pytest.fail("it was run again"))
    assert every.run_all(jobs, Stop(), notes.append, tmp_path) == (page, {})
    assert "dogs-smoke (2 of 2) is finished" in notes[-1]
