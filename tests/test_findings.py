"""Findings: what a run came to as one record, and the list and the page that are made of it."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from recorded import PIECES, _found, _run, written  # noqa: F401
from test_page import Reader, browser, open_page  # noqa: F401

from rewardlab import cli
from rewardlab.analysis import compare, findings
from rewardlab.commands import list as listing
from rewardlab.experiment import config
from rewardlab.inputs.errors import InputError
from rewardlab.report import atlas
from rewardlab.rundir import store

ROOT = Path(__file__).parent.parent
HOSTILE = "<script>alert('x')</script>\"&{{ 7 * 7 }} | a"


def test_a_finding_says_what_a_run_came_to_and_under_which_conditions(run, found):
    summary, main = compare.summarise(store.open_run(run).results), config.load("coinrun")
    assert (found["claim"], found["source"], found["question"]) == (main.claim, main.source, main.question)
    assert found["command"] == "rewardlab run coinrun" and findings.key(found) == "coinrun"
    assert found["verdict"] == summary["verdict"] and found["effect"]["iqm"] == summary["effect"]["figure"]["iqm"]
    assert found["seconds"] == {"wall": 120.0, "cpu": 180.0} and found["cores"] == 2
    assert (found["date"], found["commit"]) == ("2026-01-03", "0123456789ab")
    assert (found["root_seed"], found["levels"]) == (main.seed, main.env_kwargs["seed"])
    assert findings.time(found) == "2 minutes on 2 cores"
    controls = {name for name, rule in found["rules"].items() if rule["control"]}
    assert controls == {"yoked"} and "yoked" not in findings.in_short(found).lower()
    assert len(found["results"]) == 64 and found["world"] == "coinrun"


def test_the_main_effect_is_that_of_a_rule_with_a_claim_or_the_clearest_difference(found):
    claims = [rule["title"] for rule in found["rules"].values() if not rule["short"].startswith("no claim")]
    assert found["effect"]["what"].startswith(claims[0]) and found["effect"]["low"] < found["effect"]["high"]
    row = {
        "a": "x",
        "b": "y",
        "conditions": ["six", "any"],
        "n_a": 3,
        "n_b": 4,
        "p": 0.2,
        "effect": 0.6,
        "low": None,
        "high": None,
    }
    rows = [row | {"difference": 1.0}, row | {"difference": -2.0, "effect": 0.1}, row | {"difference": 3.0, "p": None}]
    rows += [row | {"difference": 5.0, "p": 0.6, "effect": 1.0}]
    summary = {"pairwise": {"right_sums": rows, "other": [row | {"p": 0.0, "difference": 9.0}]}, "words": {}}
    effect = compare.clearest(summary)
    assert effect.figure == {"iqm": -2.0, "low": None, "high": None, "n": 7}
    assert effect.what == "right sums, x less y, six less any (the clearest of 3 differences)"
    assert compare.clearest({"pairwise": {}, "words": {}}) is None


@pytest.mark.parametrize(
    ("name", "size", "changes", "command"),
    [
        ("ridge", "experiment", {}, "rewardlab run ridge"),
        ("ridge", "experiment", {"width": 5}, "rewardlab run ridge"),
        ("ridge", "experiment", {"claim": "Other.", "seed": 9}, "rewardlab run ridge --seed 9"),
        ("coinrun_sweep", "small", {}, "rewardlab run coinrun_sweep --small"),
        ("coinrun_sweep", "small", {"episodes": 9}, "rewardlab run coinrun_sweep --small --episodes 9"),
        ("ridge", "smoke", {}, "rewardlab run ridge --smoke"),
        ("ridge", "experiment", {"name": "mine"}, "rewardlab run config.json"),
    ],
)
def test_the_command_is_that_of_the_config_with_a_flag_for_what_is_changed(name, size, changes, command):
    experiment = config.smoke(config.load(name)) if size == "smoke" else config.load(name, size)
    assert findings.origin(json.loads(replace(experiment, **changes).to_json()))[2] == command


def test_the_record_keeps_one_finding_of_each_config_and_size(found, tmp_path):
    file = tmp_path / "findings.json"
    assert findings.read(file) == {}
    findings.record([found], file)
    other = found | {"name": "dogs", "size": "small"}
    assert list(findings.record([other, found | {"date": "2027-01-01"}], file)) == ["coinrun", "dogs-small"]
    assert findings.read(file)["coinrun"]["date"] == "2027-01-01" and findings.read(file)["dogs-small"] == other
    before = file.read_bytes()
    for bad, said in [({"size": "smoke"}, "learns nothing"), ({"claim": ""}, "states no claim")]:
        with pytest.raises(InputError, match=said):
            findings.record([found | bad], file)
    assert file.read_bytes() == before
    file.write_text(file.read_text().replace('"competent": 3', '"competent": "3'))
    file.write_text(before.decode().replace('"root_seed"', '"rot_seed"'))
    with pytest.raises(InputError, match="root_seed is missing"):
        findings.read(file)


def test_the_committed_page_is_that_of_the_committed_record():
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert page == atlas.markdown(findings.read().values(), findings.of_others())
    assert findings.RECORD.exists() and all(one["claim"] for one in findings.read().values())


def test_findings_of_others_stand_beside_their_conditions(found, tmp_path):
    rows = findings.of_others()
    assert {row["source"].partition(",")[0] for row in rows} >= {"Lehman et al. 2018", "Langosco et al. 2022"}
    assert all((row["theirs"] and row["ours"]) or row["state"] == "not run" for row in rows)
    page = atlas.markdown([found], rows)
    for row in rows:
        assert row["finding"] in page and f"**{row['state']}**" in page
    bad = tmp_path / "others.toml"
    bad.write_text(findings.OTHERS.read_text().replace('"not met"', '"met in part"'))
    with pytest.raises(InputError, match=r"'met in part'.*Allowed: met, not met, not run"):
        findings.of_others(bad)
    bad.write_text(findings.OTHERS.read_text().replace('["ridge"]', '["rigde"]'))
    with pytest.raises(InputError, match="did you mean 'ridge'"):
        findings.of_others(bad)


def test_the_atlas_groups_by_claim_and_links_reports(run, found, tmp_path):
    second = found | {"name": "other", "source": "B 2020", "effect": None, "seconds": None}
    lone = found | {"name": "lone", "claim": ""}
    path = atlas.write(tmp_path / "atlas.html", [lone, found, second], {"coinrun": run})
    page = Reader(path.read_text())
    text = " ".join(" ".join(page.text).split())
    assert page.tags.count("section") == 2 and page.tags.count("article") == 3 and page.tags.count("h2") == 2
    assert text.index(found["claim"]) < text.index("Experiments that argue for no claim")
    assert f"{found['source']}; B 2020" in text and found["command"] in text and found["verdict"][0] in text
    assert (
        os.path.relpath(run / "report.html", tmp_path) in path.read_text()
        and path.read_text().count('class="open"') == 1
    )
    assert "script" not in page.tags and not any(":" in load.replace("data:,", "") for load in page.loads)
    assert findings.effect(second) == findings.time(second) == "–"


def test_names_are_escaped_on_the_atlas_and_in_the_page(found):
    rules = {"ppo": found["rules"]["ppo"] | {"title": HOSTILE, "short": HOSTILE}}
    odd = (
        found
        | dict.fromkeys(("claim", "source", "question", "command", "world"), HOSTILE)
        | {"rules": rules, "verdict": [HOSTILE]}
    )
    page = Reader(atlas.render([odd], {"coinrun": f"javascript:{HOSTILE}"}))
    assert "script" not in page.tags and "49" not in " ".join(page.text)
    table = [line for line in atlas.markdown([odd], []).splitlines() if line.startswith("|")]
    assert (
        "<script" not in atlas.markdown([odd], [])
        and len({line.replace("\\|", "").count("|") for line in table[:3]}) == 1
    )


def test_the_command_makes_the_atlas_of_runs_or_of_the_record(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(findings, "RECORD", tmp_path / "package" / "findings.json")
    monkeypatch.setattr(findings.read, "__defaults__", (tmp_path / "package" / "findings.json",))
    monkeypatch.setattr(findings.record, "__defaults__", (tmp_path / "package" / "findings.json",))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package").mkdir()
    assert cli.main(["atlas"]) == 2 and "no findings to show" in capsys.readouterr().err
    assert cli.main(["atlas", str(run.parent), "--record"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "atlas.html\n" and "1 findings" in printed.err and not (tmp_path / "docs").exists()
    first = Path("atlas.html").read_text()
    assert cli.main(["atlas", "--out", "again.html"]) == 0
    assert Path("again.html").read_text() == first.replace(
        next(line for line in first.splitlines(True) if 'class="open"' in line), ""
    )
    odd = tmp_path / "odd" / "run"  # of another form
    written(odd, config.load("percept"))
    assert (
        cli.main(["atlas", "odd", str(run)]) == 0
        and "odd/run is left out: these are not the results" in capsys.readouterr().err
    )
    assert cli.main(["atlas", "odd/run"]) == 2 and "'odd/run': these are not the results" in capsys.readouterr().err
    unfinished = tmp_path / "runs" / "begun"
    store.create(unfinished, config.load("ridge"))
    for words, said in [
        ([str(unfinished)], "is not finished"),
        ([str(tmp_path / "none")], "is no run directory"),
        ([str(tmp_path / "package")], "there is none in it"),
        ([str(run), str(run.parent)], "are both of coinrun"),
        ([str(run), "--out", "no/where.html"], "there is no directory"),
    ]:
        assert cli.main(["atlas", *words]) == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize("width", [390, 1280])
def test_the_atlas_in_a_browser(browser, found, tmp_path, width):  # noqa: F811
    others = [found | {"name": f"n{i}", "claim": f"Claim {i // 2}."} for i in range(4)]
    path = atlas.write(tmp_path / "atlas.html", [found, *others])
    options = {"color_scheme": "dark", "reduced_motion": "reduce"}  # a smooth scroll takes its time
    page, trouble, asked = open_page(browser, path, viewport={"width": width, "height": 800}, **options)
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert trouble == [] and asked == [path.as_uri()]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#claim-1")
    assert any(page.evaluate("scrollY") > 0 or page.wait_for_timeout(50) for _ in range(100))
    levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(one => +one.tagName[1])")
    assert levels[0] == 1 and all(after - before <= 1 for before, after in itertools.pairwise(levels))
    page.close()


def test_list_groups_experiments_by_claim_and_fits_100_columns(found, monkeypatch, capsys):
    monkeypatch.setattr(findings.read, "__defaults__", (Path("none"),))
    monkeypatch.setattr(findings, "read", lambda: {"coinrun": found})
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    flat = " ".join(out.split())
    assert flat.count(found["claim"]) == 1
    assert f"rewardlab run coinrun 2 minutes on 2 cores {findings.in_short(found)}" in flat
    for name in config.names():
        assert f"rewardlab run {name}" in flat
    assert cli.main(["list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in told["experiments"]} == {*config.names()}
    assert [one["finding"] for one in told["experiments"] if one["finding"]] == [found]
    assert told["rules"]["ppo"]["level"] == 4 and told == listing.everything()
