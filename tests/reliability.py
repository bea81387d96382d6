"""How much a run survives, counted: kills, corruptions, several writers, a full disk. Prints a table a command.

    python tests/reliability.py kills --count 300
    python tests/reliability.py corruptions --count 1000
    python tests/reliability.py writers --count 100
    python tests/reliability.py full-disk

*Silent* counts runs that said that they were done and whose results, by content, are not those of an undisturbed run.
It has to be 0. Processes are forked from one that has everything imported and no backend started, so that a start is cheap.
"""

from __future__ import annotations

import argparse
import errno
import itertools
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import jax
from tiny import Notes, cheap_runs, compiled_once, digest, experiment, fork, halfway, light, preload, wait

from rewardlab.inputs.errors import InputError
from rewardlab.rundir import checkpoints, lease, parts
from rewardlab.running import chunks, runner


def table(title: str, **counts) -> None:
    """Two columns."""
    print(f"\n{title}")
    for name, value in counts.items():
        print(f"  {name.replace('_', ' '):<44} {value}")


def many_saves(pipe: int) -> None:
    """Chunks and checkpoints as often as can be; `pipe` is told where a save begins and ends."""
    chunks.CHUNK, chunks.PERIOD = 0.02, 0.02

    def told(function):
        def save(*arguments):
            os.write(pipe, b"s")
            try:
                return function(*arguments)
            finally:
                os.write(pipe, b"e")

        return save

    checkpoints.save, parts.save = told(checkpoints.save), told(parts.save)


def kills(folder: Path, count: int, seeds: int, steps: int, rules: int) -> int:
    """SIGKILL at random times, about half of them aimed at a save, until `count` are done; then to the end."""
    few = dict(itertools.islice(experiment().rules.items(), rules))
    question, rng = experiment(seeds=seeds, total_steps=steps, rules=few), random.Random(0)
    started = time.time()
    preload()
    light()
    compiled_once(folder)
    for name in ("compiling", "whole"):
        started = time.time()
        assert wait(fork(lambda name=name: runner.run(question, folder / name, progress=False))) == 0
    length, truth = time.time() - started, digest(folder / "whole")
    killed = inside = finished = silent = failed = 0
    path = folder / "killed"
    while True:
        reading, writing = os.pipe()

        def work(writing=writing):
            many_saves(writing)
            runner.run(question, path, progress=False)

        pid, begun, saves, last = fork(work), time.time(), 0, killed >= count
        os.close(writing)
        after, nth = (rng.uniform(0, length), 0) if rng.random() < 0.4 else (rng.uniform(0, 0.03), rng.randrange(1, 10))
        open_saves, dead = 0, False
        while not dead:
            left = 600 if last or nth else begun + after - time.time()
            ready, _, _ = select.select([reading], [], [], max(left, 0))
            heard = os.read(reading, 1) if ready else b""
            open_saves += {b"s": 1, b"e": -1}.get(heard, 0)
            saves += heard == b"s"
            aimed = nth and saves >= nth
            if ready and not heard:
                break  # it has ended
            if not last and (aimed or not ready):
                time.sleep(after if aimed else 0)
                os.kill(pid, signal.SIGKILL)
                dead = True
        while heard := os.read(reading, 4096):
            open_saves += heard.count(b"s") - heard.count(b"e")
        os.close(reading)
        code = wait(pid)
        if code == -signal.SIGKILL:
            killed, inside = killed + 1, inside + (open_saves > 0)
            continue
        if code:
            failed += 1
            break
        finished += 1
        silent += digest(path) != truth
        shutil.rmtree(path)
        if last:
            break
    table(f"kills: {len(question.rules)} rules, {seeds} seeds, {steps} steps", kills=killed, of_them_inside_a_save=inside,
          runs_that_then_finished=finished, runs_that_failed=failed, silent=silent,
          seconds=f"{time.time() - started:.0f}")  # fmt: skip
    return silent + failed


def corrupt(path: Path, rng: random.Random) -> tuple[str, list[Path]]:
    """Damages one or two files of a directory, as a disk would: their times stay. (how, which)."""
    files = sorted(p for p in path.rglob("*") if p.is_file() and "figures" not in p.parts)
    file, other = rng.sample(files, 2)
    how = rng.choice(("flip", "truncate", "delete", "swap", "foreign"))
    content, times = file.read_bytes(), [(p, (p.stat().st_atime_ns, p.stat().st_mtime_ns)) for p in (file, other)]
    if how == "flip" and content:
        damaged = bytearray(content)
        damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        file.write_bytes(damaged)
    elif how == "truncate":
        file.write_bytes(content[: rng.randrange(max(len(content), 1))])
    elif how == "delete":
        file.unlink()
        return how, [file]
    elif how == "swap":
        file.write_bytes(other.read_bytes())
        other.write_bytes(content)
    else:
        file.write_bytes(rng.randbytes(rng.randrange(1, 4000)))
    for touched, ns in times:
        os.utime(touched, ns=ns)
    return how, [file, other] if how == "swap" else [file]


def corruptions(folder: Path, count: int, seed: int = 0) -> int:
    """Random damage to a finished or a half-finished run directory, which is then run again."""
    question, rng, started = experiment(), random.Random(seed), time.time()
    done = dict.fromkeys(("flip", "truncate", "delete", "swap", "foreign"), 0)
    equal = noted = refused = silent = failed = 0
    with cheap_runs():
        runner.run(question, folder / "whole", progress=False)
        halfway(question, folder / "half")
        assert list((folder / "half" / checkpoints.FOLDER).glob("*/*/manifest.json"))
        truth = digest(folder / "whole")
        for old in folder.glob("*/.lease-*"):  # damaged ones hold until their age is up
            os.utime(old, (time.time() - 2 * lease.STALE,) * 2)
        for _ in range(count):
            path, notes = folder / "damaged", Notes()
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(folder / rng.choice(("whole", "half")), path)
            how, files = corrupt(path, rng)
            done[how] += 1
            try:
                runner.run(question, path, progress=notes)
                equal += digest(path) == truth
                if digest(path) != truth:
                    silent += 1
                    print(f"SILENT: {how} of {[str(f.relative_to(path)) for f in files]}: {notes.texts}")
                noted += any(file.name in text or file.parent.name in text for text in notes.texts for file in files)
            except InputError as error:
                refused += 1
                print(f"refused: {how} of {[str(f.relative_to(path)) for f in files]}: {error}")
            except Exception as error:
                failed += 1
                print(f"failed: {how} of {[str(f.relative_to(path)) for f in files]}: {type(error).__name__}: {error}")
    table("corruptions", **done, recovered_to_equal_results=equal, of_them_named_in_a_note=noted,
          refused_by_name=refused, failed=failed, silent=silent, seconds=f"{time.time() - started:.0f}")  # fmt: skip
    return silent + failed


def writers(folder: Path, count: int, at_once: int = 4) -> int:
    """Several processes at once want one directory, half of the times over a lease that a dead process left."""
    wrong, slow, waits = 0, 0, []
    for round_ in range(count):
        path = folder / f"{round_}"
        path.mkdir()
        if round_ % 2:
            wait(fork(lambda path=path: lease.Lease(path, "0").take()))  # it dies holding it
        start, (reading, writing) = time.time() + 0.1, os.pipe()

        def work(path=path, start=start, writing=writing):
            time.sleep(max(start - time.time(), 0))
            begun = time.time()
            try:
                with lease.Lease(path, "0"):
                    os.write(writing, b"+")
                    time.sleep(0.4)
                    os.write(writing, b"-")
            except lease.Held:
                os.write(writing, b"s" if time.time() - begun > 2 else b".")
                raise

        pids = [fork(work) for _ in range(at_once)]
        codes = [wait(pid) for pid in pids]
        os.close(writing)
        heard = os.read(reading, 100).decode()
        os.close(reading)
        waits.append(heard)
        slow += "s" in heard
        wrong += sorted(codes) != [0] + [2] * (at_once - 1) or heard.count("+") != 1
    table(f"writers: {at_once} at once", rounds=count, rounds_with_not_exactly_one_writer=wrong,
          rounds_in_which_one_took_over_2_seconds_to_leave=slow)  # fmt: skip
    return wrong + slow


def full_disk(folder: Path, stages: int = 0) -> int:
    """The disk is full from the n-th write on, for every n; then there is room again, and the run goes on."""
    question, silent, unnamed, failed, real = experiment(total_steps=384), 0, 0, 0, os.fsync
    calls = itertools.count()

    def counting(handle):
        next(calls)
        return real(handle)

    # A checkpoint after every update, of which there are few: about as many writes in every run, and each of another kind.
    with cheap_runs(), mock.patch.multiple(chunks, CHUNK=1e-9, PERIOD=0.0):
        with mock.patch.object(os, "fsync", counting):
            runner.run(question, folder / "whole", progress=False)
        total, truth = next(calls), digest(folder / "whole")
        every = sorted(random.Random(0).sample(range(total), min(stages or total, total)))
        for stage in every:
            path, left, refused, last = folder / f"full{stage}", itertools.count(), [], [""]

            def full(handle, left=left, stage=stage, refused=refused, last=last):
                name = os.readlink(f"/proc/self/fd/{handle}")
                last[0] = last[0] if os.path.isdir(name) else name
                if next(left) >= stage:
                    refused.append(last[0])
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return real(handle)

            try:
                with mock.patch.object(os, "fsync", full):
                    runner.run(question, path, progress=False)
            except InputError as error:
                unnamed += str(path) not in str(error)
            else:  # at the very end its time is recorded and leases are released: a run is done even where these can't be written
                failed += any(".lease-" not in name and ".environment.json" not in name for name in refused)
            runner.run(question, path, progress=False)
            silent += digest(path) != truth
            shutil.rmtree(path)
    table("full disk", stages=len(every), ended_without_an_error=failed, error_without_the_path=unnamed, silent=silent)
    return silent + unnamed + failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kills", "corruptions", "writers", "full-disk"))
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=64)
    parser.add_argument("--steps", type=int, default=32768)
    parser.add_argument("--rules", type=int, default=3, help="of the kills: each takes seconds to begin")
    given = parser.parse_args()
    jax.config.update("jax_platforms", "cpu")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        bad = {
            "kills": lambda: kills(path, given.count or 300, given.seeds, given.steps, given.rules),
            "corruptions": lambda: corruptions(path, given.count or 1000),
            "writers": lambda: writers(path, given.count or 100),
            "full-disk": lambda: full_disk(path, given.count),
        }[given.what]()
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
