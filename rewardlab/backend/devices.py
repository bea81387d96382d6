"""What there is to compute on, and what jax has to be set to."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from rewardlab.inputs.errors import InputError, show


def cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def backend() -> str:
    """What programs are for, unless somebody says otherwise: "cpu", "gpu" or "tpu"."""
    import jax

    return jax.default_backend()


def branches_well(on: str | None = None) -> bool:
    """Whether a branch on what was just computed is cheap on a platform. Beyond a CPU it makes the device wait for the host."""
    return (on or backend()) == "cpu"


def release_memory() -> None:
    """Gives the system back what was freed: glibc keeps all that tracing and compiling took, well over 100 MB."""
    import ctypes

    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: 0)(0)


_SILENT, _TRANSFERS = (False,), (None, "allow", "log", "log_explicit")
SETTINGS = {  # of jax: what is allowed, and what is wrong with any other; `identity.FLAGS` has those that change bits
    "jax_default_prng_impl": (("threefry2x32",), "gives seeds that are not independent"),  # rbg does under `vmap`
    "jax_disable_jit": (_SILENT, "leaves nothing to compile"),
    "jax_no_tracing": (_SILENT, "leaves nothing to compile"),
    "jax_no_execution": (_SILENT, "computes nothing"),
    "jax_numpy_rank_promotion": (("allow", "warn"), "stops networks and worlds, which rely on it"),
    "jax_debug_nans": (_SILENT, "stops every seed where one diverges, which is counted instead"),
    "jax_debug_infs": (_SILENT, "stops every seed where one diverges, which is counted instead"),
    **dict.fromkeys(
        (
            "jax_transfer_guard",
            *(f"jax_transfer_guard_{way}" for way in ("host_to_device", "device_to_host", "device_to_device")),
        ),
        (_TRANSFERS, "stops what training hands to the device and back"),
    ),
}


# No optimisation, XLA's older, quicker emitters, and one piece of code for LLVM instead of many: a CPU's programs are compiled
# sooner, and run slower.
QUICKLY = (
    "--xla_backend_optimization_level=0",
    "--xla_backend_extra_options=xla_cpu_disable_new_fusion_emitters",
    "--xla_llvm_disable_expensive_passes=true",
    "--xla_cpu_parallel_codegen_split_count=1",
)


def compile_quickly() -> None:
    """Has XLA compile `QUICKLY` from now on, in this process, unless its flags are set already. Before jax starts its devices."""
    if "xla_backend" not in (flags := os.environ.get("XLA_FLAGS", "")):
        os.environ["XLA_FLAGS"] = " ".join([*flags.split(), *QUICKLY])


def well() -> dict[str, Any] | None:
    """`compiler_options` of a program that runs so long, or so often, that it is worth compiling well where others are compiled
    quickly; None where all are compiled well, and beyond a CPU. A jitted function that has options can't be called in another.
    """
    quickly = {*QUICKLY} <= {*os.environ.get("XLA_FLAGS", "").split()}
    return {"xla_backend_optimization_level": 1} if quickly and backend() == "cpu" else None


def check_settings() -> None:
    """Raises InputError for settings of jax and XLA, by the environment or by `jax.config`, with which nothing here can run.

    Starts no device. What jax and XLA can't read of the environment ends the import of jax, or the whole process.
    """
    try:
        import jax
    except ValueError as error:
        raise InputError(f"jax can't be imported with these variables of the environment: {error}") from error
    for name, (allowed, wrong) in SETTINGS.items():
        given = getattr(jax.config, name, allowed[0])
        if given not in allowed:
            words = ", ".join("none" if value is None else str(value).lower() for value in allowed)
            raise InputError(f"{name.upper()} = {show(given)} {wrong}; allowed: {words}")
    problem = _problem_of(" ".join(flag for flag in os.environ.get("XLA_FLAGS", "").split() if flag not in QUICKLY))
    if problem:
        raise InputError(f"XLA_FLAGS = {show(os.environ['XLA_FLAGS'])} is not what XLA can read: {problem}")


@functools.cache
def _problem_of(flags: str) -> str:
    """What XLA says of XLA_FLAGS that it can't read, or "". It ends its process with it, so a process of its own is asked."""
    if not flags:
        return ""
    ask = "from jaxlib import xla_client; xla_client.make_cpu_client()"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, encoding="utf-8", errors="replace")
    fatal = [line.partition("] ")[2] for line in done.stderr.splitlines() if line.startswith("F")]
    return (fatal or ["it ends the process"])[0] if done.returncode else ""


def start() -> None:
    """Starts jax's devices. Raises InputError where those that JAX_PLATFORMS names are not here."""
    import jax

    settings: Any = jax.config
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # it asserts that it has found one
        asked = f"JAX_PLATFORMS = {show(settings.jax_platforms)}: " if settings.jax_platforms else ""
        raise InputError(f"{asked}jax can't start its devices: {str(error) or 'there are none'}") from error


def prepare() -> None:
    """All that has to be so before anything is computed. Raises InputError as `check_settings`, `start` and
    `remember_compiled` do.
    """
    check_settings()
    start()
    remember_compiled()


def remember_compiled() -> Path | None:
    """Switches jax's cache of compiled programs on: what was compiled once is read from disk by later processes.

    Returns its directory, or None without one. REWARDLAB_CACHE names it, or says `off`; otherwise it is `rewardlab/compiled`
    where the system keeps caches. JAX_COMPILATION_CACHE_DIR, and a directory that the program gave jax, stay as they are.
    A place that can't be written to means no cache, not an error. Raises InputError for REWARDLAB_CACHE = a file.
    """
    import jax

    settings: Any = jax.config
    if settings.jax_compilation_cache_dir:
        return Path(settings.jax_compilation_cache_dir)
    given = os.environ.get("REWARDLAB_CACHE", "")
    if given.lower() == "off" or not settings.jax_enable_compilation_cache:
        return None
    try:
        place = Path(given).expanduser().absolute() if given else caches() / "rewardlab" / "compiled"
    except RuntimeError:  # a user without a home
        return None
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
    """Where this system keeps what can be made again. Raises RuntimeError where the user has no home."""
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
