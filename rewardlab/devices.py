"""Which devices there are to compute on. To be set before jax starts its backends, that is before its first array."""

from __future__ import annotations

import os
import sys

from rewardlab.errors import InputError, show

COUNT_FLAG = "--xla_force_host_platform_device_count"


def cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_all_cores() -> None:
    """Makes jax see one CPU device per core, over which seeds are spread. What the user set in XLA_FLAGS stays.

    No effect on GPUs and TPUs, nor on a jax that has started already.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if COUNT_FLAG not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {COUNT_FLAG}={cores()}".strip()


def check_randomness() -> None:
    """Raises InputError unless keys are threefry's. Under `vmap`, rbg draws every seed's numbers from the first key."""
    jax = sys.modules.get("jax")
    given = jax.config.jax_default_prng_impl if jax else os.environ.get("JAX_DEFAULT_PRNG_IMPL", "threefry2x32")
    if given != "threefry2x32":
        raise InputError(
            f"JAX_DEFAULT_PRNG_IMPL = {show(given)} gives seeds that are not independent; allowed: threefry2x32"
        )
