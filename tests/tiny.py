"""The smallest run, three rules of three kinds, and what makes many of it cheap: for tests of what a run survives."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import sys
from pathlib import Path

import jax

import rewardlab
from rewardlab import report, rules
from rewardlab.experiment import Condition, Experiment
from rewardlab.inputs.errors import InputError
from rewardlab.rundir import checkpoints, netcdf, parts, store
from rewardlab.rundir.stopping import Interrupted, Stop
from rewardlab.running import assembly, chunks, rehearsal, runner
from rewardlab.terminal.progress import Progress


def experiment(**changes) -> Experiment:
    """Three rules of three kinds in the smallest world: what takes time is everything but the training."""
    fields = dict(
        name="tiny",
        question="Does anything get lost?",
        env="dark_room",
        env_kwargs={"steps": 8},
        conditions={"near": Condition(), "again": Condition(seeds=2)},
        evaluations={"test": {}},
        rules={
            "reinforce": rules.make("reinforce", num_envs=8, unroll_length=16),
            "drift": rules.make("drift", candidates=4, parents=2, num_envs=8, unroll_length=16),
            "q_learning": rules.make("q_learning", learning_rate=0.01, num_envs=8, unroll_length=16),
        },
        agent=rewardlab.MLP(hidden=(4,)),
        total_steps=2048,
        seeds=6,
        points=2,
        episodes=8,
        width=4,
        capable_return=4.0,
    )
    return Experiment(**fields | changes)


class Notes(Progress):
    """A progress whose notes are kept."""

    def __init__(self):
        super().__init__(1)
        self.texts = []

    def note(self, text):
        self.texts.append(text)


def digest(path: Path) -> str:
    """What a finished run comes to: its results and its films."""
    run = store.Run(path)
    films = sorted((file.name, file.read_bytes()) for file in (path / "replays").glob("*.gif"))
    return netcdf.digest(run.results) + parts.sha256(repr(films).encode())[:16]


def fork(work) -> int:
    """The process that does `work()`: exit code 0, or what the command line would end with."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        work()
        code = 0
    except InputError as error:
        print(f"rewardlab: {error}", file=sys.stderr, flush=True)
        code = error.code
    except OSError as error:
        print(f"rewardlab: {error}", file=sys.stderr, flush=True)
        code = 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def wait(pid: int) -> int:
    """A process's exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def light(put=setattr) -> None:
    """Leaves out, in this process, what is made at the end and depends on no seed, and the films and the page.

    put: `monkeypatch.setattr`, where the process goes on to other things.
    """
    put(assembly, "fixed", lambda *_: assembly.Fixed([], {}))
    put(rehearsal, "rehearse", lambda *_: None)
    put(assembly, "write_films", lambda *_: {})
    put(report, "write", lambda *_: None)


def compiled_once(folder: Path) -> None:
    """Programs are compiled by the first process that needs them, and read from disk by those after it."""
    jax.config.update("jax_compilation_cache_dir", str(folder / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def preload() -> None:
    """Imports what is slow to import and starts no backend; processes forked from here have it already."""
    for name in ("h5netcdf", "matplotlib.pyplot", "optax", "orbax.checkpoint", "PIL.Image", "seaborn", "xarray"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


@contextlib.contextmanager
def cheap_runs():
    """Compiles once, and leaves the page and what does not depend on the seeds unmade, for many runs in one process."""
    kept = {}
    before = (runner.compile_all, assembly.fixed, assembly.camera, rehearsal.rehearse, report.write)

    def once(name, function):
        def call(*arguments, **keywords):
            if name not in kept:
                kept[name] = function(*arguments, **keywords)
            return kept[name]

        return call

    def camera(env, agent, head):
        shapes = str(jax.eval_shape(agent.init, jax.random.key(0)))
        return once(f"{head} {shapes}", before[2])(env, agent, head)

    def compile_all(plan, names, workers, *_):
        del names
        if "jobs" not in kept:
            kept["jobs"] = before[0](plan, list(plan.experiment.rules), workers)
        return kept["jobs"]

    runner.compile_all, assembly.camera, assembly.fixed = compile_all, camera, once("fixed", before[1])
    rehearsal.rehearse = lambda plan, *_: assembly.fixed(plan)
    report.write = lambda *_: None
    try:
        yield
    finally:
        runner.compile_all, assembly.fixed, assembly.camera, rehearsal.rehearse, report.write = before


def halfway(question: Experiment, path: Path) -> None:
    """An interrupted run: some parts, and batches with two checkpoints each. Where it is cut does not depend on the machine's
    speed: chunks of 0 seconds are one update each, and every one is saved.
    """
    stop, before, period = Stop(), checkpoints.save, (chunks.CHUNK, chunks.PERIOD)
    saves = itertools.count()
    chunks.CHUNK, chunks.PERIOD = 0.0, 0.0

    def save(*arguments):
        done = before(*arguments)
        if len(list((path / parts.FOLDER).iterdir())) >= 3 and next(saves) > 6:
            stop.request("halfway")
        return done

    checkpoints.save = save
    try:
        with contextlib.suppress(Interrupted):
            runner.run(question, path, progress=False, stop=stop)
    finally:
        checkpoints.save, (chunks.CHUNK, chunks.PERIOD) = before, period
