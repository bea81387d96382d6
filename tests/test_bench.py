"""`rewardlab bench`: what it measures, tells and refuses."""

import json

import pytest

from rewardlab import bench, cli
from rewardlab.bench import measuring, tables, turns
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError


@pytest.mark.slow
def test_a_row_is_measured_in_processes_of_its_own(tmp_path, capsys, monkeypatch, compiled_anew):
    monkeypatch.setenv(
        "XLA_FLAGS", "--xla_force_host_platform_device_count=2"
    )  # half a million steps, as users compile them
    words = ["bench", "--suite", "stepping", "--vs", "none", "--rows", "tricks", "--rounds", "1", "--seconds", "0"]
    assert cli.main([*words, "--out", str(tmp_path / "found.json")]) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    (row,) = found["rows"]
    assert (row["contender"], row["figure"], row["failed"]) == ("rewardlab", 1.0, None)
    assert row["steps"] == 1024 * 512 and len(row["rounds"][0]["walls"]) >= 3
    assert 0 < row["compile_seconds"] <= row["prepare_seconds"] and row["peak_mib"] > row["imported_mib"] > 0
    assert row["rate_quartiles"][0] <= row["rate"] <= row["rate_quartiles"][1]
    printed = capsys.readouterr()
    assert "tricks, 1,024 lanes" in printed.out and "1/1  stepping" in printed.err
    assert "| tricks, 1,024 lanes | rewardlab |" in tables.markdown(found)


def test_what_compiles_at_the_same_time_is_counted_once():
    assert measuring.covered([(3.0, 4.0), (0.0, 2.0), (0.5, 1.0), (1.0, 2.5)]) == 3.5
    assert measuring.covered([]) == 0.0


def result(**changes):
    told = {"steps": 1000, "walls": [1.0, 2.0, 3.0], "cpus": [1.0, 1.0, 1.0], "median_seconds": 2.0, "figure": 5.0}
    told |= {"prepare_seconds": 3.0, "compile_seconds": 2.0, "peak_mib": 9.0, "imported_mib": 3.0}
    return told | {"device_peak_mib": 0.0, "device": "1 x cpu"} | changes


def row(allowed):
    return bench.Row("4 seeds", "ppo", {}, {"slow": ("rejax", {}), "fast": ("rewardlab", {})}, "return", allowed)


def test_who_does_not_learn_fails_however_fast(capsys):
    measured = [
        turns.summary("ppo", row((10.0, 500.0)), "slow", [result(figure=11.0)]),
        turns.summary("ppo", row((10.0, 500.0)), "fast", [result(walls=[0.5] * 3), result(walls=[0.5] * 3)]),
        turns.summary("ppo", row((10.0, 500.0)), "broken", [result(), {"error": "OOM"}]),
    ]
    assert [m["failed"] for m in measured] == [None, "return 5; expected 10 to 500", "OOM"]
    assert measured[1]["rate"] == 2000.0 and measured[0]["rate"] == 500.0
    lines = tables.cells(measured)
    assert [line[4] for line in lines] == ["1.00", "4.00", "-"]
    assert lines[1][-1].startswith("failed: return 5") and lines[2][-1] == "failed: OOM"


def test_a_missing_peer_and_bad_words_end_in_one_line(monkeypatch, tmp_path):
    real = turns.importlib.util.find_spec
    monkeypatch.setattr(turns.importlib.util, "find_spec", lambda name: None if name == "rejax" else real(name))
    with pytest.raises(InputError, match=r"peer rejax is not installed; allowed: pip install 'rewardlab\[bench\]'"):
        turns.chosen(["ppo"], None)
    alone = turns.chosen(["ppo"], [])["ppo"]
    assert all(set(row.who) == {"rewardlab"} for row in alone)
    for words, said in {
        "--suite pop": "did you mean 'ppo'",
        "--suite ppo --vs rejaks": "did you mean 'rejax'",
        "--rounds 0": "rounds = 0 is out of range",
        "--seconds soon": "seconds",
        "--suite growth --rows nothing": "in no row's name",
        f"--out {tmp_path / 'no' / 'x.json'}": "allowed: a .json file",
    }.items():
        with pytest.raises(InputError, match=said):
            cli._command(["bench", *words.split()])


def test_every_row_names_functions_that_there_are():
    for name in bench.SUITES.names():
        for row in bench.SUITES.load(name)():
            for contender, further in row.who.values():
                file = bench.CONTENDERS.file(contender)
                given = registry.outline(file).functions[row.workload]
                assert set(row.arguments) | set(further) <= set(given)
