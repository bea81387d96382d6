"""Every test runs on two CPU devices, under strict dtype promotion, and with no random key used twice."""

import os
import textwrap

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["REWARDLAB_CACHE"] = "off"  # what is tested is compiled here
flags = [f for f in os.environ.get("XLA_FLAGS", "").split() if "xla_force_host_platform_device_count" not in f]
flags = [*flags, "--xla_force_host_platform_device_count=2"]
os.environ["XLA_FLAGS"] = " ".join(flags)

import jax  # noqa: E402
import pytest  # noqa: E402

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_debug_key_reuse", True)


@pytest.fixture(autouse=True)
def _report_not_rehearsed(request, monkeypatch):
    """Runs in the tests' own process rehearse no report, unless they ask for `rehearsed`: it takes seconds each time."""
    if "rehearsed" not in request.fixturenames:
        from rewardlab import rehearsal

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


# Compiling is most of what quick tests take, and their programs run once: no optimisation, and XLA's older, quicker emitters.
QUICKLY = ["--xla_backend_optimization_level=0", "--xla_backend_extra_options=xla_cpu_disable_new_fusion_emitters"]


def pytest_configure(config):
    """Quick tests are compiled quickly; what runs long, and what users get, is run by the slow tests as users get it.

    What jax traces and what XLA makes of it before it writes machine code is the same. The machine code is not polished, and
    rounds differently, so no quick test may rest on how a number is rounded, or on how fast or how large a program is.
    """
    if config.option.markexpr != "slow":
        os.environ["XLA_FLAGS"] = " ".join([*QUICKLY, *flags])


def pytest_collection_modifyitems(items):
    """What takes minutes begins first, so that the other core is not idle at the end."""
    items.sort(key=lambda item: -max((mark.kwargs.get("minutes", 0) for mark in item.iter_markers("slow")), default=0))
