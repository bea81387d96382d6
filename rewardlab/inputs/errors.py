"""One-line messages for bad input: what was given, what is allowed, the nearest valid name."""

from __future__ import annotations

import contextlib
import difflib
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path


class InputError(ValueError):
    """What the user gave can't be used. The message is one line, for the user; the command line exits with `code`."""

    code = 2

    def __init__(self, message: str):
        super().__init__(one_line(message))


class StorageError(InputError):
    """What was right can't be written: the disk is full, or the directory has gone. What was there before still is."""

    code = 1


def one_line(text: object, limit: int = 2000) -> str:
    """`text` with control characters escaped and its length bounded: hostile input can't break out of the line."""
    line = _escaped(str(text))
    return line if len(line) <= limit else line[: limit - 3] + "..."


def visible(text: object) -> str:
    """`text` with what is not printable escaped, its line ends apart: nothing in it steers a terminal or turns letters round."""
    text = str(text)
    return text if text.isprintable() else "\n".join(map(_escaped, text.split("\n")))


def _escaped(line: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


def show(value: object, limit: int = 120) -> str:
    """`value` as a message quotes it."""
    try:
        text = repr(value)
    except Exception:  # a user's object whose own repr is broken must not hide the message about it
        text = f"<{type(value).__name__}>"
    return one_line(text, limit)


def one_word(name: str) -> str:
    """A name as flags of the command line know it, in which -, _ and blanks are the same."""
    return name.replace("-", "_").replace(" ", "_")


def nearest(given: object, allowed: Iterable[str]) -> str | None:
    """The allowed name closest to the given one, or None when none is close."""
    names = {one_word(name).lower(): name for name in sorted(allowed, reverse=True)[-1000:]}
    text = given if isinstance(given, str) else show(given)
    match = difflib.get_close_matches(one_word(text[:200]).lower(), names, n=1, cutoff=0.5)
    return names[match[0]] if match else None


def unknown(kind: str, given: object, allowed: Iterable[str], hint: str = "", near: Iterable[str] = ()) -> InputError:
    """No `kind` has the given name: lists the names that exist and suggests the nearest one, of those or of `near`."""
    allowed = sorted(allowed)
    close = nearest(given, {*allowed, *near})
    question = f"; did you mean {close!r}?" if close else "."
    listing = ", ".join(allowed) if allowed else "none"
    return InputError(f"unknown {kind} {show(given)}{question} Allowed: {listing}{'; ' + hint if hint else ''}")


def wrong_type(field: str, given: object, allowed: str) -> InputError:
    """`field` holds a value of another type than `allowed` says."""
    return InputError(f"{field} = {show(given)} is {_kind(given)}; allowed: {allowed}")


def out_of_range(field: str, given: object, allowed: str) -> InputError:
    """`field` holds a value outside of what `allowed` says."""
    return InputError(f"{field} = {show(given)} is out of range; allowed: {allowed}")


def _kind(value: object) -> str:
    name = "None" if value is None else type(value).__name__
    return name if value is None else f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def returned(what: str, given: str, expected: str) -> InputError:
    """A user's function gave something else than it has to."""
    return InputError(f"{what} {given}; expected: {expected}")


@contextlib.contextmanager
def calling(what: str) -> Iterator[None]:
    """Says in one line what a user's function raised, and at which line of the user's file. what: "step_env of Bowl"."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        said = next(iter(str(error).strip().splitlines()), "")
        raise InputError(f"{what} raised {type(error).__name__}{_place(error)}{f': {said}' if said else ''}") from error


def _place(error: Exception) -> str:
    """The last line of a user's file that an error came through: " in bowl.py, line 7"; "" where there is none."""
    package, users = str(Path(__file__).parent.parent), []
    for frame in traceback.extract_tb(error.__traceback__):
        if not (frame.filename.startswith((package, "<")) or "site-packages" in frame.filename):
            users.append(frame)
    return f" in {show(Path(users[-1].filename).name)[1:-1]}, line {users[-1].lineno}" if users else ""
