"""Hostile names, paths, configs and files: one line, exit code 2, and nothing outside of the directory written or executed."""

import ast
import json
import os
import pickle
import sys
from pathlib import Path

import pytest
import xarray

from rewardlab import cli
from rewardlab.experiment import config
from rewardlab.rundir import store

PACKAGE = Path(cli.__file__).parent
CLIMB, LONG, SURROGATE = "../outside/made", "x" * 300, "\udcff"
NAMES = [CLIMB, "/tmp/made", "..", ".", "", "a\0b", "a\nb", LONG, "-x", "$(touch X)", "`touch X`", "; touch X", "| touch X",
         "a/b", "a\\b", "a\x1b[2J", SURROGATE, "\u202egnp"]  # fmt: skip


class Payload:
    """Unpickled, it makes a file."""

    def __reduce__(self):
        return os.system, ("touch X",)


PICKLE = pickle.dumps(Payload())
YAML = b"!!python/object/apply:os.system ['touch X']\n"
EVIL = "open('X', 'w').close()\nmake = rule = experiment = None\n"


@pytest.fixture(name="ended", autouse=True)
def _ended(tmp_path, monkeypatch, capsys):
    """A check that a command ended in one line and exit code 2 and changed nothing, here or outside."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "evil.py").write_text(EVIL)
    (outside / "precious").write_text("mine")
    monkeypatch.chdir(inside)
    monkeypatch.setenv("XLA_FLAGS", os.environ["XLA_FLAGS"])

    def snapshot():
        return {p: (p.is_symlink(), p.read_bytes() if p.is_file() else b"") for p in tmp_path.rglob("*")}

    def ended(*words, said=""):
        for module, name in [("rewardlab.running.runner", "run"), ("rewardlab.tuning", "tune")]:
            if module in sys.modules:  # the slow part comes after the checks
                monkeypatch.setattr(sys.modules[module], name, lambda *a, **k: pytest.fail(f"{words} started"))
        before = snapshot()
        code = cli.main(list(words))
        out, err = capsys.readouterr()
        assert (code, out) == (2, ""), (words, code, err)
        assert err.startswith("rewardlab: ") and err.count("\n") == 1 and err.endswith("\n") and err[:-1].isprintable()
        assert said in err and snapshot() == before
        return err

    import rewardlab.running.runner
    import rewardlab.tuning  # noqa: F401

    return ended


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_of_runs(ended, name):
    ended("run", "coinrun", f"--name={name}", said="name = ")
    plain = json.loads(config.load("coinrun").to_json())
    for where in ("rules", "conditions", "evaluations"):  # they name figures and films
        first = next(iter(plain[where]))
        entries = {name: plain[where][first]} | plain[where]
        Path("hostile.json").write_text(json.dumps(plain | {where: entries}))
        ended("run", "hostile.json", said="can't name files")


@pytest.mark.parametrize(
    "path", ["a\0b", "a\nb", LONG, "a\x1b[2J", SURROGATE, "", "~nobody-of-this-name/x", "\u202egnp"]
)
def test_hostile_paths(ended, path):
    for command in (["run", "coinrun", "--out"], ["report"]):
        ended(*command, path)
    ended("tune", "coinrun", "--budget", "1e9", f"--out={path}.json", said="allowed: ") if path else None
    ended("watch", "dark_room", f"--out={path}.gif", said="allowed: ") if path else None
    for option in ("--env", "--rules"):
        ended("run", "coinrun", option, path)
        ended("run", "coinrun", option, f"{path}.py")
    for given in (path, f"{path}.py", f"{path}.json"):
        ended("run", given)


@pytest.mark.parametrize("word", ["$(touch X)", "`touch X`", "; touch X", "__import__('os').system('touch X')", "os.system",
                                  "os:system", "../outside/evil", "registry", "__init__"])  # fmt: skip
def test_commands_and_python_names_are_only_names(ended, word):
    for option in ("--env", "--rules", "--control", "--agent.activation", "--agent.hidden", "--steps", "--env-kwargs.levels",
                   "--rules.ppo.num_envs", "--conditions.end.params.moved", "--agent.trunk", f"--{word}", f"--rules.{word}",
                   f"--env-kwargs.{word}", f"--rules.ppo.{word}"):  # fmt: skip
        if option != "--env-kwargs.levels":  # a text there is for the world to refuse
            ended("run", "coinrun", option, word)
    for command in (
        ["run"],
        ["report"],
        ["watch"],
        ["tune", "--budget", "1e9"],
        ["audit", "--rule"],
        ["audit", "--env"],
        [],
    ):
        ended(*command, word)


def test_what_no_file_can_hold_is_refused_before_it_is_computed(ended):
    for value in (SURROGATE, "a\0b"):
        ended("run", "coinrun", "--question", value, said="can't be stored")
        ended("run", "coinrun", "--env-kwargs.levels", value, said="can't be stored")
    for value in ("1e400", "nan", "9" * 5000):
        ended("run", "coinrun", "--env-kwargs.levels", value, said="finite")
    ended("run", "coinrun", "--steps", "9" * 5000)


@pytest.mark.parametrize("content", [PICKLE, YAML, b"\x00" * 64, b"[" * 100_000, b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff\xfe",
                                     b"9" * 5000], ids=range(8))  # fmt: skip
def test_files_that_are_something_else(ended, content):
    for name in ("a.json", "a.pkl", "a.yaml"):
        Path(name).write_bytes(content)
        ended("run", name)
    store.create("made", config.load("coinrun"))
    Path("made", store.RESULTS).write_bytes(content)
    ended("report", "made", said="results.nc")
    store.write_results(Path("made"), xarray.Dataset({"a": 0.5}))
    Path("made", store.CONFIG).write_bytes(content)
    ended("run", "made", "--out", "again")
    with pytest.raises(ValueError):
        _ = store.open_run("made").config
    for part in (store.SUMMARY, store.ENVIRONMENT):
        Path("made", part).write_bytes(content)
        with pytest.raises(ValueError):
            store.read_sealed(Path("made", part))


@pytest.mark.parametrize("change", [
    {"env": {"object": "os:system"}},
    {"rules": {"x": {"object": "os:system"}}},
    {"rules": {"x": {"rule": "os.system"}}},
    {"rules": {"x": {"rule": "../registry"}}},
    {"rules": {"x": {"rule": "population"}}},
    {"rules": {"x": {"rule": "ppo", "hyperparameters": {"__class__": 1}}}},
    {"rules": {"x": {"rule": "yoked", "hyperparameters": {"rule": {"object": "os:system"}}}}},
    {"rules": {"x": {"py/object": "os.system"}}},
    {"agent": {"agent": "__builtins__"}},
    {"agent": {"agent": "MLP", "__class__": "x"}},
    {"agent": {"agent": "MLP", "activation": "__import__('os')"}},
    {"env_kwargs": {"__class__": 1}},
    {"env": "__init__"},
    {"env": "wrapping"},
    {"__reduce__": ["os.system", "touch X"]},
    {"format": "pickle"},
], ids=range(16))  # fmt: skip
def test_configs_that_name_objects_of_python(ended, change):
    Path("hostile.json").write_text(json.dumps(json.loads(config.load("coinrun").to_json()) | change))
    ended("run", "hostile.json")


@pytest.mark.parametrize("change", [{"env": "../outside/evil.py"}, {"rules": {"x": {"rule": "../outside/evil.py"}}}])
def test_opening_a_run_never_runs_the_files_that_it_names(ended, change):
    directory = store.create("made", config.load("coinrun")).path
    text = json.dumps(json.loads(config.load("coinrun").to_json()) | change)
    store.write(directory, store.CONFIG, text.encode())
    with pytest.raises(ValueError, match="which reading does not run"):
        _ = store.open_run("made").experiment
    ended("report", "made")
    assert not Path("X").exists()


@pytest.mark.parametrize("name", ["config.json", "results.nc", "summary.json", "report.html", "figures", "replays", "checkpoints",
                                  "figures/learning.png", "replays/ppo--detour.gif", ".lock"])  # fmt: skip
@pytest.mark.parametrize("target", ["../outside", "../outside/precious", "../outside/made"])
def test_links_that_lead_out_of_a_run_are_not_followed(ended, name, target):
    directory = store.create("made", config.load("coinrun")).path
    store.write_results(directory, xarray.Dataset({"a": 0.5}))
    link = directory / name
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(Path(os.path.relpath(Path(target).resolve(), link.parent)))
    ended("run", "coinrun", "--out", "made", said="leads out")
    ended("report", "made", said="leads out")


def test_other_outputs_do_not_go_through_links_either(ended):
    Path("film.gif").symlink_to("../outside/precious")
    Path("tuned.json").symlink_to("../outside/made.json")
    Path("made").symlink_to("../outside/made")
    ended("watch", "dark_room", "--out", "film.gif", said="no link")
    ended("tune", "coinrun", "--budget", "1e9", "--out", "tuned.json", said="it is there already")
    ended("run", "coinrun", "--out", "made", said="can't write")


# The sources.

MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "cloudpickle",
    "dill",
    "joblib",
    "shelve",
    "marshal",
    "jsonpickle",
    "yaml",
    "code",
}
BUILTINS = {"eval", "exec", "compile", "__import__", "execfile"}
ATTRIBUTES = {"system", "popen", "unsafe_load", "full_load", "load_all", "exec_module", "run_path", "run_module"}
ALLOWED = {
    ("inputs/registry.py", "exec_module")
}  # worlds, rules and configs are Python files, which the user names by path


def banned(source: str) -> list[str]:
    """What of a source could execute data: imports, calls and arguments that have no place in the package."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [alias.name for alias in names if alias.name.split(".")[0] in MODULES]
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                found.append(module)
            case ast.Name(id=name) if name in BUILTINS:
                found.append(name)
            case ast.Attribute(attr=name) if name in ATTRIBUTES:
                found.append(name)
            case ast.keyword(arg="shell" | "allow_pickle" as name, value=value):
                if not (isinstance(value, ast.Constant) and value.value is False):
                    found.append(name)
    return found


def test_the_package_executes_no_data():
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 50
    found = {(str(file.relative_to(PACKAGE)), what) for file in files for what in banned(file.read_text())}
    assert found == ALLOWED


@pytest.mark.parametrize("line", ["import pickle", "from cloudpickle import loads", "eval('1')", "f = exec", "import yaml",
                                  "subprocess.run(x, shell=True)", "np.load(f, allow_pickle=flag)", "os.system('x')",
                                  "import dill as json", "loader.exec_module(m)"])  # fmt: skip
def test_the_scan_finds_what_it_looks_for(line):
    assert banned(line)
    assert not banned("import json\nsubprocess.run(x, shell=False)\njax.jit(f).lower(x).compile()\nre_eval = 1")
