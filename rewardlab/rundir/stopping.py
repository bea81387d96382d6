"""Signals that ask a run to stop: on SIGTERM, SIGINT and the like, training saves after the current chunk and ends."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import Any

RESUMABLE = 75  # EX_TEMPFAIL of sysexits.h: try again, and it goes on
ASKED = ("SIGTERM", "SIGUSR1", "SIGUSR2", "SIGINT")


class Interrupted(BaseException):
    """Stopped on request; what was committed is there to go on from. No Exception: nothing on the way may swallow it."""


class Stop:
    """Whether to stop; threads may share it."""

    def __init__(self):
        self._event, self.reason = threading.Event(), ""

    @property
    def requested(self) -> bool:
        """Whether anyone has asked."""
        return self._event.is_set()

    def request(self, reason: str) -> None:
        """Asks everyone to stop at the next good moment. The first reason counts."""
        self.reason = self.reason or reason
        self._event.set()

    def check(self) -> None:
        """Raises Interrupted once it is requested."""
        if self.requested:
            raise Interrupted(self.reason)


class Signals:
    """While entered: SIGTERM, SIGUSR1, SIGUSR2 and Ctrl-C request `stop` and raise Interrupted in the main thread.

    Further signals change nothing, but for a second Ctrl-C, which ends the process at once, with code 130.
    """

    def __init__(self, stop: Stop):
        self.stop = stop
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        self.install()
        return self

    def __exit__(self, *problem) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def install(self) -> None:
        """Sets the handlers, again if something else has set its own since."""
        if threading.current_thread() is not threading.main_thread():
            return
        for name in ASKED:
            if hasattr(signal, name):
                number = getattr(signal, name)
                before = signal.signal(number, self._handle)
                self._before.setdefault(number, before or signal.SIG_DFL)

    def _handle(self, number, frame) -> None:
        del frame
        if self.stop.requested:
            if number == signal.SIGINT:
                with contextlib.suppress(OSError):  # its reader may have left
                    os.write(2, b"\nrewardlab: stopped at once\n")
                os._exit(130)
            return
        name = signal.Signals(number).name
        self.stop.request("Ctrl-C" if name == "SIGINT" else name)
        raise Interrupted(self.stop.reason)


def leave(code: int) -> int:
    """The exit code; where threads of ours are still busy, compiling say, the process ends here and now."""
    busy = [t for t in threading.enumerate() if t is not threading.main_thread() and t.is_alive() and not t.daemon]
    if busy:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code)
    return code
