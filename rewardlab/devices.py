"""What there is to compute on, and what jax has to be set to."""

from __future__ import annotations

import os
import sys

from rewardlab.errors import InputError, show


def cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def branches_well() -> bool:
    """Whether a branch on what was just computed is cheap here. Beyond a CPU it makes the device wait for the host."""
    import jax

    return jax.default_backend() == "cpu"


def check_randomness() -> None:
    """Raises InputError unless keys are threefry's. Under `vmap`, rbg draws every seed's numbers from the first key."""
    jax = sys.modules.get("jax")
    given = jax.config.jax_default_prng_impl if jax else os.environ.get("JAX_DEFAULT_PRNG_IMPL", "threefry2x32")
    if given != "threefry2x32":
        raise InputError(
            f"JAX_DEFAULT_PRNG_IMPL = {show(given)} gives seeds that are not independent; allowed: threefry2x32"
        )
