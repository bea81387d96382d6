"""Seeded bugs: does the suite notice when one line of a rule, of collection or of the statistics is wrong?

    python tests/seeded_bugs.py [--jobs 2] [--only TEXT of the file or of what is wrong]

Each bug of seeded_bugs.toml is put into a copy of the package, and the tests that it names run on the copy in a process of
their own. If one fails, the bug is killed. The last run is of all these tests on an unchanged copy, where they have to pass.
The exit status is 1 if fewer than 95 % of the bugs are killed, or if a run says nothing (what can't be imported, what hangs).
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 600  # seconds a run may take
# Imported once, before the processes part. Not gymnax: it starts jax, which does not survive a fork.
PRELOADED = ["pytest", "scipy.stats", "jax.numpy", "flax.struct", "optax", "xarray", "seaborn"]
KILLED, SURVIVED = "killed", "survived"


def bugs() -> list[dict]:
    """[{file, what, old, new, tests}]"""
    return tomllib.loads((ROOT / "tests" / "seeded_bugs.toml").read_text(encoding="utf8"))["bug"]


def mutated(bug: dict) -> str:
    """The source of the bug's file with the bug. Raises ValueError unless the old text occurs exactly once."""
    source = (ROOT / "rewardlab" / bug["file"]).read_text(encoding="utf8")
    if source.count(bug["old"]) != 1:
        raise ValueError(f"{bug['file']}: found {source.count(bug['old'])} times instead of once: {bug['old']}")
    return source.replace(bug["old"], bug["new"])


def tested(place: str, tests: list[str]) -> None:
    """In a process of its own: ends with pytest's exit status."""
    import pytest

    os.chdir(place)
    sys.dont_write_bytecode = True
    sys.path = [place, f"{place}/tests", *(p for p in sys.path if not Path(p).resolve().is_relative_to(ROOT / "tests"))]
    os.dup2(os.open("output.txt", os.O_CREAT | os.O_WRONLY), 1)
    import rewardlab

    assert Path(rewardlab.__file__).is_relative_to(place), "another package than the copy was imported"
    sys.exit(
        int(pytest.main(["-xq", "-n", "0", "-m", "", "-p", "no:cacheprovider", *(f"tests/{test}" for test in tests)]))
    )


def run(bug: dict) -> tuple[str, float]:
    """Whether the bug's tests fail on a copy with the bug, and the seconds that took. Without a file nothing is changed."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        for folder in ("rewardlab", "tests", "configs"):
            shutil.copytree(ROOT / folder, Path(place, folder))
        shutil.copy(ROOT / "pyproject.toml", place)
        if "file" in bug:
            Path(place, "rewardlab", bug["file"]).write_text(mutated(bug), encoding="utf8")
        process = multiprocessing.get_context("forkserver").Process(target=tested, args=(place, bug["tests"]))
        process.start()
        process.join(LIMIT)
        process.kill()
        process.join()
        result = {0: SURVIVED, 1: KILLED}.get(process.exitcode)
        output = Path(place, "output.txt")
        if result is None or (result == KILLED and "file" not in bug):
            result = f"exit status {process.exitcode}: {output.read_text()[-2000:] if output.exists() else ''}"
    return result, time.monotonic() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    chosen = [bug for bug in bugs() if args.only in f"{bug['file']} {bug['what']}"]
    for bug in chosen:
        mutated(bug)
    os.environ |= {"JAX_PLATFORMS": "cpu", "MPLBACKEND": "agg"}
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
    start, found = time.monotonic(), []
    jobs = [*chosen, {"what": "nothing is wrong", "tests": sorted({test for bug in chosen for test in bug["tests"]})}]
    with ThreadPoolExecutor(args.jobs) as pool:
        for bug, (result, seconds) in zip(jobs, pool.map(run, jobs), strict=True):
            print(f"{result:8} {seconds:5.0f} s  {bug.get('file', ''):30} {bug['what']}", flush=True)
            found.append(result)
    *found, unchanged = found
    print(f"{found.count(KILLED)} of {len(found)} killed in {time.monotonic() - start:.0f} s")
    said = unchanged == SURVIVED and {*found} <= {KILLED, SURVIVED}
    return int(not said or found.count(KILLED) < 0.95 * len(found))


if __name__ == "__main__":
    sys.exit(main())
