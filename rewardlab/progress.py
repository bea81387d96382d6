"""One line that says how far a long run is, how fast it goes and how long it still takes."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO

from rewardlab.errors import visible

CLEAR = "\r\033[K"  # back to the line's start, and wipe it


class Progress:
    """Counts environment steps against a known total; threads may share it.

    On a terminal the line is redrawn in place; elsewhere only what is finished is written, a line each.
    """

    def __init__(self, total: int, stream: TextIO | None = None):
        self.total, self.done, self.stream = max(total, 1), 0, stream or sys.stderr
        self.started = time.perf_counter()
        self.live = self.stream.isatty()
        self._lock = threading.Lock()

    def note(self, text: str) -> None:
        """A line that stays."""
        with self._lock:
            print(f"{CLEAR if self.live else ''}{visible(text)}", file=self.stream, flush=True)

    def advance(self, steps: int, label: str) -> None:
        """`steps` more environment steps of training are behind us."""
        with self._lock:
            self.done += steps
            if self.live:
                print(f"{CLEAR}{self.line(label)}", end="", file=self.stream, flush=True)

    def skip(self, steps: int) -> None:
        """`steps` of the total were lived in an earlier process."""
        with self._lock:
            self.total = max(self.total - steps, 1)

    def line(self, label: str) -> str:
        """The line for now."""
        seconds = time.perf_counter() - self.started
        left = seconds * (self.total - self.done) / max(self.done, 1)
        share = min(self.done / self.total, 1.0)
        return f"{share:4.0%}  {label}  {self.done / max(seconds, 1e-9) / 1e6:.2f}M steps/s  {clock(left)} left"


class Silent(Progress):
    """Says nothing."""

    def __init__(self):
        super().__init__(1)

    def note(self, text):
        del text

    def advance(self, steps, label):
        del steps, label


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, seconds = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
