"""One measurement, in a process of its own: `python -m rewardlab.bench.measuring JOB` prints what it found as JSON.

It is compiled from nothing: the cache of compiled programs is off here.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import statistics
import sys
import time
from typing import Any

FEWEST, MOST = 3, 15  # runs that are timed


def peak() -> float:
    """The most memory that this process has held, MiB."""
    try:  # a process inherits ru_maxrss from the one that started it
        with open("/proc/self/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 2**10
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def covered(spans: list[tuple[float, float]]) -> float:
    """Seconds in which at least one of the spans (from, to) was under way."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def measure(contender: str, workload: str, arguments: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Prepares a case, runs it once to warm up, then for so many seconds, and looks at what came out."""
    import jax

    from rewardlab import bench

    compiling = []

    def note(event: str, duration_secs: float, **_: Any) -> None:
        if event.endswith("backend_compile_duration"):
            compiling.append((time.perf_counter() - duration_secs, time.perf_counter()))

    jax.monitoring.register_event_duration_secs_listener(note)
    file = importlib.import_module(f"{bench.CONTENDERS.package}.{contender}")
    case = getattr(file, workload)(**arguments)
    jax.block_until_ready(jax.random.key(0))
    imported = peak()
    compiling.clear()
    started = time.perf_counter()
    run = case.prepare()
    prepared, compiled = time.perf_counter() - started, covered(compiling)
    out = run(0)
    walls: list[float] = []
    cpus: list[float] = []
    began = time.perf_counter()
    while len(walls) < FEWEST or (len(walls) < MOST and time.perf_counter() - began < seconds):
        wall, cpu = time.perf_counter(), time.process_time()
        out = run(1 + len(walls))
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    reached = peak()
    devices = jax.devices()
    memory = [(device.memory_stats() or {}).get("peak_bytes_in_use", 0) / 2**20 for device in jax.local_devices()]
    return {
        "steps": case.steps,
        "walls": walls,
        "cpus": cpus,
        "prepare_seconds": prepared,
        "compile_seconds": min(compiled, prepared),
        "peak_mib": reached,
        "imported_mib": imported,
        "device_peak_mib": max(memory),
        "device": f"{len(devices)} x {devices[0].device_kind}",
        "figure": float(case.figure(out)),
        "median_seconds": statistics.median(walls),
    }


def main(job: dict[str, Any]) -> None:
    cores = job.pop("cores")
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    print("\n" + json.dumps(measure(**job)))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
