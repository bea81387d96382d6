"""What stands at the other end of standard output and error: it stops no command. Only a full disk changes an exit code."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest

from rewardlab import cli
from rewardlab.running import runner
from rewardlab.terminal import output
from rewardlab.terminal.progress import Progress

# A command that says much on both, and is interrupted in the end: it starts no jax.
LOUD = """
import sys
import time
from rewardlab import cli

def command(words):
    for i in range(500):
        print("on the way –", i, file=sys.stderr, flush=True)
        print("à table –" * 100, i)
    open(words[0], "w").write("reached its end")
    return 75

cli._command = command
sys.exit(cli.main(sys.argv[1:]))
"""


def loud(tmp_path, redirection, **variables):
    """(exit code, whether it came to its end, standard output) of a shell line with the command in it."""
    mark = tmp_path / "mark"
    mark.unlink(missing_ok=True)
    (tmp_path / "loud.py").write_text(LOUD, encoding="utf-8")
    path = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        ["bash", "-c", f'"$PYTHON" loud.py mark {redirection}; exit "${{PIPESTATUS[0]}}"'], cwd=tmp_path, capture_output=True,
        env=os.environ | {"PYTHON": sys.executable, "PYTHONPATH": path} | variables, timeout=60,
    )  # fmt: skip
    return done.returncode, mark.exists(), done.stdout


def test_a_reader_that_leaves_stops_nothing_and_turns_no_interrupted_run_into_a_done_one(tmp_path):
    assert loud(tmp_path, "2>&1 | head -1") == (75, True, "on the way – 0\n".encode())
    assert loud(tmp_path, ">&- 2>&- <&-") == (75, True, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_under_the_messages_stops_nothing_and_under_the_output_is_a_failure(tmp_path):
    assert loud(tmp_path, "2>/dev/full >/dev/null")[:2] == (75, True)
    code, _, said = loud(tmp_path, "2>&1 >/dev/full | tail -1")
    assert code == 1 and said.startswith(b"rewardlab: ") and said.count(b"\n") == 1


def test_text_that_the_output_can_not_encode_is_replaced(tmp_path):
    shown = {}
    for encoding in ("ascii", "cp1252", "cp932", "latin-1"):
        code, ended, out = loud(tmp_path, "", PYTHONIOENCODING=encoding)
        assert (code, ended) == (75, True)
        shown[encoding] = out[:9].decode(encoding)
    assert shown == {"ascii": "? table ?", "cp1252": "à table –", "cp932": "? table ?", "latin-1": "à table ?"}
    code, _, out = loud(tmp_path, "", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert code == 75 and b"table" in out


def test_streams_that_a_program_has_replaced_stay_as_they_are(monkeypatch):
    mine = io.StringIO()
    monkeypatch.setattr(sys, "stdout", mine)
    with output.lenient():
        assert sys.stdout is mine
        print("there")
    assert mine.getvalue() == "there\n" and sys.stdout is mine


def test_progress_that_can_not_be_said_ends_no_training():
    class Gone(io.StringIO):
        def isatty(self):
            return True

        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    for stream in (Gone(), narrow):
        progress = Progress(100, stream)
        progress.note("trained – well")
        progress.advance(10, "ppo – end")
        assert progress.done == 10


def test_a_process_that_has_trained_its_share_is_done_while_others_still_train(tmp_path, monkeypatch, capsys):
    """It says so on standard error (test_resume.py), shows no summary, and ends with 0; the last one done shows it."""
    monkeypatch.chdir(tmp_path)
    asked = []

    class Unfinished:
        finished = reported = False

    monkeypatch.setattr(runner, "run", lambda *_, share, **__: asked.append(share) or Unfinished)
    assert cli.main(["run", "coinrun", "--process", "1", "--processes", "3"]) == 0
    assert asked == [(1, 3)] and capsys.readouterr().out == ""


TINY = """
from rewardlab import MLP, rules
from rewardlab.running import chunks
from rewardlab.experiment import Condition, Experiment

experiment = Experiment(
    name="tiny", question="Does it end?", env="lever", conditions={"plain": Condition()}, evaluations={"plain": {}},
    rules={"reinforce": rules.make("reinforce", num_envs=2, unroll_length=64)}, agent=MLP(hidden=(4,)),
    total_steps=256, seeds=2, points=1, episodes=2, width=2,
)
chunks.PERIOD = 0.5  # a checkpoint is soon there
"""


@pytest.mark.slow
def test_a_run_whose_reader_has_left_ends_as_it_would_have(tmp_path):
    """Finished, with 0 and a report; asked to stop, with 75 and everything committed, though nobody reads that."""
    (tmp_path / "tiny.py").write_text(TINY)
    path = os.pathsep.join(path for path in sys.path if path)
    environment = os.environ | {"PYTHONPATH": path, "XLA_FLAGS": ""}

    def start(*words):
        reader, writer = os.pipe()
        os.close(reader)
        command = [sys.executable, "-m", "rewardlab", "run", "tiny.py", *words]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=writer, stderr=writer)
        os.close(writer)
        return process

    assert start("--out", "whole").wait(600) == 0
    assert (tmp_path / "whole" / "report.html").is_file() and (tmp_path / "whole" / "results.nc").is_file()
    process = start("--out", "cut", "--steps", "2e9")
    for _ in range(3000):
        if list((tmp_path / "cut").glob("checkpoints/*/*")):  # it trains
            break
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 75
    assert list((tmp_path / "cut").glob("checkpoints/*/*")) and not (tmp_path / "cut" / "results.nc").exists()
