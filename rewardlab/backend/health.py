"""What a machine has for runs: each check gives (what was looked at, how that is, what there is to say of it)."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rewardlab.backend import devices
from rewardlab.backend.environment import version
from rewardlab.inputs.errors import InputError

OK, SLOW, FAIL = "ok", "SLOW", "FAIL"
Found = Iterator[tuple[str, str, str]]
PACKAGES = ("jax", "jaxlib", "flax", "optax", "gymnax", "numpy", "xarray", "h5netcdf", "matplotlib")
EXTRAS = {"tensorboardX": "tensorboard", "wandb": "wandb", "evosax": "evosax"}  # {module: the extra that installs it}
LITTLE_MEMORY, LITTLE_DISK, FULL_DISK = 4 * 2**30, 2 * 2**30, 100 * 2**20  # bytes


def _versions() -> Found:
    yield "python", OK, f"{platform.python_version()} on {sys.platform} {platform.machine()}"
    yield "rewardlab", OK, version() or f"not installed, read from {Path(__file__).parents[2]}"
    for name in PACKAGES:
        try:
            importlib.import_module(name)
            yield name, OK, version(name) or "not installed"
        except Exception as error:
            yield (
                name,
                FAIL,
                f"{version(name) or 'not installed'}; it can't be imported: {type(error).__name__}: {error}",
            )
    for module, extra in EXTRAS.items():
        yield module, OK, version(module) or f'not installed; pip install "rewardlab[{extra}]"'


def _devices() -> Found:
    try:
        devices.check_settings()
        yield "settings", OK, "those of jax and XLA are fit for runs"
        devices.start()
    except InputError as error:
        yield "settings", FAIL, str(error)
        return
    except ImportError:  # of jax, which has been said
        return
    import jax

    found, cores = jax.local_devices(), devices.cores()
    kinds = ", ".join(f"{platform} {kind}" for platform, kind in sorted({(d.platform, d.device_kind) for d in found}))
    if found[0].platform == "cpu":
        told = f"{cores} CPU core{'s' * (cores != 1)}, no accelerator: runs of thousands of seeds take long"
        yield "devices", SLOW if cores < 2 else OK, told
        if shutil.which("nvidia-smi"):
            yield "gpu", SLOW, 'an NVIDIA GPU is here that jax does not use; pip install "rewardlab[gpu]"'
    else:
        yield "devices", OK, f"{len(found)} of {kinds}"


def _memory() -> Found:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return
    little = "; compiling takes gigabytes, so give --width and few rules at a time" if total < LITTLE_MEMORY else ""
    yield "memory", SLOW if little else OK, f"{size(total)}{little}"


def _cache() -> Found:
    try:
        place = devices.remember_compiled()
    except InputError as error:
        yield "cache", FAIL, str(error)
        return
    except ImportError:
        return
    if place is None:
        yield "cache", SLOW, "off, or not writable: every run compiles all of its programs again"
        return
    files = [f.stat().st_size for f in place.parent.rglob("*") if f.is_file()]
    first = "; the first run of each experiment compiles all of its programs, later ones do not" if not files else ""
    yield "cache", OK, f"{place}: {size(sum(files))} in {len(files)} files{first}"


def _disk() -> Found:
    here = Path.cwd()
    free = shutil.disk_usage(here).free
    state = FAIL if free < FULL_DISK or not os.access(here, os.W_OK) else SLOW if free < LITTLE_DISK else OK
    told = "" if os.access(here, os.W_OK) else "; nothing can be written there, give --out another place"
    few = "; runs that keep many policies may need more" if free < LITTLE_DISK else ""
    yield "disk", state, f"{size(free)} free in {here}{few}{told}"


def _terminal() -> Found:
    if not (sys.stderr is not None and sys.stderr.isatty()):
        yield "terminal", OK, "none: progress is written line by line"


CHECKS: tuple[Callable[[], Found], ...] = (_versions, _devices, _memory, _cache, _disk, _terminal)


def size(count: float) -> str:
    """Bytes, as people read them."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
