"""TPUs that need not be here: their own compiler, of the wheel `libtpu`, describes them and compiles for them on a CPU.

All that the package asks of `libtpu` and of `jax.experimental.topologies` is in this file.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from rewardlab.backend import devices
from rewardlab.backend.chips import Chip
from rewardlab.inputs.errors import InputError, one_line

# Without these it asks the metadata server of a cloud machine, and waits for it, and complains.
ALONE = {
    "TPU_SKIP_MDS_QUERY": "1",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
}


def check() -> None:
    """Raises InputError where the TPU's compiler is not installed."""
    if importlib.util.find_spec("libtpu") is None:
        raise InputError(
            'the TPU\'s compiler is missing; it comes with: pip install "rewardlab[preflight]"; --quick works without it'
        )


def version() -> str:
    """The compiler's version. Raises InputError as `check` does."""
    from importlib.metadata import version

    check()
    return version("libtpu")


def described(chip: Chip, shape: str | None = None):
    """The devices of a slice of these chips, by jax; None: of the smallest slice. Raises InputError as `check` does, and where
    the compiler does not know it.
    """
    check()
    devices.start()  # before the environment changes, which devices that are here, such as a TPU's own, are started by
    for name, value in ALONE.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("TPU_STDERR_LOG_LEVEL", "3")
    os.environ.setdefault("TPU_MIN_LOG_LEVEL", "3")
    from jax.experimental import topologies

    shape = shape or next(iter(chip.slices))
    try:
        found = topologies.get_topology_desc(
            platform="tpu", topology_name=f"{chip.name}:{shape}", chip_config_name=chip.config
        )
    except Exception as error:  # XLA's own, of several kinds
        raise InputError(f"the TPU's compiler can't describe {chip.name} {shape}: {one_line(str(error))}") from error
    return found.devices


@contextlib.contextmanager
def uncached() -> Iterator[None]:
    """Without jax's cache of compiled programs, which can't read those of devices that are not here."""
    from jax.experimental.compilation_cache import compilation_cache

    settings: Any = jax.config
    before = settings.jax_enable_compilation_cache
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()  # jax looks once only whether there is one
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", before)
        compilation_cache.reset_cache()


def one(chip: Chip) -> Sharding:
    """A place on a single chip. Raises InputError as `described` does."""
    return SingleDeviceSharding(described(chip)[0])


def spread(chip: Chip, shape: str | None = None) -> Sharding:
    """A place on all chips of a slice, over which the first axis is spread. Raises InputError as `described` does."""
    import numpy as np

    return NamedSharding(Mesh(np.array(described(chip, shape)), ("seeds",)), PartitionSpec("seeds"))
