"""Debian's Firefox, driven by its own Marionette: JSON over a socket. Playwright drives only a Firefox of its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

PREFERENCES = {
    "marionette.port": 0,  # any that is free; which one stands in the profile
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.update.enabled": False,
    "ui.prefersReducedMotion": 1,
}


class Firefox:
    """One browser, one page."""

    def __init__(self, port: int):
        self._socket, self._count = socket.create_connection(("127.0.0.1", port), timeout=60), 0
        self._read()  # who it is
        self.ask("WebDriver:NewSession", {"capabilities": {}})

    def _read(self):
        length = b""
        while not length.endswith(b":"):
            length += self._socket.recv(1)
        text = b""
        while len(text) < int(length[:-1]):
            text += self._socket.recv(65536)
        return json.loads(text)

    def ask(self, command: str, given: dict):
        """A command's answer. Raises RuntimeError with what Firefox says."""
        self._count += 1
        text = json.dumps([0, self._count, command, given]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, found = self._read()
        if error:
            raise RuntimeError(error["message"])
        return found

    def open(self, url: str, width: int, height: int) -> None:
        self.ask("WebDriver:SetWindowRect", {"width": width, "height": height})
        self.ask("WebDriver:Navigate", {"url": url})

    def run(self, script: str, *given):
        """What a script returns, in the page: the body of a function; a promise is waited for."""
        return self.ask("WebDriver:ExecuteScript", {"script": script, "args": list(given), "newSandbox": False})[
            "value"
        ]

    def find(self, selector: str) -> str:
        found = self.ask("WebDriver:FindElement", {"using": "css selector", "value": selector})["value"]
        return next(iter(found.values()))

    def click(self, selector: str) -> None:
        self.ask("WebDriver:ElementClick", {"id": self.find(selector)})

    def press(self, selector: str, key: str) -> None:
        """key: its letter, or WebDriver's code of it, such as "\ue012" for the left arrow."""
        self.ask("WebDriver:ElementSendKeys", {"id": self.find(selector), "text": key})


@contextlib.contextmanager
def started(profile: Path):
    """A headless Firefox with a fresh profile, for as long as the context lasts. Raises FileNotFoundError where there is none."""
    binary = shutil.which("firefox-esr") or shutil.which("firefox")
    if binary is None:
        raise FileNotFoundError(
            "no Firefox on PATH: install Debian's package `firefox-esr` (apt-get install firefox-esr)"
        )
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [binary, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    with open(profile / "said.txt", "wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
    try:
        port, until = profile / "MarionetteActivePort", time.monotonic() + 60
        while not (port.exists() and port.read_text()):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Firefox did not start: {(profile / 'said.txt').read_text()[-500:]}")
            time.sleep(0.1)
        yield Firefox(int(port.read_text()))
    finally:
        process.terminate()
        process.wait(30)
