"""Finished batches, each in a file of its own: parts/RULE--CONDITION--FIRST-LAST.npz.

A part says what it is: rule, condition, seeds, the config's digest, what it was computed with, and the SHA-256, dtype and
shape of every array. What does not hold is damaged, and its seeds count as missing.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rewardlab import identity
from rewardlab.errors import InputError, show
from rewardlab.experiment import Experiment
from rewardlab.files import sealed, sha256, unsealed, write

FOLDER, ABOUT, FORMAT = "parts", "about", 1


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

    arrays: the fields of `results.Measured` that are arrays, first axis the batch's seeds. policies: the final parameters,
    by path, first axis the same; kept where the batch has its rule's seed 0 under the main condition, or else empty.
    about: what else is written down with it: seconds, compile_seconds, and the identities that it was computed with.
    """

    batch: Batch
    arrays: dict[str, np.ndarray]
    policies: dict[str, np.ndarray]
    about: dict[str, Any]


def describe(array: np.ndarray) -> dict[str, Any]:
    """What an array has to be when it is read back."""
    array = np.ascontiguousarray(array)
    return {"sha256": sha256(array.tobytes()), "dtype": array.dtype.str, "shape": list(array.shape)}


def save(path: Path, part: Part, experiment: Experiment) -> None:
    """Writes a part into a run directory. Raises StorageError that names the file."""
    groups = {"measured": part.arrays, "policies": part.policies}
    contents = {group: {name: describe(array) for name, array in named.items()} for group, named in groups.items()}
    about = {
        **part.about,
        "format": FORMAT,
        "batch": part.batch._asdict(),
        "config": identity.digest(experiment),
        **contents,
    }
    arrays = [array for named in groups.values() for array in named.values()]
    content = io.BytesIO()
    seal = np.frombuffer(sealed(about), np.uint8)
    np.savez(content, **{ABOUT: seal}, **{f"{i:04d}": array for i, array in enumerate(arrays)})
    write(Path(path) / FOLDER, f"{part.batch.name}.npz", content.getvalue())


def read(file: Path, experiment: Experiment) -> Part:
    """A part, every byte of it checked. Raises InputError that names the file and says what is wrong with it."""
    where = show(str(file))
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            about = unsealed(bytes(stored[ABOUT]).decode(), where)
            if about.get("format") != FORMAT:
                raise InputError(f"{where} is not of a format that this version reads")
            names = [(group, name) for group in ("measured", "policies") for name in about[group]]
            arrays = {key: stored[f"{i:04d}"] for i, key in enumerate(names)}
    except OSError as error:
        raise InputError(f"can't read {where}: {error.strerror or error}") from error
    except InputError:
        raise
    except Exception as error:  # a damaged archive fails anywhere inside of its reader
        raise InputError(f"{where} is damaged: {type(error).__name__} while reading it") from error
    for (group, name), array in arrays.items():
        if describe(array) != about[group][name]:
            raise InputError(f"{where} is damaged: {name} does not match its digest")
    batch = Batch(**about["batch"] | {"seeds": tuple(about["batch"]["seeds"])})
    if batch.name != file.stem:
        raise InputError(f"{where} is not what its name says: it holds {batch.name}")
    if about["config"] != identity.digest(experiment):
        raise InputError(f"{where} is of another experiment")
    found: dict[str, dict] = {"measured": {}, "policies": {}}
    for (group, name), array in arrays.items():
        found[group][name] = array
    return Part(batch, found["measured"], found["policies"], about)


def scan(path: Path, experiment: Experiment, note: Callable[[str], None]) -> list[Part]:
    """The intact parts of an experiment, in the order of their names; the others are noted."""
    found = []
    for file in sorted((Path(path) / FOLDER).glob("*--*.npz")):
        try:
            part = read(file, experiment)
        except InputError as error:
            note(f"{error}; its seeds are trained again")
            continue
        if part.batch.rule in experiment.rules and part.batch.condition in experiment.conditions:
            found.append(part)
    return found


def cells(experiment: Experiment) -> Iterator[Batch]:
    """Every batch of the experiment, in order, as if nothing were there: which process trains what goes by this order."""
    for rule in experiment.rules:
        for condition in experiment.conditions:
            seeds = experiment.seeds_of(rule, condition)
            for first in range(0, seeds, experiment.width):
                yield Batch(rule, condition, tuple(range(first, min(first + experiment.width, seeds))))


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
