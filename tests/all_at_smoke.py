"""Every experiment that states a claim, at --smoke, in one process: python tests/all_at_smoke.py [NAME ...] [--out DIR]

It is `rewardlab run --all --smoke`, of those that are named or of all, with compiled programs kept in the folder: what several
experiments share at the same sizes is compiled once. Prints what each took and the atlas. Exit code 1 where one failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rewardlab.backend import devices

devices.compile_quickly()  # before anything that starts jax

from rewardlab.rundir.stopping import Stop  # noqa: E402
from rewardlab.running import every  # noqa: E402


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments; all by default")
    parser.add_argument("--out", metavar="DIR", help="their folder; a new one by default")
    given = parser.parse_args(words)
    folder = Path(given.out or tempfile.mkdtemp(prefix="rewardlab-smoke-"))
    os.environ.setdefault("REWARDLAB_CACHE", str(folder / "compiled"))
    jobs = [
        job
        for job in every.jobs("smoke", {}, folder)
        if not given.names or job.key.removesuffix("-smoke") in given.names
    ]
    failed: dict[str, str] = {}
    for job in jobs:
        began = time.perf_counter(), time.process_time()
        page, why = every.run_all([job], Stop(), lambda text: None, folder)
        wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
        failed |= why
        print(f"{job.key:<32} {wall:6.0f} s  {cpu:6.0f} s of CPU time  {why.get(job.key, '')}", flush=True)
    page = every.write_atlas(jobs, print, folder)
    print(page)
    return int(bool(failed) or page is None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
