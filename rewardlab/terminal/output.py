"""Standard output and error, whatever stands at their other end.

Text that they can't encode is replaced, character by character. Where the reader has left (`| head -1`) or the terminal was
closed, what is still to be printed is dropped, and the command goes on to its end: its exit code says how that went. What is
said on standard error never ends anything; standard output on a full disk is a failure.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import Any, TextIO

GONE = (errno.EPIPE, errno.EIO)  # of a pipe that nobody reads any more, of a terminal that was closed


class _Lenient(io.FileIO):
    """A file descriptor that drops what it can't write: for these reasons, or with None for any."""

    def __init__(self, number: int, reasons: tuple[int, ...] | None):
        super().__init__(number, "w", closefd=False)
        self._reasons = reasons

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if self._reasons is not None and error.errno not in self._reasons:
                raise
            return len(data)


@contextlib.contextmanager
def lenient():
    """While entered, `sys.stdout` and `sys.stderr` are as said above; those that a program has replaced stay as they are."""
    before = sys.stdout, sys.stderr
    for number in range(3):
        _occupy(number)
    sys.stdout = _opened(sys.stdout, 1, "replace", GONE)
    sys.stderr = _opened(sys.stderr, 2, "backslashreplace", None)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        sys.stdout, sys.stderr = before


def _occupy(number: int) -> None:
    """Opens a standard descriptor that was closed, onto nothing: else the next file would get its number, and be printed into."""
    try:
        os.fstat(number)
    except OSError:
        nothing = os.open(os.devnull, os.O_RDWR)
        if nothing != number:
            os.dup2(nothing, number)
            os.close(nothing)


def _opened(stream: TextIO | None, number: int, errors: str, reasons: tuple[int, ...] | None) -> Any:
    try:
        if stream is not None and stream.fileno() != number:
            return stream
    except (OSError, ValueError, AttributeError):
        return stream
    if stream is not None:
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Lenient(number, reasons)),
        encoding=stream.encoding if stream else "utf-8",
        errors=errors,
        line_buffering=number == 2 or os.isatty(number),
    )
