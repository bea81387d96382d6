"""What this process computes with: versions, devices, flags."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

PACKAGES = ("rewardlab", "jax", "jaxlib", "flax", "optax", "chex", "gymnax", "numpy", "scipy", "xarray", "h5netcdf",
            "orbax-checkpoint")  # fmt: skip
FLAGS = ("XLA_FLAGS", "JAX_PLATFORMS", "LIBTPU_INIT_ARGS", "CUDA_VISIBLE_DEVICES")
JAX_FLAGS = ("jax_default_prng_impl", "jax_threefry_partitionable", "jax_enable_x64", "jax_default_matmul_precision",
             "jax_numpy_dtype_promotion", "jax_debug_nans", "jax_disable_jit")  # fmt: skip


def version(package: str = "rewardlab") -> str | None:
    """The version of an installed package; None for others, as a clone that is only on the path is."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def environment() -> dict[str, Any]:
    """All of it, as plain data. Starts jax's backends."""
    import jax

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: version(name) for name in PACKAGES},
        "backend": jax.default_backend(),
        "devices": [f"{device.platform} {device.device_kind}" for device in jax.devices()],
        "processes": jax.process_count(),
        "flags": {name: os.environ[name] for name in FLAGS if name in os.environ},
        "jax_flags": {name: getattr(jax.config, name) for name in JAX_FLAGS if hasattr(jax.config, name)},
    }
