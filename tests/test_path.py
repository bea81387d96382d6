"""When it is decided what a run will come to: variance components against closed forms, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from rewardlab.analysis import compare, reading, stats, variance
from rewardlab.experiment import Condition, Phase, config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.questions import forks, path
from rewardlab.report import figures

SILENT = "no claim about when it is decided"
UNCLEAR = "no clear answer to when it is decided"
WAYS = np.array([[0, 1], [1, 0], [0, 0], [1, 1]])  # outcomes where the first road is above, and below


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("path")
    few = {name: whole.conditions[name] for name in ("apart", "initial", "p10", "p75")}
    return Plan(replace(whole, conditions=few, rules={"ppo": whole.rules["ppo"]}, points_at=(), points=1, width=1))


def drawn(plan, random, shares=(0.1, 0.5, 0.9), reached=1.0, control=0.0, goals=4):
    """Results in which a run has its group's goal with a probability whose square is the decided share, and any one else."""
    told = dict(zip([*plan.experiment.conditions][1:], shares, strict=False))

    def fill(rule, condition, cell):
        cell["return"] = np.full_like(cell["return"], reached)
        runs = len(cell["return"])
        own, shared = random.integers(goals, size=runs), np.repeat(random.integers(goals, size=runs // 4), 4)
        kept = random.random(runs) < np.sqrt(told.get(condition, control))
        ends = WAYS[np.where(kept, shared, own)]
        share = np.zeros(cell["outcome_share"].shape)
        for e, which in enumerate((ends[:, 0], *ends.T)):
            share[np.arange(runs), :, e, which] = 1.0
        cell["outcome_share"] = share

    return instrument.run(plan, fill, random)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({}, "decided on the way"),
        ({"shares": (0.9, 0.95, 1.0)}, "decided by the initial parameters"),
        ({"shares": (0.0, 0.0, 0.05)}, "open to the end"),
        ({"goals": 1}, "fixed by the task"),
        ({"shares": (0.5, 0.5, 0.5)}, UNCLEAR),
        ({"reached": 0.2}, SILENT + ": 0 of 120 seeds competent"),
        ({"control": 0.8}, SILENT + ": independent seeds seem to share something"),
    ],
)
def test_every_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    data = drawn(plan, np.random.default_rng(1), **given)
    found = compare.summarise(data)
    assert found["rules"]["ppo"]["short"].startswith(short)
    assert [row["groups"] for row in found["rules"]["ppo"]["path"]["parted"]] == [30] * 4
    if not given:
        assert (
            found["effect"]["figure"] == found["rules"]["ppo"]["path"]["half"]
            and 0 < found["effect"]["figure"]["iqm"] < 0.3
        )
        assert found["pairwise"]["way"][0]["significant"] and 0.6 < found["pairwise"]["way"][0]["smallest"] < 0.8
        assert "Half is decided after" in found["rules"]["ppo"]["verdict"]


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("shares", [(0.0, 0.0), (0.5, 0.5)])
def test_where_there_is_nothing_to_find_no_claim_is_made(plan, monkeypatch, shares):
    """Nothing is ever decided, or half of it from the beginning to the end, which is neither before nor later."""
    ends = {name: plan.experiment.conditions[name] for name in ("apart", "initial", "p75")}
    plan = Plan(replace(plan.experiment, conditions=ends))
    every = stats.draws
    monkeypatch.setattr(
        stats, "draws", lambda tasks, runs, n=1000, *rest, **named: every(tasks, runs, n, *rest, **named)
    )
    said = (SILENT, UNCLEAR) + ("open to the end",) * (shares[0] == 0)
    assert instrument.claims(monkeypatch, lambda random: drawn(plan, random, shares), *said) <= 5


def test_bad_set_ups_are_told(plan):
    asked, random = plan.experiment, np.random.default_rng(2)

    def short(**changes):
        made = drawn(Plan(replace(asked, **changes)), random)
        return compare.summarise(made)["rules"]["ppo"]["short"]

    late = {name: asked.conditions[name] for name in ("apart", "p10", "p75")}
    assert short(conditions=late) == SILENT + ": no runs share the initial parameters alone"
    assert short(conditions={"apart": asked.conditions["apart"]}) == SILENT + ": no two runs part that were one"
    swapped = dict(reversed(asked.conditions.items()))
    assert short(conditions=swapped).startswith(SILENT)
    assert short(seeds=20) == SILENT + ": 5 groups, fewer than 10"
    uneven = asked.conditions | {"p75": Condition(asked.main, phases=(Phase(0.75, forks=8),))}
    with pytest.raises(InputError, match=r"runs of ppo part into \[4, 8\]; allowed: as many under every condition"):
        compare.summarise(drawn(Plan(replace(asked, conditions=uneven)), random))


def test_variance_components_by_hand():
    groups = np.array([[[1.0], [3.0]], [[5.0], [7.0]]])  # MSW = 2, MSB = 2 · (2² + 2²) = 16
    found = variance.components(groups)
    assert (found.between, found.within, found.share) == (7.0, 2.0, pytest.approx(7 / 9))
    both = variance.components(np.concatenate([groups, groups], -1))
    assert (both.between, both.within) == (14.0, 4.0), "summed over the entries"
    drawn_ = variance.components(groups, np.array([[1.0, 1.0], [2.0, 0.0]]))
    np.testing.assert_allclose(drawn_.between, [7.0, -1.0])
    assert variance.components(np.ones((3, 2, 1))).share == 0
    with pytest.raises(InputError, match="1 groups of 2 were given"):
        variance.components(groups[:1])


def test_the_share_between_groups_is_the_one_that_was_put_in_and_of_goals_what_they_agree_more():
    random = np.random.default_rng(3)
    for share in (0.0, 0.3, 0.8):
        common, own = random.normal(0, np.sqrt(share), (4000, 1, 2)), random.normal(0, np.sqrt(1 - share), (4000, 5, 2))
        assert variance.components(common + own).share == pytest.approx(share, abs=0.03)
    goals = np.where(
        random.random((4000, 5)) < 0.7, random.integers(3, size=(4000, 1)), random.integers(3, size=(4000, 5))
    )
    within = variance.agreement(goals).mean()
    assert within == pytest.approx(0.49 + 0.51 / 3, abs=0.01), (
        "closed form: both keep the group's goal, or agree by chance"
    )
    one_hot = variance.components(np.eye(3)[goals])
    assert one_hot.within == pytest.approx(1 - within), "the variance within is the chance to differ"
    assert one_hot.share == pytest.approx((within - 1 / 3) / (1 - 1 / 3), abs=0.01) == pytest.approx(0.49, abs=0.02)


def test_curves_that_never_fall_and_where_they_cross():
    random = np.random.default_rng(4)
    curves = random.normal(size=(20, 7))
    np.testing.assert_allclose(variance.rising(curves), [isotonic_regression(c).x for c in curves])
    at = np.array([0.0, 0.1, 0.5, 1.0])
    given = np.array([[0, 0, 1, 1], [0.6, 0.7, 0.8, 1], [0, 0.25, 0.45, 1], [0, 0, 0, 0.4]])
    np.testing.assert_allclose(variance.crossing(at, given), [0.3, 0.0, 0.5 + 0.5 * 0.05 / 0.55, 1.0])


def test_runs_are_read_group_by_group_and_failed_ones_count_as_nothing(plan):
    data = drawn(plan, np.random.default_rng(5), (1.0, 1.0, 1.0))
    lost = data["finite"].copy()
    lost.loc[{"condition": "p10", "seed": 5, "point": lost.point[-1]}] = 0.0  # the second run of the second group
    found = reading.of_founders(data.assign(finite=lost))
    each = found["fork_share"].transpose("rule", "condition", "seed", "fork", "evaluation", "outcome").values[0]
    given = data["outcome_share"].isel(rule=0, point=-1).transpose("condition", "seed", "evaluation", "outcome").values
    np.testing.assert_array_equal(each[2, 2, 3], given[2, 11])
    np.testing.assert_array_equal(each[0, 7, 0], given[0, 7])
    assert (each[2, 1, 1] == 0).all() and np.isnan(each[0, 7, 1]).all() and np.isnan(each[1, 30]).all()
    times = forks.parted(reading.of_founders(data), "ppo")
    assert [one.common for one in times] == [
        "nothing",
        "the initial parameters",
        "10 % of training",
        "75 % of training",
    ]
    assert [one.at for one in times] == pytest.approx([0, 0, 0.1, 0.75]) and times[0].goals.shape == (30, 4)
    longer = data["steps"].where(data["steps"] < 40_000, 41_000)  # a last update that ends after the budget
    late = forks.parted(reading.of_founders(data.assign(steps=longer)), "ppo")
    assert [one.at for one in late] == pytest.approx([0, 0, 4000 / 41_000, 30_000 / 41_000])
    got = forks.decided(times)
    assert got.share[1:].tolist() == [1, 1, 1] and abs(got.share[0]) < 0.2 and got.half == 0 and (got.halves == 0).all()
    counts = np.unique(times[0].goals, return_counts=True)[1]
    pairs = sum(n * (n - 1) for n in counts) / (120 * 119)
    assert forks.independent(times[0])[0] == pytest.approx(pairs)
    assert forks.names_of(data, int(times[0].goals[0, 0])).count(" / ") == 1


def test_the_figures_show_every_time_and_every_run(plan):
    data = reading.filled(reading.of_founders(drawn(plan, np.random.default_rng(6))))
    made = figures.available(data)
    curves, cells = made["path"](data), made["forks"](data)
    (line,) = (line for line in curves.axes[0].lines if line.get_gid() == "ppo")
    assert len(line.get_xdata()) == 4
    shown = [axis.collections[0].get_array() for axis in cells.axes if axis.collections]
    assert [x.shape for x in shown] == [(4, 30)] * 4 and len(np.unique(shown[0])) == 4
    (section,) = path.question.sections(data, compare.summarise(drawn(plan, np.random.default_rng(6))), made)
    assert section.tables[0].head[1:3] == ["Nothing", "The initial parameters"] and len(section.tables[0].rows[0]) == 6
    nothing = data.drop_vars("fork_share").assign_attrs(experiment="{}")
    assert not made["forks"](nothing).axes[0].collections
