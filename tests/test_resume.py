"""Nothing is lost: a run that was cut off, damaged, divided or grown ends with what an undisturbed run has, to the bit."""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
import reliability
import tiny

from rewardlab import cli
from rewardlab.experiment import Condition
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.rundir import checkpoints, identity, parts, store
from rewardlab.rundir.stopping import Signals, Stop
from rewardlab.running import batches, chunks, runner
from rewardlab.running.processes import Share
from rewardlab.terminal.progress import EVALUATION

pytestmark = pytest.mark.slow(minutes=10)

SCRIPT = Path(__file__).parent / "reliability.py"
QUESTION = tiny.experiment()


@pytest.fixture(scope="module", autouse=True)
def _compiled_once():
    """Once, and for one device: the compiled programs serve every run of this file."""
    with tiny.cheap_runs(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "local_devices", lambda: jax.devices()[:1])
        yield


@pytest.fixture(scope="module", name="whole")
def _whole(tmp_path_factory, _compiled_once):
    """An undisturbed run."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    runner.run(QUESTION, path, progress=False)
    return path


def again(path, question=QUESTION, **keywords):
    """(digest of the results, notes) of a run in a directory."""
    notes = tiny.Notes()
    runner.run(question, path, progress=notes, **keywords)
    return tiny.digest(path), notes.texts


def trained(monkeypatch):
    """A list to which every batch is added that is trained from now on."""
    batches, real = [], chunks.train_batch

    def train(device, question, job, batch, *rest):
        batches.append(batch)
        return real(device, question, job, batch, *rest)

    monkeypatch.setattr(chunks, "train_batch", train)
    return batches


def test_an_interrupted_run_goes_on_and_repeats_nothing(whole, tmp_path, monkeypatch):
    path = tmp_path / "run"
    tiny.halfway(QUESTION, path)
    done = {file.stem for file in (path / "parts").iterdir()}
    under_way = {file.parent.parent.name for file in path.glob("checkpoints/*/*/manifest.json")}
    assert 3 <= len(done) < 9 and under_way and not (path / "results.nc").exists()
    batches, loaded = trained(monkeypatch), []
    real = checkpoints.newest
    monkeypatch.setattr(checkpoints, "newest", lambda *a: loaded.append((a[0].name, real(*a))) or loaded[-1][1])
    assert again(path)[0] == tiny.digest(whole)
    assert {batch.name for batch in batches} == {b.name for b in parts.cells(QUESTION)} - done
    assert {name for name, found in loaded if found} == under_way
    assert not list((path / "checkpoints").iterdir())
    monkeypatch.setattr(runner, "train_all", lambda *_: pytest.fail("a finished run is not repeated"))
    assert again(path)[0] == tiny.digest(whole)


def test_more_seeds_are_the_only_ones_that_are_trained(whole, tmp_path, monkeypatch):
    path = tmp_path / "run"
    shutil.copytree(whole, path)
    batches = trained(monkeypatch)
    more = replace(QUESTION, seeds=9, conditions=QUESTION.conditions | {"again": Condition(seeds=5)})
    grown, _ = again(path, more)
    seeds = {(b.condition, s) for b in batches for s in b.seeds}
    assert seeds == {("near", s) for s in (6, 7, 8)} | {("again", s) for s in (2, 3, 4)}
    assert len(batches) == 3 * 4 and store.open_run(path).experiment == more
    assert again(tmp_path / "fresh", more)[0] == grown
    old = store.open_run(whole).results
    same = store.open_run(path).results.isel(seed=slice(6))
    np.testing.assert_array_equal(same["return"].sel(condition="near"), old["return"].sel(condition="near"))
    with pytest.raises(InputError, match=r"holds another run \(other conditions, seeds\)"):
        again(path)
    with pytest.raises(InputError, match=r"holds another run \(other total_steps\)"):
        again(path, replace(more, total_steps=99))


def test_what_was_computed_otherwise_is_refused_or_said(whole, tmp_path, monkeypatch):
    path = tmp_path / "run"
    tiny.halfway(QUESTION, path)
    real = identity.of
    monkeypatch.setattr(identity, "of", lambda question: real(question) | {"jax": "9.9", "backend": "tpu"})
    with pytest.raises(InputError, match=r"jax 0\.\S+ there, 9\.9 here; backend cpu there, tpu here.*--resume-anyway"):
        again(path)
    assert again(path, resume_anyway=True)[0] != tiny.digest(whole)
    run = store.open_run(path)
    assert {one["jax"] for one in json.loads(run.results.attrs["mixed"])} == {"9.9", real(Plan(QUESTION))["jax"]}
    assert "jax 0" in run.summary["warnings"][-1] and "or 9.9" in run.summary["warnings"][-1]
    np.testing.assert_array_equal(run.results["return"], store.open_run(whole).results["return"])
    with pytest.raises(InputError, match=r"another width.*\(other width\).*--resume-anyway"):
        again(path, replace(QUESTION, width=2))


def test_processes_divide_the_work_and_one_of_them_finishes(whole, tmp_path, capsys):
    path = tmp_path / "run"
    _, first = again_or_not(path, Share(0, 2))
    assert (
        not (path / "results.nc").exists()
        and "other processes have yet to train reinforce, near: seeds 4-5" in first[-1]
    )
    assert cli.main(["report", str(path)]) == 2 and "missing: reinforce, near: seeds 4-5" in capsys.readouterr().err
    merged = tmp_path / "merged"
    shutil.copytree(path, merged)
    again_or_not(path, Share(1, 2))
    assert tiny.digest(path) == tiny.digest(whole)
    for file in (path / "parts").iterdir():  # copied together from two hosts
        shutil.copy(file, merged / "parts")
    assert cli.main(["report", str(merged)]) == 0
    assert tiny.digest(merged) == tiny.digest(whole)


def again_or_not(path, share):
    notes = tiny.Notes()
    run = runner.run(QUESTION, path, progress=notes, share=share)
    return run, notes.texts


def test_damage_is_named_and_mended(tmp_path):
    """30 random damages to whole and to half-finished directories; the long version has 1000."""
    assert reliability.corruptions(tmp_path, 30, seed=1) == 0


def test_a_full_disk_ends_the_run_and_costs_nothing_that_was_there(tmp_path):
    assert reliability.full_disk(tmp_path, stages=8) == 0


def test_a_seed_whose_parameters_are_no_numbers_is_counted_and_touches_no_other(whole, tmp_path, monkeypatch):
    real = chunks.train_batch

    def poisoned(device, question, job, batch, *rest):
        if batch.rule == "q_learning":
            return real(device, question, job, batch, *rest)
        advance = job.programs[device].advance

        def spoil(rule, params, keys, carry, target):
            carry = advance(rule, params, keys, carry, target)
            if batch.rule == "drift":  # it was paid what is no number, which selection leaves no trace of
                return carry._replace(finite=carry.finite.at[1].set(False))
            spoiled = jax.tree.map(
                lambda x: x.at[0].set(np.nan) if x.dtype == np.float32 and x.ndim else x, carry.state
            )
            return carry._replace(state=spoiled)

        mine = job.programs | {device: job.programs[device]._replace(advance=spoil)}
        return real(device, question, job._replace(programs=mine), batch, *rest)

    monkeypatch.setattr(chunks, "train_batch", poisoned)
    again(tmp_path / "run")
    run, undisturbed = store.open_run(tmp_path / "run"), store.open_run(whole).results
    finite = run.results["finite"].sel(rule="reinforce", condition="near")
    assert finite.isel(point=-1).values.tolist() == [0, 1, 1, 1, 0, 1] and (finite.isel(point=0) == 1).all()
    others = {"reinforce": [1, 2, 3, 5], "drift": [0, 2, 3, 4], "q_learning": [*range(6)]}
    for rule, seeds in others.items():
        for name in ("return", "steps", "finite"):
            one, other = (data[name].sel(rule=rule).isel(seed=seeds) for data in (run.results, undisturbed))
            np.testing.assert_array_equal(one, other)
    assert run.summary["diverged"] == {"reinforce": {"near": 2, "again": 1}, "drift": {"near": 2, "again": 1}}
    assert [sum(f"{rule} under" in t.lower() and "did not stay finite" in t for t in run.summary["warnings"])
            for rule in ("reinforce", "drift", "q-learning")] == [2, 2, 0]  # fmt: skip
    assert (undisturbed["finite"].sel(condition="near") == 1).all()


@pytest.mark.parametrize(
    ("name", "when"),
    [("SIGTERM", ""), ("SIGUSR1", ""), ("SIGUSR2", ""), ("SIGINT", ""), ("SIGTERM", "early"), ("SIGTERM", "missed")],
)
def test_a_signal_commits_and_asks_to_be_started_again(name, when, whole, tmp_path, monkeypatch, capsys):
    """Early: while batches are still being handed out, the first of which has begun to train.

    Missed: what the main thread waits for is not ended by the signal, as if it had come just before the wait.
    """
    monkeypatch.setattr(chunks, "CHUNK", 0.002)
    seen, late, real = threading.Event(), threading.Event(), chunks.train_batch

    def slow(device, question, job, batch, progress, stop, *rest):
        def until_asked(amount, piece, kind="", seconds=None):
            if kind == EVALUATION:  # of the untrained, when there is nothing to commit
                return
            seen.set()
            began = time.monotonic()
            while not (stop.requested or late.is_set()):
                time.sleep(0.01)
                if time.monotonic() - began > 20:
                    late.set()

        progress.advance = until_asked  # after its first chunk
        return real(device, question, job, batch, progress, stop, *rest)

    on_any = batches.Workers.on_any

    def and_wait(*arguments):
        future = on_any(*arguments)
        time.sleep(600)  # which the signal ends
        return future

    monkeypatch.setattr(chunks, "train_batch", slow)
    if when == "early":
        monkeypatch.setattr(batches.Workers, "on_any", and_wait)

    def send():
        seen.wait()
        if when == "missed":
            time.sleep(0.5)  # by then the main thread waits
            signal.pthread_kill(threading.get_ident(), getattr(signal, name))
        else:
            os.kill(os.getpid(), getattr(signal, name))

    threading.Thread(target=send, daemon=True).start()
    module = importlib.import_module("rewardlab.commands.run")

    def main(words):
        stop = Stop()
        with Signals(stop):
            runner.run(QUESTION, tmp_path / "run", progress=False, stop=stop)

    monkeypatch.setattr(module, "main", main)
    monkeypatch.setattr("rewardlab.rundir.stopping.leave", lambda code: code)
    assert cli.main(["run", "tiny"]) == 75 and "stopped (" in capsys.readouterr().err
    assert not late.is_set(), "the signal was heard after 20 seconds only, when a batch ended"
    assert list((tmp_path / "run" / "checkpoints").glob("*/*/manifest.json"))
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    with tiny.cheap_runs():
        assert again(tmp_path / "run")[0] == tiny.digest(whole)


def test_kills_at_random_times_lose_nothing():
    """10 SIGKILLs of a process of its own, aimed at saves about half of the time; the long version has 300."""
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}  # one device
    done = subprocess.run(
        [sys.executable, SCRIPT, "kills", "--count", "10", "--seeds", "24", "--steps", "8192", "--rules", "1"],
        env=environment | {"PYTHONPATH": str(SCRIPT.parent.parent)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    inside = next(line for line in done.stdout.splitlines() if "inside a save" in line)
    assert int(inside.split()[-1]) >= 1, done.stdout


def test_what_takes_long_to_save_is_saved_less_often():
    assert [chunks.pause(15.0, took) for took in (0.0, 0.5, 1.0, 5.0)] == [15.0, 15.0, 15.0, 75.0]
