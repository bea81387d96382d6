"""Checkpoints: what comes back is what was saved, to the bit, or an older one, or nothing; never anything else."""

import errno
import os
import random
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab.backend.randomness import fast
from rewardlab.inputs.errors import StorageError
from rewardlab.rundir import checkpoints


def tree(step: int):
    key = jax.random.key(step)
    return {
        "params": {"w": jnp.arange(6.0).reshape(2, 3) * step, "b": np.float64(0.1) * step},
        "keys": jax.random.split(key, 3),
        "fast": fast(key),
        "counts": (jnp.int32(step), np.array([True, False]), jnp.uint8(7)),
        "nothing": np.zeros((2, 0), np.float32),
        "odd": np.array([np.nan, np.inf, -0.0], np.float32),
    }


def same(a, b) -> bool:
    a, b = checkpoints.flat(a), checkpoints.flat(b)
    return list(a) == list(b) and all(
        a[k][0].tobytes() == b[k][0].tobytes() and a[k][0].dtype == b[k][0].dtype and a[k][1] == b[k][1] for k in a
    )


@pytest.fixture(scope="module", name="whole")
def _whole(tmp_path_factory):
    """A batch with three saves, of which two are kept."""
    directory = tmp_path_factory.mktemp("run") / "ppo--end--0-7"
    for step in (1, 2, 10):
        checkpoints.save(directory, step, tree(step), {"step": step})
    return directory


def newest(directory, notes=None, like=None, fits=lambda about: ""):
    return checkpoints.newest(directory, like or tree(0), fits, (notes if notes is not None else []).append)


def test_the_newest_comes_back_and_two_are_kept(whole):
    step, found, about = newest(whole)
    assert step == 10 and same(found, tree(10)) and about == {"step": 10}
    assert sorted(p.name for p in whole.iterdir()) == ["10", "2"]
    assert bool((jax.random.bits(found["fast"]) == jax.random.bits(tree(10)["fast"])).all())


def test_what_does_not_fit_is_refused(whole):
    shapes = tree(0) | {"odd": np.zeros(4, np.float32)}
    dtypes = tree(0) | {"odd": np.zeros(3, np.int32)}
    keys = tree(0) | {"fast": jax.random.key(0)}
    for like in (shapes, dtypes, keys, {"params": 1.0}):
        notes = []
        assert newest(whole, notes, like) is None and len(notes) == 2
    notes = []
    assert newest(whole, notes, fits=lambda about: "too new" if about["step"] == 10 else "")[0] == 2
    assert "10" in notes[0] and "too new" in notes[0]


def test_damage_is_noted_and_an_older_step_serves(whole, tmp_path):
    """Flips, truncations, removals and swaps over every file, and over all of them at once."""
    rng, fell_back, lost = random.Random(0), 0, 0
    for trial in range(40):
        directory, notes = tmp_path / f"{trial}" / whole.name, []
        shutil.copytree(whole, directory)
        files = sorted(p for p in directory.rglob("*") if p.is_file())
        for file in rng.sample(files, 1 + 2 * (trial % 4 == 3)):
            content = bytearray(file.read_bytes())
            if trial % 3 == 0 and content:
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
                file.write_bytes(content)
            elif trial % 3 == 1:
                file.write_bytes(content[: rng.randrange(max(len(content), 1))])
            else:
                file.unlink()
        found = newest(directory, notes)
        if found is None:
            lost += 1
            assert len(notes) == 2
        else:
            assert same(found[1], tree(found[0])) and (found[0] == 10 or "/10" in notes[0])
            fell_back += found[0] == 2
    assert fell_back > 0 and lost < 20  # which files there are is Orbax's, and not the same every time


def test_steps_and_batches_that_changed_places_are_refused(whole, tmp_path):
    swapped, foreign, notes = tmp_path / whole.name, tmp_path / "ppo--end--8-15", []
    shutil.copytree(whole, swapped)
    os.rename(swapped / "10", swapped / "11")
    shutil.copytree(whole, foreign)
    assert newest(swapped, notes)[0] == 2 and "not what its name says" in notes[0]
    assert newest(foreign, notes) is None


def test_a_save_that_fails_leaves_what_was_there(whole, tmp_path, monkeypatch):
    """A full disk at each of its writes; Orbax that says done and has written nothing; a directory that has gone."""
    directory, real = tmp_path / whole.name, os.fsync
    shutil.copytree(whole, directory)
    before = sorted(p.relative_to(directory) for p in directory.rglob("*"))

    def full_after(count):
        left = iter([None] * count)

        def fsync(handle):
            if next(left, "full") == "full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(handle)

        return fsync

    stage = 0
    while True:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full_after(stage))
            try:
                checkpoints.save(directory, 20, tree(20), {})
                break
            except StorageError as error:
                assert "No space left" in str(error) and "20" in str(error)
        if newest(directory)[0] == 10:
            assert sorted(p.relative_to(directory) for p in directory.rglob("*")) == before
        stage += 1
    assert stage > 5 and newest(directory)[0] == 20
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_write", lambda path, arrays: path.mkdir())
        with pytest.raises(StorageError, match="damaged"):
            checkpoints.save(directory, 30, tree(30), {})
    assert newest(directory)[0] == 20
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        checkpoints.save(tmp_path / "file" / "ppo--end--0-7", 1, tree(1), {})
