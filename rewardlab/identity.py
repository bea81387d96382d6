"""What a run's bits depend on beside its seeds: only what agrees in all of it may be put together."""

from __future__ import annotations

import itertools
import json
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from rewardlab import registry
from rewardlab.config import to_json
from rewardlab.experiment import Experiment
from rewardlab.files import read_json, sha256

JAX_FLAGS = ("jax_enable_x64", "jax_default_matmul_precision", "jax_threefry_partitionable")
# Others that change bits, and what they are unless somebody sets them: named where somebody has.
FLAGS = {
    "jax_random_seed_offset": 0,
    "jax_disable_most_optimizations": False,
    "jax_optimization_level": "UNKNOWN",
    "jax_exec_time_optimization_effort": 0.0,
    "jax_softmax_custom_jvp": False,
    "jax_use_direct_linearize": True,
}
BITLESS = ("--xla_force_host_platform_device_count", "--xla_dump")  # how flags of XLA begin that change no bits


def of(experiment: Experiment) -> dict[str, Any]:
    """What decides the bits of a seed, beside its number, the config and the width's place in it. Starts jax's backends."""
    import jax

    device, set_to = jax.local_devices()[0], jax.config.values
    return {
        **{name: metadata.version(name) for name in ("rewardlab", "jax", "jaxlib")},
        "backend": device.platform,
        "device": device.device_kind,
        "machine": platform.machine(),
        "width": experiment.width,
        **{name: str(getattr(jax.config, name)) for name in JAX_FLAGS},
        **{name: str(set_to[name]) for name, usual in FLAGS.items() if set_to.get(name, usual) != usual},
        **({"XLA_FLAGS": flags} if (flags := xla_flags()) else {}),
        **{str(path): sha256(path.read_bytes())[:16] for path in user_files(experiment)},
    }


def xla_flags() -> str:
    """XLA_FLAGS, without those that change no bits."""
    given = os.environ.get("XLA_FLAGS", "").split()
    return " ".join(sorted(flag for flag in given if not flag.startswith(BITLESS)))


def user_files(experiment: Experiment) -> list[Path]:
    """The user's Python files that define the world or a rule of the experiment."""

    def addresses(plain: Any):
        if isinstance(plain, dict):
            if registry.is_path(plain.get("rule")):
                yield plain["rule"]
            for value in plain.values():
                yield from addresses(value)

    plain = json.loads(to_json(experiment))
    worlds = [plain["env"]] if registry.is_path(plain["env"]) else []
    return sorted({Path(path) for path in [*worlds, *addresses(plain["rules"])] if Path(path).is_file()})


def digest(experiment: Experiment) -> str:
    """SHA-256 of the config without what may differ between two runs of the same seeds: their number, and the width."""
    return sha256(json.dumps(_bare(json.loads(to_json(experiment)), width=True), sort_keys=True).encode())


def _bare(plain: dict[str, Any], width: bool) -> dict[str, Any]:
    """A config without its numbers of seeds, and, with `width`, without that."""
    left_out = {
        "seeds",
        *(["width"] if width else []),
        *(name for name in ("agents", "temperatures") if not plain.get(name)),
    }
    bare = {name: value for name, value in plain.items() if name not in left_out}
    budgets = {name: b["steps"] for name, b in plain["budgets"].items() if b["steps"]}
    return bare | {
        "conditions": {name: {"params": c["params"]} for name, c in plain["conditions"].items()},
        "budgets": budgets,
    }


def grows(old: str, new: str, width: bool = False) -> bool:
    """Whether config `new` asks for what `old` did, and for more seeds; with `width`, the width may be another, too."""
    try:
        before, after = read_json(old, "the config that is there"), read_json(new, "the config")
        if _bare(before, width) != _bare(after, width):
            return False
        cells = itertools.product(after["rules"], after["conditions"])
        return all(_seeds(after, *cell) >= _seeds(before, *cell) for cell in cells)
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def _seeds(plain: dict[str, Any], rule: str, condition: str) -> int:
    own = (plain["seeds"], plain["conditions"][condition]["seeds"], plain["budgets"].get(rule, {}).get("seeds"))
    return min(limit for limit in own if limit is not None)


def differences(there: dict[str, Any], here: dict[str, Any]) -> str:
    """ "jax 0.10.1 there, 0.10.2 here; ..."."""
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    return "; ".join(f"{name} {there.get(name)} there, {here.get(name)} here" for name in names)
