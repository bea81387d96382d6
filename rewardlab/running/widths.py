"""How many seeds a batch has, where the experiment leaves it open: 8 on a CPU, elsewhere as many as fit into its memory.

On a CPU more seeds at a time than a core's cache holds gain nothing (`docs/performance.md`). A GPU or TPU needs thousands of
lanes to be busy, and how many seeds that are is decided by what a compiled program of 8 seeds says that it needs.
"""

from __future__ import annotations

from pathlib import Path

import jax

from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.inputs.fields import coerce
from rewardlab.inputs.files import read_json, read_text
from rewardlab.rundir import store
from rewardlab.running import batches

CPU, LARGEST = 8, 4096
SHARE = 0.6  # of the device's memory: evaluation, and what the allocator can't use, need the rest


def decided(plan: Plan, path: Path | None = None) -> Plan:
    """The plan with its width: the experiment's own, or that of its run in `path`, or what suits the device.

    It is decided once a run, since another width rounds differently. On a GPU or TPU the rules are compiled for it.
    """
    return plan if plan.experiment.width else plan.of(width=recorded(path) or suited(plan))


def recorded(path: Path | None) -> int:
    """The width that a run directory's config states, or 0."""
    try:
        width = read_json(read_text(path / store.CONFIG), store.CONFIG)["width"] if path else 0
        return coerce(width, int, "width", (0, LARGEST))
    except (InputError, KeyError, TypeError):
        return 0


def suited(plan: Plan) -> int:
    """A power of two: as many seeds as the device has room for, and no more than the experiment has."""
    limit = memory()
    if not limit:
        return CPU
    enough = 1 << (plan.experiment.seeds - 1).bit_length()
    fits = int(SHARE * limit // max(bytes_per_seed(plan, name) for name in plan.experiment.rules))
    return max(1, min(enough, LARGEST, 1 << max(fits.bit_length() - 1, 0)))


def memory() -> int:
    """Bytes that the first device may use, or 0 where seeds share the host's memory."""
    device = jax.local_devices()[0]
    stats = None if device.platform == "cpu" else device.memory_stats()
    return int((stats or {}).get("bytes_limit", 0))


def bytes_per_seed(plan: Plan, name: str) -> float:
    """What training a rule needs for each seed of a batch, by jax's account of the compiled program."""
    programs = batches.compile_training(plan.setting(name), plan.experiment.rules[name], plan.params, CPU)
    need = programs.advance.memory_analysis()
    parts = (need.temp_size_in_bytes, need.argument_size_in_bytes, need.output_size_in_bytes)
    return max(sum(parts) - need.alias_size_in_bytes, 1) / CPU
