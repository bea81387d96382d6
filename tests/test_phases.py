"""Phases: what the world is and what it pays changes on the way, at the same updates wherever chunks end."""

import itertools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from rewardlab import training
from rewardlab.agents import MLP
from rewardlab.analysis import compare, reading
from rewardlab.envs import adapter, make
from rewardlab.experiment import Budget, Experiment, config
from rewardlab.experiment.conditions import Condition, Phase
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes.outcomes import Outcomes
from rewardlab.rules import make as rule_of
from rewardlab.rundir import checkpoints
from rewardlab.rundir.parts import Batch
from rewardlab.rundir.stopping import Stop
from rewardlab.running import assembly, batches, chunks, rehearsal, runner
from rewardlab.terminal.progress import Silent

RANDOM, OPTIMAL = (Outcomes(np.zeros((1, 2)), np.full(1, pay), np.ones(1)) for pay in (0.0, 1.0))
SILENT = Condition(phases=(Phase(0.5, reward={}),))


def experiment(**changes):
    """Half of training pays, half does not; or pays the reverse, in episodes that are half as long; or pays being close."""
    conditions = {
        "paid": Condition(),
        "silent": SILENT,
        "reversed": Condition(phases=(Phase(0.5, {"max_steps_in_episode": 4}, {"reward": -1.0}),)),
    }
    fields = dict(
        conditions=conditions, rules={"reinforce": rule_of("reinforce", num_envs=8, unroll_length=16)}, seeds=3
    )
    return tiny.experiment(**fields | changes)


def test_the_stretches_of_a_rule():
    asked = experiment(total_steps=1000, budgets={"reinforce": Budget(total_steps=3000)})
    assert asked.paid == ("reward",)
    silent = asked.stretches("reinforce", "silent")
    assert [(s.start, s.params, s.weights) for s in silent] == [(0, {}, {"reward": 1.0}), (1500, {}, {"reward": 0.0})]
    assert [s.weights for s in asked.stretches("reinforce", "paid")] == [{"reward": 1.0}]
    at_once = Condition(
        {"max_steps_in_episode": 5}, phases=(Phase(reward={"goal": 2.0}), Phase(0.25, {"max_steps_in_episode": 3}))
    )
    found = replace(asked, conditions={"once": at_once}).stretches("reinforce", "once")
    assert [(s.start, s.params, s.weights) for s in found] == [
        (0, {"max_steps_in_episode": 5}, {"goal": 2.0, "reward": 0.0}),
        (750, {"max_steps_in_episode": 3}, {"goal": 0.0, "reward": 1.0}),
    ]
    assert experiment(conditions={"a": Condition(phases=(Phase(0.5, {"max_steps_in_episode": 4}),))}).paid == ()


def test_points_are_placed():
    asked = experiment(total_steps=1000, points_at=(0.5, 0.25, 0.0, 0.501))
    assert asked.targets("reinforce").tolist() == [0, 250, 500, 501, 1000]
    assert Experiment.from_json(asked.to_json()) == asked and '"points_at"' not in experiment().to_json()
    with pytest.raises(InputError, match=r"points_at = 1\.5 is out of range"):
        experiment(points_at=(1.5,))


@pytest.mark.slow(quickly=True)
def test_weights_of_signals_are_the_reward():
    """By the log of a rule that says what it was paid."""
    env, rule = make("dark_room", steps=8), rule_of("fixed", num_envs=16, unroll_length=8)
    s, params, key = training.setting(env, rule, MLP(hidden=(4,))), env.default_params, jax.random.key(0)

    @jax.jit
    def update(carry, weights):
        return training.update(s, rule, params, key, carry, weights)

    def paid(weights):
        weights = None if weights is None else {name: jnp.float32(w) for name, w in weights.items()}
        carry = training.begin(s, rule, params, key, weights)
        return [float((carry := update(carry, weights)).log["reward"]) for _ in range(6)]

    usual = paid(None)
    assert sum(usual) > 0 and paid({"reward": 1.0}) == usual
    assert paid({"reward": 0.0}) == [0.0] * 6 and paid({"reward": -1.0}) == [-x for x in usual]
    names = [name for name, x in adapter.signature(env).signals.items() if name != "reward" and x.shape == ()]
    assert paid({"reward": 1.0, names[0]: 0.0}) == usual


@pytest.mark.slow(quickly=True)
def test_phases_change_at_the_same_updates_wherever_chunks_end(monkeypatch, one_device):
    asked = experiment(width=3)
    env, steps = asked.world(), 2048
    with batches.Workers() as workers:
        job = runner.compile_all(Plan(asked), ["reinforce"], workers)["reinforce"]
        device = workers.devices[0]
        found = {}
        for chunk, condition in itertools.product((2.0, 0.0), asked.conditions):
            monkeypatch.setattr(chunks, "CHUNK", chunk)
            batch = Batch("reinforce", condition, (0, 1, 2))
            with jax.default_device(device):
                found[chunk, condition] = chunks.train_batch(device, Plan(asked), job, batch, Silent(), Stop())
    for condition in asked.conditions:
        one, other = found[2.0, condition], found[0.0, condition]
        for name in one.arrays:
            np.testing.assert_array_equal(one.arrays[name], other.arrays[name])
        jax.tree.map(np.testing.assert_array_equal, one.policies, other.policies)

    # by hand: to the boundary under one reward, from there on under another
    programs = job.programs[device]
    with jax.default_device(device):
        keys = batches.run_keys(asked.seed, np.arange(3, dtype=np.int32))
        for condition, weight, changes in (("silent", 0.0, {}), ("reversed", -1.0, {"max_steps_in_episode": 4})):
            params, one = adapter.set_params(env.default_params, {}), {"reward": jnp.float32(1.0)}
            carry = programs.begin(job.rule, params, keys, one)
            carry = programs.advance(job.rule, params, keys, carry, jnp.int32(steps // 2), one)
            params, other = adapter.set_params(env.default_params, changes), {"reward": jnp.float32(weight)}
            carry = programs.advance(job.rule, params, keys, carry, jnp.int32(steps), other)
            policies = programs.policy(job.rule, carry)
            for name, (x, _) in checkpoints.flat(policies).items():
                np.testing.assert_array_equal(x, found[2.0, condition].policies[name][:, -1])
    leaves = [np.concatenate([x.ravel() for x in jax.tree.leaves(found[2.0, c].policies)]) for c in asked.conditions]
    assert all((a != b).any() for a, b in itertools.combinations(leaves, 2))
    for name, x in found[2.0, "paid"].arrays.items():  # points 0 and 1 lie before the boundary, and on it
        np.testing.assert_array_equal(x[:, :2], found[2.0, "silent"].arrays[name][:, :2])


def test_configs_know_phases_and_those_without_stay_the_same_text():
    asked = experiment()
    assert Experiment.from_json(asked.to_json()) == asked
    assert '"phases"' not in experiment(conditions={"a": Condition()}).to_json()
    other = replace(asked, conditions=asked.conditions | {"silent": Condition(phases=(Phase(0.25, reward={}),))})
    assert Plan(other).digest != Plan(asked).digest
    assert Plan(replace(asked, seeds=9)).digest == Plan(asked).digest


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        ((Phase(0.5), Phase(0.5, reward={})), r"conditions.a.phases start at \[0.5, 0.5\]; allowed: shares below 1"),
        ((Phase(1.0),), "allowed: shares below 1"),
        ((Phase(1.5),), r"conditions.a.phases.start = 1.5 is out of range"),
        (({"start": 0.5},), "conditions.a.phases = .* is a dict"),
        ((Phase(0.5, {"gravity": 2.0}),), "unknown name in conditions.a.phases.0.params 'gravity'"),
        ((Phase(0.5, reward={"reward": "x"}),), r"conditions.a.phases.0.reward.reward = 'x' is a str"),
        ((Phase(0.5, reward={"biscuit": 1.0}),), "unknown signal of the world in a phase's reward 'biscuit'"),
    ],
)
def test_phases_that_can_not_be_are_refused_in_one_line(phases, said):
    with pytest.raises(InputError, match=said) as caught:
        experiment(conditions={"a": Condition(phases=phases)}).world()
    assert len(str(caught.value).splitlines()) == 1


def test_conditions_with_phases_have_no_order():
    asked = experiment(
        conditions={f"c{i}": Condition({"max_steps_in_episode": 6 + i}, phases=SILENT.phases) for i in (0, 1, 2)}
    )
    import xarray

    data = xarray.Dataset(coords={"condition": list(asked.conditions)}, attrs={"experiment": asked.to_json()})
    assert reading.sweep(data) == ("", {})


def test_keys_part_where_phases_fork():
    seeds = np.arange(12, dtype=np.int32)
    data = lambda *given: np.asarray(jax.random.key_data(batches.run_keys(7, seeds, *given)))  # noqa: E731
    plain, begun, once, twice = data(), data((), 6), data((2,), 6), data((2, 3), 6)
    np.testing.assert_array_equal(begun, plain[seeds // 6])
    np.testing.assert_array_equal(once, once[seeds // 3 * 3])  # not parted further yet
    assert len(np.unique(once, axis=0)) == 4 and len(np.unique(twice, axis=0)) == 12
    np.testing.assert_array_equal(once[seeds % 6 < 3], begun[seeds % 6 < 3])  # the first goes on as it was
    np.testing.assert_array_equal(twice[::3], once[::3])
    updates = np.asarray(jax.random.key_data(jax.vmap(lambda i: jax.random.fold_in(jax.random.key(7), i))(seeds)))
    assert len(np.unique(np.concatenate([twice, updates]), axis=0)) == 12 + 12 - 2  # founders alone have such keys


@pytest.mark.slow(quickly=True)
def test_runs_part_where_a_phase_forks_and_are_one_until_then(monkeypatch, one_device):
    conditions = {"plain": Condition(seeds=2), "parted": Condition(phases=(Phase(0.5, forks=3),))}
    asked = experiment(conditions=conditions, total_steps=2048, seeds=6, width=6, points_at=(0.25, 0.5, 0.75))
    with batches.Workers() as workers:
        job = runner.compile_all(Plan(asked), ["reinforce"], workers)["reinforce"]
        device, found = workers.devices[0], {}
        for chunk, (name, seeds) in itertools.product((2.0, 0.0), (("plain", (0, 1)), ("parted", tuple(range(6))))):
            monkeypatch.setattr(chunks, "CHUNK", chunk)
            with jax.default_device(device):
                found[chunk, name] = chunks.train_batch(
                    device, Plan(asked), job, Batch("reinforce", name, seeds), Silent(), Stop()
                )
    for name in conditions:
        jax.tree.map(np.testing.assert_array_equal, found[2.0, name].policies, found[0.0, name].policies)
    plain, parted = found[2.0, "plain"], found[2.0, "parted"]
    for array, x in parted.arrays.items():
        np.testing.assert_array_equal(x[:, :3], plain.arrays[array][[0, 0, 0, 1, 1, 1], :3])  # up to where they part
        np.testing.assert_array_equal(x[::3], plain.arrays[array][:2])  # the first goes on as if nothing had
    leaves = [np.concatenate([x[i].ravel() for x in parted.policies.values()]) for i in range(6)]
    assert all((a != b).any() for a, b in itertools.combinations(leaves, 2))


def test_forks_of_one_run_are_one_case():
    parted = Condition(phases=(Phase(0.5, forks=3),))
    with pytest.raises(
        InputError,
        match=r"conditions\.parted parts each run into 3, and reinforce has 4 seeds there; allowed: a multiple",
    ):
        experiment(conditions={"parted": parted}, seeds=4)
    asked = experiment(conditions={"plain": Condition(), "parted": parted}, seeds=6)
    assert Experiment.from_json(asked.to_json()) == asked and asked.stretches("reinforce", "parted")[1].forks == (3,)
    random = np.random.default_rng(0)
    made_up = {
        ("reinforce", name): rehearsal.made_up(Plan(asked), "reinforce", name, random) for name in asked.conditions
    }
    data = assembly.assemble(Plan(asked), made_up, assembly.Fixed([], {"random": RANDOM, "optimal": OPTIMAL}))
    assert data.founder.sel(condition="parted").values.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.founder.sel(condition="plain").values.tolist() == [*range(6)]
    whole = reading.of_founders(data)
    given, kept = (x["return"].isel(rule=0, point=-1, evaluation=0) for x in (data, whole))
    np.testing.assert_allclose(
        kept.sel(condition="parted").values[:2], given.sel(condition="parted").values.reshape(2, 3).mean(1)
    )
    assert np.isnan(kept.sel(condition="parted").values[2:]).all()
    np.testing.assert_array_equal(kept.sel(condition="plain"), given.sel(condition="plain"))
    assert compare.summarise(data)["seeds"]["conditions"] == {"plain": 6, "parted": 2}
    many = asked.to_json().replace('"forks": 3', '"forks": 1000000')
    with pytest.raises(InputError, match="runs of 'parted' part into 1000000, and there are fewer seeds"):
        compare.summarise(data.assign_attrs(experiment=many))
    lost = data.finite.copy()
    lost.loc[{"condition": "parted", "seed": 4, "point": 1}] = 0.0  # one run of the second three
    summary = compare.summarise(data.assign(finite=lost))
    assert summary["diverged"] == {"reinforce": {"parted": 1}}


def test_sizes_go_with_forks():
    deep = Condition(phases=(Phase(0.25, forks=5), Phase(0.5, forks=4)))
    small = config.smoke(experiment(conditions={"plain": Condition(), "deep": deep}, seeds=40))
    assert small.seeds == 4 and small.conditions["deep"].forks == 4


@pytest.mark.slow(quickly=True)
def test_runs_that_part_at_the_beginning_share_their_initial_parameters_alone(one_device):
    parted = Condition(phases=(Phase(forks=3),))
    asked = experiment(conditions={"plain": Condition(seeds=2), "parted": parted}, seeds=6, width=6)
    assert [(s.start, s.forks) for s in asked.stretches("reinforce", "parted")] == [(0, ()), (0, (3,))]
    reverse = replace(asked, conditions={"a": Condition(phases=(Phase(reward={"reward": -1.0}, forks=3),))})
    assert [s.weights for s in reverse.stretches("reinforce", "a")] == [{"reward": -1.0}] * 2
    with batches.Workers() as workers:
        job = runner.compile_all(Plan(asked), ["reinforce"], workers)["reinforce"]
        device, found = workers.devices[0], {}
        with jax.default_device(device):
            for name, seeds in (("plain", (0, 1)), ("parted", tuple(range(6)))):
                batch = Batch("reinforce", name, seeds)
                found[name] = chunks.train_batch(device, Plan(asked), job, batch, Silent(), Stop())
            begun = [
                job.programs[device].begin(job.rule, Plan(asked).params, batches.run_keys(0, np.arange(6), s.forks, 3))
                for s in asked.stretches("reinforce", "parted")
            ]
    plain, runs = found["plain"], found["parted"]
    for array, x in runs.arrays.items():
        np.testing.assert_array_equal(x[:, 0], plain.arrays[array][[0, 0, 0, 1, 1, 1], 0])  # before the first update
        np.testing.assert_array_equal(x[::3], plain.arrays[array][:2])
    leaves = [np.concatenate([x[i].ravel() for x in runs.policies.values()]) for i in range(6)]
    assert all((a != b).any() for a, b in itertools.combinations(leaves, 2))
    same = [jax.tree.map(lambda x: bool((x[0] == x[1]).all()), carry.state.params) for carry in begun]
    assert all(jax.tree.leaves(same[0])) and not all(jax.tree.leaves(same[1]))


@pytest.mark.slow(quickly=True)
def test_a_whole_run_whose_runs_part(tmp_path, one_device, rehearsed):
    parted = Condition(phases=(Phase(0.5, forks=5),))
    asked = experiment(conditions={"plain": Condition(seeds=5), "parted": parted}, seeds=35, total_steps=512, points=2)
    run = runner.run(asked, tmp_path / "run", progress=False)
    assert run.summary["seeds"]["conditions"] == {"plain": 5, "parted": 7}
    share = run.results["length"].sel(condition="parted").isel(point=1, evaluation=0, rule=0).values.reshape(7, 5)
    assert (share == share[:, :1]).all(), "one run until they part"
