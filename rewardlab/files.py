"""Single files: written whole or not at all, and JSON that carries its own digest."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from rewardlab.config import read_json, read_text
from rewardlab.errors import InputError, StorageError, show

# What file systems without hard links answer.
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


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
