"""Every test runs on two CPU devices, under strict dtype promotion, and with no random key used twice."""

import collections
import gc
import itertools
import os
import textwrap

from rewardlab.backend.devices import QUICKLY  # before jax, which reads flags once

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["REWARDLAB_CACHE"] = "off"  # a user's own programs stay out of it: see `keep_compiled`
flags = [f for f in os.environ.get("XLA_FLAGS", "").split() if "xla_force_host_platform_device_count" not in f]
flags = [f for f in flags if f not in QUICKLY]  # as a worker gets them
flags = [*flags, "--xla_force_host_platform_device_count=2"]
os.environ["XLA_FLAGS"] = " ".join(flags)

import jax  # noqa: E402
import pytest  # noqa: E402
from jax.experimental.compilation_cache import compilation_cache  # noqa: E402

# Tracing makes many objects and little garbage: to look through all of them as often as Python does took a tenth of the time.
gc.set_threshold(50_000, 20, 20)

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_debug_key_reuse", True)


KEPT = 2**30  # bytes of compiled programs, from one session to the next


@pytest.fixture(autouse=True)
def _report_not_rehearsed(request, monkeypatch):
    """Runs in the tests' own process rehearse no report, unless they ask for `rehearsed`: it takes seconds each time."""
    if "rehearsed" not in request.fixturenames:
        from rewardlab.running import rehearsal

        monkeypatch.setattr(rehearsal, "write", lambda *_: None)
        monkeypatch.setattr(rehearsal, "film", lambda *_: None)


@pytest.fixture
def rehearsed():
    """Runs rehearse in full, as they do for users."""


@pytest.fixture
def file(tmp_path):
    """file(name, text) writes a file of a user and returns its path."""

    def write(name, text):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture
def compiled_anew(monkeypatch):
    """Nothing that was compiled before is used, here and in processes begun here, and nothing is kept: to test compiling itself."""
    update, before = jax.config.update, jax.config.jax_compilation_cache_dir
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    yield
    update("jax_compilation_cache_dir", before)
    compilation_cache.reset_cache()


@pytest.fixture
def one_device(monkeypatch):
    """Runs use the first device alone, as on a user's CPU: a second one would compile every program once more."""
    monkeypatch.setattr(jax, "local_devices", lambda: jax.devices()[:1])


def pytest_configure(config):
    """Quick tests are compiled quickly; what runs long, and what users get, is run by the slow tests as users get it.

    Slow tests that only compile for long are marked `slow(quickly=True)`: beside quick ones they take a third of the time.

    What jax traces and what XLA makes of it before it writes machine code is the same. The machine code is not polished, and
    rounds differently, so no quick test may rest on how a number is rounded, or on how fast or how large a program is.
    """
    chosen = config.option.markexpr
    if chosen != "slow" and not chosen.startswith("slow and"):
        os.environ["XLA_FLAGS"] = " ".join([*QUICKLY, *flags])
    if cache := getattr(config, "cache", None):
        keep_compiled(cache.mkdir("compiled"), tidy=not hasattr(config, "workerinput"))


def keep_compiled(folder, tidy):
    """What one process has compiled, others read: workers, processes that tests begin, and later sessions.

    jax tells programs apart by what XLA is given, by its flags and by its version. tidy: what was written first goes, where
    there is more than KEPT; so `pytest --cache-clear` is not needed.
    """
    from rewardlab.backend.devices import machine

    if tidy:
        found = sorted(((f.stat().st_mtime, f.stat().st_size, f) for f in folder.rglob("*-cache")), reverse=True)
        for (*_, file), total in zip(found, itertools.accumulate(size for _, size, _ in found), strict=True):
            if total > KEPT:
                file.unlink(missing_ok=True)
    told = {"jax_compilation_cache_dir": str(folder / machine()), "jax_persistent_cache_min_compile_time_secs": 0.0}
    for name, value in told.items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)


def pytest_collection_modifyitems(items):
    """The files that take minutes begin first, so that the other core is not idle at the end."""
    minutes = collections.Counter()
    for item in items:
        told = (mark.kwargs.get("minutes", 0) for mark in item.iter_markers("slow"))
        minutes[item.path] = max(minutes[item.path], *told, 0)
    items.sort(key=lambda item: -minutes[item.path])
