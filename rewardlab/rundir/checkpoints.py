"""Checkpoints of batches under way: checkpoints/BATCH/STEP/, and the only file that touches Orbax.

Orbax writes the arrays. It restores flipped bits without a word, casts to whatever dtype it is asked for, and may report
a save as done on a full disk. So each step has a manifest, sealed, with the SHA-256, dtype and shape of every leaf, and counts
as saved once it has been read back from the disk, compared, and renamed to its number.
"""

from __future__ import annotations

import logging
import math
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import GenericAlias
from typing import Any

import jax
import numpy as np

from rewardlab.inputs.errors import InputError, StorageError, show
from rewardlab.inputs.fields import expect
from rewardlab.inputs.files import cannot_write, read_sealed, sealed, sync
from rewardlab.inputs.files import write as write_file
from rewardlab.rundir.parts import describe
from rewardlab.types import PyTree

FOLDER, ARRAYS, MANIFEST, FORMAT, KEEP = "checkpoints", "arrays", "manifest.json", 1, 2
LEAF = {"sha256": str, "dtype": str, "shape": list[int], "key": str}
SAID = {"format": int, "step": int, "batch": str, "about": dict[str, Any], "leaves": GenericAlias(dict, (str, LEAF))}
_LOCK = threading.Lock()  # Orbax runs an event loop of its own


def save(directory: Path, step: int, tree: PyTree, about: dict[str, Any]) -> Path:
    """Commits a step of a batch and removes all but the last KEEP. Returns its directory.

    tree: a pytree of arrays, typed keys among them. about: plain values, given back by `newest`.
    Raises StorageError, and then leaves the earlier steps as they were.
    """
    leaves = flat(tree)
    manifest = {"format": FORMAT, "step": step, "batch": directory.name, "about": about}
    manifest["leaves"] = {path: describe(array) | {"key": impl} for path, (array, impl) in leaves.items()}
    new = directory / f".new-{secrets.token_hex(4)}"
    final = directory / str(step)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        new.mkdir()
        _write(new / ARRAYS, {path: array for path, (array, _) in leaves.items()})
        for folder, _, files in os.walk(new):
            for file in files:
                sync(Path(folder) / file)
            sync(Path(folder))
        write_file(new, MANIFEST, sealed(manifest))
        _read(new, _manifest(new, directory.name)["leaves"])
        if final.exists():
            shutil.rmtree(final)
        os.rename(new, final)
        sync(directory)
    except (OSError, InputError) as error:
        reason = error if isinstance(error, OSError) else OSError(str(error))
        raise cannot_write(final, reason, StorageError) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    for old in _steps(directory)[KEEP:]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def newest(
    directory: Path, like: PyTree, fits: Callable[[dict], str], note: Callable[[str], None]
) -> tuple[int, PyTree, dict[str, Any]] | None:
    """(step, tree, about) of the newest intact step of a batch, or None. Damaged ones are noted and passed over.

    like: the tree's structure, shapes and dtypes, which have to be met. fits: about -> what speaks against it, or "".
    """
    for path in _steps(directory):
        try:
            manifest = _manifest(path, directory.name)
            _check(manifest["leaves"], like, path)
            problem = fits(manifest["about"])
            if problem:
                raise InputError(f"{show(str(path))} does not fit: {problem}")
            tree = _restore(_read(path, manifest["leaves"]), like)
            return manifest["step"], tree, manifest["about"]
        except InputError as error:
            note(f"{error}; going back to the one before it")
    return None


def abouts(directory: Path) -> list[dict[str, Any]]:
    """What the intact manifests of a batch say; their arrays are not read."""
    found = []
    for path in _steps(directory):
        try:
            found.append(_manifest(path, directory.name)["about"])
        except InputError:
            continue
    return found


def clear(directory: Path) -> None:
    """Removes all steps of a batch."""
    shutil.rmtree(directory, ignore_errors=True)


def tidy(directory: Path) -> None:
    """Removes what an earlier process left half-written."""
    for path in directory.glob(".new-*"):
        shutil.rmtree(path, ignore_errors=True)


def flat(tree: PyTree) -> dict[str, tuple[np.ndarray, str]]:
    """{path in the tree: (array on the host, implementation of a key or "")} of every leaf."""
    return {jax.tree_util.keystr(path): _host(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _host(leaf: Any) -> tuple[np.ndarray, str]:
    if _is_key(leaf):
        return np.asarray(jax.random.key_data(leaf)), leaf.dtype.name
    return np.asarray(leaf), ""


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _check(leaves: dict[str, dict], like: PyTree, where: Path) -> None:
    """Raises InputError where the paths, dtypes or shapes of a manifest are not those of `like`: before any array is read."""
    wanted = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(like)}
    if list(wanted) != list(leaves):
        raise InputError(f"{show(str(where))} holds another structure than is needed here")
    for path, leaf in wanted.items():
        about = leaves[path]
        if _is_key(leaf):
            impl = leaf.dtype._impl
            shape, dtype, key = (*leaf.shape, *impl.key_shape), np.dtype(np.uint32), leaf.dtype.name
        else:
            shape, dtype, key = tuple(leaf.shape), np.dtype(leaf.dtype), ""
        if (tuple(about["shape"]), about["dtype"], about["key"]) != (
            shape or (1,),
            dtype.str,
            key,
        ):  # as `describe` has it
            raise InputError(
                f"{show(str(where))} holds {path} as {about['dtype']}{about['shape']}, not {dtype}{list(shape)}"
            )


def _restore(arrays: dict[str, np.ndarray], like: PyTree) -> PyTree:
    """The arrays in the structure of `like`, which they fit."""
    wanted, structure = jax.tree_util.tree_flatten(like)
    values: Iterable[Any] = arrays.values()
    found = [
        jax.random.wrap_key_data(array, impl=leaf.dtype._impl) if _is_key(leaf) else array.reshape(leaf.shape)
        for leaf, array in zip(wanted, values, strict=True)
    ]
    return jax.tree_util.tree_unflatten(structure, found)


def _steps(directory: Path) -> list[Path]:
    """The directories of committed steps, newest first."""
    if not directory.is_dir():
        return []
    return sorted((p for p in directory.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name), reverse=True)


def _manifest(path: Path, batch: str) -> dict[str, Any]:
    """The manifest of a step. Raises InputError that says what is not as it was written."""
    where = show(str(path))
    manifest = expect(read_sealed(path / MANIFEST), where, SAID)
    names = (str(manifest["step"]), path.name if path.name.startswith(".new-") else "")
    if (manifest["format"], manifest["batch"]) != (FORMAT, batch) or path.name not in names:
        raise InputError(f"{where} is not what its name says")
    return manifest


def _read(path: Path, leaves: dict[str, dict]) -> dict[str, np.ndarray]:
    """{path in the tree: array} of a step whose manifest has these leaves. Raises InputError that names what does not match."""
    where = show(str(path))
    named = {}
    for i, (name, leaf) in enumerate(leaves.items()):
        try:
            shape, dtype = tuple(leaf["shape"]), np.dtype(leaf["dtype"])
            named[name] = np.zeros(shape, dtype) if 0 in shape else _load(path / ARRAYS, f"{i:04d}", shape)
        except Exception as error:  # damage fails anywhere inside of what reads arrays
            raise InputError(f"{where} is damaged: {type(error).__name__} while reading it") from error
        if describe(named[name]) != {k: v for k, v in leaf.items() if k != "key"}:
            raise InputError(f"{where} is damaged: {name} does not match its digest")
    return named


def _checkpointer():
    """An Orbax checkpointer of this process alone: nothing waits for other processes."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    import orbax.checkpoint as ocp

    mine = ocp.options.MultiprocessingOptions(
        primary_host=jax.process_index(),
        active_processes={jax.process_index()},
        barrier_sync_key_prefix=f"rewardlab{jax.process_index()}",
    )
    handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=mine)
    return ocp.Checkpointer(handler, multiprocessing_options=mine)


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Numbered, and without the empty ones, which Orbax refuses."""
    with _LOCK:
        try:
            numbered = {f"{i:04d}": array for i, array in enumerate(arrays.values()) if array.size}
            with _checkpointer() as checkpointer:
                checkpointer.save(path.absolute(), numbered)
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {error}") from error


def _load(path: Path, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """One of the arrays that Orbax wrote. Raises ValueError, before it is read, where it says of itself that it is larger.

    Orbax reads whatever a directory says that it holds; here it is what is asked for, and no more.
    """
    import tensorstore

    base = {"driver": "file", "path": f"{path.absolute()}/"}
    spec = {"driver": "zarr", "kvstore": {"driver": "ocdbt", "base": base, "path": f"{name}/"}}
    array = tensorstore.open(spec, open=True, read=True).result()
    piece: Any = array.chunk_layout.read_chunk.shape or ()
    if (array.shape or (1,)) != shape or math.prod(piece) > math.prod(shape):
        raise ValueError(f"{array.shape} in pieces of {piece}")
    return array.read().result()
