"""How many seeds a batch has, where the experiment leaves it open: 8 on a CPU, elsewhere as many as fit into its memory.

On a CPU more seeds at a time than a core's cache holds gain nothing (`docs/performance.md`). A GPU or TPU needs thousands of
lanes to be busy, and how many seeds that are is decided by what the compiled programs say that they need, evaluation included.
"""

from __future__ import annotations

from pathlib import Path

import jax

from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.inputs.fields import coerce
from rewardlab.inputs.files import read_json, read_text
from rewardlab.rundir import store
from rewardlab.running import account

CPU = 8


def decided(plan: Plan, path: Path | None = None) -> Plan:
    """The plan with its width: the experiment's own, or that of its run in `path`, or what suits the device.

    It is decided once a run, since another width rounds differently. On a GPU or TPU the rules are compiled for it.
    """
    return plan if plan.experiment.width else plan.of(width=recorded(path) or suited(plan))


def recorded(path: Path | None) -> int:
    """The width that a run directory's config states, or 0."""
    try:
        width = read_json(read_text(path / store.CONFIG), store.CONFIG)["width"] if path else 0
        return coerce(width, int, "width", (0, account.LARGEST))
    except (InputError, KeyError, TypeError):
        return 0


def suited(plan: Plan) -> int:
    """A power of two: as many seeds as the devices have room for, and no more than give each of them a batch."""
    limit = memory()
    if not limit:
        return CPU
    most = account.enough(plan.experiment.seeds, jax.device_count())
    return max(1, account.fitted(lambda name, width: needed(plan, name, width), plan.experiment.rules, most, limit))


def needed(plan: Plan, name: str, width: int) -> int:
    """Bytes that a batch of a rule needs on the devices here, by the compiler's account. Raises account.TooLarge."""
    return account.need(account.compiled(plan.of(width=width), name), width).most


def memory() -> int:
    """Bytes that the first device may use, or 0 where seeds share the host's memory."""
    device = jax.local_devices()[0]
    stats = None if device.platform == "cpu" else device.memory_stats()
    return int((stats or {}).get("bytes_limit", 0))
