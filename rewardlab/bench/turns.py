"""Rounds of measurements, each in a fresh process: every contender of a row has its turn before the next round begins."""

from __future__ import annotations

import datetime
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

from rewardlab import bench
from rewardlab.backend import devices
from rewardlab.backend.environment import version
from rewardlab.inputs.errors import InputError, unknown

LIMIT = 900.0  # seconds of one measurement


def chosen(suites: Iterable[str], vs: Iterable[str] | None) -> dict[str, list[bench.Row]]:
    """{suite: its rows, with the peers in `vs` alone}. Raises InputError for unknown names and peers that are not installed.

    suites: names, or none for all. vs: names of peers, or None for all of them.
    """
    known, peers = bench.SUITES.names(), [name for name in bench.CONTENDERS.names() if name != bench.OURS]
    for name in suites:
        if name not in known:
            raise unknown("suite", name, known)
    for name in vs or ():
        if name not in peers:
            raise unknown("peer", name, peers, "or none")
    found = {}
    for suite in suites or known:
        rows = bench.SUITES.load(suite)()
        allowed = {bench.OURS, *(peers if vs is None else vs)}
        found[suite] = [row._replace(who={k: v for k, v in row.who.items() if v[0] in allowed}) for row in rows]
    for name in sorted({contender for rows in found.values() for row in rows for contender, _ in row.who.values()}):
        if not installed(name):
            raise InputError(
                f"peer {name} is not installed; allowed: pip install 'rewardlab[bench]', or --vs without it, or --vs none"
            )
    return found


def installed(contender: str) -> bool:
    """Whether a contender's package is there."""
    return importlib.util.find_spec(bench.CONTENDERS.load(contender)) is not None


def alone(job: dict[str, Any]) -> dict[str, Any]:
    """A measurement in a process of its own: what it found, or {"error": its last words}."""
    flags = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    command = [sys.executable, "-m", "rewardlab.bench.measuring", json.dumps(job)]
    try:
        done = subprocess.run(
            command, env=os.environ | flags, capture_output=True, text=True, timeout=LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"took more than {LIMIT:.0f} s"}
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return (
        json.loads(lines[-1])
        if done.returncode == 0
        else {"error": lines[-1] if lines else f"ended with {done.returncode}"}
    )


def measure(
    suites: dict[str, list[bench.Row]], rounds: int, seconds: float, note: Callable[[str], None]
) -> dict[str, Any]:
    """Everything measured: {"conditions": {...}, "rows": [one of each row and contender]}, as written to --out."""
    found: dict[tuple, list[dict[str, Any]]] = {}
    rows = [(suite, row) for suite, of_suite in suites.items() for row in of_suite]
    before = load()
    for turn in range(rounds):
        for suite, row in rows:
            for label, (contender, further) in row.who.items():
                job = {"contender": contender, "workload": row.workload, "arguments": row.arguments | further}
                result = alone(job | {"seconds": seconds, "cores": row.cores})
                found.setdefault((suite, row.name, label), []).append(result)
                told = result.get("error") or f"{result['steps'] / result['median_seconds']:,.0f} steps/s"
                note(f"{turn + 1}/{rounds}  {suite}: {row.name}: {label}: {told}")
    measured = [summary(suite, row, label, found[suite, row.name, label]) for suite, row in rows for label in row.who]
    return {"conditions": conditions(rounds, seconds, before), "rows": measured}


def summary(suite: str, row: bench.Row, label: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    """What the rounds of one contender in one row come to: rates are steps over the median of all runs."""
    told = {"suite": suite, "row": row.name, "contender": label, "arguments": row.arguments, "measure": row.measure}
    problems = [result["error"] for result in results if "error" in result]
    if problems:
        return told | {"failed": problems[0]}
    walls, cpus = ([x for result in results for x in result[name]] for name in ("walls", "cpus"))
    low, _, high = statistics.quantiles(walls, n=4)
    steps, middle = results[0]["steps"], lambda name: statistics.median(result[name] for result in results)
    figure, allowed = middle("figure"), row.allowed
    wrong = not allowed[0] <= figure <= allowed[1]
    return told | {
        "steps": steps,
        "rate": steps / statistics.median(walls),
        "rate_quartiles": [steps / high, steps / low],
        "rate_per_cpu_second": steps / statistics.median(cpus),
        "cores": statistics.median(cpu / wall for cpu, wall in zip(cpus, walls, strict=True)),
        "prepare_seconds": middle("prepare_seconds"),
        "compile_seconds": middle("compile_seconds"),
        "peak_mib": max(result["peak_mib"] for result in results),
        "imported_mib": middle("imported_mib"),
        "device_peak_mib": max(result["device_peak_mib"] for result in results),
        "device": results[0]["device"],
        "figure": figure,
        "failed": f"{row.measure} {figure:.3g}; expected {allowed[0]:g} to {allowed[1]:g}" if wrong else None,
        "rounds": results,
    }


def conditions(rounds: int, seconds: float, before: float | None) -> dict[str, Any]:
    """Where and how it was measured. load_before, load_after: processes that waited for a core, of the last minute."""
    packages = ("rewardlab", "jax", "jaxlib", "flax", "optax", "gymnax", "rejax", "evosax")
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        "processor": processor(),
        "cores": devices.cores(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "rounds": rounds,
        "seconds": seconds,
        "load_before": before,
        "load_after": load(),
    }


def load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def processor() -> str:
    """The processor's name, as well as the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
