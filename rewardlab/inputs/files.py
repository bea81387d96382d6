"""Single files: written whole or not at all, read within bounds, and JSON that carries its own digest.

Whatever is read of a run directory is read by `opened` or by what calls it. A file may come from anyone: nothing waits for a
FIFO or a device, and nothing is read that is larger than what RewardLab writes.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import itertools
import json
import math
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from rewardlab.inputs.errors import InputError, StorageError, show

# What file systems without hard links answer.
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
TEXT, BINARY = 2**23, 2**28  # bytes of the largest text, and of the largest other file, that is read
DEEPEST, MANY = 32, 2**18  # levels of objects and lists in JSON, and the most of them: each takes a hundred bytes
KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a link",
}


def write(path: Path, name: str, content: bytes) -> None:
    """Writes one file of a directory, whole or not at all: to a new file, to the disk, then renamed."""
    _place(Path(path), name, content, os.replace)


def claim(path: Path, name: str, content: bytes) -> bool:
    """Writes one file as `write` does if there is none of that name. Whether it did: of many at once, one does."""
    try:
        _place(Path(path), name, content, _link)
    except FileExistsError:
        return False
    return True


def _place(path: Path, name: str, content: bytes, put) -> None:
    new = path / f".{name}.{secrets.token_hex(4)}.part"
    try:
        with open(new, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        put(new, path / name)
        sync(path)
    except FileExistsError:
        raise
    except OSError as error:
        raise cannot_write(path / name, error, StorageError) from error
    finally:
        with contextlib.suppress(OSError):
            new.unlink()


def _link(new: Path, name: Path) -> None:
    """A second name for a file, which fails where the name is taken: atomic on network file systems, too."""
    try:
        os.link(new, name)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        with open(name, "xb") as file:
            file.write(new.read_bytes())
            file.flush()
            os.fsync(file.fileno())


def sync(directory: Path) -> None:
    """Has the disk keep what was created, renamed and removed in a directory."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def kind(mode: int) -> str:
    """What a thing in a directory is, by its mode, or "" for a regular file."""
    return "" if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "something else")


@contextlib.contextmanager
def opened(file: str | os.PathLike, most: int = BINARY) -> Iterator[BinaryIO]:
    """A regular file, open for reading. Raises InputError for anything else, and for more than `most` bytes."""
    where = show(os.fspath(file))
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise InputError(f"can't read {where}: {getattr(error, 'strerror', None) or error}") from error
    try:
        about = os.fstat(handle)
        if other := kind(about.st_mode):
            raise InputError(f"can't read {where}: it is {other}; allowed: a file")
        if about.st_size > most:
            raise InputError(f"{where} has {about.st_size:,} bytes; allowed: at most {most:,}")
        with open(handle, "rb", closefd=False) as stream:
            yield stream
    finally:
        os.close(handle)


def read_bytes(file: str | os.PathLike, most: int = BINARY) -> bytes:
    """A regular file's bytes. Raises InputError as `opened` does, and where reading fails."""
    with opened(file, most) as stream:
        try:
            return stream.read()
        except OSError as error:
            raise InputError(f"can't read {show(os.fspath(file))}: {error.strerror or error}") from error


def read_text(file: str | os.PathLike) -> str:
    """A regular file's text. Raises InputError that names the file when it is missing, unreadable, too large or no text."""
    try:
        return io.TextIOWrapper(io.BytesIO(read_bytes(file, TEXT)), encoding="utf-8").read()
    except UnicodeError as error:
        raise InputError(f"can't read {show(os.fspath(file))}: it is no UTF-8 text") from error


def read_json(text: str, where: str) -> Any:
    """JSON without NaN, infinities, repeated names and deep nesting. Raises InputError that names `where`."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        plain = dict(pairs)
        if len(plain) < len(pairs):
            seen: set[str] = set()
            for twice, _ in pairs:
                if twice in seen:
                    break
                seen.add(twice)
            raise ValueError(f"{show(twice)} occurs twice in one object; allowed: once")
        return plain

    try:
        if len(text) > TEXT:
            raise ValueError(f"it has {len(text):,} characters; allowed: at most {TEXT:,}")
        if text.count("[") + text.count("{") > MANY:
            raise ValueError(f"it has more objects and lists than {MANY:,}")
        plain = json.loads(text, object_pairs_hook=unique)
        level, depth = [plain], 0
        while level:
            if depth > DEEPEST:
                raise ValueError(f"it is nested too deep; allowed: {DEEPEST} levels")
            if any(isinstance(value, float) and not math.isfinite(value) for value in level):
                name, value = next(_endless(plain))
                raise ValueError(f"{name} = {value}; allowed: a finite number")
            inside = [x.values() if isinstance(x, dict) else x for x in level if isinstance(x, (dict, list))]
            level, depth = list(itertools.chain.from_iterable(inside)), depth + 1
        return plain
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is damaged or no JSON: {error}") from error


def _endless(plain: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, float]]:
    """(dotted path, number) of every number in a JSON value that is not finite."""
    if isinstance(plain, float) and not math.isfinite(plain):
        yield ".".join(path), plain
    for name, value in (
        plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    ):
        yield from _endless(value, (*path, str(name)))


def sealed(plain: dict[str, Any]) -> bytes:
    """JSON with its own digest."""
    plain = {name: value for name, value in plain.items() if name != "sha256"}
    return (json.dumps(plain | {"sha256": _seal(plain)}, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_sealed(file: Path) -> dict[str, Any]:
    """What `sealed` made, read back. Raises InputError that names the file when it is missing, damaged or changed."""
    return unsealed(read_text(file), show(str(file)))


def unsealed(text: str, where: str) -> dict[str, Any]:
    """What `sealed` made, from its text. Raises InputError that says `where` when it is damaged."""
    plain = read_json(text, where)
    if not isinstance(plain, dict) or plain.pop("sha256", None) != _seal(plain):
        raise InputError(f"{where} is damaged or was changed: its content does not match its digest")
    return plain


def _seal(plain: dict[str, Any]) -> str:
    return sha256(json.dumps(plain, sort_keys=True, allow_nan=False).encode())


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def cannot_write(path: Path, error: OSError, kind: type[InputError] = InputError) -> InputError:
    """The message about what could not be written."""
    return kind(
        f"can't write to {show(str(path))}: {error.strerror or error}; allowed: a directory that can be written (--out)"
    )
