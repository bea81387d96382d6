"""One writer: a run directory belongs to the process whose lease is the newest, for as long as that process lives.

Leases of one name are numbered files, `.lease-NAME.NUMBER`. Taking one is creating the next number, which of many
processes at once exactly one can (a hard link, or an exclusive creation: atomic on network file systems, too). Numbers never
go back: a released lease stays as a file that says so, and a process that was slow to take over what was stale in the
meantime finds a higher number and lets go. The holder touches its lease every few seconds.

A lease is stale when its process is gone, as seen from the same host, or when it was last touched too long ago, as seen from
another, by the clock of the file system.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import threading
import time
from pathlib import Path
from typing import Any

from rewardlab.inputs.errors import InputError, StorageError, show
from rewardlab.inputs.fields import expect
from rewardlab.inputs.files import claim, read_sealed, sealed, write
from rewardlab.rundir.stopping import Stop

# What a lease says that is held, and of which types that is.
SAID = {
    "process": {"host": str, "place": str, "pid": int, "kernel_start": str},
    "started": float,
    "token": str,
    "count": int,
}
HEARTBEAT, STALE = 5.0, 60.0  # seconds between two touches, and without one, as seen from another host
_held_here: set[str] = (
    set()
)  # tokens of this process's leases; where a disk is full, a file can't say that one was released


class Held(InputError):
    """Another process has the lease."""

    def __init__(self, path: Path, holder: str, hint: str):
        super().__init__(
            f"{show(str(path))} is being written by {holder}; allowed: another --out, or wait for it{hint}"
        )
        self.holder = holder


class Lease:
    """Held while entered. Raises Held if another process holds it.

    name: of the lease; processes that share a directory have one each, `count` of them. A lease that is lost, since the
    directory is gone or someone took this process for dead, requests `stop`.
    """

    def __init__(self, path: Path, name: str, count: int = 1, stop: Stop | None = None):
        self.path, self.name, self.count, self.stop = Path(path), name, count, stop or Stop()
        self.file: Path | None = None
        self._token = ""
        self._done = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Lease:
        self.take()
        self._heart.start()
        return self

    def __exit__(self, *problem) -> None:
        self._done.set()
        self._heart.join()
        self.release()

    def take(self) -> None:
        """Takes the lease. Raises Held, or StorageError where nothing can be written."""
        self._refuse_another_division()
        held = numbers(self.path, self.name)
        number = held[-1] if held else 0
        if number:
            reason = alive(self.path, self._file(number))
            if reason:
                raise self._held(number, reason)
        about: dict[str, Any] = {
            "process": me(),
            "started": time.time(),
            "token": secrets.token_hex(8),
            "count": self.count,
        }
        if not claim(self.path, self._file(number + 1).name, sealed(about)):
            raise self._held(number + 1, "")
        newest = numbers(self.path, self.name)[-1]
        self.file = self._file(number + 1)
        if newest > number + 1:  # it was slow: others came and went
            self.file.unlink(missing_ok=True)
            self.file = None
            raise self._held(newest, "")
        self._token = about["token"]
        _held_here.add(self._token)
        for old in held:
            self._file(old).unlink(missing_ok=True)

    def release(self) -> None:
        """Says in the file that nobody holds it."""
        if self.file is not None and self.mine():
            with contextlib.suppress(InputError):
                write(self.path, self.file.name, sealed({"released": True}))
        self.file = None
        _held_here.discard(self._token)

    def mine(self) -> bool:
        """Whether the lease is still this process's."""
        return self.file is not None and numbers(self.path, self.name)[-1:] == [int(self.file.suffix[1:])]

    def _beat(self) -> None:
        while not self._done.wait(HEARTBEAT):
            try:
                assert self.file is not None  # as long as the heart beats
                os.utime(self.file)
                lost = not self.mine()
            except OSError:
                lost = True
            if lost and not self._done.is_set():
                self.stop.request(f"the lease {show(str(self.file))} is lost")
                return

    def _file(self, number: int) -> Path:
        return self.path / f".lease-{self.name}.{number:06d}"

    def _held(self, number: int, hint: str) -> Held:
        return Held(self.path, holder(self._file(number)), hint)

    def _refuse_another_division(self) -> None:
        """Processes that divide the work otherwise would do each other's."""
        if not self.name.isdecimal():
            return
        for file in sorted(self.path.glob(".lease-*.*")):
            name = file.name.removeprefix(".lease-").split(".")[0]
            if name.isdecimal() and name != self.name:
                count = _about(file).get("count", self.count)
                if count != self.count and alive(self.path, file):
                    raise Held(self.path, f"{holder(file)}, one of {count} processes", "")


def numbers(path: Path, name: str) -> list[int]:
    """The numbers of the leases of a name, in order."""
    start = f".lease-{name}."
    return sorted(int(f[len(start) :]) for f in os.listdir(path) if f.startswith(start) and f[len(start) :].isdecimal())


def me() -> dict[str, Any]:
    """This process: its host, what tells the host's boots and containers apart, its id, and when the kernel started it."""
    return {"host": platform.node(), "place": _place(), "pid": os.getpid(), "kernel_start": _kernel_start(os.getpid())}


def holder(file: Path) -> str:
    """ "process 123 on host, since 12:01:02", as a message says it."""
    about = _about(file)
    if "process" not in about:
        return "another process"
    try:
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(about["started"]))
    except (OSError, OverflowError, ValueError):  # a time that no clock shows
        started = "?"
    return f"process {about['process']['pid']} on {about['process']['host']}, since {started}"


def alive(path: Path, file: Path) -> str:
    """ "" where a lease is released or stale; else what to do about it, as the end of a message."""
    about = _about(file)
    if about.get("released"):
        return ""
    process = about.get("process")
    if process and process["place"] == _place() and process["host"] == platform.node():
        if process["pid"] == os.getpid():
            return " (it is this process)" if about.get("token") in _held_here else ""
        start = _kernel_start(process["pid"])
        return f" (kill {process['pid']} ends it)" if start and start == process["kernel_start"] else ""
    age = _now(path) - _touched(file)
    return f"; if it is dead, its lease ends in {STALE - age:.0f} s" if age < STALE else ""


def _about(file: Path) -> dict[str, Any]:
    """What a lease says; a damaged one says nothing, and ends by its age."""
    try:
        about = read_sealed(file)
        return about if about.get("released") else expect(about, "the lease", SAID)
    except InputError:
        return {}


def _touched(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _now(path: Path) -> float:
    """The time of the file system, which may be another host's."""
    probe = path / f".now.{secrets.token_hex(4)}.part"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError as error:
        raise StorageError(f"can't write to {show(str(path))}: {error.strerror}") from error
    finally:
        probe.unlink(missing_ok=True)


def _place() -> str:
    """Within one place, process ids mean the same: one boot of one kernel, one container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()


def _kernel_start(pid: int) -> str:
    """When a process started, in the kernel's count: a number used again is another process. "" for none."""
    if not 0 < pid < 2**31:  # of no process; the kernel takes some of them for groups
        return ""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else rest[18]
    except (OSError, IndexError, ValueError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        return "unknown"
    return "" if Path("/proc/self/stat").exists() else "unknown"
