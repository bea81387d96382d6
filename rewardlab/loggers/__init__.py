"""Where a run is logged while it goes on, one place per file: a file that defines `logger` is one.

    with rewardlab.loggers.opened(["csv", "wandb"], "runs/coinrun") as log:
        rewardlab.run(rewardlab.load("coinrun"), "runs/coinrun", callback=log)

A logger is told every `running.chunks.Moment`: between two chunks of about 2 s, and after every evaluation. What it writes lies
in `logs/` of the run's directory, but for wandb's. A run that goes on after an interruption is logged from its newest checkpoint
on, so some moments are logged twice, with equal numbers.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TextIO

import numpy as np

from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, StorageError, show
from rewardlab.inputs.files import cannot_write

if TYPE_CHECKING:
    from rewardlab.running.chunks import Moment

FAMILY = registry.Family("logger", "rewardlab.loggers", "logger")
FOLDER = "logs"


class Sink(Protocol):
    """What a logger has opened."""

    def write(self, moment: Moment) -> None:
        """Logs a moment, so that who looks sees it at once."""

    def close(self) -> None:
        """Ends the log; nothing is written afterwards."""


class Logger(NamedTuple):
    """A place to log to.

    open: (directory, name of the process, "" where there is one) -> Sink. The directory is that of the run's logs; the run's own
        is above it, with its config.json.
    needs: the module that it imports and that RewardLab does not install; "" where there is none.
    extra: of RewardLab's, the one that installs it.
    """

    open: Callable[[Path, str], Sink]
    needs: str = ""
    extra: str = ""


def names() -> tuple[str, ...]:
    """Names of the loggers that come with the package."""
    return tuple(FAMILY.names())


def load(name_or_path: str | Path) -> Logger:
    """A logger: by name, or from the user's own file, which has to define `logger`. Raises InputError, also where the module that
    it needs can't be imported.
    """
    found = FAMILY.load(name_or_path)
    if not isinstance(found, Logger):
        raise InputError(f"`logger` in {show(str(name_or_path))} is {show(found)}; allowed: a rewardlab.loggers.Logger")
    if found.needs:
        try:
            importlib.import_module(found.needs)
        except Exception as error:  # some do not go with a version of what they need, and raise anything
            how = f'pip install "rewardlab[{found.extra}]"' if found.extra else f"pip install {found.needs}"
            others = ", ".join(name for name in ("csv", "jsonl") if name != str(name_or_path))
            raise InputError(
                f"logger {show(str(name_or_path))} needs {found.needs}, which can't be imported ({error}); allowed: {how}, "
                f"or another logger, as {others}"
            ) from error
    return found


class Opened:
    """A callback for `rewardlab.run` that tells several loggers, which are opened when they are first told something."""

    def __init__(self, found: list[Logger], out: Path, process: str):
        self._found, self._out, self._process = found, out, process
        self._sinks: list[Sink] | None = None
        self._lock = threading.Lock()

    def __call__(self, moment: Moment) -> None:
        with self._lock:
            try:
                if self._sinks is None:
                    folder = self._out / FOLDER
                    folder.mkdir(parents=True, exist_ok=True)
                    self._sinks = []
                    for logger in self._found:
                        self._sinks.append(logger.open(folder, self._process))
                for sink in self._sinks:
                    sink.write(moment)
            except OSError as error:
                raise cannot_write(self._out / FOLDER, error, StorageError) from error
            except Exception as error:  # a service's own: nobody is logged in, it is not reached
                said = show(f"{type(error).__name__}: {error}", 300)
                raise StorageError(
                    f"the run can't be logged: {said}; without --log, the same command goes on"
                ) from error

    def close(self) -> None:
        try:
            with contextlib.ExitStack() as stack:
                for sink in self._sinks or ():
                    stack.callback(sink.close)
        except OSError as error:
            raise cannot_write(self._out / FOLDER, error, StorageError) from error
        finally:
            self._sinks = None


@contextlib.contextmanager
def opened(given: Iterable[str | Path], out: str | Path, process: str = "") -> Iterator[Opened | None]:
    """A callback that logs a run to these loggers while entered; None where none are given.

    given: names of loggers, or paths of files that define one. out: the run's directory. process: names the logs of one of several
    processes. Raises InputError at once for a logger that is not there, is given twice, or lacks what it needs.
    """
    given = [given] if isinstance(given, (str, Path)) else list(given)
    for name in given:
        if given.count(name) > 1:
            raise InputError(f"logger {show(str(name))} is given twice; allowed: once")
    if not given:
        yield None
        return
    log = Opened([load(name) for name in given], Path(out).expanduser(), process)
    try:
        yield log
    finally:
        log.close()


def numbers(moment: Moment) -> dict[str, np.ndarray]:
    """A moment's numbers of each of its seeds, {name: float64[seeds]}: what the rule said, and what an evaluation measured.

    Names are paths, as "log/loss", "return/held-out" and "outcome_share/held-out/coin" are.
    """
    found = {f"log/{name}": np.asarray(values, np.float64) for name, values in moment.log.items()}
    for array, values in moment.measured.items():
        own = moment.names.get(array) or tuple(map(_counted, values.shape[1:]))
        for at, along in enumerate(itertools.product(*own)):
            path = "/".join((array, *along))
            found[path] = values.reshape(len(values), -1)[:, at].astype(np.float64)
    return {name: values for name, values in found.items() if name != "steps"}


def _counted(length: int) -> tuple[str, ...]:
    return tuple(map(str, range(length)))


def means(moment: Moment) -> dict[str, float]:
    """The same, in the mean over the moment's seeds, of those that have a finite number; names without any are left out."""
    kept = {name: values[np.isfinite(values)] for name, values in numbers(moment).items()}
    return {name: float(values.mean()) for name, values in kept.items() if values.size}


def series(moment: Moment) -> str:
    """A name for the seeds of a moment: "ppo/end/0-31"."""
    return f"{moment.rule}/{moment.condition}/{moment.seeds[0]}-{moment.seeds[-1]}"


def appended(file: Path) -> TextIO:
    """A log that is one file, opened to be gone on with. A last line that was cut off, by a kill say, stays a line of its own."""
    with contextlib.suppress(FileNotFoundError), open(file, "rb") as there:
        there.seek(0, os.SEEK_END)
        whole = there.tell() == 0 or (there.seek(-1, os.SEEK_END) >= 0 and there.read() == b"\n")
        if not whole:
            with open(file, "ab") as log:
                log.write(b"\n")
    return open(file, "a", encoding="utf-8", newline="")


def file_name(process: str, ending: str) -> str:
    """The name of a log that is one file."""
    return f"log{'-' * bool(process)}{process}{ending}"
