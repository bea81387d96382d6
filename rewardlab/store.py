"""Run directories: written whole or not at all, and every damage named.

config.json       the experiment, complete: `rewardlab run config.json` repeats the run
environment.json  versions, devices, flags, and the digest of config.json
results.nc        labelled arrays with every seed, and the digest of their content
summary.json      figures and verdicts, made from the results
"""

from __future__ import annotations

import errno
import functools
import gc
import hashlib
import io
import json
import os
import platform
import secrets
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from rewardlab.config import from_json, read_json, read_text, to_json
from rewardlab.errors import InputError, show
from rewardlab.experiment import Experiment

CONFIG, ENVIRONMENT, RESULTS, SUMMARY = "config.json", "environment.json", "results.nc", "summary.json"
PACKAGES = ("rewardlab", "jax", "jaxlib", "flax", "optax", "chex", "gymnax", "numpy", "scipy", "xarray", "h5netcdf")
FLAGS = ("XLA_FLAGS", "JAX_PLATFORMS", "LIBTPU_INIT_ARGS", "CUDA_VISIBLE_DEVICES")
JAX_FLAGS = ("jax_default_prng_impl", "jax_threefry_partitionable", "jax_enable_x64", "jax_default_matmul_precision",
             "jax_numpy_dtype_promotion", "jax_debug_nans", "jax_disable_jit")  # fmt: skip


class Run:
    """A run directory. Its files are read when first asked for; InputError names the one that is missing or damaged."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def finished(self) -> bool:
        """Whether the results are there: everything else can be made from them."""
        return (self.path / RESULTS).is_file()

    @functools.cached_property
    def results(self) -> Any:
        """Labelled arrays with every seed: an xarray Dataset."""
        return read_results(self.path)

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        """Figures and verdicts."""
        return read_sealed(self.path / SUMMARY)

    @functools.cached_property
    def environment(self) -> dict[str, Any]:
        """Versions, devices and flags of the run."""
        return read_sealed(self.path / ENVIRONMENT)

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """The experiment as plain data; runs nothing."""
        text = read_text(self.path / CONFIG)
        if (self.path / ENVIRONMENT).exists() and self.environment.get("config_sha256") != _sha256(text.encode()):
            raise InputError(
                f"{self.path / CONFIG} is damaged or was changed: it is not the one that this run started with"
            )
        return read_json(text, str(self.path / CONFIG))

    @functools.cached_property
    def experiment(self) -> Experiment:
        """The experiment. Worlds and rules in a user's Python file are refused: reading a run never runs files."""
        return from_json(json.dumps(self.config), where=str(self.path / CONFIG))


def open_run(directory: str | Path) -> Run:
    """An existing run directory. Raises InputError when there is none."""
    path = _stays_inside(_directory(directory))
    try:
        there = (path / CONFIG).is_file()
    except OSError:  # a name that no file can have
        there = False
    if not there:
        raise InputError(f"{show(str(directory))} is no run directory: it has no {CONFIG}")
    return Run(path)


def check_out(out: str | Path | None, experiment: Experiment) -> Path:
    """The directory that a run would use: `runs/<name>` by default. Writes nothing.

    Raises InputError where another run or other files are, or nothing can be written.
    """
    path = _stays_inside(_directory(out if out is not None else Path("runs") / experiment.name))
    try:
        present = sorted(os.listdir(path)) if path.exists() else []
    except OSError as error:
        raise _cannot_write(path, error) from error
    if CONFIG in present:
        old, new = read_text(path / CONFIG), to_json(experiment)
        if old != new:
            raise InputError(
                f"{show(str(path))} holds another run{_difference(old, new)}; "
                "allowed: --out with another directory, or remove that one"
            )
    elif any(not name.startswith(".") for name in present):
        raise InputError(
            f"{show(str(path))} is no run directory and not empty; allowed: --out with a new or empty directory"
        )
    nearest = next(parent for parent in (path, *path.absolute().parents) if os.path.lexists(parent))
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise _cannot_write(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    return path


def create(out: str | Path | None, experiment: Experiment) -> Run:
    """The directory to run an experiment in, made with its config.json; one of the same experiment is used again.

    Raises InputError as `check_out` does and where nothing can be written, and then leaves nothing behind.
    """
    path = check_out(out, experiment)
    made = [parent for parent in (path, *path.parents) if not parent.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        write(path, CONFIG, to_json(experiment).encode())
    except (OSError, InputError) as error:
        for parent in made:
            if parent.is_dir():
                parent.rmdir()
        raise error if isinstance(error, InputError) else _cannot_write(path, error) from error
    return Run(path)


def write(path: Path, name: str, content: bytes) -> None:
    """Writes one file of a run directory, whole or not at all: to a new file, to the disk, then renamed."""
    new = Path(path) / f".{name}.{secrets.token_hex(4)}.part"
    try:
        with open(new, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, Path(path) / name)
        _sync(Path(path))
    except OSError as error:
        new.unlink(missing_ok=True)
        raise _cannot_write(Path(path) / name, error) from error


def write_environment(path: Path, experiment: Experiment) -> None:
    """Records what the run computes with. Starts jax's backends."""
    plain = environment() | {"width": experiment.width, "config_sha256": _sha256(to_json(experiment).encode())}
    write(path, ENVIRONMENT, sealed(plain))


def environment() -> dict[str, Any]:
    """What this process computes with: versions, devices, flags. Starts jax's backends."""
    import jax

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in PACKAGES},
        "backend": jax.default_backend(),
        "devices": [f"{device.platform} {device.device_kind}" for device in jax.devices()],
        "processes": jax.process_count(),
        "flags": {name: os.environ[name] for name in FLAGS if name in os.environ},
        "jax_flags": {name: getattr(jax.config, name) for name in JAX_FLAGS if hasattr(jax.config, name)},
    }


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """Writes summary.json, with its digest."""
    write(path, SUMMARY, sealed(summary))


def write_results(path: Path, results: Any) -> None:
    """Writes an xarray Dataset as results.nc, with the digest of its content, and reads it back to check it."""
    content = io.BytesIO()
    results.assign_attrs(sha256=digest(results)).to_netcdf(content, engine="h5netcdf")
    write(path, RESULTS, content.getvalue())
    read_results(path)


def read_results(path: Path) -> Any:
    """The results as an xarray Dataset, in memory. Raises InputError when missing or not as written."""
    file = Path(path) / RESULTS
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"can't read {show(str(file))}: {error.strerror}") from error
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None  # h5netcdf complains of each file that it can't open
    try:
        results, problem = _parse(content)
        if problem:
            gc.collect(1)  # the young ones, of which it is one
    finally:
        sys.unraisablehook = hook
    if problem:
        raise InputError(f"{show(str(file))} is damaged: {problem}")
    return results


def _parse(content: bytes) -> tuple[Any, str]:
    """(Dataset, "") or (None, what is wrong with it)."""
    import xarray

    try:
        with xarray.open_dataset(io.BytesIO(content), engine="h5netcdf") as dataset:
            results = dataset.load()
        intact = results.attrs.pop("sha256", None) == digest(results)
    except Exception as error:  # a damaged file fails anywhere inside of the HDF5 reader
        return None, f"{type(error).__name__} while reading it"
    return (results, "") if intact else (None, "its content does not match its digest")


def digest(results: Any) -> str:
    """SHA-256 over a Dataset's names, dimensions, types, values and attributes: the same before and after a file."""
    import numpy as np

    total = hashlib.sha256()
    for name in sorted(map(str, results.variables)):
        variable = results[name]
        values = np.asarray(variable.values)
        if values.dtype.kind in "OUST":  # texts come back from a file as objects
            kind, content = "text", json.dumps([str(value) for value in values.ravel()]).encode()
        else:
            kind, content = (
                values.dtype.newbyteorder("<").str,
                np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes(),
            )
        total.update(json.dumps([name, list(map(str, variable.dims)), list(values.shape), kind]).encode())
        total.update(hashlib.sha256(content).digest())
    attributes = {str(name): _plain(value) for name, value in results.attrs.items() if name != "sha256"}
    total.update(json.dumps(attributes, sort_keys=True).encode())
    return total.hexdigest()


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def sealed(plain: dict[str, Any]) -> bytes:
    """JSON with its own digest."""
    plain = {name: value for name, value in plain.items() if name != "sha256"}
    return (json.dumps(plain | {"sha256": _seal(plain)}, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _seal(plain: dict[str, Any]) -> str:
    return _sha256(json.dumps(plain, sort_keys=True, allow_nan=False).encode())


def read_sealed(file: Path) -> dict[str, Any]:
    """What `sealed` made, read back. Raises InputError that names the file when it is missing, damaged or changed."""
    plain = read_json(read_text(file), show(str(file)))
    if not isinstance(plain, dict) or plain.pop("sha256", None) != _seal(plain):
        raise InputError(f"{show(str(file))} is damaged or was changed: its content does not match its digest")
    return plain


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _directory(given: str | Path) -> Path:
    text = os.fspath(given) if isinstance(given, (str, Path)) else ""
    if not text or not text.isprintable():
        raise InputError(f"directory = {show(given)}; allowed: the path of a directory, of printable characters")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError(
            f"directory = {show(given)} is in the home of nobody; allowed: the path of a directory"
        ) from error


def _stays_inside(path: Path) -> Path:
    """The path, where nothing in that directory is a link to something outside of it, which would be written through."""
    home = os.path.realpath(path)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            link = os.path.join(folder, name)
            if os.path.islink(link) and not os.path.realpath(link).startswith(home + os.sep):
                raise InputError(
                    f"{show(link)} is a link that leads out of the run's directory; allowed: files of its own"
                )
    return path


def _cannot_write(path: Path, error: OSError) -> InputError:
    return InputError(
        f"can't write to {show(str(path))}: {error.strerror or error}; allowed: a directory that can be written (--out)"
    )


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _difference(old: str, new: str) -> str:
    """Where two configs part, for a message."""
    try:
        old, new = json.loads(old), json.loads(new)
        names = [name for name in new if old.get(name) != new[name]]
    except (ValueError, AttributeError):
        return ""
    return f" (other {', '.join(names)})" if names else ""


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
