"""Launch scripts: what they would do on the cloud and on a cluster, shown with fakes on the PATH; on this machine, for real."""

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from fakes import HOSTILE, LAUNCH, ROOT, fakes_fixture, one_line  # noqa: F401
from packaging.requirements import Requirement

TINY = """
from rewardlab import MLP, rules
from rewardlab.experiment import Condition, Experiment

experiment = Experiment(
    name="tiny", question="Does it run here?", env="CartPole-v1", conditions={"plain": Condition()},
    evaluations={"plain": {}}, rules={"reinforce": rules.make("reinforce", num_envs=1, unroll_length=500)}, agent=MLP(hidden=(4,)),
    steps=8, seeds=2, points=1, episodes=2, width=1, capable_return=475.0,
)
"""


def test_the_scripts_are_clean():
    """shellcheck comes with the `test` extra: where it is missing, this fails."""
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert shellcheck, "no shellcheck; pip install '.[test]' brings it"
    scripts = [*LAUNCH.glob("*.sh"), *LAUNCH.glob("*.sbatch"), ROOT / ".ci" / "run"]
    assert {"local.sh", "tpu.sh", "slurm.sbatch"} <= {path.name for path in scripts}
    done = subprocess.run([shellcheck, *scripts], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


# This machine.

SLEEPER = "trap 'exit 75' TERM INT\nwhile :; do /bin/sleep 0.05; done\n"


@pytest.fixture(name="local")
def _local(fakes):
    """launch/local.sh in an environment whose pip does nothing and whose rewardlab is a fake."""
    fakes.add("env/bin/python", records=False)
    fakes.add("sleep")
    fakes.environment["VIRTUAL_ENV"] = str(fakes.folder / "env")
    return fakes


def test_local_passes_every_word_on(local):
    local.add("env/bin/rewardlab")
    assert local.run(LAUNCH / "local.sh", "coinrun", *HOSTILE).code == 0
    assert local.calls("rewardlab") == [["run", "coinrun", *HOSTILE]] and local.untouched()


def test_local_starts_processes_each_on_its_share_of_the_cores(local):
    local.add("env/bin/rewardlab", 'grep Cpus_allowed_list /proc/self/status >"$FAKES/cores${*: -3:1}"\n')
    assert local.run(LAUNCH / "local.sh", "-n", "3", "coinrun", *HOSTILE).code == 0
    assert sorted(local.calls("rewardlab")) == [
        ["run", "coinrun", *HOSTILE, "--process", str(i), "--processes", "3"] for i in range(3)
    ]
    assert local.untouched()
    mine = sorted(os.sched_getaffinity(0))
    shares = []
    for i in range(3):
        text = (local.folder / f"cores{i}").read_text().split()[1]
        ends = [list(map(int, part.split("-"))) for part in text.split(",")]
        shares.append({core for end in ends for core in range(end[0], end[-1] + 1)})
    assert all(shares) and set().union(*shares) <= set(mine)
    if len(mine) >= 3:
        assert sum(map(len, shares)) == len(mine) and set().union(*shares) == set(mine)


def test_local_runs_an_interrupted_process_again_and_ends_with_the_worst_code(local):
    again = 'mark="$FAKES/again${*: -3:1}"; [ -e "$mark" ] || { touch "$mark"; exit 75; }\n'
    local.add("env/bin/rewardlab", again)
    assert local.run(LAUNCH / "local.sh", "-n", "2", "coinrun").code == 0
    assert sorted(call[-3] for call in local.calls("rewardlab")) == ["0", "0", "1", "1"]
    for codes, worst in [("0 2 1", 2), ("0 0 3", 3), ("0 0 0", 0), ("1 0 0", 1)]:
        local.add("env/bin/rewardlab", f'codes=({codes}); exit "${{codes[${{*: -3:1}}]}}"\n', records=False)
        assert local.run(LAUNCH / "local.sh", "-n", "3", "coinrun").code == worst
    local.add("env/bin/rewardlab", "exit 2\n")
    before = len(local.calls("rewardlab"))
    assert local.run(LAUNCH / "local.sh", "coinrun").code == 2 and len(local.calls("rewardlab")) == before + 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("processes", [1, 2])
def test_local_passes_a_signal_on_once_and_does_not_run_again(local, number, processes):
    local.add("env/bin/rewardlab", "trap 'echo asked; exit 75' TERM INT\nwhile :; do /bin/sleep 0.05; done\n")
    process = local.start(LAUNCH / "local.sh", "-n", str(processes), "coinrun")
    local.wait_for("rewardlab", processes)
    time.sleep(0.2)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)  # as a terminal does
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out.count("asked")) == (75, processes)
    assert len(local.calls("rewardlab")) == processes


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "01", "1000", *HOSTILE])
def test_local_refuses_what_is_no_number_of_processes(local, count):
    local.add("env/bin/rewardlab")
    done = local.run(LAUNCH / "local.sh", "-n", count, "coinrun")
    assert done.code == 2 and one_line(done.err) and "from 1 to 999" in done.err
    assert local.calls("rewardlab") == [] and local.untouched()


def test_local_shows_what_it_would_do_and_does_nothing(local):
    local.add("env/bin/rewardlab")
    local.add("env/bin/python")
    done = local.run(LAUNCH / "local.sh", "--dry-run", "-n", "2", "coinrun", "--seeds", "3")
    install, *runs = done.out.splitlines()
    assert done.code == 0 and done.err == "" and local.calls("rewardlab") == local.calls("python") == []
    assert install.startswith(f"{local.folder}/env/bin/python -m pip install ") and str(ROOT) in install
    assert [line.partition("/rewardlab ")[2] for line in runs] == [
        f"run coinrun --seeds 3 --process {i} --processes 2" for i in range(2)
    ]
    for words in (["coinrun", "--dry-run"], ["--dry-rnu", "coinrun"], ["--dry-run"], []):
        done = local.run(LAUNCH / "local.sh", *words)
        assert done.code == 2 and one_line(done.err) and "allowed" in done.err, words
    assert local.calls("python") == [] and local.untouched()


@pytest.mark.parametrize(
    ("variables", "used"),
    [
        ({"CONDA_PREFIX": "FAKES/env", "CONDA_DEFAULT_ENV": "base"}, False),
        ({"CONDA_PREFIX": "FAKES/base", "CONDA_DEFAULT_ENV": "renamed"}, False),
        ({"CONDA_PREFIX": "FAKES/env"}, False),
        ({"CONDA_PREFIX": "FAKES/env", "CONDA_DEFAULT_ENV": "mine"}, True),
        ({"CONDA_PREFIX": "FAKES/base", "CONDA_DEFAULT_ENV": "base", "VIRTUAL_ENV": "FAKES/env"}, True),
        ({}, False),
    ],
)
def test_local_installs_into_no_environment_but_its_own_and_one_made_for_such(fakes, variables, used):
    (fakes.folder / "base" / "condabin").mkdir(parents=True)
    fakes.environment = {k: v for k, v in fakes.environment.items() if k != "VIRTUAL_ENV" and not k.startswith("CONDA")}
    given = {name: value.replace("FAKES", str(fakes.folder)) for name, value in variables.items()}
    done = fakes.run(LAUNCH / "local.sh", "--dry-run", "coinrun", **given)
    environment = f"{fakes.folder}/env" if used else f"{ROOT}/.venv"
    *made, install, run = done.out.splitlines()
    assert done.code == 0 and install.startswith(f"{environment}/bin/python -m pip install ")
    assert run == f"{environment}/bin/rewardlab run coinrun"
    assert not made or (made[0].endswith(f" -m venv {environment}") and not used)


def real_rewardlab(fakes):
    path = os.pathsep.join([str(ROOT), *(p for p in sys.path if p)])
    fakes.environment |= {"PYTHONPATH": path, "XLA_FLAGS": "", "PYTHON": sys.executable}
    fakes.add("env/bin/rewardlab", 'exec "$PYTHON" -m rewardlab "$@"\n')
    (fakes.work / "tiny.py").write_text(TINY)


@pytest.mark.slow
def test_two_processes_share_one_run(local):
    real_rewardlab(local)
    done = local.run(LAUNCH / "local.sh", "-n", "2", "tiny.py", "--out", "made")
    assert done.code == 0, done.err
    assert (local.work / "made" / "report.html").is_file() and (local.work / "made" / "results.nc").is_file()


# SLURM.


@pytest.fixture(name="slurm")
def _slurm(fakes):
    fakes.add("rewardlab")
    fakes.add("scontrol")
    fakes.add("srun", '[ "$1" = --kill-on-bad-exit=0 ] && shift; "$@"\n')
    fakes.environment |= {"SLURM_JOB_ID": "17", "SLURM_NTASKS": "1"}
    return fakes


SBATCH = ("bash", str(LAUNCH / "slurm.sbatch"))


def test_slurm_runs_one_task_several_or_an_array(slurm):
    assert slurm.run(*SBATCH, "coinrun", *HOSTILE).code == 0
    assert slurm.run(*SBATCH, "coinrun", SLURM_NTASKS="4").code == 0
    array = {"SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": "8", "SLURM_ARRAY_TASK_COUNT": "8"}
    assert slurm.run(*SBATCH, "coinrun", SLURM_ARRAY_TASK_ID="3", **array).code == 0
    assert slurm.calls("rewardlab") == [
        ["run", "coinrun", *HOSTILE],
        ["run", "coinrun", "--distributed"],
        ["run", "coinrun", "--process", "2", "--processes", "8"],
    ]
    assert slurm.calls("scontrol") == [] and slurm.untouched()
    for words, variables in [
        (["coinrun"], {"SLURM_ARRAY_TASK_ID": "3", **array, "SLURM_NTASKS": "2"}),
        (["coinrun"], {"SLURM_ARRAY_TASK_ID": "3", **array, "SLURM_ARRAY_TASK_COUNT": "4"}),
        ([], {}),
        (["coinrun"], {"SLURM_JOB_ID": ""}),
    ]:
        done = slurm.run(*SBATCH, *words, **variables)
        assert done.code == 2 and one_line(done.err)
    assert len(slurm.calls("rewardlab")) == 3


@pytest.mark.parametrize(("code", "queued"), [(0, False), (75, True), (2, False), (1, False), (137, False)])
def test_slurm_queues_again_what_can_go_on(slurm, code, queued):
    slurm.add("rewardlab", f"exit {code}\n")
    assert slurm.run(*SBATCH, "coinrun").code == code
    assert slurm.calls("scontrol") == [["requeue", "17"]] * queued


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("trap 'exit 75' USR1 TERM\nwhile :; do /bin/sleep 0.05; done\n", 75),
        ("while :; do /bin/sleep 0.05; done\n", 128 + signal.SIGUSR1),  # it does not listen yet
    ],
)
def test_slurm_hands_its_signal_to_the_step_and_queues_again(slurm, body, code):
    slurm.add("srun", body)
    process = slurm.start(*SBATCH, "coinrun")
    slurm.wait_for("srun", 1)
    time.sleep(0.1)
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=20)
    assert process.returncode == code and slurm.calls("scontrol") == [["requeue", "17"]]


def test_slurm_asks_for_time_to_stop():
    text = (LAUNCH / "slurm.sbatch").read_text()
    assert "#SBATCH --requeue\n" in text and "#SBATCH --signal=B:USR1@120\n" in text


# SkyPilot.


def test_sky_runs_in_the_bucket_and_executes_nothing_that_it_is_given(fakes):
    task = yaml.safe_load((LAUNCH / "sky.yaml").read_text())
    assert task["resources"]["use_spot"] and task["resources"]["job_recovery"] == {"recover_on_exit_codes": [75]}
    assert task["file_mounts"]["/runs"]["name"] == "$BUCKET"
    fakes.add("venv/bin/rewardlab", "exit 75\n")
    run = lambda **given: fakes.run("bash", "-c", task["run"], HOME=str(fakes.folder), **given)  # noqa: E731
    for word in HOSTILE:
        done = run(NAME=word, EXPERIMENT="coinrun", ARGUMENTS="")
        assert done.code == 2 and one_line(done.err)
    assert fakes.calls("rewardlab") == []
    arguments = "--seeds 3 $(touch X) `touch X` ; touch X *\n--steps 2e6"
    for word in HOSTILE:
        assert run(NAME="my-run", EXPERIMENT=word, ARGUMENTS=arguments).code == 75
    assert fakes.calls("rewardlab") == [["run", word, *arguments.split(), "--out", "/runs/my-run"] for word in HOSTILE]
    assert fakes.untouched()


# Colab.


def cells() -> list[dict]:
    return json.loads((LAUNCH / "colab.ipynb").read_text())["cells"]


def pins_here(file: Path) -> dict[str, str]:
    """{package: version} that a constraints file states for this Python."""
    pins = [Requirement(line) for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in pins if not pin.marker or pin.marker.evaluate()}


def test_the_notebook_keeps_the_accelerators_build_of_jax(tmp_path, monkeypatch):
    import importlib.metadata

    monkeypatch.chdir(tmp_path)
    source = next("".join(c["source"]) for c in cells() if "colab-constraints.txt" in "".join(c["source"]))
    pinned = pins_here(ROOT / "constraints.txt")["jax"]
    for found, expected in [
        ({"jax": "0.11.2", "jaxlib": "0.11.2", "jax-cuda13-plugin": "0.11.2", "jaxtyping": "0.3"}, "0.11.2"),
        ({"jax": "0.7.0", "jaxlib": "0.7.0", "jax-cuda12-plugin": "0.7.0"}, pinned),
        ({}, pinned),
    ]:
        packages = [SimpleNamespace(name=name, version=version) for name, version in found.items()]
        monkeypatch.setattr(importlib.metadata, "distributions", lambda packages=packages: packages)
        Path("cell.py").write_text(source)
        runpy.run_path("cell.py", {"SOURCE": str(ROOT), "INSTALL": False})
        pins = pins_here(Path("colab-constraints.txt"))
        assert pins["jax"] == pins["jaxlib"] == expected and "numpy" in pins and "jaxtyping" not in pins
        assert ("flax" in pins) == (found.get("jax") != expected)
        assert ("jax-cuda13-plugin" in pins) == ("jax-cuda13-plugin" in found) and "jax-cuda12-plugin" not in pins


@pytest.mark.slow
def test_the_notebook_runs(local, monkeypatch):
    """In a kernel, as Colab runs it: without the Drive, and with nothing installed over the environment of the tests."""
    import nbformat
    from nbclient import NotebookClient

    real_rewardlab(local)
    for name in ("PYTHONPATH", "XLA_FLAGS"):
        monkeypatch.setenv(name, local.environment[name])
    monkeypatch.setenv("IPYTHONDIR", str(local.folder / "ipython"))
    notebook = nbformat.read(LAUNCH / "colab.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    changed = {"SOURCE": str(ROOT), "EXPERIMENT": "tiny.py", "ARGUMENTS": [], "OUT": "made", "INSTALL": False}
    assert all(f"\n{name} = " in f"\n{parameters.source}" for name in changed)
    parameters.source = "\n".join(f"{name} = {value!r}" for name, value in changed.items())
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": local.work}})
    client.execute()
    page = (local.work / "made" / "report.html").read_text()
    shown = notebook.cells[-1].outputs[0].data["text/html"]
    assert "<iframe srcdoc=" in shown and len(shown) > len(page)
    assert any("report.html" in out.get("text", "") for cell in notebook.cells for out in cell.get("outputs", ()))


def test_every_way_to_launch_is_described():
    sections = re.findall(r"^## .*`(.*)`$", (ROOT / "docs" / "launching.md").read_text(), re.M)
    assert sorted(sections) == sorted(path.name for path in LAUNCH.iterdir())


@pytest.fixture(name="measuring")
def _measuring(fakes):
    """launch/measure.sh with a fake rewardlab, whose preflight writes what it is told to: 2 ms measured, 1 ms predicted."""
    fakes.add(
        "rewardlab",
        """
file=""; chip=""
while [ "$#" -gt 0 ]; do case $1 in --json | --out) file=$2 ;; --chip) chip=$2 ;; esac; shift; done
[[ $file == *.json ]] || exit 0
case $file in
  *bench*) echo '{"rows": []}' ;;
  *)
    seconds=0.002
    [ -z "$chip" ] || seconds=0.001
    echo '{"width": 8, "rules": [{"rule": "ppo", "update_seconds": '$seconds', "steps_per_second": 5.0}]}' ;;
esac >"$file"
""",
    )
    return fakes


@pytest.mark.parametrize(("device", "ratio"), [("TPU v5 lite", 2.0), ("cpu", None)])
def test_what_was_measured_stands_beside_what_was_predicted(measuring, device, ratio):
    real = shutil.which("python3")
    measuring.add("python", f'if [ "$1" = -c ]; then echo "{device}"; else exec {real} "$@"; fi\n')
    done = measuring.run(str(LAUNCH / "measure.sh"), "--seeds", "16 32", "--steps", "500", "--out", "told.json")
    assert done.code == 0, done.err
    told = json.loads((measuring.work / "told.json").read_text())
    assert (
        told["device"] == device
        and told["steps"] == 500
        and told["bench"] == {"rows": []}
        and [*told["seeds"]] == ["16", "32"]
    )
    row = told["seeds"]["32"]["updates"]["ppo"]
    assert row["measured"] == 0.002 and row["ratio"] == ratio and row["width"] == 8
    asked = [call[0] for call in measuring.calls("rewardlab")]
    assert asked == ["preflight", *["preflight"] * bool(ratio), "run"] * 2 + ["bench"]
    for call in measuring.calls("rewardlab"):  # in the width that was measured
        assert call[0] != "preflight" or "--chip" not in call or call[call.index("--width") + 1] == "8"
    cut = next(call for call in measuring.calls("rewardlab") if call[0] == "run")
    assert cut[1:9] == [
        "coinrun",
        "--full",
        "--seeds",
        "16",
        "--total-steps",
        "500",
        "--budgets.openai-es.total-steps",
        "500",
    ]
    assert "2.00 ms an update" in done.out and ("2.00 of what was predicted" in done.out) == bool(ratio)


@pytest.mark.parametrize(
    "words",
    [
        ["--seeds", "many"],
        ["--seeds"],
        ["--steps", "0"],
        ["--out", "nowhere/told.json"],
        ["coinrun"],
        *[[w] for w in HOSTILE if w],
    ],
)
def test_measure_refuses_in_one_line(measuring, words):
    done = measuring.run(str(LAUNCH / "measure.sh"), *words)
    assert done.code == 2 and one_line(done.err) and "allowed: " in done.err
    assert measuring.calls("rewardlab") == [] and measuring.untouched()
