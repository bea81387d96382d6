"""Probes: what each keeps lands in the results under its name, whoever wrote it, whenever it measures."""

import contextlib
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from worlds import Walk

from rewardlab import probes, rules, training
from rewardlab.experiment import Experiment, layout
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, lineage
from rewardlab.rundir import netcdf, parts, stopping, store
from rewardlab.running import chunks, recording, rehearsal, runner

LENGTHS = """
    '''How long the longest episode was, at the end; and how large the policy is.'''
    import jax
    import jax.numpy as jnp
    from rewardlab.probes import Array, Probe

    def measure(subject):
        size = sum(jnp.abs(x).sum() for x in jax.tree.leaves(subject.policy.params))
        return {"longest": subject.seen.mask.sum(0).max().astype(jnp.float32), "size": jnp.stack([size, 2 * size])}

    probe = Probe(
        when="end",
        arrays={"longest": Array((), "steps of the longest episode", "steps"), "size": Array(("times",), "of the policy")},
        measure=measure,
        axes=lambda plan: {"times": ("once", "twice")},
    )
"""
PACE = """
    '''What the parameters come to after updates.'''
    import jax
    import jax.numpy as jnp
    from rewardlab.probes import Array, Probe

    probe = Probe(
        when="update",
        arrays={"pace": Array((), "sum of the parameters")},
        measure=lambda subject: {"pace": sum(x.sum() for x in jax.tree.leaves(subject.policy.params))},
    )
"""


def question(file, **changes):
    asked = ("returns", "logs", str(file("lengths.py", LENGTHS)), str(file("pace.py", PACE)))
    return tiny.experiment(conditions={"near": tiny.Condition()}, seeds=5, probes=asked, **changes)


@pytest.mark.slow(quickly=True)
def test_what_probes_keep_is_in_the_results_and_changes_nothing_else(file, tmp_path, monkeypatch, one_device):
    tiny.light(monkeypatch.setattr)
    monkeypatch.setattr(chunks, "CHUNK", 0.01)
    asked = question(file)
    asked = replace(asked, rules={name: asked.rules[name] for name in ("reinforce", "drift")})
    results = runner.run(asked, tmp_path / "asked", progress=False).results
    where = ("rule", "condition", "seed")
    dims = {
        "episode_return": (*where, "point", "evaluation", "episode"),
        "log": (*where, "record", "entry"),
        "record_steps": (*where, "record"),
        "record_updates": (*where, "record"),
        "longest": (*where, "evaluation"),
        "size": (*where, "evaluation", "times"),
        "pace": (*where, "record"),
    }
    assert {name: results[name].dims for name in dims} == dims
    assert list(results.times.values) == ["once", "twice"] and results.sizes["episode"] == asked.episodes
    assert results["longest"].attrs == {"description": "steps of the longest episode", "units": "steps"}
    assert all(results[name].attrs["description"] for name in (*dims, "outcome_share", "return", "length", "steps"))
    np.testing.assert_allclose(results.episode_return.mean("episode"), results["return"], atol=1e-6)
    assert (results["size"].sel(times="twice") == 2 * results["size"].sel(times="once")).all()
    assert (results.longest == 8).all(), "every episode of this world has as many steps"

    # the records: of every update, as there are fewer than there is room for; the last one is of the end of training
    steps = results.record_steps.transpose(*where, "record").values
    for row in steps.reshape(-1, steps.shape[-1]):
        there = row[~np.isnan(row)]
        assert (np.diff(there) > 0).all() and there[0] > 0
    np.testing.assert_array_equal(np.nanmax(steps, -1), results.steps.isel(point=-1))
    updates = results.record_updates.sel(rule="reinforce", condition="near").values
    assert np.nanmax(updates) == 2048 / (8 * 16) and np.isfinite(updates).sum(1).tolist() == [16] * 5
    entries = {rule: {str(e) for e in results.entry.values if np.isfinite(results.log.sel(rule=rule, entry=e)).any()}
               for rule in asked.rules}  # fmt: skip
    assert entries["drift"] >= {"fitness"} and entries["reinforce"] & entries["drift"] == set()
    last = results.pace.isel(seed=0, condition=0).sel(rule="reinforce").values
    assert np.isfinite(last).sum() == 16

    plain = runner.run(replace(asked, probes=()), tmp_path / "plain", progress=False).results
    for name in ("outcome_share", "return", "length", "steps", "finite"):
        np.testing.assert_array_equal(results[name].values, plain[name].values, err_msg=name)


@pytest.mark.slow(quickly=True)
def test_an_interrupted_run_keeps_the_same_records(file, tmp_path, monkeypatch, one_device):
    tiny.light(monkeypatch.setattr)
    asked = replace(question(file), rules={"drift": tiny.experiment().rules["drift"]}, seeds=4)
    whole = runner.run(asked, tmp_path / "whole", progress=False).results
    monkeypatch.setattr(chunks, "CHUNK", 0.0)  # one update a chunk, on whatever machine
    monkeypatch.setattr(chunks, "PERIOD", 0.0)
    stop, before, saved = stopping.Stop(), chunks.checkpoints.save, []

    def save(*arguments):
        saved.append(before(*arguments))
        if len(saved) == 3:
            stop.request("halfway")
        return saved[-1]

    monkeypatch.setattr(chunks.checkpoints, "save", save)
    with contextlib.suppress(stopping.Interrupted):
        runner.run(asked, tmp_path / "cut", progress=False, stop=stop)
    assert len(saved) >= 3 and not store.Run(tmp_path / "cut").finished
    cut = runner.run(asked, tmp_path / "cut", progress=False).results
    assert netcdf.digest(cut) == netcdf.digest(whole)


def test_a_record_is_of_the_last_update_in_its_part_of_the_steps():
    recorder = recording.Recorder(lambda rule, params, key, carry: {"x": carry.steps.astype(jnp.float32)}, every=10)
    carry = training.Carry({}, None, jnp.int32(0), jnp.int32(0), {}, jnp.bool_(True))
    records = recorder.blank(None, None, None, carry)
    for update, steps in enumerate((4, 9, 10, 11, 35, 40, 10**6), 1):
        carry = carry._replace(steps=jnp.int32(steps), updates=jnp.int32(update))
        records = recorder.note(None, None, None, records, carry)
    found = recording.arrays(records)
    kept = {0: (10, 3), 1: (11, 4), 3: (40, 6), layout.RECORDS - 1: (10**6, 7)}
    for at in range(layout.RECORDS):
        steps, update = kept.get(at, (np.nan, np.nan))
        np.testing.assert_array_equal(
            [found["record_steps"][at], found["record_updates"][at], found["x"][at]], [steps, update, steps]
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("probe = 3", "is 3; allowed: a rewardlab.probes.Probe"),
        ("from rewardlab.probes import Array, Probe\nprobe = Probe('now', {'x': Array((), 'x')}, None)",
            "when = 'now'; allowed: point, end, update"),
        ("from rewardlab.probes import Probe\nprobe = Probe('end', {}, None)", "allowed: a dict {name: Array} of at least one"),
        ("from rewardlab.probes import Array, Probe\nprobe = Probe('end', {'x': Array('ab', 'x')}, None)",
            "whose axes are a tuple of names"),
        ("other = 3", "defines no `probe`"),
    ],
)  # fmt: skip
def test_what_is_no_probe_is_refused_in_one_line(text, said, file):
    with pytest.raises(InputError, match=r"^.*$") as caught:
        tiny.experiment(probes=(str(file("wrong.py", text)),))
    assert said in str(caught.value)
    with pytest.raises(InputError, match="did you mean 'returns'"):
        tiny.experiment(probes=("retruns",))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"longest"', '"return"'), "keeps 'return', as another one, or every run, does"),
        (('"times"', '"seed"'), "has an axis 'seed' that another one, or every run, has"),
        (('("once", "twice")', '("once", "once")'), "axes of probe .* allowed: a dict of times"),
        (
            ('("once", "twice")', '("once", "twice", "thrice")'),
            r"returned float32\[2\] as 'size'; expected: float32\[3\]",
        ),
        (('"longest": subject', '"long": subject'), "expected: a dict of longest, size"),
        (("size = sum", "size = subject.nothing + sum"), "raised AttributeError in lengths.py, line 8"),
    ],
)
def test_what_a_probe_gives_is_checked_before_anything_compiles(change, said, file, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "compile_all", lambda *_: pytest.fail("nothing is to be compiled"))
    asked = tiny.experiment(probes=(str(file("lengths.py", LENGTHS.replace(*change))),))
    with pytest.raises(InputError, match=said):
        runner.run(asked, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_probes_that_keep_too_much_are_refused(file):
    large = tiny.experiment(probes=("returns",), episodes=10**6)
    with pytest.raises(
        InputError, match=r"probes = outcomes, returns keep 4\d\d,.* bytes of this experiment; allowed: at most"
    ):
        layout.of(Plan(large))


def test_reading_a_run_runs_no_probe(file, tmp_path):
    asked = question(file)
    random = np.random.default_rng(0)
    found = {
        (rule, "near"): rehearsal.made_up(Plan(replace(asked, width=1)), rule, "near", random) for rule in asked.rules
    }
    store.create(tmp_path / "run", asked)
    (tmp_path / "run" / "parts").mkdir()
    parts.save(tmp_path / "run", parts.Part(parts.Batch("drift", "near", tuple(range(5))), found["drift", "near"], {}, {
        "seconds": 1.0, "compile_seconds": 1.0, "computed_with": []}), Plan(asked))  # fmt: skip
    assert [part.batch.rule for part in parts.scan(tmp_path / "run", Plan(asked), pytest.fail)] == ["drift"]
    with pytest.raises(InputError, match=r"probes\.2 lives in the Python file"):
        store.open_run(tmp_path / "run").experiment  # noqa: B018
    assert Experiment.from_json(asked.to_json(), files=True) == asked
    assert '"probes"' not in tiny.experiment().to_json(), "configs without probes stay the same text"


def test_the_packages_probes_say_what_they_keep():
    for name in probes.names():
        probe = probes.load(name)
        assert probes.FAMILY.names()[name].stem == name and all(one.description for one in probe.arrays.values())
    assert {"outcomes", "returns", "logs"} <= {*probes.names()} and not {"replay", "references"} & {*probes.names()}


def test_ancestors_are_counted_back_to_the_oldest_generation():
    none = [[-1, -1]] * 4
    rows = [none, [[0, 0], [0, 1], [2, 2], [3, 3]], [[1, 1], [1, 1], [2, 2], [1, 2]]]  # the last row is the newest
    # The living stem from 1 and 2, who stem from 0 and 1, and from 2.
    assert lineage.ancestors(jnp.array(rows)) == 3 and lineage.ancestors(jnp.array([none])) == 4
    assert lineage.ancestors(jnp.array(rows[2:])) == 2


def lived(key, steps, rule, s):
    """The carry of a seed that has lived so many steps."""
    if steps:
        return training.train(key, rule, s.env, total_steps=steps)
    return training.begin(s, rule, s.env.default_params, key)


@pytest.mark.slow(quickly=True)
def test_the_lineage_of_a_rule_is_recorded_and_of_others_nothing():
    env = Walk()
    for name, kept in (("truncation", True), ("reinforce", False), ("yoked", False)):
        size = {"candidates": 8, "parents": 2} if kept else {}
        rule = rules.make(name, **({} if name == "yoked" else {"num_envs": 8, "unroll_length": 5}), **size)
        rule = (
            rules.make("yoked", rule=rules.make("reinforce", num_envs=8, unroll_length=5)) if name == "yoked" else rule
        )
        s = training.setting(env, rule)
        steps = 400 if kept else 0  # a carry that has no lineage has none after an update, either
        carry = jax.jit(lambda key, steps=steps, rule=rule, s=s: lived(key, steps, rule, s))(jax.random.key(0))
        subject = Subject(
            s, rule.deploy(s.agent, carry.state), env.default_params, {}, jax.random.key(0), rule=rule, carry=carry
        )
        found = {k: float(x) for k, x in lineage.probe.measure(subject).items()}
        if not kept:
            assert all(np.isnan(x) for x in found.values())
            continue
        assert found["breeders"] <= 2 and 1 <= found["ancestors"] <= found["breeders"]
        assert 1 / 2 <= found["largest_family"] <= 1
