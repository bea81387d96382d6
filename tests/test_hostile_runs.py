"""Run directories that someone else has made: reading one runs nothing, ends, stays small, and says in one line what is wrong."""

import gc
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import hostile
import numpy as np
import pytest

from rewardlab import cli, report
from rewardlab.experiment import config
from rewardlab.inputs.errors import InputError
from rewardlab.report import figures, replays
from rewardlab.rundir import checkpoints, netcdf, store
from rewardlab.running import assembly, rehearsal, runner

SECONDS, MEGABYTES = 60, 1000  # for each of the ways to read one, which takes less than a second; cores may be busy
PROPERTIES = ("finished", "reported", "results", "summary", "environment", "config", "experiment")
PARSED: dict[bytes, tuple] = {}
NAMES = [(kind, name) for kind, table in hostile.ALL.items() for name in table]


@pytest.fixture(scope="module", name="finished")
def _finished(tmp_path_factory):
    path = hostile.finished(tmp_path_factory.mktemp("made") / "run")
    (path.parent / "question.json").write_text(hostile.experiment().to_json())
    return path


class Bounded:
    """Ends what takes longer than SECONDS."""

    def __enter__(self):
        def late(*_):
            raise AssertionError(f"it takes longer than {SECONDS} s")

        self.before = signal.signal(signal.SIGALRM, late)
        signal.alarm(SECONDS)

    def __exit__(self, *_):
        signal.alarm(0)
        signal.signal(signal.SIGALRM, self.before)


def prepare(finished: Path, folder: Path, change) -> Path:
    """A copy of the run, changed; beside it a Python file that leaves a mark, if it is run."""
    folder.mkdir()
    (folder / "evil.py").write_text(hostile.EVIL.format(str(folder / hostile.CANARY)))
    directory = folder / "run"
    shutil.copytree(finished, directory)
    change(directory)
    return directory


def snapshot(directory: Path) -> dict:
    """What is in a directory, leases apart: taking one is allowed."""

    def content(path):
        if path.is_symlink() or not path.is_file():
            return str(path.lstat().st_mode)
        return path.read_bytes() if path.stat().st_size < 2**24 else path.stat().st_size

    return {p: content(p) for p in directory.rglob("*") if not p.name.startswith((".lease-", ".now"))}


def ways(finished: Path, directory: Path, film: Path):
    """The ways in which users read a run: {name: what to call}; commands return their exit codes."""
    question = str(finished.parent / "question.json")

    def opened():
        codes = []
        run = None
        for name in PROPERTIES:
            try:
                run = run or store.open_run(directory)
                getattr(run, name)
            except InputError as error:
                assert len(str(error).splitlines()) == 1 and str(error).isprintable()
                codes.append(error.code)
        return max(codes, default=0)

    return {
        "open_run": opened,
        "report": lambda: cli.main(["report", str(directory)]),
        "watch": lambda: cli.main(["watch", "dark_room", "--agent", str(directory), "--out", str(film)]),
        "resume": lambda: cli.main(["run", question, "--out", str(directory)]),
    }


def light(patch):
    """Leaves out what takes long and reads nothing: compiling, training, drawing, and parsing the same results again."""
    parse, parsed = netcdf.parsed, PARSED

    def once(stream):
        content = stream.read()
        stream.seek(0)
        if content not in parsed:
            parsed[content] = parse(stream)
        data, problem = parsed[content]
        return (data if data is None else data.copy()), problem

    def measure(path, plan, wanted, mine, progress, stop, callback):
        for batch in wanted:
            fits = runner.Saved(path, plan.digest, mine, progress.note, 0.0).fits
            checkpoints.newest(path / checkpoints.FOLDER / batch.name, hostile.LIKE, fits, progress.note)
        raise InputError("it would train")

    patch(netcdf, "parsed", once)
    patch(runner, "train_all", measure)
    patch(rehearsal, "rehearse", lambda *_: None)
    patch(assembly, "fixed", lambda *_: assembly.Fixed([], {}))
    patch(assembly, "camera", lambda *_, **__: lambda *_: np.zeros((1, 2, 8, 8, 3), np.uint8))
    patch(report, "write", lambda *_: None)
    patch(replays, "write", lambda *_: None)


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize(("kind", "name"), NAMES, ids=[f"{kind}: {name}" for kind, name in NAMES])
def test_reading_a_hostile_run(kind, name, finished, tmp_path, monkeypatch, capfd):
    light(monkeypatch.setattr)
    monkeypatch.chdir(tmp_path)
    for way in ways(finished, tmp_path, tmp_path):
        folder = tmp_path / way
        directory = prepare(finished, folder, hostile.ALL[kind][name])
        monkeypatch.chdir(directory)
        before = snapshot(directory)
        with Bounded():
            code = ways(finished, directory, folder / "film.gif")[way]()
        out, err = capfd.readouterr()
        gc.collect(1)  # what this reading left: a full collection takes a second
        assert code in (0, 2), (way, code, err)
        assert not list(tmp_path.rglob(hostile.CANARY)), way
        assert "Traceback" not in err and "Exception ignored" not in err, (way, err)
        assert (out + err).replace("\n", "").isprintable(), (way, out + err)
        after = snapshot(directory)
        if code == 2 and way != "resume":
            assert after == before and not out and err.count("\n") == (way != "open_run"), (way, err)
        if kind == "code" and way == "open_run" and "results" not in name and "part" not in name:
            assert code == 2 or name == "modules in the directory", way
        kept = [p for p in before if "parts" in p.parts]
        assert all(after[p] == before[p] for p in kept), way  # nothing that was computed is lost


def test_the_run_itself_is_read(finished, tmp_path, monkeypatch, capfd):
    """What the table changes is right without the change."""
    light(monkeypatch.setattr)
    for way in ways(finished, tmp_path, tmp_path):
        directory = prepare(finished, tmp_path / way, lambda d: None)
        assert ways(finished, directory, tmp_path / way / "film.gif")[way]() == 0, (way, capfd.readouterr().err)
        directory = prepare(finished, tmp_path / f"{way}, in parts", hostile.no_results)
        film = tmp_path / f"{way}, in parts" / "film.gif"
        assert ways(finished, directory, film)[way]() == (2 if way == "open_run" else 0), (way, capfd.readouterr().err)


def test_the_page_shows_what_is_hostile_as_text(finished, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(figures, "write", lambda *_: {})
    directory = prepare(finished, tmp_path / "shown", hostile.both(*hostile.SHOWN.values()))
    for lease in directory.glob(".lease-*"):
        lease.unlink()
    assert cli.main(["report", str(directory)]) == 0
    page = (directory / "report.html").read_text()
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert page.replace("\n", "").isprintable() and "\\x1b" in page and "\\u202e" in page
    out, err = capfd.readouterr()
    assert (out + err).replace("\n", "").isprintable() and "\\x1b" in out


def peak() -> int:
    """The most memory of this process, in megabytes."""
    try:  # getrusage begins with the memory of the process that started this one
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20  # macOS: in bytes


MEASURED = """
import sys
from pathlib import Path
import hostile, test_hostile_runs as t
finished, folder = Path(sys.argv[1]), Path(sys.argv[2])
t.light(setattr)
for number, (name, change) in enumerate(hostile.SIZES.items()):
    for way in t.ways(finished, folder, folder):
        directory = t.prepare(finished, folder / f"{number} {way}", change)
        with t.Bounded():
            code = t.ways(finished, directory, directory.parent / "film.gif")[way]()
        most = t.peak()
        assert code in (0, 2) and most < t.MEGABYTES, (name, way, code, most)
        t.shutil.rmtree(directory)
"""


@pytest.mark.slow(seldom=True)
def test_sizes_stay_below_a_gigabyte(finished, tmp_path):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(cli.__file__).parents[1])])
    }
    done = subprocess.run([sys.executable, "-c", MEASURED, str(finished), str(tmp_path)], capture_output=True, text=True,
                          cwd=tmp_path, env=environment, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def test_there_are_enough_of_them():
    assert len(NAMES) >= 60 and len({*NAMES}) == len(NAMES)
    assert json.loads(config.load("coinrun").to_json())  # what is asked of configs below is asked of what is right
