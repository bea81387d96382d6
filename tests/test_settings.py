"""Settings of jax and XLA, by the environment or by `jax.config`: harmless, part of a run's identity, or refused in one line."""

import os
import subprocess
import sys

import jax
import pytest
from small import small

from rewardlab import cli
from rewardlab.backend import devices
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.rundir import identity
from rewardlab.running import runner


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (jax.disable_jit, "JAX_DISABLE_JIT = True leaves nothing to compile; allowed: false"),
        (lambda: jax.numpy_rank_promotion("raise"), "JAX_NUMPY_RANK_PROMOTION = 'raise'"),
        (lambda: jax.transfer_guard("disallow"), "JAX_TRANSFER_GUARD"),
        (lambda: jax.transfer_guard_device_to_host("disallow_explicit"), "JAX_TRANSFER_GUARD_DEVICE_TO_HOST"),
        (jax.debug_nans, "JAX_DEBUG_NANS = True"),
        (jax.debug_infs, "JAX_DEBUG_INFS = True"),
        (lambda: jax.default_prng_impl("rbg"), "JAX_DEFAULT_PRNG_IMPL = 'rbg'"),
    ],
)
def test_settings_under_which_nothing_runs_are_refused_before_anything_is_written(setting, said, tmp_path, capsys):
    with setting(), pytest.raises(InputError, match=said):
        runner.run(small(), tmp_path / "run")
    with setting():
        assert cli.main(["run", "coinrun", "--out", str(tmp_path / "run")]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1 and "; allowed: " in err and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "setting",
    [lambda: jax.numpy_rank_promotion("warn"), lambda: jax.transfer_guard("log"), jax.checking_leaks, jax.log_compiles],
)
def test_settings_that_change_no_bits_are_taken(setting):
    with setting():
        devices.check_settings()


def test_flags_that_xla_can_not_read_are_refused_before_it_ends_the_process(monkeypatch):
    for flags, said in (
        ("--garbage=1", "Unknown flag in XLA_FLAGS: --garbage=1"),
        ("no_flag", 'Could not open file "no_flag"'),
    ):
        monkeypatch.setenv("XLA_FLAGS", flags)
        with pytest.raises(InputError, match=said):
            devices.check_settings()
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false --xla_force_host_platform_device_count=2")
    devices.check_settings()


@pytest.mark.parametrize("error", [RuntimeError("Unable to initialize backend 'cuda'"), AssertionError()])
def test_devices_that_are_not_here_are_said_in_one_line_before_anything_is_written(error, tmp_path, monkeypatch):
    def none():
        raise error

    monkeypatch.setattr(jax, "devices", none)
    with pytest.raises(InputError, match=r"JAX_PLATFORMS = 'cpu': jax can't start its devices: \w"):
        runner.run(small(), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_what_changes_bits_is_part_of_a_runs_identity(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2 --xla_dump_to=/nowhere")
    usual = identity.of(Plan(small()))
    assert "XLA_FLAGS" not in usual and not any(name in usual for name in identity.FLAGS)
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=4 --xla_cpu_enable_fast_math=true")
    assert identity.of(Plan(small())) == usual | {"XLA_FLAGS": "--xla_cpu_enable_fast_math=true"}
    monkeypatch.delenv("XLA_FLAGS")
    jax.config.update("jax_random_seed_offset", 3)
    try:
        assert identity.of(Plan(small())) == usual | {"jax_random_seed_offset": "3"}
    finally:
        jax.config.update("jax_random_seed_offset", 0)


def test_a_user_without_a_home_has_no_cache(monkeypatch, compiled_anew):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(devices.Path, "home", nobody)
    for name in ("REWARDLAB_CACHE", "JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    before = jax.config.jax_compilation_cache_dir
    assert devices.remember_compiled() is None and jax.config.jax_compilation_cache_dir == before


def test_variables_that_jax_can_not_read_end_in_one_line(tmp_path):
    path = os.pathsep.join(path for path in sys.path if path)
    garbage = os.environ | {"JAX_DEFAULT_MATMUL_PRECISION": "perhaps", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-m", "rewardlab", "list"], cwd=tmp_path, capture_output=True, text=True, env=garbage
    )
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert 'Invalid value "perhaps" for JAX flag jax_default_matmul_precision' in done.stderr
