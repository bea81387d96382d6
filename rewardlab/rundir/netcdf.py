"""Labelled arrays as netCDF files, with a digest: what is not ours, or says that it is larger than the file, is not read."""

from __future__ import annotations

import gc
import hashlib
import io
import json
import math
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rewardlab.inputs.errors import InputError, show
from rewardlab.inputs.files import TEXT, opened, write

NAMES = 4096  # the most texts of one array


def save(file: Path, results: Any) -> None:
    """Writes an xarray Dataset with the digest of its content, and reads it back to check it."""
    content = io.BytesIO()
    results.assign_attrs(sha256=digest(results)).to_netcdf(content, engine="h5netcdf")
    write(file.parent, file.name, content.getvalue())
    load(file)


def load(file: Path) -> Any:
    """A Dataset, in memory. Raises InputError when it is missing or not as it was saved."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None  # h5netcdf complains of each file that it can't open
    try:
        with opened(file) as stream:
            results, problem = parsed(stream)
        if problem:
            gc.collect(1)  # the young ones, of which it is one
    finally:
        sys.unraisablehook = hook
    if problem:
        raise InputError(f"{show(str(file))} is damaged: {problem}")
    return results


def parsed(stream: BinaryIO) -> tuple[Any, str]:
    """(Dataset, "") or (None, what is wrong with it)."""
    import h5py
    import xarray

    try:
        with h5py.File(stream, "r") as file:
            problem = unlike_ours(file, os.fstat(stream.fileno()).st_size)
        if problem:
            return None, problem
        with xarray.open_dataset(stream, engine="h5netcdf") as dataset:
            results = dataset.load()
        intact = results.attrs.pop("sha256", None) == digest(results)
    except Exception as error:  # a damaged file fails anywhere inside of the HDF5 reader
        return None, f"{type(error).__name__} while reading it"
    return (results, "") if intact else (None, "its content does not match its digest")


def unlike_ours(file: Any, size: int) -> str:
    """What is in an open HDF5 file of `size` bytes that `save` does not write, or "". No array is read for it.

    All that it writes lies in the file itself, as it is: so what follows takes no more memory than the file has bytes, and
    opens no other file.
    """
    import h5py

    held = texts = 0
    for name in file:
        said = show(name)
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            return f"{said} is a link"
        entry = file[name]
        if not isinstance(entry, h5py.Dataset):
            return f"{said} is no array"
        if entry.is_virtual or entry.external:
            return f"{said} lies in other files"
        if entry.id.get_create_plist().get_nfilters():
            return f"{said} is compressed"
        if entry.dtype.kind not in "biufSO":
            return f"{said} is of type {show(entry.dtype)}"
        held += entry.nbytes
        if held > size:
            return f"{said} says that it has {entry.nbytes:,} bytes, and the file has {size:,}"
        if entry.dtype.kind == "O":  # many places may name one and the same text
            if h5py.check_string_dtype(entry.dtype) is None or entry.size > NAMES:
                return f"{said} holds no texts, or more than {NAMES:,}"
            texts += sum(len(entry[at]) for at in np.ndindex(entry.shape))
        texts += _attributes(entry.attrs)
        if texts > TEXT:
            return f"{said} and those before it have texts of more than {TEXT:,} bytes"
    return "" if _attributes(file.attrs) <= TEXT else f"its attributes have more than {TEXT:,} bytes"


def _attributes(attributes: Any) -> int:
    """How many bytes the texts among the attributes of something in an HDF5 file have; more than any has where there are too
    many.
    """
    total = 0
    for name in attributes:
        about = attributes.get_id(name)
        if math.prod(about.shape or ()) > NAMES:
            return TEXT + 1
        if about.dtype.kind in "SO" and not about.shape:
            total += len(attributes[name])
        if total > TEXT:
            break
    return total


def digest(results: Any) -> str:
    """SHA-256 over a Dataset's names, dimensions, types, values and attributes: the same before and after a file."""
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
