"""What a run records of how it was made: pieces, times, and the commit."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest
from recorded import PIECES

from rewardlab.backend import devices
from rewardlab.experiment import config
from rewardlab.rundir import provenance, store


def test_pieces_of_a_run_are_summed_and_kept_when_the_environment_is_written_again(tmp_path):
    assert provenance.together(PIECES)["seconds"] == {"wall": 120.0, "cpu": 180.0}
    assert provenance.together([PIECES[0], PIECES[1] | {"commit": "b"}])["commit"] == "0123456789ab, b"
    assert provenance.together([{"wall": "long"}, 3]) == dict.fromkeys(("seconds", "cores", "date", "commit"))
    experiment = config.load("ridge")
    path = store.create(tmp_path / "run", experiment).path
    store.write_environment(path, experiment)
    with pytest.raises(KeyError), store.timed(path, provenance.now()):
        raise KeyError("stopped")
    with store.timed(path, (provenance.now()[0] - 60.0, provenance.now()[1])):
        store.write_environment(path, experiment)
    first, second = store.pieces_of(path)
    assert first["wall"] < 60 <= second["wall"] < 120 and 0 <= second["cpu"] < 60 and first["cores"] == devices.cores()
    store.renew(path, replace(experiment, claim="Another."), lambda note: None)
    assert store.pieces_of(path) == [first, second]


def test_of_a_piece_that_is_not_known_the_time_is_not_made_up(tmp_path):
    """A process that was killed, a damaged environment, and a run of a version that recorded no pieces."""
    assert provenance.together([*PIECES, provenance.UNKNOWN]) == {
        "seconds": None, "cores": 2, "date": "2026-01-03", "commit": None,
    }  # fmt: skip
    experiment = config.load("ridge")
    path = store.create(tmp_path / "run", experiment).path
    store.write_environment(path, experiment)
    assert store.pieces_of(path) == []
    with store.timed(path, provenance.now()):
        assert store.pieces_of(path) == [provenance.UNKNOWN]  # all that is there of it if it is killed now
    assert provenance.together(store.pieces_of(path))["seconds"] is not None
    known = {name: x for name, x in store.Run(path).environment.items() if name not in ("pieces", "sha256")}
    for text in (store.sealed(known), b"{}"):
        (path / store.ENVIRONMENT).write_bytes(text)
        store.write_environment(path, experiment)
        with store.timed(path, provenance.now()):
            pass
        first, second = store.pieces_of(path)
        assert first == provenance.UNKNOWN and second["wall"] >= 0
        assert provenance.together([first, second])["seconds"] is None


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
def test_what_git_says_is_taken_from_the_clone_alone(tmp_path, monkeypatch):
    clone, other = tmp_path / "clone", tmp_path / "other"
    for place in (clone, other):
        (place / "rewardlab" / "rundir").mkdir(parents=True)
        for name in ("__init__.py", "findings.json"):
            (place / "rewardlab" / name).write_text("{}")
        mine = ("git", "-C", str(place), "-c", "user.name=a", "-c", "user.email=a@b")
        for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", place.name, "--no-verify", "--no-gpg-sign")):
            subprocess.run((*mine, *words), check=True)
    monkeypatch.setattr(provenance, "__file__", str(clone / "rewardlab" / "rundir" / "provenance.py"))
    head = provenance.commit()
    assert head is not None and len(head) == 12
    (clone / "rewardlab" / "findings.json").write_text("{1}")  # what runs came to is no part of what they are
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))  # as hooks have it
    assert provenance.commit() == head
    (clone / "rewardlab" / "new.py").touch()
    assert provenance.commit() == f"{head} with changes"
    real = provenance._git
    monkeypatch.setattr(provenance, "_git", lambda root, *words: None if words[0] == "status" else real(root, *words))
    assert provenance.commit() is None, "where git does not say whether files differ"


def test_a_commit_is_that_of_the_clone_and_says_where_files_differ(monkeypatch):
    told = {"ls-files": "rewardlab/__init__.py", "rev-parse": "0123456789ab", "status": ""}
    monkeypatch.setattr(provenance, "_git", lambda root, *words: told[words[0]])
    assert provenance.commit() == "0123456789ab"
    told["status"] = " M rewardlab/types.py"
    assert provenance.commit() == "0123456789ab with changes"
    told["ls-files"] = ""
    assert provenance.commit() is None
