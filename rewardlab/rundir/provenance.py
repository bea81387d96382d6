"""Where a run's numbers come from beside its seeds: which commit made it, on how many cores, when, and in how much time."""

from __future__ import annotations

import contextlib
import datetime
import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rewardlab.backend import devices
from rewardlab.inputs.fields import fits

PIECE = {"date": str, "commit": str | None, "cores": int, "wall": float, "cpu": float}
UNKNOWN: dict[str, Any] = {}  # a piece of which nothing is known: it was cut off, or its record is damaged
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
CHANGED = " with changes"  # behind a commit that is not all there was
RECORDS = (":(exclude)rewardlab/findings.json",)  # what is written of runs, and changes none


def commit() -> str | None:
    """The commit that the package is at, 12 digits, with `CHANGED` behind it where files differ; None where it is in no clone, or
    git does not say.
    """
    root = Path(__file__).parents[2]
    # A clone of something else may be around an installed package.
    if not _git(root, "ls-files", "rewardlab/__init__.py"):
        return None
    head = _git(root, "rev-parse", "--short=12", "HEAD")
    differ = _git(root, "status", "--porcelain", "--", "rewardlab", "configs", *RECORDS)
    return head + CHANGED * bool(differ) if head and differ is not None else None


def _git(root: Path, *words: str) -> str | None:
    """What git says of the clone at `root`, whatever other one the environment names, as it does in hooks; None where it fails."""
    here = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    command = ("git", "--no-optional-locks", "-C", str(root), *words)
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=20, env=here)
        return done.stdout.strip() if done.returncode == 0 else None
    return None


def now() -> tuple[float, float]:
    """(seconds by the clock, seconds of all cores) of this process, from whenever: what `piece` is told that it began at."""
    spent = os.times()
    return time.perf_counter(), sum(spent[:4])


def piece(since: tuple[float, float]) -> dict[str, Any]:
    """The fields of `PIECE`, of what was done since."""
    wall, cpu = (after - before for before, after in zip(since, now(), strict=True))
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        "cores": devices.cores(),
        "wall": round(wall, 2),
        "cpu": round(cpu, 2),
    }


def together(pieces: Iterable[Any]) -> dict[str, Any]:
    """What the pieces of a run come to: seconds {wall, cpu}, cores, date (the last one's) and commit; None where none is known, and
    of what a piece that is not known would add to.
    """
    every = list(pieces)
    known = [one for one in every if fits(one, PIECE)]
    if not known:
        return {"seconds": None, "cores": None, "date": None, "commit": None}
    all_known = len(known) == len(every)
    commits = dict.fromkeys(one["commit"] for one in known)
    return {
        "seconds": {what: round(sum(one[what] for one in known), 1) for what in ("wall", "cpu")} if all_known else None,
        "cores": max(one["cores"] for one in known),
        "date": max(one["date"] for one in known),
        "commit": ", ".join(map(str, commits)) if all_known and None not in commits else None,
    }
