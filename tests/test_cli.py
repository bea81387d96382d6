"""The command line: what it prints, and that bad input ends in one line, exit code 2 and nothing written."""

import os
import subprocess
import sys

import pytest
import xarray

from rewardlab import cli, rules
from rewardlab.experiment import config
from rewardlab.inputs.errors import InputError
from rewardlab.terminal.table import grid, summary_table


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLA_FLAGS", os.environ["XLA_FLAGS"])
    return tmp_path


def python(*arguments, **variables):
    environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_DEFAULT_PRNG_IMPL")} | variables
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=120)


BAD = [
    ("rnu", "did you mean 'run'?"),
    ("run", "an experiment is missing"),
    ("run coinrn", "did you mean 'coinrun'?"),
    ("run no/such.py", "no Python file at 'no/such.py'"),
    ("run no.json", "can't read 'no.json'"),
    ("run bad.py", "line 1: ZeroDivisionError"),
    ("run empty.py", "defines no `experiment`"),
    ("run bad.json", "no JSON"),
    ("run coinrun ppo", "unrecognized arguments: ppo"),
    ("run coinrun --out", "--out: expected one argument"),
    ("run coinrun --smoek", "did you mean '--smoke'?"),
    ("run coinrun --sedes 3", "did you mean 'seeds'?"),
    ("run coinrun --seeds", "seeds got 0 values"),
    ("run coinrun --seeds 0", "seeds = 0 is out of range"),
    ("run coinrun --seeds -3", "seeds = -3 is out of range"),
    ("run coinrun --seeds=many", "seeds = 'many'; allowed: a whole number"),
    ("run coinrun --seeds 3 --seeds 4", "--seeds is given twice"),
    ("run coinrun --steps 1.5", "total_steps = '1.5'"),
    ("run coinrun --capability nan", "capability = nan"),
    ("run coinrun --agent.hidden 64 0", "agent.hidden = 0"),
    ("run coinrun --agent.hiden 64", "did you mean 'agent.hidden'?"),
    ("run coinrun --rules pppo", "did you mean 'ppo'?"),
    ("run coinrun --rules.ppo.learning-rat 1e-3", "did you mean 'rules.ppo.learning_rate'?"),
    ("run coinrun --rules.ppo.learning-rate inf", "rules.ppo.learning_rate = inf"),
    ("run coinrun --rules.ppo.num_envs 0", "rules.ppo.num_envs = 0"),
    ("run coinrun --env coinrnu", "did you mean 'coinrun'?"),
    ("run coinrun --env-kwargs.levls 3", "did you mean 'levels'?"),
    ("run coinrun --conditions.end.params.movd 1", "did you mean 'moved'?"),
    ("run coinrun --evaluations.detour.moved often", "is a str"),
    ("run coinrun --env CartPole-v1", "unknown name in"),
    ("run coinrun --control none2", "unknown control 'none2'"),
    ("run coinrun --name ../up", "can't name files"),
    ("run coinrun --out file/below", "can't"),
    ("run coinrun --out files", "is no run directory and not empty"),
    ("run coinrun --out other", "holds another run"),
    ("run coinrun --out /proc/no/run", "can't write to '/proc/no/run'"),
    ("run coinrun --out " + "x" * 300, "can't"),
    ("report", "required: DIR"),
    ("report none", "no run directory"),
    ("report other", "results.nc"),
    ("list all", "unrecognized arguments: all"),
]


@pytest.mark.parametrize(("line", "said"), BAD)
def test_bad_input_ends_in_one_line_and_exit_code_2_and_writes_nothing(here, capsys, monkeypatch, line, said):
    (here / "bad.py").write_text("1 / 0")
    (here / "empty.py").write_text("")
    (here / "bad.json").write_text("{")
    (here / "file").write_text("")
    (here / "files").mkdir()
    (here / "files" / "mine").write_text("")
    (here / "other").mkdir()
    (here / "other" / "config.json").write_text(config.smoke(config.load("coinrun")).to_json())
    before = sorted(here.rglob("*"))
    assert cli.main(line.split(" ")) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err
    assert err.startswith("rewardlab: ") and err.count("\n") == 1 and err.endswith("\n")
    assert sorted(here.rglob("*")) == before


def test_a_command_that_fails_says_so_in_its_exit_code_and_starts_no_backend(here):
    """In a process of its own: the real exit code, and no device was touched before the message."""
    code = (
        "import sys; from rewardlab.cli import main; code = main(['run', 'coinrun', '--env', 'CartPole-v1']);"
        "from jax._src import xla_bridge; print(len(xla_bridge._backends), 'gymnax' in sys.modules); sys.exit(code)"
    )
    done = python("-c", code)
    assert (done.returncode, done.stdout) == (2, "0 False\n") and done.stderr.count("\n") == 1
    assert python("-m", "rewardlab", "run").returncode == 2


def test_other_randomness_is_refused():
    done = python("-m", "rewardlab", "run", "coinrun", JAX_DEFAULT_PRNG_IMPL="rbg")
    assert done.returncode == 2 and "allowed: threefry2x32" in done.stderr


def test_help_teaches(capsys):
    for words, said in [
        ([], "rewardlab run coinrun"),
        (["--help"], "report.html"),
        (["run", "--help"], "--rules.ppo.learning-rate 3e-4"),
        (["run", "coinrun", "--help"], "--rules.ppo.learning-rate"),
        (["run", "coinrun", "--help"], "a whole number from 1 to 1000000"),
    ]:
        assert cli.main(words) == 0
        assert said in capsys.readouterr().out


def test_list_shows_every_question_world_and_rule(capsys):
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    assert config.load("coinrun").name in out and "CartPole-v1" in out
    for name in rules.names():
        assert any(line.split()[:2] == [name, str(rules.load(name).level)] for line in out.splitlines()), name


def test_words_belong_to_the_field_before_them():
    own, changes = cli.sorted_out(
        ["coinrun", "--agent.hidden", "64", "-1", "--out", "dir", "--a=b=c", "--smoke", "--x"], {"--out", "--smoke"}
    )
    assert own == ["coinrun", "--out", "dir", "--smoke"]
    assert changes == {"agent.hidden": ["64", "-1"], "a": ["b=c"], "x": []}
    assert cli.sorted_out(["--out=--dir"], {"--out"}) == (["--out=--dir"], {})
    with pytest.raises(InputError, match="name is missing"):
        cli.sorted_out(["--"], set())


def test_the_command_line_runs_what_the_library_would(here, capsys, monkeypatch):
    """The experiment and the directory reach `run`, and its summary and report are shown."""
    import rewardlab.running.runner as module

    asked = []

    class Done:
        path = here / "made"
        summary = SUMMARY
        finished = reported = True

    monkeypatch.setattr(module, "run", lambda experiment, out=None, **_: asked.append((experiment, out)) or Done)
    assert cli.main(["run", "coinrun", "--smoke", "--out", "made", "--rules", "ppo", "--rules.ppo.gamma", "0.5"]) == 0
    (experiment, out), printed = asked[0], capsys.readouterr().out
    assert out == "made" and list(experiment.rules) == ["ppo"] and experiment.rules["ppo"].gamma == 0.5
    assert experiment.total_steps == config.smoke(config.load("coinrun")).total_steps
    assert "It ran past." in printed and str(here / "made" / "report.html") in printed
    assert cli.main(["run", "coinrun", "--smoke"]) == 0 and asked[1][1] == "runs/coinrun-smoke"


def test_a_finished_run_is_reported_again_and_not_repeated(here, capsys, monkeypatch):
    import rewardlab.running.runner as module
    from rewardlab import report
    from rewardlab.analysis import compare
    from rewardlab.rundir import store

    monkeypatch.setattr(module, "run", lambda *_, **__: pytest.fail("it was run again"))
    monkeypatch.setattr(compare, "summarise", lambda results: SUMMARY | {"given": float(results.a)})
    monkeypatch.setattr(report, "write", lambda path, *_: path / "report.html")
    done = store.create("made", config.load("coinrun"))
    store.write_results(done.path, xarray.Dataset({"a": 0.5}, attrs={"experiment": done.experiment.to_json()}))
    assert cli.main(["run", "coinrun", "--out", "made"]) == 0
    printed = capsys.readouterr()
    assert "made is finished" in printed.err and "It ran past." in printed.out
    assert store.open_run("made").summary["given"] == 0.5
    assert cli.main(["run", "coinrun", "--out", "made", "--seeds", "3"]) == 2
    assert "holds another run (other seeds)" in capsys.readouterr().err


FIGURE = {"iqm": 0.5, "low": 0.25, "high": 0.75, "n": 8}
SUMMARY = {
    "evaluations": ["held-out", "moved"],
    "outcomes": ["coin", "end", "died"],
    "seeds": {"conditions": {"end": 8, "half": 4}},
    "rules": {
        "ppo": {
            "learned": True,
            "final": {"held-out": {"coin": FIGURE}, "moved": {"coin": FIGURE, "end": FIGURE | {"low": None}}},
        },
        "none": {"learned": False, "final": {"held-out": {"coin": FIGURE | {"iqm": None}}}},
    },
    "verdict": ["It ran past."],
    "warnings": ["Few seeds."],
}


def test_the_summary_is_a_table_with_every_rule_and_its_figures():
    lines = summary_table(SUMMARY).splitlines()
    assert lines[0].split() == ["rule", "learned", "held-out:", "moved:", "moved:"]
    assert lines[1].split() == ["coin", "coin", "end"]
    assert lines[3].split() == ["ppo", "yes", "0.50", "[0.25,", "0.75]", "0.50", "[0.25,", "0.75]", "0.50"]
    assert lines[4].split() == ["none", "no", "-", "-", "-"]
    assert lines[-2:] == ["It ran past.", "Note: Few seeds."] and "8 (end), 4 (half)" in summary_table(SUMMARY)


def test_columns_line_up():
    assert grid([["a", "b"]], [["long", "c"], ["x", "yy"]]) == ["a     b", "--------", "long  c", "x     yy"]


def test_the_examples_of_tuning_do_not_refuse_a_file_that_is_there(here, capsys, monkeypatch):
    import rewardlab.tuning as module
    from rewardlab.commands import tune
    from rewardlab.terminal import table

    asked = []
    monkeypatch.setattr(module, "tune", lambda experiment, budget, out: asked.append((budget, str(out))))
    monkeypatch.setattr(table, "tuned_table", lambda found: "")
    examples = [line.split()[1:] for line in tune.GUIDE.splitlines() if line.startswith("  rewardlab ")]
    for words in examples:
        assert cli.main(words) == 0, capsys.readouterr().err
    assert asked == [(30_000_000, "tuned.json"), (30_000_000, "some.json")]
