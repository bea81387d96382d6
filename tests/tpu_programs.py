"""Whether what ships still compiles for TPUs that are not here, and costs there what it did: python tests/tpu_programs.py

All rules of the main job, and one experiment of each other kind, are compiled for a v5e, four rules for a v6e, at a small width.
The cycles of an update and the bytes of a seed of four rules are held against tests/tpu_programs.json: more than a tenth more of
either is a failure. --store writes the file anew; --only NAME ... leaves out what has none of these in its name.

It takes some 5 minutes on 2 cores (needs `pip install ".[preflight]"`), and ends with exit code 1 where something failed.
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(0, str(Path(__file__).parents[1]))

from rewardlab.backend import chips, devices, hlo, tpu
from rewardlab.experiment.config import load, smoke
from rewardlab.experiment.plan import Plan
from rewardlab.running import account, batches, compiling

STORED = Path(__file__).with_suffix(".json")
MAIN = ("reinforce", "ppo", "parallel_q", "truncation", "openai_es", "guess_and_check", "yoked")
WEIGHED = {"ppo": 64, "parallel_q": 64, "truncation": 16, "openai_es": 16}  # the widths that they are weighed at
KINDS = {  # config: the rule of it
    "percept": "ppo",  # a memory, and reward in view
    "planner": "muzero",
    "return_prompt_lever": "return_prompt",
    "two_loops": "inner",
    "corner": "ppo",  # convolution
    "validate_pendulum": "ppo",  # continuous actions
}
MORE = 1.1


def jobs() -> list[tuple[str, str, str, int]]:
    """(chip, config, rule, width) of all that is compiled."""
    found = [("v5e", "coinrun", rule, WEIGHED.get(rule, 8)) for rule in MAIN]
    for config, word in KINDS.items():
        rule = next((name for name in load(config).rules if word in name), next(iter(load(config).rules)))
        found.append(("v5e", config, rule, 8))
    return found + [("v6e", "coinrun", rule, 8) for rule in WEIGHED]


def one(plan: Plan, rule: str, width: int, place) -> dict:
    """Compiles what trains a rule: its weighed cycles and bytes, or the first line of why it does not."""
    started, plan = time.perf_counter(), plan.of(width=width)
    try:
        program = compiling.training_of(plan, rule, batches.training_jobs).advance.compiled(place)
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"}
    needed = account.need(account.Programs(program, {}), width).most / width
    cycles = hlo.turn(program.as_text()).cycles
    return {"cycles": round(cycles), "bytes_a_seed": round(needed), "seconds": round(time.perf_counter() - started, 1)}


def main(only: list[str], store: bool) -> int:
    wanted = [job for job in jobs() if not only or any(word in "/".join(map(str, job)) for word in only)]
    places = {chip: tpu.one(chips.chip(chip)) for chip in dict.fromkeys(job[0] for job in wanted)}
    plans = {
        name: Plan(load(name) if name == "coinrun" else smoke(load(name)), "tpu") for name in {job[1] for job in wanted}
    }
    known, failed, told = json.loads(STORED.read_text()) if STORED.exists() else {}, 0, {}
    with tpu.uncached(), ThreadPoolExecutor(devices.cores()) as pool:
        for job, found in zip(
            wanted, pool.map(lambda job: one(plans[job[1]], *job[2:], places[job[0]]), wanted), strict=True
        ):
            chip, config, rule, width = job
            text = ", ".join(f"{key} {value:,}" if key != "failed" else value for key, value in found.items())
            before = known.get(f"{chip} {rule} {width}") if config == "coinrun" and rule in WEIGHED else None
            worse = [key for key, value in (before or {}).items() if key in found and found[key] > MORE * value]
            failed += "failed" in found or bool(worse)
            print(
                f"{chip} {config} {rule}, {width} seeds: {text}",
                *(f"; {key} was {before[key]:,}" for key in worse),
                flush=True,
            )
            if config == "coinrun" and rule in WEIGHED and "failed" not in found:
                told[f"{chip} {rule} {width}"] = {key: found[key] for key in ("cycles", "bytes_a_seed")}
    if store:
        STORED.write_text(json.dumps(known | told, indent=1, sort_keys=True) + "\n")
    print(f"{len(wanted)} programs, {failed} failed or worse")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--store", action="store_true")
    given = parser.parse_args()
    sys.exit(main(given.only, given.store))
