"""One writer at a time: whoever is second leaves, what a dead process left is taken over, by exactly one."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rewardlab.inputs.files import read_sealed, sealed
from rewardlab.rundir import lease
from rewardlab.rundir.lease import Held, Lease
from rewardlab.rundir.stopping import Stop

DEAD = {"host": "elsewhere", "place": "another boot", "pid": 1, "kernel_start": "1"}


def left_by(path, process, age=0.0, number=1, name="0", count=1):
    """A lease as another process has it, last touched `age` seconds ago."""
    file = path / f".lease-{name}.{number:06d}"
    file.write_bytes(sealed({"process": process, "started": 0.0, "token": "t", "count": count}))
    os.utime(file, (time.time() - age,) * 2)
    return file


def test_a_second_writer_leaves_and_names_the_first(tmp_path):
    with Lease(tmp_path, "0"):
        with (
            pytest.raises(Held, match=rf"is being written by process {os.getpid()} on .*since 20\d\d-"),
            Lease(tmp_path, "0"),
        ):
            pass
        with Lease(tmp_path, "results"), pytest.raises(Held), Lease(tmp_path, "results"):
            pass
    with Lease(tmp_path, "0"):  # released, it can be taken again
        pass


def test_a_process_that_is_gone_holds_nothing(tmp_path):
    gone = lease.me() | {"pid": 2**22 - 7}
    left_by(tmp_path, gone)
    again = lease.me() | {"pid": os.getppid(), "kernel_start": "1"}  # its number was given to another process
    left_by(tmp_path, again, number=2)
    with Lease(tmp_path, "0"):
        assert [file.name for file in tmp_path.iterdir()] == [".lease-0.000003"]
    living = lease.me() | {"pid": os.getppid(), "kernel_start": lease._kernel_start(os.getppid())}
    left_by(tmp_path, living, age=10 * lease.STALE, number=4)
    with pytest.raises(Held, match=f"process {os.getppid()} on"), Lease(tmp_path, "0"):
        pass


def test_another_host_holds_until_its_heart_has_stopped(tmp_path):
    left_by(tmp_path, DEAD, age=lease.STALE - 20)
    with pytest.raises(Held, match=r"process 1 on elsewhere.*its lease ends in (19|20) s"), Lease(tmp_path, "0"):
        pass
    left_by(tmp_path, DEAD, age=lease.STALE + 1)
    with Lease(tmp_path, "0"):
        pass


def test_processes_have_a_lease_each_if_they_divide_the_work_alike(tmp_path):
    left_by(tmp_path, DEAD, name="1", count=2)
    with Lease(tmp_path, "0", 2):
        pass
    for name, count in (("0", 1), ("2", 3)):
        with pytest.raises(Held, match="one of 2 processes"), Lease(tmp_path, name, count):
            pass


def test_whoever_is_slow_to_take_over_finds_a_higher_number_and_lets_go(tmp_path, monkeypatch):
    """It saw number 1 stale; until it acts, another has taken 2 and released it, and a third has 3."""
    left_by(tmp_path, DEAD, age=2 * lease.STALE)
    real = lease.claim

    def slow(path, name, content):
        (tmp_path / ".lease-0.000001").unlink()
        left_by(tmp_path, DEAD, number=3)
        return real(path, name, content)

    monkeypatch.setattr(lease, "claim", slow)
    with pytest.raises(Held, match="elsewhere"), Lease(tmp_path, "0"):
        pass
    assert [file.name for file in tmp_path.iterdir()] == [".lease-0.000003"]


def test_a_holder_that_was_taken_for_dead_stops_and_leaves_the_other_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "HEARTBEAT", 0.02)
    stop = Stop()
    with Lease(tmp_path, "0", 1, stop) as held:
        before = held.file.stat().st_mtime_ns
        time.sleep(0.1)
        assert held.file.stat().st_mtime_ns > before and not stop.requested
        other = left_by(tmp_path, DEAD, number=2)
        time.sleep(0.1)
        assert stop.requested and "is lost" in stop.reason
    assert read_sealed(other)["process"] == DEAD


@pytest.mark.slow
def test_of_many_at_once_one_writes():
    """Half of the rounds over a lease that a dead process left."""
    script = Path(__file__).parent / "reliability.py"
    done = subprocess.run(
        [sys.executable, script, "writers", "--count", "6"], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(script.parent.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
