"""What there is to compute on, and what jax has to be set to."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path

from rewardlab.errors import InputError, show


def cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def branches_well() -> bool:
    """Whether a branch on what was just computed is cheap here. Beyond a CPU it makes the device wait for the host."""
    import jax

    return jax.default_backend() == "cpu"


def release_memory() -> None:
    """Gives the system back what was freed: glibc keeps all that tracing and compiling took, well over 100 MB."""
    import ctypes

    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: 0)(0)


def check_randomness() -> None:
    """Raises InputError unless keys are threefry's. Under `vmap`, rbg draws every seed's numbers from the first key."""
    jax = sys.modules.get("jax")
    given = jax.config.jax_default_prng_impl if jax else os.environ.get("JAX_DEFAULT_PRNG_IMPL", "threefry2x32")
    if given != "threefry2x32":
        raise InputError(
            f"JAX_DEFAULT_PRNG_IMPL = {show(given)} gives seeds that are not independent; allowed: threefry2x32"
        )


def remember_compiled() -> Path | None:
    """Switches jax's cache of compiled programs on: what was compiled once is read from disk by later processes.

    Returns its directory, or None without one. REWARDLAB_CACHE names it, or says `off`; otherwise it is `rewardlab/compiled`
    where the system keeps caches. JAX_COMPILATION_CACHE_DIR, and a directory that the program gave jax, stay as they are.
    A place that can't be written to means no cache, not an error. Raises InputError for REWARDLAB_CACHE = a file.
    """
    import jax

    if jax.config.jax_compilation_cache_dir:
        return Path(jax.config.jax_compilation_cache_dir)
    given = os.environ.get("REWARDLAB_CACHE", "")
    if given.lower() == "off" or not jax.config.jax_enable_compilation_cache:
        return None
    place = Path(given).expanduser().absolute() if given else caches() / "rewardlab" / "compiled"
    if place.exists() and not place.is_dir():
        raise InputError(f"REWARDLAB_CACHE = {show(given)} is no directory; allowed: a directory, or off")
    place /= machine()
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    if not os.access(place, os.W_OK):
        return None
    from jax.experimental.compilation_cache import compilation_cache

    jax.config.update("jax_compilation_cache_dir", str(place))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    compilation_cache.reset_cache()  # jax looks for the directory once only, when it first compiles anything
    return place


def caches() -> Path:
    """Where this system keeps what can be made again."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def machine() -> str:
    """A name for what compiled programs depend on beyond jax's own key: jaxlib and the processor.

    Programs for another processor, or another jaxlib's idea of this one, can crash where they are loaded.
    """
    from importlib.metadata import version

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = "".join(
            dict.fromkeys(line for line in lines if line.startswith(("model name", "flags", "Features")))
        )
    except OSError:
        processor = platform.processor() + platform.machine()
    return f"jaxlib-{version('jaxlib')}-{hashlib.sha256(processor.encode()).hexdigest()[:8]}"
