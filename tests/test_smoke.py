"""What `--smoke` makes of an experiment: the same path, so small that it takes a minute where nothing was compiled before."""

import os
import subprocess
import sys

import pytest

from rewardlab import rules
from rewardlab.backend import devices
from rewardlab.experiment import config


def test_rules_are_made_smaller_in_all_sizes_or_stay_as_they_are():
    one = config.smaller(rules.make("truncation", candidates=128, parents=32, num_envs=1024, unroll_length=128))
    assert (one.candidates, one.parents, one.num_envs, one.unroll_length) == (4, 1, 32, 128)
    assert one.num_envs // one.candidates == 1024 // 128, "lanes of a candidate"
    small = rules.make("ppo", num_envs=8, unroll_length=16)
    assert config.smaller(small) is small
    odd = rules.make("openai_es", candidates=6, num_envs=6 * 1024, unroll_length=60)
    assert config.smaller(odd) is odd, "candidates go by pairs, and half of six is three"
    tight = rules.make("ppo", num_envs=64, unroll_length=200, minibatches=64)
    assert config.smaller(tight).num_envs * 200 % tight.minibatches == 0


def test_a_smoke_test_is_compiled_quickly_unless_flags_say_how(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=x")
    devices.compile_quickly()
    assert os.environ["XLA_FLAGS"].split() == ["--xla_dump_to=x", *devices.QUICKLY]
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=1")
    devices.compile_quickly()
    assert os.environ["XLA_FLAGS"] == "--xla_backend_optimization_level=1"


@pytest.mark.slow
@pytest.mark.parametrize(("words", "quickly"), [(["--smoke"], True), ([], False)])
def test_the_command_sets_the_flags_before_anything_is_compiled_and_of_no_other_process(tmp_path, words, quickly):
    code = (
        "import os, sys; import rewardlab.running.runner as runner\n"
        "runner.run = lambda *_, **__: sys.exit(40 + ('optimization_level=0' in os.environ.get('XLA_FLAGS', '')))\n"
        "del sys.modules['jax']\n"  # the command has to be first to import it
        f"from rewardlab.cli import main; main(['run', 'corner', '--out', 'x', *{words}])"
    )
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 40 + quickly, done.stderr
