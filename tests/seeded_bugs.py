"""Seeded bugs: does the suite notice when one line of a rule, of collection or of the statistics is wrong?

    python tests/seeded_bugs.py [--jobs 2] [--only a text of the file or of the bug]

Each bug of seeded_bugs.toml is put into a copy of the package, and the tests that it names run on the copy in a process of
their own. Those that fail kill the bug. First they all run on an unchanged copy, where they have to pass. The exit status
is 1 if fewer than 95 % of the bugs are killed, or if a run says nothing (a bug that can't be imported, a test that is not there).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 300  # seconds a run may take; a bug that hangs is not killed
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


def run(bug: dict) -> tuple[str, float]:
    """Whether the bug's tests fail on a copy with the bug, and the seconds that took. Without a file nothing is changed."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        for folder in ("rewardlab", "tests", "configs"):
            shutil.copytree(ROOT / folder, Path(place, folder), ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", place)
        if "file" in bug:
            Path(place, "rewardlab", bug["file"]).write_text(mutated(bug), encoding="utf8")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-xq",
            "-p",
            "no:cacheprovider",
            *(f"tests/{t}" for t in bug["tests"]),
        ]
        env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return f"no answer in {LIMIT} s", time.monotonic() - start
    result = {0: SURVIVED, 1: KILLED}.get(done.returncode, f"no answer: {done.stdout[-1000:]}")
    return result, time.monotonic() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    start, chosen = time.monotonic(), [bug for bug in bugs() if args.only in f"{bug['file']} {bug['what']}"]
    for bug in chosen:
        mutated(bug)
    everything = {"what": "nothing changed", "tests": sorted({test for bug in chosen for test in bug["tests"]})}
    jobs, found = [everything, *chosen], []
    with ThreadPoolExecutor(args.jobs) as pool:
        for bug, (result, seconds) in zip(jobs, pool.map(run, jobs), strict=True):
            print(f"{result:8} {seconds:5.0f} s  {bug.get('file', ''):30} {bug['what']}", flush=True)
            found.append(result)
    unchanged, *found = found
    killed = found.count(KILLED)
    print(f"{killed} of {len(found)} killed in {time.monotonic() - start:.0f} s")
    said = unchanged == SURVIVED and {*found} <= {KILLED, SURVIVED}
    return int(not said or killed < 0.95 * len(found))


if __name__ == "__main__":
    sys.exit(main())
