"""What a long run is doing, how far it is, how fast it goes and how long it still takes."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Mapping
from typing import TextIO

from rewardlab.inputs.errors import visible

CLEAR = "\r\033[K"  # back to the line's start, and wipe it
SILENCE = 20.0  # seconds after which a line is written where there is no terminal
EVALUATION = "evaluation"  # a kind of work that is counted in evaluations; all others are counted in environment steps


class Progress:
    """Counts work against what is expected; threads may share it.

    Work comes in *pieces*, of which some are done at a time. A piece has work of one or several *kinds*, {kind: amount}. How
    long a kind of work takes is measured, kind by kind: rules differ many times over in how fast they live a step.

    On a terminal the last line is redrawn in place. Elsewhere what is finished is written, a line each, and what goes on as soon
    as nothing was written for `SILENCE`.
    """

    def __init__(self, total: int = 1, stream: TextIO | None = None):
        self.stream = stream or sys.stderr
        self.live = self.stream is not None and self.stream.isatty()
        self._lock, self._said = threading.Lock(), time.perf_counter()
        self.expect({"": {"": total}})

    def expect(
        self,
        pieces: Mapping[str, Mapping[str, float]],
        workers: int = 1,
        measured: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        """What is to come: {piece: {kind: amount}}, `workers` pieces at a time.

        measured: {kind: (seconds, amount)}, what is known already of how long it takes.
        """
        self.left = {piece: dict(amounts) for piece, amounts in pieces.items()}
        self.workers, self.spent, self.done = workers, dict(measured or {}), 0
        self.total = max(
            sum(n for amounts in self.left.values() for kind, n in amounts.items() if kind != EVALUATION), 1
        )
        self.started = time.perf_counter()
        self.last: float | None = None

    def note(self, text: str) -> None:
        """A line that stays."""
        with self._lock:
            self._print(f"{CLEAR if self.live else ''}{visible(text)}\n")

    def stage(self, text: str) -> None:
        """What begins now; on a terminal the line goes when the next one comes."""
        with self._lock:
            self._passing(f"{text} ...")

    def _passing(self, line: str) -> None:
        """A line that is true for now."""
        if self.live:
            self._print(f"{CLEAR}{line}")
        elif time.perf_counter() - self._said >= SILENCE:
            self._print(f"{line}\n")

    def _print(self, text: str) -> None:
        """What can't be said ends no training: the stream's reader may have left, its disk be full, it may be closed."""
        self._said = time.perf_counter()
        with contextlib.suppress(OSError, ValueError):
            print(text, end="", file=self.stream, flush=True)

    def advance(self, amount: int, piece: str, kind: str = "", seconds: float | None = None) -> None:
        """So much of a piece's work of a kind is behind us; it took `seconds`, or else what has passed since the last such call."""
        with self._lock:
            now = time.perf_counter()
            passed = seconds if seconds is not None else now - self.last if self.last else None
            self.last = now
            self._count(amount, piece, kind)
            if passed is not None:
                before = self.spent.get(kind, (0.0, 0.0))
                self.spent[kind] = before[0] + passed, before[1] + amount
            self._passing(self.line(piece))

    def skip(self, amount: int, piece: str, kind: str = "") -> None:
        """So much of a piece's work was done in an earlier process."""
        with self._lock:
            self._count(amount, piece, kind)
            if kind != EVALUATION:
                self.done, self.total = self.done - amount, max(self.total - amount, 1)

    def _count(self, amount: int, piece: str, kind: str) -> None:
        amounts = self.left.get(piece, self.left.get("", {}))
        amounts[kind] = max(amounts.get(kind, 0) - amount, 0)
        self.done += amount * (kind != EVALUATION)

    def time_left(self) -> float | None:
        """Seconds, None before it can be known: before every kind of work that is left has been measured.

        No less than the longest piece takes, as one piece is never shared.
        """
        kinds = {kind for amounts in self.left.values() for kind, amount in amounts.items() if amount}
        if not all(self.spent.get(kind, (0, 0))[1] for kind in kinds):
            return None
        pace = {kind: seconds / amount for kind, (seconds, amount) in self.spent.items() if amount}
        each = [sum(n * pace[kind] for kind, n in amounts.items() if n) for amounts in self.left.values()]
        return max(sum(each) / self.workers, max(each, default=0.0))

    def line(self, label: str) -> str:
        """The line for now."""
        seconds, left = time.perf_counter() - self.started, self.time_left()
        share = min(self.done / self.total, 1.0)
        speed = f"{self.done / max(seconds, 1e-9) / 1e6:.2f}M steps/s"
        return f"{share:4.0%}  {label}  {speed}" + (f"  {clock(left)} left" if left is not None else "")


class Silent(Progress):
    """Says nothing."""

    def __init__(self):
        super().__init__(1)

    def note(self, text):
        del text

    stage = note

    def advance(self, amount, piece, kind="", seconds=None):
        del amount, piece, kind, seconds


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, seconds = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
