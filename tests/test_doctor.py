"""`rewardlab doctor` and `rewardlab --version`: what they say of machines that are well, slow, or can run nothing."""

import json
import shutil
from collections import namedtuple

import pytest

from rewardlab import cli
from rewardlab.backend import devices, health
from rewardlab.backend.environment import version
from rewardlab.inputs.errors import InputError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty directory and cache. Flags that tests set are not looked at, in a process of its own, again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setattr(devices, "remember_compiled", lambda: tmp_path / "cache" / "machine")
    (tmp_path / "cache" / "machine").mkdir(parents=True)
    return tmp_path


def examined(capsys, code=0):
    assert cli.main(["doctor", "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_each_line_says_one_thing_and_a_machine_that_is_well_ends_with_0(here, capsys):
    (here / "cache" / "machine" / "program-cache").write_bytes(bytes(3000))
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 12 and {line.split()[0] for line in lines} <= {"ok", "SLOW"}
    told = examined(capsys)
    assert len(told) == len(lines) and told["jax"]["text"] == version("jax")
    assert {"python", "rewardlab", "settings", "devices", "cache", "disk"} <= {*told}
    assert told["cache"]["text"].endswith("3 kB in 1 files") and "CPU core" in told["devices"]["text"]


def test_what_will_be_slow_is_said_and_fails_nothing(here, capsys, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**40, 0, 10**9))
    monkeypatch.setattr(devices, "cores", lambda: 1)
    monkeypatch.setattr(health, "LITTLE_MEMORY", 2**60)
    monkeypatch.setattr(devices, "remember_compiled", lambda: None)
    told = examined(capsys)
    slow = {name for name, entry in told.items() if entry["state"] == "SLOW"}
    assert {"disk", "devices", "memory", "cache"} <= slow and "1.0 GB free" in told["disk"]["text"]
    assert "compiles all of its programs again" in told["cache"]["text"]


@pytest.mark.parametrize("what", ["disk", "settings", "cache", "jax"])
def test_what_keeps_runs_from_working_ends_with_1_and_is_named(here, capsys, monkeypatch, what):
    def refuse():
        raise InputError("it is not there")

    if what == "disk":
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**40, 0, 10**6))
    elif what == "jax":
        imported = health.importlib.import_module

        def broken(name):
            if name == "jax":
                raise ImportError("no libjax")
            return imported(name)

        monkeypatch.setattr(health.importlib, "import_module", broken)
    else:
        monkeypatch.setattr(devices, "start" if what == "settings" else "remember_compiled", refuse)
    told = examined(capsys, code=1)
    assert {name for name, entry in told.items() if entry["state"] == "FAIL"} == {what}
    assert cli.main(["doctor"]) == 1 and "FAIL  " in capsys.readouterr().out


def test_sizes_are_read_by_people_and_the_version_is_told(capsys):
    assert [health.size(x) for x in (0, 999, 1500, 2.5e6, 3e12)] == [
        "0 bytes",
        "999 bytes",
        "2 kB",
        "2 MB",
        "3000.0 GB",
    ]
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"rewardlab {version()}\n"
    assert version("no-such-package") is None
    assert cli.main(["doctor", "all"]) == 2
