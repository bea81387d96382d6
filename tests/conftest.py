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


def pytest_configure(config):
    """Quick tests are compiled with little optimisation: compiling is most of what they take, and their programs run once.

    What jax traces and XLA rewrites is the same; only the machine code is not polished, and sums are rounded in another order.
    So no test may rest on how a sum is rounded. What runs long, and what users get, is run by the slow tests as users get it.
    """
    if config.option.markexpr != "slow" and "xla_backend_optimization_level" not in " ".join(flags):
        os.environ["XLA_FLAGS"] = " ".join([*flags, "--xla_backend_optimization_level=0"])


def pytest_collection_modifyitems(items):
    """What takes minutes begins first, so that the other core is not idle at the end."""
    items.sort(key=lambda item: -max((mark.kwargs.get("minutes", 0) for mark in item.iter_markers("slow")), default=0))
