"""The lever: what training meets counted by hand, discovery and takeover by hand, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import jax
import numpy as np
import pytest

from rewardlab import envs, rules, training
from rewardlab.agents import MLP
from rewardlab.analysis import compare
from rewardlab.analysis.runs import runs_of
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, met
from rewardlab.questions import takeover
from rewardlab.report import figures
from rewardlab.rundir import checkpoints

SILENT = "no claim about what it looks for"


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("tampering")
    few = {name: whole.conditions[name] for name in ("far", "near")}
    tests = {name: whole.evaluations[name] for name in few}
    rules_ = {name: whole.rules[name] for name in ("ppo",)}
    return Plan(
        replace(whole, conditions=few, evaluations=tests, rules=rules_, budgets={}, points_at=(), points=4, width=1)
    )


def drawn(plan, random, far, near=1.0, reached=24.0):
    """Results in which such shares of the seeds tamper, whole seeds of them."""

    def fill(rule, condition, cell):
        cell["return"] = np.full_like(cell["return"], reached)
        taken = (random.random(len(cell["return"])) < (far if condition == "far" else near))[:, None, None]
        ones = np.ones(cell["return"].shape)
        cell["outcome_share"] = np.stack([ones * ~taken, ones * taken, 0 * ones], -1)

    return instrument.run(plan, fill, random)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({"far": 0.1}, "takes up what it meets"),
        ({"far": 1.0}, "finds the shortcut however far"),
        ({"far": 0.6, "near": 0.75}, "clearly does neither"),
        ({"far": 0.1, "near": 0.4}, SILENT + ": its control, with the shortcut near, takes it in"),
        ({"far": 0.1, "reached": 10.0}, SILENT + ": 0 of 30 seeds competent"),
    ],
)
def test_either_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["ppo"]["short"].startswith(short)


@pytest.mark.slow(quickly=True)
def test_where_there_is_no_difference_no_claim_is_made(plan, monkeypatch):
    """As many seeds tamper far as near, and no more than half of them: neither is said."""

    def draw(random):
        return drawn(plan, random, 0.5, 0.5)

    assert instrument.claims(monkeypatch, draw, SILENT, "clearly does neither") <= 5


def test_discovery_and_takeover_by_hand(plan):
    signal = [*plan.layout.axes["signal"]].index("tamper")

    def fill(rule, condition, cell):
        cell["return"] = np.full_like(cell["return"], 24.0)
        cell["record_steps"] = np.tile(np.arange(1.0, 129), (30, 1))
        cell["met"] = np.zeros_like(cell["met"])
        cell["met"][1:, 40:, signal] = 2.0
        share = np.zeros(cell["return"].shape)
        share[2, :, :] = np.array([0, 1, 0.4, 0.9, 0.6])[:, None]  # for good from the fourth evaluation on
        share[3, :, :] = np.array([0, 1, 1, 1, 0.5])[:, None]  # not at the end
        cell["outcome_share"] = np.stack([1 - share, share, 0 * share], -1)

    data = instrument.run(plan, fill, np.random.default_rng(0))
    one = takeover.takeover(data, runs_of(data), 0, "far")
    assert np.isinf(one.found[0]) and (one.found[1:] == 41).all()
    targets = plan.experiment.targets("ppo")
    assert one.taken[2] == targets[3] and np.isinf(one.taken[[0, 1, 3]]).all() and one.share[2] == pytest.approx(0.6)
    summary = compare.summarise(data)["rules"]["ppo"]["tampering"]["far"]
    assert (summary["met"], summary["took"], summary["seeds"], summary["taken"]) == (29, 1, 30, None)
    assert summary["found"] == 41
    drawing = figures.available(data)["tampering"](data)
    left, right = drawing.axes
    assert len(left.lines[0].get_xdata()) == 2 and len(right.collections[0].get_offsets()) == 30


@pytest.mark.slow(quickly=True)
def test_sums_over_training_are_those_of_its_steps_and_change_no_bit_of_it(tmp_path):
    """By what the rule's log says; the same parameters as without counting; and as well when it goes on from a checkpoint."""
    env, key = envs.make("lever", length=2, steps=5), jax.random.key(4)
    rule = rules.make("truncation", candidates=4, num_envs=4, unroll_length=5, parents=2)
    plain = training.setting(env, rule, MLP(hidden=()))
    counting = plain._replace(counted=("work", "reward"))
    step = jax.jit(training.update, static_argnums=0)

    def go(s, carry, updates):
        fitness = 0.0
        for _ in range(updates):
            carry = step(s, rule, env.default_params, key, carry)
            fitness += float(carry.log["fitness"]) * 4  # one episode a candidate
        return carry, fitness

    begun = training.begin(counting, rule, env.default_params, key)
    half, before = go(counting, begun, 3)
    checkpoints.save(tmp_path / "batch", 3, half, {})
    found = checkpoints.newest(tmp_path / "batch", jax.eval_shape(lambda: half), lambda about: "", print)
    carry, after = go(counting, found[1], 3)
    assert float(carry.met[1]) == pytest.approx(before + after, rel=1e-5) and 0 < float(carry.met[0]) < 120
    straight = go(counting, begun, 6)[0]
    without = go(plain, begun._replace(met=()), 6)[0]
    assert without.met == () and jax.tree.structure(without._replace(met=carry.met)) == jax.tree.structure(carry)
    for other in (straight, without._replace(met=carry.met)):
        same = jax.tree.map(lambda a, b: bool((np.asarray(a) == np.asarray(b)).all()), carry, other)
        assert all(jax.tree.leaves(same))
    axes = {"signal": ("reward", "work")}
    told = met.probe.measure(Subject(counting, None, None, axes, None, carry=carry, rule=rule))["met"]
    assert told.tolist() == [float(carry.met[1]), float(carry.met[0])]


def test_in_a_world_without_tampering_nothing_is_read(plan):
    data = instrument.run(plan, lambda *cell: None, np.random.default_rng(0))
    assert takeover.event(data) == ("tamper", "tampered") and takeover.best(data) == {"far": 0.5, "near": 0.5}
    garden = data.assign_coords(signal=["fooled", *data.signal.values[1:]], outcome=["tended", "fooled", "idle"])
    assert takeover.event(garden) == ("fooled", "fooled")
    with pytest.raises(InputError, match="asks = tampering is asked in a world without tampering"):
        takeover.event(data.assign_coords(outcome=["a", "b", "c"]))


def test_each_condition_needs_an_evaluation_in_its_world(plan):
    odd = replace(plan.experiment, evaluations={"far": {"distance": 8}})
    with pytest.raises(InputError, match="no evaluation is in the world of condition 'near'"):
        compare.summarise(instrument.run(Plan(odd), lambda *cell: None, np.random.default_rng(0)))
