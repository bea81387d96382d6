"""Run directories: what they hold, whom they refuse, and that damage is named."""

import errno
import json
import os
import stat
import tempfile

import numpy as np
import pytest
import xarray

from rewardlab.experiment import Condition, Experiment
from rewardlab.inputs.errors import InputError
from rewardlab.rundir import netcdf, store


def small(**changes):
    given = dict(name="small", question="?", conditions={"a": Condition()}, evaluations={"t": {}}, rules={"ppo": "ppo"})
    return Experiment(**given | changes)


def dataset():
    rng = np.random.default_rng(0)
    where = ("rule", "seed", "outcome")
    share = rng.random((2, 3, 2), np.float32)
    share[1, 2] = np.nan
    return xarray.Dataset(
        {
            "outcome_share": (where, share),
            "steps": (where[:2], rng.random((2, 3)) * 1e6),
            "failed": (where[:2], np.eye(2, 3) > 0),
        },
        coords={"rule": ["ppo", "größe"], "seed": np.arange(3), "outcome": ["coin", "end"]},
        attrs={
            "name": "small",
            "question": "Größe?",
            "capability": 0.8,
            "points": 3,
            "experiment": "{}",
            "control": "",
        },
    )


def of_small(data):
    """The same as the results of `small()`."""
    return data.assign_attrs(experiment=small().to_json())


def tree(path):
    return {str(p.relative_to(path)): p.read_bytes() if p.is_file() else None for p in path.rglob("*")}


@pytest.fixture
def run(tmp_path):
    run = store.create(tmp_path / "run", small())
    store.write_environment(run.path, small())
    store.write_results(run.path, of_small(dataset()))
    store.write_summary(run.path, {"verdict": ["Größe"], "figure": 0.1 + 0.2, "nothing": None})
    return store.open_run(run.path)


def test_a_run_gives_back_what_was_written(run):
    xarray.testing.assert_identical(run.results, of_small(dataset()))
    assert run.results.outcome_share.dtype == np.float32 and run.results.steps.dtype == np.float64
    assert run.summary == {"verdict": ["Größe"], "figure": 0.1 + 0.2, "nothing": None}
    assert run.experiment == small() and run.config == json.loads(small().to_json())
    assert run.finished and run.results is run.results
    xarray.testing.assert_equal(
        xarray.load_dataset(run.path / "results.nc", engine="h5netcdf"), dataset()
    )  # an ordinary file


def test_the_environment_says_what_a_run_computed_with(run):
    import jax

    environment = run.environment
    assert environment["versions"]["jax"] == jax.__version__ and environment["versions"]["numpy"] == np.__version__
    assert environment["devices"] == ["cpu cpu"] * 2 and environment["backend"] == "cpu"
    assert "device_count=2" in environment["flags"]["XLA_FLAGS"]
    assert environment["jax_flags"]["jax_default_prng_impl"] == "threefry2x32"
    assert environment["jax_flags"]["jax_numpy_dtype_promotion"] == "strict"
    assert environment["width"] == small().width and environment["python"].startswith("3.")


def test_the_same_experiment_takes_its_directory_up_again(tmp_path):
    first = store.create(tmp_path / "deep" / "run", small())
    assert not first.finished
    before = tree(tmp_path)
    assert store.create(first.path, small()).path == first.path and tree(tmp_path) == before
    store.write_results(first.path, of_small(dataset()))
    assert store.create(first.path, small()).finished
    store.write_results(first.path, dataset())  # another experiment's
    assert not store.create(first.path, small()).finished


def test_a_finished_run_stays_so_when_a_claim_is_added_or_reworded(run):
    for told in ({"claim": "Reward is wanted."}, {"claim": "Or is it?", "source": "A. N. Author 2022"}, {}):
        e = small(**told)
        assert store.holds(run.path, e) and store.create(run.path, e).finished
        store.renew(run.path, e, lambda note: pytest.fail(note))
        again = store.open_run(run.path)
        assert again.finished and again.config.get("claim", "") == e.claim and again.experiment == e
        xarray.testing.assert_identical(again.results, of_small(dataset()))
    (run.path / "config.json").write_text("damaged")
    (run.path / "parts").rmdir()
    assert store.create(run.path, small(claim="New.")).path == run.path, "what it was recorded as had none"


def test_the_default_directory_is_named_after_the_experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert store.create(None, small()).path.resolve() == tmp_path / "runs" / "small"


def test_other_contents_are_refused_and_left_alone(tmp_path):
    store.create(tmp_path / "run", small())
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = tree(tmp_path)
    for out, said in [
        ("run", "holds another run (other total_steps, seeds); allowed: --out"),
        ("files", "is no run directory and not empty"),
        ("file", "can't"),
        ("file/below", "can't"),
        ("x" * 300, "can't write to"),
    ]:
        with pytest.raises(InputError) as caught:
            store.create(tmp_path / out, small(total_steps=5, seeds=7))
        assert said in str(caught.value), out
    for out in ("", "a\0b", "a\nb", 3):
        with pytest.raises(InputError, match="directory = "):
            store.create(out, small())
    assert tree(tmp_path) == before


def test_a_directory_that_can_not_be_written_is_refused(tmp_path, monkeypatch):
    def refuses(prefix, dir):  # root may write anywhere
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(tempfile, "mkdtemp", refuses)
    with pytest.raises(InputError, match="ermission denied"):
        store.check_out(tmp_path / "new" / "run", small())
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("call", ["fsync", "link", "mkdir"])
def test_nothing_is_left_of_a_directory_that_could_not_be_made(tmp_path, monkeypatch, call):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(InputError, match="No space left on device"):
        store.create(tmp_path / "new" / "run", small())
    monkeypatch.undo()
    assert tree(tmp_path) == {}


def test_a_write_that_fails_leaves_the_old_file(run, monkeypatch):
    before = tree(run.path)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for attempt in (
        lambda: store.write_results(run.path, dataset() + 1),
        lambda: store.write_summary(run.path, {"a": 1}),
    ):
        with pytest.raises(InputError, match="No space left"):
            attempt()
    assert tree(run.path) == before


def test_a_file_that_is_a_link_is_replaced_and_not_followed(run, tmp_path):
    target = tmp_path / "precious"
    target.write_text("mine")
    (run.path / "summary.json").unlink()
    (run.path / "summary.json").symlink_to(target)
    store.write_summary(run.path, {"a": 1})
    assert target.read_text() == "mine" and store.open_run(run.path).summary == {"a": 1}
    assert stat.S_ISREG(os.lstat(run.path / "summary.json").st_mode)


FILES = {"config.json": "config", "environment.json": "environment", "results.nc": "results", "summary.json": "summary"}


@pytest.mark.parametrize("name", FILES)
def test_damage_is_named_and_never_silent(run, name):
    """Random bit flips, truncations, removal: what is read is refused, naming the file, or exactly what was written."""
    rng = np.random.default_rng(1)
    whole = (run.path / name).read_bytes()
    truth = getattr(run, FILES[name])
    refused = 0
    for trial in range(60):
        damaged = bytearray(whole)
        if trial % 3:
            damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        else:
            damaged = damaged[: rng.integers(len(whole))]
        (run.path / name).write_bytes(damaged)
        try:
            read = getattr(store.Run(run.path), FILES[name])
        except InputError as error:
            assert name in str(error) or name == "config.json"
            refused += 1
        else:
            assert read.identical(truth) if name == "results.nc" else read == truth
    assert refused >= 20  # every truncation at least; HDF5 has bytes that mean nothing
    (run.path / name).unlink()
    with pytest.raises(InputError, match=name):
        getattr(store.Run(run.path), FILES[name])


def test_files_of_another_kind_or_run_are_refused(run, tmp_path):
    (run.path / "results.nc").write_bytes(b"\x80\x04\x95cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(InputError, match=r"results\.nc.*damaged"):
        _ = store.Run(run.path).results
    dataset().to_netcdf(run.path / "results.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="does not match its digest"):
        _ = store.Run(run.path).results
    other = store.create(tmp_path / "other", small(seeds=3))
    (run.path / "config.json").write_bytes((other.path / "config.json").read_bytes())
    with pytest.raises(InputError, match=r"config\.json.*changed"):
        _ = store.Run(run.path).config
    for path in (tmp_path, tmp_path / "none", run.path / "config.json"):
        with pytest.raises(InputError, match="no run directory"):
            store.open_run(path)


def test_reading_a_run_runs_no_file(tmp_path):
    rule = "from flax import struct\nfrom rewardlab.rules.ppo import PPO\n"
    rule += "@struct.dataclass\nclass Mine(PPO): pass\nrule = Mine"
    (tmp_path / "mine.py").write_text(rule)
    e = small(rules={"mine": str(tmp_path / "mine.py")})
    run = store.create(tmp_path / "run", e)
    (tmp_path / "mine.py").write_text("raise SystemExit('it ran')")
    assert store.open_run(run.path).config["rules"]["mine"]["rule"]
    with pytest.raises(InputError, match="lives in the Python file"):
        _ = store.open_run(run.path).experiment


def test_the_digest_is_of_the_content():
    base = netcdf.digest(dataset())
    assert netcdf.digest(dataset()) == base == netcdf.digest(dataset()[["failed", "steps", "outcome_share"]])
    for change in (
        lambda d: d.assign(steps=d.steps + 1),
        lambda d: d.assign(steps=d.steps.astype(np.float32)),
        lambda d: d.transpose("seed", ...),
        lambda d: d.rename(seed="agent"),
        lambda d: d.assign_coords(rule=["ppo", "reinforce"]),
        lambda d: d.assign_attrs(capability=0.9),
        lambda d: d.drop_vars("failed"),
    ):
        assert netcdf.digest(change(dataset())) != base


def test_parts_are_read_once_unless_their_file_is_another(tmp_path, monkeypatch):
    from rewardlab.experiment.plan import Plan
    from rewardlab.rundir import parts
    from rewardlab.running import rehearsal

    plan, random = Plan(small(width=1, seeds=1)), np.random.default_rng(0)
    (tmp_path / "parts").mkdir()
    about = {"seconds": 1.0, "compile_seconds": 1.0, "computed_with": []}
    names = [(rule, condition) for rule in plan.experiment.rules for condition in plan.experiment.conditions]
    made = [rehearsal.made_up(plan, rule, condition, random) for rule, condition in names]
    kept = [
        parts.save(tmp_path, parts.Part(parts.Batch(*name, (0,)), arrays, {}, about), plan)
        for name, arrays in zip(names, made, strict=True)
    ]
    read, real = [], parts.read
    monkeypatch.setattr(parts, "read", lambda file, plan: read.append(file.name) or real(file, plan))
    again = parts.scan(tmp_path, plan, pytest.fail, known=kept)
    assert not read and {id(part) for part in again} == {id(part) for part in kept}
    assert [part.batch for part in parts.scan(tmp_path, plan, pytest.fail)] == [part.batch for part in again] and read
    read.clear()
    file = tmp_path / "parts" / f"{kept[0].batch.name}.npz"
    file.write_bytes(file.read_bytes()[:-9] + b"!" * 9)
    noted = []
    assert len(parts.scan(tmp_path, plan, noted.append, known=kept)) == len(kept) - 1
    assert read == [file.name] and "is damaged" in noted[0]
