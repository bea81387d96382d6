"""The site is true: its examples run, its commands are read, its links lead somewhere, its ladder is the code's."""

import contextlib
import os
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
import synthetic
from documents import DOCS, EVERY, FILES, NOTEBOOKS, PAGES, ROOT, anchors, examples, tool

import rewardlab
from rewardlab import cli, rules, tuning
from rewardlab.analysis import compare
from rewardlab.bench import turns
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes.outcomes import Outcomes
from rewardlab.rundir import store
from rewardlab.running import assembly, preflight, rehearsal, runner

SCRIPTS = [
    code for page in ("members.md", "agents.md", "python.md") for name, code in examples(PAGES[page]) if not name
]


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    """Where a reader has saved the site's files; everything runs there."""
    folder = tmp_path_factory.mktemp("reader")
    for name, code in FILES.items():
        (folder / name).write_text(code, encoding="utf-8")
    with contextlib.chdir(folder):
        yield folder


@pytest.fixture(scope="module", name="answered")
def _answered(folder):
    """The same folder, when its command has been typed."""
    command = [sys.executable, "-m", "rewardlab", "run", "question.py"]
    # On one device, as a reader's CPU is: conftest's second one would compile everything twice.
    variables = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module", name="finished")
def _finished(folder):
    """A run of the site's question that has ended; its results are made up."""
    experiment = config.load(folder / "question.py")
    conditions = tuple((name, 0.0, 10) for name in experiment.conditions)
    results = synthetic.results(
        rules=tuple(experiment.rules), conditions=conditions, points=2, evaluations=tuple(experiment.evaluations),
        outcomes=("bowl", "end", "time"), control=experiment.control,
    )  # fmt: skip
    run = store.create(folder / "runs" / "finished", experiment)
    store.write_environment(run.path, experiment)
    store.write_results(run.path, results.assign_attrs(experiment=experiment.to_json()))
    return run.path


def test_the_world_the_rule_and_the_question_are_short_and_complete():
    assert list(FILES) == ["bowl.py", "duels.py", "question.py", "picture.py", "remembers.py", "norm.py", "pace.py"]
    assert all(len(code.splitlines()) < 60 for code in FILES.values())


@pytest.mark.slow
def test_a_world_and_a_rule_of_the_users_own_give_what_the_page_says(answered):
    folder, run = answered, store.Run(answered / "runs" / "bowl")
    assert (run.path / "report.html").stat().st_size > 10_000
    assert run.config["env"] == str(folder / "bowl.py")
    assert run.config["rules"]["duels"]["rule"] == str(folder / "duels.py")
    assert list(run.results["level"].values) == [2, 4]
    for name, rule in run.summary["rules"].items():
        assert rule["final"]["end"]["bowl"]["iqm"] > 0.95, name
        assert rule["final"]["moved"]["bowl"]["iqm"] < 0.3, name
        assert rule["control"]["moved"]["bowl"]["iqm"] > 0.7, name


def test_a_probe_of_the_users_own_is_traced_for_every_rule(folder):
    experiment = replace(config.load(folder / "question.py"), probes=(str(folder / "norm.py"),), width=1)
    plan = Plan(experiment)
    rehearsal.trace_probes(plan)
    kept = plan.layout.arrays["size"]
    assert kept.dims == ("record",) and kept.about.description == "Euclidean norm of the parameters"


def test_a_question_of_the_users_own_is_asked(folder, tmp_path):
    """From made-up results to the page; then read without running it, which is refused."""
    experiment = replace(config.load(folder / "question.py"), asks=str(folder / "pace.py"), width=1, seeds=12)
    random = np.random.default_rng(0)
    cells = [(rule, name) for rule in experiment.rules for name in experiment.conditions]
    made_up = {cell: rehearsal.made_up(Plan(experiment), *cell, random) for cell in cells}
    slow = made_up["duels", "end"]
    for one in (slow, made_up["reinforce", "end"]):
        one["return"] = np.ones_like(one["return"])
    slow["length"] = slow["length"] + np.arange(12, dtype=np.float32)[:, None, None] + 1
    path = store.create(tmp_path / "run", experiment).path
    references = {
        name: Outcomes(np.zeros((2, 3)), np.full(2, pay), np.ones(2))
        for name, pay in (("random", 0.0), ("optimal", 1.0))
    }
    store.write_results(path, assembly.assemble(Plan(experiment), made_up, assembly.Fixed([], references)))
    assembly.write_report(path, experiment.question_asked)
    summary, page = store.Run(path).summary, (path / "report.html").read_text(encoding="utf-8")
    assert (
        summary["rules"]["duels"]["pace"]["iqm"] == 7.5 and summary["rules"]["duels"]["short"] == "7.5 steps an episode"
    )
    assert "1 of 1 pairs of rules differ: duels and reinforce." in summary["verdict"] and summary["comparisons"] == 1
    assert "How long they take" in page and page.index("How long they take") < page.index(
        "The rules, and what they learned"
    )
    with pytest.raises(InputError, match="which reading does not run"):
        compare.summarise(store.open_run(path).results)
    assert cli.main(["report", str(path)]) == 2


@pytest.mark.slow
def test_the_library_examples_run(answered, capsys, one_device):
    folder, results = answered, answered / "runs" / "bowl" / "results.nc"
    before = results.stat().st_mtime_ns
    seen = []
    for number, code in enumerate(SCRIPTS):
        (folder / f"script_{number}.py").write_text(code, encoding="utf-8")
        seen.append(runpy.run_path(f"script_{number}.py"))
    assert results.stat().st_mtime_ns == before, "a finished run is not repeated"
    assert "bowl" in capsys.readouterr().out
    _, learners, library, train = seen
    assert learners["agent"].loops == 3 and learners["carry"].steps >= 20_000
    assert set(library["share"].dims) == {"rule", "condition", "seed", "point", "evaluation", "outcome"}
    assert train["carry"].steps.shape == (3, 4) and (train["carry"].steps >= 8_000).all()
    assert train["curve"].found.returns.shape == train["curve"].log["loss"].shape == (3, 4, 5)
    assert {leaf.shape for leaf in jax.tree.leaves(train["best"])} == {
        x.shape[2:] for x in jax.tree.leaves(train["carry"].state)
    }
    share = (
        store.Run(results.parent)
        .results["outcome_share"]
        .sel(rule="reinforce", condition="end", seed=3, evaluation="moved")
    )
    bowls, known = float(library["found"]["outcome_share"]["bowl"]), float(share.isel(point=-1).sel(outcome="bowl"))
    assert bowls == known and library["seen"].action.shape[1] == 1, "there is one moved bowl, and nothing is drawn"
    opened = rewardlab.open_run(results.parent, files=True).policy("reinforce", 3)
    jax.tree.map(np.testing.assert_array_equal, opened.params, library["policy"].params)
    with pytest.raises(InputError, match="which reading does not run"):
        rewardlab.open_run(results.parent).policy("reinforce", 3)
    with pytest.raises(InputError, match="files = 'no'"):
        rewardlab.open_run(results.parent, files="no")


@pytest.mark.parametrize("step", dict.fromkeys(s for s in EVERY if not s.startswith(("pip install", "pytest"))))
def test_every_command_is_read(step, folder, finished, monkeypatch, capsys):
    """As the command line reads it, up to where training would begin."""

    class Done:
        path, summary, finished, reported = Path("somewhere"), {}, True, True

    asked = []
    monkeypatch.setattr(runner, "run", lambda experiment, out, **_: asked.append(experiment) or Done)
    monkeypatch.setattr(tuning, "tune", lambda experiment, budget, out: asked.append(experiment))
    monkeypatch.setattr(turns, "measure", lambda suites, *_: {"rows": asked.append(suites) or []})
    monkeypatch.setattr(turns, "installed", lambda peer: True)
    empty = preflight.Preflight("v5e", 8, 1, 1, ())
    monkeypatch.setattr(preflight, "preflight", lambda experiment, *_: asked.append(experiment) or empty)
    for table in ("terminal.table.summary_table", "terminal.table.tuned_table", "bench.tables.table"):
        monkeypatch.setattr(f"rewardlab.{table}", lambda summary: "")
    words = shlex.split(step)
    words = ["run", *words[1:]] if words[0] == "launch/local.sh" else words[1:]
    words = [str(finished) if word == "runs/coinrun" else word for word in words]  # stands for a run that has ended
    assert cli.main(words) == 0, capsys.readouterr().err
    trains = words[0] in ("run", "tune", "bench", "preflight") and "--help" not in words
    assert len(asked) == trains
    if "--seeds" in words:
        assert asked[0].seeds == 64


def test_the_ladder_has_every_rule_on_its_rung():
    rungs = re.findall(r"^\| (\d) \|.*\|(.*)\|$", PAGES["rules.md"], re.MULTILINE)
    found = {name: int(level) for level, cell in rungs for name in re.findall(r"`(\w+)`", cell)}
    assert found == {name: rules.load(name).level for name in rules.names()}


def test_the_audits_table_is_what_is_printed(capsys):
    command, table = re.search(
        r"^    (rewardlab audit .*)\n\n```\n(.*?)^```$", PAGES["rules.md"], re.MULTILINE | re.DOTALL
    ).groups()
    assert cli.main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out.startswith(table)
    for trunk, gradient in (("stop-gradient", "logits: trunk, logits; value: value"), ("separate", "logits_trunk")):
        assert cli.main(["audit", "--rule", "ppo", "--agent", trunk]) == 0
        assert gradient in capsys.readouterr().out
    assert "logits: trunk, logits; value: value`" in PAGES["rules.md"]


def test_the_local_launcher_installs_the_tested_set_and_passes_its_words_on(tmp_path):
    """With stand-ins for the environment's programs, which say how they were called."""
    (tmp_path / "bin").mkdir()
    for name in ("python", "rewardlab"):
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\nprintf "%s\\n" {name} "$@"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    done = subprocess.run(
        [ROOT / "launch" / "local.sh", "coinrun", "--question", "two words"],
        env=os.environ | {"VIRTUAL_ENV": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    install, run = done.stdout.splitlines(), ["rewardlab", "run", "coinrun", "--question", "two words"]
    assert install[-5:] == run and install[:4] == ["python", "-m", "pip", "install"]
    assert install[-8:-5] == ["-c", str(ROOT / "constraints.txt"), str(ROOT)]


@pytest.mark.parametrize("page", [*PAGES])
def test_links_between_pages_lead_somewhere(page):
    """Without building the site, which checks them again."""
    tutorials = {f"tutorials/{path.stem}.md" for path in NOTEBOOKS}
    for path, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", PAGES[page]):
        if "://" in path:
            continue
        found = os.path.normpath(Path(page).parent / path) if path else page
        assert found in tutorials or (DOCS / found).exists(), path
        assert not anchor or anchor in anchors(PAGES[found]), anchor


def test_what_is_generated_is_up_to_date():
    """The README's table, and the project's address wherever it stands."""
    tools = tool("readme")
    for path in tools.holders():
        assert path.read_text(encoding="utf-8") == tools.renewed(path), f"{path.name}: python docs/tools/readme.py"
