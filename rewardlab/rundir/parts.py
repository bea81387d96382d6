"""Finished batches, each in a file of its own: parts/RULE--CONDITION--FIRST-LAST.npz.

A part says what it is: rule, condition, seeds, the config's digest, what it was computed with, and the SHA-256, dtype and
shape of every array. What does not hold is damaged, and its seeds count as missing.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import GenericAlias
from typing import Any, NamedTuple

import numpy as np

from rewardlab.experiment import Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError, show
from rewardlab.inputs.fields import expect
from rewardlab.inputs.files import BINARY, TEXT, opened, sealed, sha256, unsealed, write

FOLDER, ABOUT, FORMAT = "parts", "about", 2
LARGEST = 2**34  # bytes: a batch of thousands of seeds keeps as many policies
ARRAY = {"sha256": str, "dtype": str, "shape": list[int]}
SAID = {
    "batch": {"rule": str, "condition": str, "seeds": list[int]},
    "config": str,
    "measured": GenericAlias(dict, (str, ARRAY)),
    "policies": GenericAlias(dict, (str, ARRAY)),
    "seconds": float,
    "compile_seconds": float,
    "computed_with": list[dict[str, Any]],
}


class Batch(NamedTuple):
    """Seeds of one rule under one condition that are trained together."""

    rule: str
    condition: str
    seeds: tuple[int, ...]

    @property
    def name(self) -> str:
        """Names its part and its checkpoints."""
        return f"{self.rule}--{self.condition}--{self.seeds[0]}-{self.seeds[-1]}"

    def padded(self, width: int) -> np.ndarray:
        """int32[width], filled up with repeats of the last seed."""
        return np.array(self.seeds + self.seeds[-1:] * (width - len(self.seeds)), np.int32)


class Part(NamedTuple):
    """What a batch came to.

    arrays: what its probes found, by the names of `layout.Layout.arrays`, first axis the batch's seeds. policies: the final
    parameters, by path, [seeds, times, ...]: at the end alone, or at every point, as `Experiment.policies` says; empty where
    none are kept.
    about: what else is written down with it: seconds, compile_seconds, and the identities that it was computed with.
    stamp: which file it is, and when that was last written.
    """

    batch: Batch
    arrays: dict[str, np.ndarray]
    policies: dict[str, np.ndarray]
    about: dict[str, Any]
    stamp: tuple[int, ...] = ()


def _stamp(about: os.stat_result) -> tuple[int, ...]:
    return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


def describe(array: np.ndarray) -> dict[str, Any]:
    """What an array has to be when it is read back."""
    array = np.ascontiguousarray(array)
    return {"sha256": sha256(array.tobytes()), "dtype": array.dtype.str, "shape": list(array.shape)}


def save(path: Path, part: Part, plan: Plan) -> Part:
    """Writes a part into a run directory, and returns it as it would be read. Raises StorageError that names the file."""
    groups = {"measured": part.arrays, "policies": part.policies}
    contents = {group: {name: describe(array) for name, array in named.items()} for group, named in groups.items()}
    about = {
        **part.about,
        "format": FORMAT,
        "batch": part.batch._asdict(),
        "config": plan.digest,
        **contents,
    }
    arrays = [array for named in groups.values() for array in named.values()]
    content = io.BytesIO()
    seal = np.frombuffer(sealed(about), np.uint8)
    named: dict[str, Any] = {ABOUT: seal} | {f"{i:04d}": array for i, array in enumerate(arrays)}
    np.savez(content, **named)
    folder, name = Path(path) / FOLDER, f"{part.batch.name}.npz"
    write(folder, name, content.getvalue())
    there = os.stat(folder / name)
    return part._replace(about=about, stamp=_stamp(there) if there.st_size == content.getbuffer().nbytes else ())


def read(file: Path, plan: Plan) -> Part:
    """A part, every byte of it checked. Raises InputError that names the file and says what is wrong with it."""
    where = show(str(file))
    try:
        with opened(file, LARGEST) as stream, zipfile.ZipFile(stream) as archive:
            there = os.fstat(stream.fileno())
            stored = _stored(archive, there, where)
            about = unsealed(_array(archive, stored.pop(f"{ABOUT}.npy"), TEXT).tobytes().decode(), where)
            if about.get("format") != FORMAT:
                raise InputError(f"{where} is not of a format that this version reads")
            expect(about, where, SAID)
            names = [(group, name) for group in ("measured", "policies") for name in about[group]]
            if list(stored) != [f"{i:04d}.npy" for i in range(len(names))]:
                raise InputError(f"{where} is damaged: it does not hold the arrays that it names")
            arrays = {key: _array(archive, info) for key, info in zip(names, stored.values(), strict=True)}
    except InputError:
        raise
    except Exception as error:  # a damaged archive fails anywhere inside of its reader
        raise InputError(f"{where} is damaged: {type(error).__name__} while reading it") from error
    for (group, name), array in arrays.items():
        if describe(array) != about[group][name]:
            raise InputError(f"{where} is damaged: {name} does not match its digest")
    batch = Batch(about["batch"]["rule"], about["batch"]["condition"], tuple(about["batch"]["seeds"]))
    if not batch.seeds or batch.name != file.stem:
        raise InputError(f"{where} is not what its name says: it holds {show(about['batch'])}")
    if about["config"] != plan.digest:
        raise InputError(f"{where} is of another experiment")
    found: dict[str, dict] = {"measured": {}, "policies": {}}
    for (group, name), array in arrays.items():
        found[group][name] = array
    part = Part(batch, found["measured"], found["policies"], about, _stamp(there))
    if batch.rule in plan.experiment.rules and batch.condition in plan.experiment.conditions:
        _check(part, plan, where)
    return part


def _stored(archive: zipfile.ZipFile, about: os.stat_result, where: str) -> dict[str, zipfile.ZipInfo]:
    """{name: entry} of an archive that holds its arrays as they are, so that they take no more memory than the file has bytes."""
    entries = archive.infolist()
    blocks = getattr(about, "st_blocks", None)
    if about.st_size > BINARY and blocks is not None and 4 * 512 * blocks < about.st_size:
        raise InputError(f"{where} says that it has {about.st_size:,} bytes, and the disk holds {512 * blocks:,} of it")
    if any(e.compress_type != zipfile.ZIP_STORED for e in entries) or sum(e.file_size for e in entries) > about.st_size:
        raise InputError(f"{where} is damaged: it holds more than it has bytes")
    return {entry.filename: entry for entry in entries}


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int = LARGEST) -> np.ndarray:
    """One array of an archive. Raises ValueError where it says of itself that it is larger than its entry."""
    with archive.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = header(stream)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or not 0 <= size <= min(most, entry.file_size) or min(shape, default=0) < 0:
            raise ValueError(f"{shape} of {dtype}")
        return np.ndarray(shape, dtype, stream.read(size), order="F" if fortran else "C")


def _check(part: Part, plan: Plan, where: str) -> None:
    """Raises InputError where the arrays of a part are not of the shapes that the experiment gives them."""
    seeds = len(part.batch.seeds)
    wanted = {name: (seeds, *kept.shape) for name, kept in plan.layout.arrays.items()}
    given = {name: array.shape for name, array in part.arrays.items()}
    if given != wanted or any(array.dtype.kind != "f" for array in part.arrays.values()):
        raise InputError(f"{where} holds arrays of {show(given)}; allowed: {show(wanted)}, of numbers")
    steps = part.arrays["steps"]
    if not (np.isfinite(steps) & (steps >= 0)).all():
        raise InputError(f"{where} holds steps that are not numbers of steps")
    if any(array.shape[:1] != (seeds,) for array in part.policies.values()):
        raise InputError(f"{where} holds policies of another number of seeds than {seeds}")


def scan(
    path: Path, plan: Plan, note: Callable[[str], None], of: str = "*--*", known: Iterable[Part] = ()
) -> list[Part]:
    """The intact parts of an experiment, in the order of their names; the others are noted.

    of: RULE--CONDITION, if only its. known: parts that have been read or written: whose file is still that one is not read again.
    """
    found, before = [], {part.batch.name: part for part in known}
    for file in sorted((Path(path) / FOLDER).glob(f"{of}--*.npz")):
        try:
            part = before.get(file.stem)
            part = part if part and part.stamp == _stamp(os.stat(file)) else read(file, plan)
        except (InputError, FileNotFoundError) as error:
            note(f"{error}; its seeds are trained again")
            continue
        if part.batch.rule in plan.experiment.rules and part.batch.condition in plan.experiment.conditions:
            found.append(part)
    return found


def cells(experiment: Experiment) -> Iterator[Batch]:
    """Every batch of the experiment, in order, as if nothing were there: which process trains what goes by this order."""
    for rule in experiment.rules:
        for condition in experiment.conditions:
            seeds = experiment.seeds_of(rule, condition)
            width = experiment.width or seeds
            for first in range(0, seeds, width):
                yield Batch(rule, condition, tuple(range(first, min(first + width, seeds))))


def missing(experiment: Experiment, parts: list[Part]) -> list[tuple[int, Batch]]:
    """(number of the cell, batch of the seeds that it lacks) of every cell that is not whole."""
    have = {(part.batch.rule, part.batch.condition, seed) for part in parts for seed in part.batch.seeds}
    lacking = []
    for number, cell in enumerate(cells(experiment)):
        seeds = tuple(seed for seed in cell.seeds if (cell.rule, cell.condition, seed) not in have)
        if seeds:
            lacking.append((number, cell._replace(seeds=seeds)))
    return lacking


def together(experiment: Experiment, parts: list[Part], rule: str, condition: str) -> dict[str, np.ndarray]:
    """The arrays of one rule under one condition, first axis its seeds in order; nothing may be missing."""
    rows: dict[int, tuple[Part, int]] = {}
    for part in parts:
        if (part.batch.rule, part.batch.condition) == (rule, condition):
            rows.update({seed: (part, row) for row, seed in enumerate(part.batch.seeds)})
    chosen = [rows[seed] for seed in range(experiment.seeds_of(rule, condition))]
    return {name: np.stack([part.arrays[name][row] for part, row in chosen]) for name in chosen[0][0].arrays}


def identities(abouts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The different identities that what these tell of was computed with."""
    distinct = {json.dumps(one, sort_keys=True): one for about in abouts for one in about["computed_with"]}
    return [distinct[key] for key in sorted(distinct)]
