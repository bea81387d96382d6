"""What follows training is tried before it; and where it fails all the same, the results are there and say what finishes them."""

import copy
from pathlib import Path

import jax
import numpy as np
import pytest
import tiny

from rewardlab import cli, envs, report
from rewardlab.auditing import dataflow
from rewardlab.auditing.jaxprs import UnknownForm
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.report import figures
from rewardlab.rundir import netcdf, store
from rewardlab.running import assembly, rehearsal, runner

PLAIN_FIGURES = figures.write


@pytest.fixture(autouse=True)
def _rehearsed(rehearsed, one_device):
    """Every run here is rehearsed in full, and on one device."""


def world():
    return copy.copy(envs.make("dark_room", steps=8))


def broken(name, what):
    """A world one of whose methods raises."""
    env = world()

    def fails(*_, **__):
        raise what

    setattr(env, name, fails)
    return env


@pytest.mark.parametrize(
    "name,what,said",
    [
        ("render_rgb", TypeError("no ink\nleft"), "films of its policies can't be made: TypeError: 'no ink\\\\nleft'"),
        ("references", KeyError("script"), "its audit and its reference lines can't be worked out: KeyError: "),
    ],
)
def test_what_would_fail_after_training_fails_before_it(name, what, said, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "compile_all", lambda *_: pytest.fail("nothing is to be compiled for training"))
    with pytest.raises(InputError, match=f"^nothing was trained, because {said}") as error:
        runner.run(tiny.experiment(env=broken(name, what), env_kwargs={}), tmp_path / "run", progress=False)
    assert "\n" not in str(error.value) and error.value.code == 2
    assert not (tmp_path / "run").exists()


def test_films_and_report_are_not_tried_out_where_they_come_soon_enough(monkeypatch):
    tried = []
    monkeypatch.setattr(assembly, "fixed", lambda *_: "fixed")
    monkeypatch.setattr(rehearsal, "film", lambda *_: tried.append("films"))
    monkeypatch.setattr(rehearsal, "write", lambda *_: tried.append("report"))
    plan = Plan(tiny.experiment())
    assert rehearsal.rehearse(plan, report=False) == "fixed" and tried == []
    assert rehearsal.rehearse(plan) == "fixed" and tried == ["films", "report"]


def test_a_form_that_the_audit_does_not_know_ends_a_run_before_it_trains(tmp_path, monkeypatch):
    def inside(eqn):
        raise UnknownForm(f"the audit can't follow {eqn.primitive.name!r}")

    monkeypatch.setattr(dataflow, "inside", inside)
    monkeypatch.setattr(runner, "compile_all", lambda *_: pytest.fail("nothing is to be compiled for training"))
    with pytest.raises(UnknownForm):
        runner.run(tiny.experiment(), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
    assert cli.main(["audit"]) == 2, "no rule is left out in silence"


def test_a_report_that_would_fail_ends_a_run_before_it_trains(tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("no fonts")

    monkeypatch.setattr(figures, "write", fails)
    monkeypatch.setattr(runner, "compile_all", lambda *_: pytest.fail("nothing is to be compiled for training"))
    with pytest.raises(InputError, match="because its report can't be written: RuntimeError: 'no fonts'"):
        runner.run(tiny.experiment(), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow(quickly=True)
def test_a_report_that_fails_after_training_is_finished_by_the_report_command(tmp_path, monkeypatch, capsys):
    """The disk is full for the second report of three, which is the real one, and for its films."""
    path, tries = tmp_path / "run", []

    def fails_once(results, directory, *more):
        tries.append(directory)
        if Path(directory).parent == path and len(tries) == 2:
            raise OSError(28, "No space left on device")
        return PLAIN_FIGURES(results, directory, *more)

    monkeypatch.setattr(figures, "write", fails_once)
    with pytest.raises(
        assembly.Unreported, match="No space left on device'; once that is mended, the same command"
    ) as error:
        runner.run(tiny.experiment(), path, progress=False)
    assert error.value.code == 1 and "has its results, every seed of them, but no report" in str(error.value)
    results = store.Run(path).results
    assert np.isfinite(results.steps.sel(condition="near")).all() and not (path / "report.html").exists()
    for film in (path / "replays").glob("*.gif"):
        film.unlink()  # as if these had failed, too
    assert cli.main(["report", str(path)]) == 0
    assert (path / "report.html").exists() and len(list((path / "replays").glob("*.gif"))) == 3
    assert netcdf.digest(store.Run(path).results) == netcdf.digest(results)
    assert "report.html" in capsys.readouterr().out


@pytest.mark.slow(quickly=True)
def test_a_film_that_fails_after_training_costs_no_results(tmp_path, monkeypatch):
    path, env = tmp_path / "run", world()
    monkeypatch.setattr(rehearsal, "film", lambda *_: None)
    env.render_rgb = lambda state, params: jax.numpy.zeros(0)
    with pytest.raises(assembly.Unreported, match='but no report: ValueError: "films: uint8'):
        runner.run(tiny.experiment(env=env, env_kwargs={}), path, progress=False)
    assert store.Run(path).finished


@pytest.mark.slow(quickly=True)
def test_the_rehearsal_leaves_nothing_and_what_it_worked_out_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    counted, before = [], assembly.fixed
    monkeypatch.setattr(assembly, "fixed", lambda *given: counted.append(1) or before(*given))
    done = runner.run(tiny.experiment(), tmp_path / "run", progress=False)
    assert len(counted) == 1 and list((tmp_path / "tmp").iterdir()) == []
    assert [row["rule"] for row in done.summary["audit"]] == ["reinforce", "drift", "q_learning"]
    assert list(done.results.reference.values) == list(world().references(world().default_params))
    again = runner.run(tiny.experiment(), tmp_path / "run", progress=False)
    assert len(counted) == 1, "a finished run is not rehearsed"
    assert netcdf.digest(again.results) == netcdf.digest(done.results)
    assert report.write(again.path).exists()
