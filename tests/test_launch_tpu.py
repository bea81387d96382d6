"""launch/tpu.sh with a fake cloud: what it types, when it runs again, that it deletes what costs."""

import os
import shutil
import signal
import subprocess
import tarfile

import pytest
from fakes import HOSTILE, ROOT, fakes_fixture, one_line  # noqa: F401

VALUES = {
    "project": "my-project",
    "zone": "us-central2-b",
    "type": "v4-8",
    "bucket": "gs://my-bucket",
    "name": "my-run",
}
GCLOUD = r"""
trap 'exit 130' INT # else bash goes on after Ctrl-C where a command of its own ends well at that moment
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


SHIPPED = [
    "launch/tpu.sh",
    "pyproject.toml",
    "constraints.txt",
    "rewardlab/a b\nc é.py",
    "configs/mine.py",
    "runs/tracked",
]


def git(clone, *words):
    if not shutil.which("git"):
        pytest.skip("no git here")
    subprocess.run(["git", "-C", clone, *words], check=True)


@pytest.fixture(name="tpu")
def _tpu(fakes):
    """launch/tpu.sh, before a cloud that runs the workers' commands here. `codes`: how its runs end; an empty one runs."""
    fakes.add("gcloud", GCLOUD)
    for name in ("sleep", "mountpoint", "gcsfuse"):
        fakes.add(name)
    fakes.add("home/venv/bin/rewardlab")
    fakes.add("rewardlab")  # the one of this machine, which is asked first
    (fakes.folder / "home" / "rewardlab").mkdir()
    fakes.clone = fakes.folder.parent / "clone"
    for name in SHIPPED:
        file = fakes.clone / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, file) if (ROOT / name).exists() else file.write_text(name)
    git(fakes.clone, "init", "--quiet")
    git(fakes.clone, "add", ".")
    fakes.environment["PATH"] = f"{fakes.clone / 'launch'}{os.pathsep}{fakes.environment['PATH']}"
    fakes.codes = fakes.folder / "codes"
    fakes.codes.write_text("")
    return fakes


def tpu_words(*words: str, **values: str) -> list[str]:
    options = [part for name, value in (VALUES | values).items() for part in (f"--{name}", value)]
    return ["tpu.sh", *options, *words]


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


DRY = r"""rewardlab preflight --type v4-8 coinrun --seeds 2
gcloud compute tpus queued-resources create my-run --project=my-project --zone=us-central2-b --node-id=my-run --accelerator-type=v4-8 --runtime-version=tpu-ubuntu2204-base --spot
gcloud compute tpus queued-resources describe my-run --project=my-project --zone=us-central2-b --format=value\(state.state\)
gcloud compute tpus tpu-vm scp rewardlab.tar.gz my-run:rewardlab.tar.gz --project=my-project --zone=us-central2-b --worker=all
gcloud compute tpus tpu-vm ssh my-run --project=my-project --zone=us-central2-b --worker=all INSTALL
gcloud compute tpus tpu-vm ssh my-run --project=my-project --zone=us-central2-b --worker=all RUN
gcloud storage rsync --recursive gs://my-bucket/my-run runs/my-run
gcloud compute tpus queued-resources delete my-run --project=my-project --zone=us-central2-b --force --quiet
"""  # noqa: E501


def test_tpu_shows_every_cloud_command_and_executes_none(tpu):
    done = tpu.run(*tpu_words("--dry-run", "coinrun", "--seeds", "2"))
    assert (done.code, done.err) == (0, "") and tpu.calls("gcloud") == [] and not list(tpu.work.iterdir())
    lines = done.out.splitlines(keepends=True)
    commands = [line.split(" --worker=all ")[1] for line in lines[4:6]]
    lines[4:6] = [
        line.replace(c, name) for line, c, name in zip(lines[4:6], commands, ("INSTALL\n", "RUN\n"), strict=True)
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
    assert tpu.calls("rewardlab") == [
        ["preflight", "--type", "v4-8", "coinrun", *words],
        ["run", "coinrun", *words, "--out", out, "--distributed"],
    ]
    assert tpu.untouched() and (tpu.work / "runs" / "my-run").is_dir()


@pytest.mark.parametrize(("said", "code"), [(1, 2), (2, 2), (130, 130)])
def test_tpu_creates_nothing_for_what_would_not_run_there(tpu, said, code):
    tpu.add("rewardlab", f"echo 'does not fit'; exit {said}\n")
    done = tpu.run(*tpu_words("coinrun", "--resume-anyway", "--seeds", "9"))
    assert done.code == code and "does not fit" in done.err and not done.out and tpu.calls("gcloud") == []
    assert ("nothing was created" in done.err) == (said == 1)
    assert tpu.calls("rewardlab") == [["preflight", "--type", "v4-8", "coinrun", "--seeds", "9"]]
    assert tpu.run(*tpu_words("--no-preflight", "coinrun")).code == 0


def test_tpu_says_what_preflight_needs(tpu):
    (tpu.folder / "rewardlab").unlink()
    tools = tpu.folder.parent / "tools"  # a PATH without any other rewardlab
    tools.mkdir()
    for name in ("bash", "env", "git", "tar", "mktemp", "rm", "dirname", "sed", "cat"):
        (tools / name).symlink_to(shutil.which(name))
    done = tpu.run(*tpu_words("coinrun"), PATH=f"{tpu.clone / 'launch'}:{tpu.folder}:{tools}")
    assert done.code == 2 and one_line(done.err) and "--no-preflight" in done.err and tpu.calls("gcloud") == []


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


def test_what_git_tracks_travels_as_it_is_here_and_nothing_else(tpu):
    """A gigabyte that it does not track takes no time: it is not read."""
    tpu.add("gcloud", GCLOUD.replace("case", 'case "$*" in *"tpu-vm scp"*) cp "$5" "$FAKES/shipped" ;; esac\ncase', 1))
    (tpu.clone / "v" / "bin").mkdir(parents=True)
    with open(tpu.clone / "v" / "bin" / "large", "wb") as large:
        large.truncate(2**30)
    for secret in (".env", "key.pem", "rewardlab/.env", "configs/untracked.py", "runs/mine"):
        (tpu.clone / secret).write_text("secret")
    (tpu.clone / "configs" / "mine.py").write_text("changed, not committed")
    (tpu.clone / "runs" / "tracked").unlink()
    (tpu.clone / "pyproject.toml").unlink()
    (tpu.clone / "pyproject.toml").symlink_to("constraints.txt")
    assert tpu.run(*tpu_words("configs/mine.py")).code == 0
    with tarfile.open(tpu.folder / "shipped") as shipped:
        assert sorted(shipped.getnames()) == sorted(name for name in SHIPPED if name != "runs/tracked")
        assert shipped.extractfile("configs/mine.py").read() == b"changed, not committed"


def test_what_would_not_travel_is_refused_before_anything_costs(tpu):
    (tpu.clone / "configs" / "untracked.py").write_text("experiment = 1")
    for word in ("configs/untracked.py", "nowhere.py", str(tpu.clone / "configs" / "mine.py"), "*.py"):
        done = tpu.run(*tpu_words(word))
        assert done.code == 2 and one_line(done.err) and "allowed: " in done.err, (word, done.err)
    shutil.rmtree(tpu.clone / ".git")
    for words in ((), ("--dry-run",)):
        done = tpu.run(*tpu_words(*words, "coinrun"), GIT_CEILING_DIRECTORIES=str(tpu.folder.parent))
        assert done.code == 2 and one_line(done.err) and "allowed: a git clone" in done.err, done.err
    assert tpu.calls("gcloud") == [] and tpu.untouched()
