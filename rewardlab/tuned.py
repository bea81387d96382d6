"""Tuned hyperparameters as files: tuned/<name>.json beside a config, with how they were found.

A config reads its own: `rules.make("ppo", epochs=2, **tuned.settings("coinrun")["ppo"])`.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from rewardlab.experiment import Experiment, config
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, one_line, show
from rewardlab.inputs.fields import fits
from rewardlab.rundir import store

FORMAT = 1
FOLDER = "tuned"


def settings(name_or_path: str | Path) -> dict[str, dict[str, float]]:
    """{rule: arguments for `rules.make`} that tuning chose: by a config's name, or from a .json file. Raises InputError."""
    path = Path(name_or_path)
    return read(path if path.suffix == ".json" else config.folder() / FOLDER / f"{name_or_path}.json")["settings"]


def read(path: str | Path) -> dict[str, Any]:
    """All that a file of tuned settings holds. Raises InputError that names the file when it is missing or damaged."""
    try:
        path = Path(registry.located(path))
        there = path.is_file()
    except (OSError, ValueError):
        there = False
    if not there:
        raise InputError(f"no tuned settings at {show(str(path))}; `rewardlab tune CONFIG --budget N` finds them")
    plain = store.read_sealed(Path(path))
    if plain.get("format") != FORMAT or not fits(plain.get("settings"), dict[str, dict[str, float]]):
        raise InputError(f"{show(str(path))} holds no tuned settings that this version reads; allowed: format {FORMAT}")
    return plain


def write(path: Path, plain: dict[str, Any]) -> dict[str, Any]:
    """Writes a file of tuned settings, whole or not at all, and reads it back."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(path, error.strerror) from error
    store.write(path.parent, path.name, store.sealed({"format": FORMAT} | plain))
    return read(path)


def place(given: str | Path | Experiment, experiment: Experiment) -> Path:
    """Where the settings of an experiment go by default: beside the config or file that it was loaded from."""
    by_name = experiment.name if isinstance(given, Experiment) else str(given)
    if by_name in config.names():
        folder = config.folder()
    else:
        folder = Path() if isinstance(given, Experiment) else Path(os.path.expanduser(given)).parent
    return folder / FOLDER / f"{experiment.name}.json"


def check_out(path: str | Path) -> Path:
    """The path, if a new file can be written there. Raises InputError, and writes nothing."""
    if not isinstance(path, (str, Path)) or not str(path).isprintable() or Path(path).suffix != ".json":
        raise InputError(f"out = {show(path)}; allowed: the path of a new .json file")
    try:
        path = Path(path).expanduser()
        if os.path.lexists(path):
            raise _refused(path, "it is there already")
        folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise _refused(path, os.strerror(errno.EACCES if folder.is_dir() else errno.ENOTDIR))
        os.stat(path)  # finds names that no file can have
    except FileNotFoundError:
        return Path(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: the home of nobody
        raise _refused(path, getattr(error, "strerror", None) or error) from error
    return path


def _refused(path: str | Path, reason: object) -> InputError:
    return InputError(f"can't write to {show(str(path))}: {one_line(reason)}; allowed: --out with a new .json file")
