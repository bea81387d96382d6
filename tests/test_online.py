"""Learning on through a shift: recoveries and ratios by hand, what training counts, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import jax
import numpy as np
import pytest
import tiny

from rewardlab import training
from rewardlab.analysis import compare
from rewardlab.analysis.runs import runs_of
from rewardlab.collect import collect, start
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.probes.outcomes import counts
from rewardlab.questions import deployed, recovery
from rewardlab.report import figures
from rewardlab.rules import make

SILENT = "no claim about recovery"
UNCLEAR = deployed.THAN[0]
TOTAL = 600_000


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("online")
    few = {name: whole.rules[name] for name in ("reinforce", "fixed")}
    return Plan(replace(whole, rules=few, budgets={}, seeds=16, width=1, env_kwargs={"size": 5, "levels": 64}))


def drawn(plan, random, shifted, afresh, spread=0.1, learned=1.0, still=0.1, before=0.1, reached=1.0):
    """Results in which the shifted task is learned in a line, half of it after so many steps; of 16 episodes a 1,000 steps half end
    in the corner.
    """

    def fill(rule, condition, cell):
        n, steps = len(cell["steps"]), cell["steps"]
        since = np.maximum(steps - {"early": 0.2, "late": 0.5}.get(condition, 0.0) * TOTAL, 0.0)
        half = (afresh if condition == "anywhere" else shifted) * (1 + spread * random.normal(size=(n, 1)))
        there = 0.1 + 0.4 * since / half
        there = np.minimum(there, reached) if condition == "anywhere" else np.clip(there, before, 1.0)
        if condition == "corner":
            there = np.full_like(there, still)
        if rule == "fixed":
            there = np.full_like(there, 0.1)
        skill = np.full_like(there, 0.1 if rule == "fixed" else learned)
        both = np.stack([skill, np.clip(there, 0, 1)], -1)
        cell["return"] = both
        cell["outcome_share"] = np.stack([both, 0.5 * (1 - both), 0.5 * (1 - both)], -1)
        cell["record_steps"] = np.tile(np.linspace(0, TOTAL, 129)[1:], (n, 1))
        cell["ended"] = cell["record_steps"][..., None] / 1000 * np.array([4.0, 8.0, 4.0])

    return instrument.run(plan, fill, random, {"random": 0.1, "optimal": 1.0})


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({"shifted": 30_000.0, "afresh": 120_000.0}, deployed.THAN[-1]),
        ({"shifted": 120_000.0, "afresh": 30_000.0}, deployed.THAN[1]),
        ({"shifted": 30_000.0, "afresh": 120_000.0, "learned": 0.2}, SILENT + ": 0 of 16 seeds competent"),
        ({"shifted": 30_000.0, "afresh": 120_000.0, "reached": 0.4}, SILENT + ": of those trained afresh 0 of 16 seeds came to"),
        ({"shifted": 30_000.0, "afresh": 120_000.0, "before": 0.6}, SILENT + ": 60 % [60–60] succeed in the shifted task already"),
        ({"shifted": 30_000.0, "afresh": 120_000.0, "still": 0.6}, SILENT + ": where nothing shifts, 60 % [60–60] succeed"),
    ],
)  # fmt: skip
def test_either_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["reinforce"]["short"].startswith(short)
    assert found["rules"]["fixed"]["short"] == "a control: it reads nothing of reward"
    assert found["online"] == {
        "shifts": {"early": 0.2, "late": 0.5},
        "control": "anywhere",
        "still": "corner",
        "bar": 0.5,
    }


@pytest.mark.slow(quickly=True)
def test_where_there_is_no_difference_no_claim_is_made(plan, monkeypatch):
    def draw(random):
        return drawn(plan, random, 60_000.0, 60_000.0, spread=0.3)

    assert instrument.claims(monkeypatch, draw, SILENT, UNCLEAR) <= 5


def test_recoveries_ratios_and_catastrophes_by_hand(plan):
    data = drawn(plan, np.random.default_rng(1), 30_000.0, 120_000.0, spread=0.0)
    of = compare.summarise(data)["rules"]["reinforce"]["online"]
    for name in ("early", "late"):
        assert of[name]["steps"]["half"] == pytest.approx(30_000, rel=0.01) and of[name]["steps"]["above"] == 0
        assert of[name]["ratio"]["half"] == pytest.approx(0.25, rel=0.01)
        assert of[name]["harm"]["iqm"] == pytest.approx(240, rel=0.01), "8 a 1,000 steps end in the corner"
        assert of[name]["failed"]["iqm"] == pytest.approx(360, rel=0.01)
        assert of[name]["watched"]["steps"] == pytest.approx(300_000) and of[name]["able"] == 16
    assert of["anywhere"]["harm"]["iqm"] == pytest.approx(960, rel=0.01)
    assert of["corner"]["steps"]["half"] == "inf" and of["corner"]["harm"]["iqm"] == pytest.approx(2400, rel=0.01)


def test_who_does_not_recover_in_time_counts_as_longer_and_nobody_is_followed_for_longer(plan):
    data = drawn(plan, np.random.default_rng(1), 350_000.0, 120_000.0, spread=0.0)
    runs = runs_of(data)
    early = recovery.recovery(data, runs, 0, "early", 0.2, 0.5, 0.5)
    assert np.isinf(early.steps).all(), (
        "350,000 steps after an early shift are within its run, but not within what is watched"
    )
    assert early.harm == pytest.approx(np.full(16, 2400), rel=0.01)
    assert recovery.recovery(data, runs, 0, "early", 0.2, 0.8, 0.5).steps == pytest.approx(
        np.full(16, 350_000), rel=0.01
    )


def test_ratios_of_medians():
    one, other = np.arange(10.0, 23.0), np.arange(20.0, 46.0, 2)
    found = recovery.ratio(one, other)
    assert found["half"] == 0.5 and found["low"] < 0.5 < found["high"]
    assert recovery.times({"half": 0.5, "low": 0.25, "high": "inf"}) == "0.5 [0.25–∞]"
    never = np.full(13, np.inf)
    assert recovery.ratio(never, other)["half"] == "inf" and recovery.ratio(one, never)["half"] is None
    assert recovery.ratio(one[:9], other) == {"half": None, "low": None, "high": None}


def test_without_a_shift_to_the_control_nothing_is_claimed(plan):
    alone = Plan(
        replace(plan.experiment, conditions={k: c for k, c in plan.experiment.conditions.items() if not c.phases})
    )
    data = drawn(alone, np.random.default_rng(1), 30_000.0, 120_000.0)
    found = compare.summarise(data)
    assert found["rules"]["reinforce"]["short"] == f"{SILENT}: no condition becomes that of a control"
    assert found["rules"]["fixed"]["short"] == "a control: it reads nothing of reward"
    assert "online" not in figures.available(data)
    lone = Plan(replace(plan.experiment, control=None))
    found = compare.summarise(drawn(lone, np.random.default_rng(1), 30_000.0, 120_000.0))
    assert found["online"]["shifts"] == {}


def test_training_counts_how_its_episodes_end():
    """The same lanes, played again beside it, and their ends counted by hand."""
    plan = Plan(tiny.experiment(probes=("endings",), rules={"fixed": make("fixed", num_envs=8, unroll_length=40)}))
    rule, s = plan.experiment.rules["fixed"], plan.setting("fixed")
    assert s.counted == (0, 1)
    carry = training.begin(s, rule, plan.params, jax.random.key(1))
    after = jax.jit(lambda c: training.update(s, rule, plan.params, jax.random.key(1), c))(carry)
    assert sum(map(float, after.met)) >= 8 * 40 // 8 - 8, "an episode lasts 8 steps at most"
    lanes = start(s.env, plan.params, jax.random.key(2), 8)
    policy = rule.behave(s.agent, carry.state, jax.random.key(3))
    _, seen = collect(s.env, plan.params, s.agent, policy, lanes, jax.random.key(4), 40)
    ends = np.asarray(seen.terminated | seen.truncated)
    how = np.asarray(seen.signals["outcome"]) if "outcome" in seen.signals else np.where(seen.terminated, 0, 1)
    for k in (0, 1):
        assert float(counts(seen, k).sum()) == (ends & (how == k)).sum()
    assert float(sum(counts(seen, k).sum() for k in (0, 1))) == ends.sum() > 0


def test_the_figure_begins_at_the_shift(plan):
    data = drawn(plan, np.random.default_rng(1), 30_000.0, 120_000.0)
    first = figures.available(data)["online"](data).axes[0]
    lines = {line.get_gid(): line for line in first.lines if line.get_gid()}
    assert {*lines} == {f"reinforce/{name}" for name in ("corner", "anywhere", "early", "late")}
    assert all(line.get_xdata()[0] == 0 for line in lines.values())
    assert max(lines["reinforce/late"].get_xdata()) == pytest.approx(0.5 * TOTAL)
