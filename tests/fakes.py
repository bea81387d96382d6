"""Fake commands on the PATH, and hostile words to pass to what calls them."""

import os
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
LAUNCH = ROOT / "launch"
HOSTILE = ["$(touch X)", "`touch X`", "; touch X", "a;touch X", "&& touch X", "| touch X", "> X", "$HOME", "*", "a b", "'",
           '"', "new\nline", "-x", "--rm=-rf", "\\", "~", "../..", "é", ""]  # fmt: skip
RECORD = """#!/usr/bin/env bash
exec 9>>"$FAKES/calls"
flock 9 # bash writes a word with a newline in two pieces
printf '%s\\0' "${0##*/}" "$@" $'\\x1e' >&9
exec 9>&-
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
        # What is started in the background ignores Ctrl-C, and so would these.
        return subprocess.Popen(
            ["/usr/bin/env", "--default-signal=INT", *words], cwd=self.work, env=self.environment | variables, text=True,
            start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str, **variables: str) -> SimpleNamespace:
        process = self.start(*words, **variables)
        out, err = process.communicate(timeout=240)
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
def fakes_fixture(tmp_path):
    return Fakes(tmp_path)


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith("\n")
