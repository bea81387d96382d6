"""Several processes for one run: who trains what, and what they come to together."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from rewardlab import cli
from rewardlab.rundir import store

pytestmark = pytest.mark.slow

TINY = """
import sys, time
if "--processes" in sys.argv and sys.argv[-3] == "1":
    time.sleep(4)  # the process that serves jax's runtime is through long before this one

from rewardlab import Condition, Experiment, MLP, rules

experiment = Experiment(
    name="tiny", question="Is it the same?", env="CartPole-v1", conditions={"plain": Condition()}, evaluations={"plain": {}},
    rules={"a2c": rules.make("a2c", num_envs=2, unroll_length=8)}, agent=MLP(hidden=(4,)),
    total_steps=64, seeds=3, points=1, episodes=2, width=1,
    capable_return=475.0,
)
"""


def start(folder: Path, *words: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    environment["PYTHONPATH"] = str(Path(__file__).parent.parent)
    command = [sys.executable, "-m", "rewardlab", "run", "tiny.py", *words]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_processes_that_join_jaxs_runtime_come_to_what_one_comes_to(tmp_path):
    (tmp_path / "tiny.py").write_text(TINY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    one = start(tmp_path, "--out", "one")  # first: what it has compiled the others read
    assert one.communicate(timeout=300) and one.returncode == 0
    two = [
        start(tmp_path, "--out", "two", "--coordinator", address, "--process", str(i), "--processes", "2")
        for i in (0, 1)
    ]
    told = [process.communicate(timeout=300)[1] for process in two]
    assert [process.returncode for process in two] == [0, 0], told
    assert len(list((tmp_path / "two" / "parts").iterdir())) == 3
    assert tiny.digest(tmp_path / "two") == tiny.digest(tmp_path / "one")
    assert store.open_run(tmp_path / "two").results.seed.size == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--process", "0"], "both or neither"),
        (["--coordinator", "here:1"], "needs --process"),
        (["--process", "2", "--processes", "2"], "0 to 1"),
        (["--process", "0", "--processes", "0"], "1 to"),
        (["--process", "0", "--processes", "2", "--coordinator", "here"], "HOST:PORT"),
        (["--distributed", "--processes", "2"], "without --process"),
    ],
)
def test_a_division_that_can_not_be_is_refused(words, said, capsys):
    assert cli.main(["run", "coinrun", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
