"""Launch scripts: what they would do on the cloud and on a cluster, shown with fakes on the PATH; on this machine, for real."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LAUNCH = ROOT / "launch"
HOSTILE = ["$(touch X)", "`touch X`", "; touch X", "a;touch X", "&& touch X", "| touch X", "> X", "$HOME", "*", "a b", "'",
           '"', "new\nline", "-x", "--rm=-rf", "\\", "~", "../..", "é", ""]  # fmt: skip
TINY = """
from rewardlab import MLP, rules
from rewardlab.experiment import Condition, Experiment

experiment = Experiment(
    name="tiny", question="Does it run here?", env="CartPole-v1", conditions={"plain": Condition()},
    evaluations={"plain": {}}, rules={"reinforce": rules.make("reinforce", lanes=1, steps=500)}, agent=MLP(hidden=(4,)),
    steps=8, seeds=2, points=1, episodes=2, width=1,
)
"""
RECORD = """#!/usr/bin/env bash
printf '%s\\0' "${0##*/}" "$@" $'\\x1e' >>"$FAKES/calls"
"""


class Fakes:
    """A folder of fake commands in front of the PATH, which write down what they were called with."""

    def __init__(self, folder: Path):
        self.folder, self.work = folder / "fakes", folder / "work"
        self.folder.mkdir()
        self.work.mkdir()
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")} | {
            "FAKES": str(self.folder),
            "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
        }

    def add(self, name: str, body: str = "", records: bool = True) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((RECORD if records else "#!/usr/bin/env bash\n") + body)
        file.chmod(0o755)

    def start(self, *words: str, **variables: str) -> subprocess.Popen:
        return subprocess.Popen(
            words, cwd=self.work, env=self.environment | variables, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str, **variables: str) -> SimpleNamespace:
        process = self.start(*words, **variables)
        out, err = process.communicate(timeout=60)
        return SimpleNamespace(code=process.returncode, out=out, err=err)

    def calls(self, name: str) -> list[list[str]]:
        file = self.folder / "calls"
        words = file.read_bytes().decode().split("\0") if file.exists() else []
        calls, call = [], []
        for word in words:
            if word == "\x1e":
                calls.append(call)
                call = []
            else:
                call.append(word)
        return [call[1:] for call in calls if call[0] == name]

    def wait_for(self, name: str, count: int) -> None:
        for _ in range(500):
            if len(self.calls(name)) >= count:
                return
            time.sleep(0.01)
        pytest.fail(f"{name} was called {len(self.calls(name))} times, not {count}")

    def untouched(self) -> bool:
        return not list(self.work.rglob("X")) and not list(self.folder.rglob("X"))


@pytest.fixture(name="fakes")
def _fakes(tmp_path):
    return Fakes(tmp_path)


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith("\n")


def test_the_scripts_are_clean():
    """shellcheck comes with the `test` extra: where it is missing, this fails."""
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert shellcheck, "no shellcheck; pip install '.[test]' brings it"
    scripts = [*LAUNCH.glob("*.sh"), *LAUNCH.glob("*.sbatch"), *ROOT.glob(".ci/*.sh")]
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


def real_rewardlab(fakes):
    path = os.pathsep.join([str(ROOT), *(p for p in sys.path if p)])
    fakes.environment |= {"PYTHONPATH": path, "XLA_FLAGS": "", "PYTHON": sys.executable}
    fakes.add("env/bin/rewardlab", 'exec "$PYTHON" -m rewardlab "$@"\n')
    (fakes.work / "tiny.py").write_text(TINY)


def test_two_processes_share_one_run(local):
    real_rewardlab(local)
    if "--processes" not in local.run(local.folder / "env/bin/rewardlab", "run", "--help").out:
        pytest.skip("`rewardlab run` has no --processes")
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


# Cloud TPUs.

VALUES = {
    "project": "my-project",
    "zone": "us-central2-b",
    "type": "v4-8",
    "bucket": "gs://my-bucket",
    "name": "my-run",
}
GCLOUD = r"""
command="${*: -1}"
case "$*" in
  *"queued-resources create"*) echo WAITING_FOR_RESOURCES >"$FAKES/state" ;;
  *"queued-resources describe"*)
    [ -e "$FAKES/state" ] || { echo "ERROR: NOT_FOUND: no such resource" >&2; exit 1; }
    cat "$FAKES/state"
    [ "$(cat "$FAKES/state")" != WAITING_FOR_RESOURCES ] || echo ACTIVE >"$FAKES/state" ;;
  *"queued-resources delete"*) rm "$FAKES/state" ;;
  *"tpu-vm ssh"*" run "*)
    read -r code <"$FAKES/codes"; sed -i 1d "$FAKES/codes"
    case $code in
      preempted) echo SUSPENDED >"$FAKES/state"; exit 255 ;;
      '') ;;
      busy) while :; do /bin/sleep 0.05; done ;;
      *) exit "$code" ;;
    esac
    cd "$FAKES/home" && HOME="$FAKES/home" bash -c "${command#--command=}" ;;
esac
"""


@pytest.fixture(name="tpu")
def _tpu(fakes):
    """launch/tpu.sh, before a cloud that runs the workers' commands here. `codes`: how its runs end; an empty one runs."""
    fakes.add("gcloud", GCLOUD)
    for name in ("sleep", "mountpoint", "gcsfuse"):
        fakes.add(name)
    fakes.add("home/venv/bin/rewardlab")
    (fakes.folder / "home" / "rewardlab").mkdir()
    fakes.codes = fakes.folder / "codes"
    fakes.codes.write_text("")
    return fakes


def tpu_words(*words: str, **values: str) -> list[str]:
    options = [part for name, value in (VALUES | values).items() for part in (f"--{name}", value)]
    return [str(LAUNCH / "tpu.sh"), *options, *words]


def verbs(fakes) -> list[str]:
    """What the cloud was asked for, in short; how often it was asked for the state is left out."""
    names = {"create": "create", "delete": "delete", "scp": "scp", "rsync": "rsync"}
    short = []
    for call in fakes.calls("gcloud"):
        word = next((w for w in call if w in (*names, "describe", "ssh")), "?")
        if word == "ssh":
            word = "run" if " run " in call[-1] else "install"
        if word != "describe":
            short.append(word)
    return short


DRY = r"""gcloud compute tpus queued-resources create my-run --project=my-project --zone=us-central2-b --node-id=my-run --accelerator-type=v4-8 --runtime-version=tpu-ubuntu2204-base --spot
gcloud compute tpus queued-resources describe my-run --project=my-project --zone=us-central2-b --format=value\(state.state\)
gcloud compute tpus tpu-vm scp rewardlab.tar.gz my-run:rewardlab.tar.gz --project=my-project --zone=us-central2-b --worker=all
gcloud compute tpus tpu-vm ssh my-run --project=my-project --zone=us-central2-b --worker=all INSTALL
gcloud compute tpus tpu-vm ssh my-run --project=my-project --zone=us-central2-b --worker=all RUN
gcloud storage rsync --recursive gs://my-bucket/my-run runs/my-run
gcloud compute tpus queued-resources delete my-run --project=my-project --zone=us-central2-b --force --quiet
"""


def test_tpu_shows_every_cloud_command_and_executes_none(tpu):
    done = tpu.run(*tpu_words("--dry-run", "coinrun", "--seeds", "2"))
    assert (done.code, done.err) == (0, "") and tpu.calls("gcloud") == [] and not list(tpu.work.iterdir())
    lines = done.out.splitlines(keepends=True)
    commands = [line.split(" --worker=all ")[1] for line in lines[3:5]]
    lines[3:5] = [
        line.replace(c, name) for line, c, name in zip(lines[3:5], commands, ("INSTALL\n", "RUN\n"), strict=True)
    ]
    assert "".join(lines) == DRY
    install, run = (
        subprocess.run(["bash", "-c", f"printf %s {c}"], capture_output=True, text=True).stdout for c in commands
    )
    assert "~/venv/bin/pip install --quiet -c constraints.txt '.[tpu]'" in install.replace('"', "'")
    assert "~/venv/bin/rewardlab run coinrun --seeds 2 --out ~/runs/my-run --distributed;" in run
    assert "gcsfuse --implicit-dirs my-bucket ~/runs" in run
    done = tpu.run(*tpu_words("--dry-run", "--on-demand", "--keep", "coinrun", type="v6e-8"))
    assert "--spot" not in done.out and "v2-alpha-tpuv6e" in done.out and "delete" not in done.out


def test_tpu_runs_copies_the_run_back_and_deletes_the_tpu(tpu):
    words = [word for word in HOSTILE if not word.startswith("--")]
    done = tpu.run(*tpu_words("coinrun", *words))
    assert done.code == 0, done.err
    assert verbs(tpu) == ["create", "scp", "install", "run", "rsync", "delete"]
    out = f"{tpu.folder}/home/runs/my-run"
    assert tpu.calls("rewardlab") == [["run", "coinrun", *words, "--out", out, "--distributed"]]
    assert tpu.untouched() and (tpu.work / "runs" / "my-run").is_dir()


@pytest.mark.parametrize(
    ("codes", "code", "asked"),
    [
        ("75\n75", 0, "create scp install run run run rsync delete"),
        ("preempted", 0, "create scp install run delete create scp install run rsync delete"),
        ("255\n134", 0, "create scp install run run run rsync delete"),
        ("2", 2, "create scp install run delete"),
        ("3", 3, "create scp install run delete"),
        ("255\n" * 6, 255, "create scp install run run run run run run delete"),
    ],
)
def test_tpu_goes_on_after_preemption_and_interruption_but_not_after_failure(tpu, codes, code, asked):
    tpu.codes.write_text(codes + "\n")
    assert tpu.run(*tpu_words("coinrun")).code == code
    assert verbs(tpu) == asked.split()


def test_tpu_waits_until_it_is_active(tpu):
    done = tpu.run(*tpu_words("coinrun"))
    said = [line for line in done.err.splitlines() if line.startswith("tpu.sh: my-run is ")]
    assert said == [f"tpu.sh: my-run is {state}" for state in ("GONE", "WAITING_FOR_RESOURCES", "ACTIVE")]
    assert tpu.calls("sleep") == [["30"]]


def test_tpu_deletes_the_tpu_after_ctrl_c(tpu):
    tpu.codes.write_text("busy\n")
    process = tpu.start(*tpu_words("coinrun"))
    tpu.wait_for("gcloud", 7)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130 and verbs(tpu) == ["create", "scp", "install", "run", "delete"]


def test_tpu_uses_one_that_is_there_and_tells_a_failed_run_from_a_lost_one(tpu):
    (tpu.folder / "state").write_text("ACTIVE\n")
    tpu.add("home/venv/bin/rewardlab", "exit 1\n")
    assert tpu.run(*tpu_words("--keep", "coinrun")).code == 3
    assert verbs(tpu) == ["scp", "install", "run"]


@pytest.mark.parametrize("option", [*VALUES, "runtime"])
def test_tpu_refuses_values_that_the_cloud_does_not_allow(tpu, option):
    for value in [word for word in HOSTILE if word or option != "runtime"]:
        given = value if option != "bucket" else f"gs://{value}"
        done = tpu.run(*tpu_words("coinrun", **{option: given}))
        assert done.code == 2 and one_line(done.err) and "allowed: " in done.err, (given, done.err)
    assert tpu.calls("gcloud") == [] and tpu.untouched()


def test_tpu_keeps_its_own_options_and_the_experiments_apart(tpu):
    for words in (["coinrun", "--out", "x"], ["coinrun", "--distributed"], ["--zoen", "x", "coinrun"], ["--out"], []):
        done = tpu.run(*tpu_words(*words))
        assert done.code == 2 and one_line(done.err)
    assert tpu.calls("gcloud") == []
    for out in ("-rf", "$(touch X)", "a b;`touch X`\n"):
        assert tpu.run(*tpu_words("coinrun", out=out)).code == 0
        target = f"./{out}" if out.startswith("-") else out
        assert tpu.calls("gcloud")[-2] == ["storage", "rsync", "--recursive", "gs://my-bucket/my-run", target]
        assert (tpu.work / target).is_dir() and tpu.untouched()


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


def test_the_notebook_keeps_the_accelerators_build_of_jax(tmp_path, monkeypatch):
    import importlib.metadata

    monkeypatch.chdir(tmp_path)
    source = next("".join(c["source"]) for c in cells() if "colab-constraints.txt" in "".join(c["source"]))
    pinned = re.search(r"^jax==(.*)$", (ROOT / "constraints.txt").read_text(), re.M)[1]
    for found, expected in [
        ({"jax": "0.11.2", "jaxlib": "0.11.2", "jax-cuda13-plugin": "0.11.2", "jaxtyping": "0.3"}, "0.11.2"),
        ({"jax": "0.7.0", "jaxlib": "0.7.0", "jax-cuda12-plugin": "0.7.0"}, pinned),
        ({}, pinned),
    ]:
        packages = [SimpleNamespace(name=name, version=version) for name, version in found.items()]
        monkeypatch.setattr(importlib.metadata, "distributions", lambda packages=packages: packages)
        exec(compile(source, "colab.ipynb", "exec"), {"SOURCE": str(ROOT), "INSTALL": False})
        pins = dict(line.split("==") for line in Path("colab-constraints.txt").read_text().split())
        assert pins["jax"] == pins["jaxlib"] == expected and "flax" in pins and "jaxtyping" not in pins
        assert ("jax-cuda13-plugin" in pins) == ("jax-cuda13-plugin" in found) and "jax-cuda12-plugin" not in pins


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
