"""What lasts of a penalty: courses of pay and escapes by hand, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import numpy as np
import pytest

from rewardlab.analysis import compare
from rewardlab.analysis.runs import runs_of
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.questions import half_lives, lasting, order, penalties
from rewardlab.report import figures

SILENT = "no claim about what lasts"
UNCLEAR = lasting.UNCLEAR


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("order")
    few = {name: whole.rules[name] for name in ("reinforce", "fixed")}
    return Plan(replace(whole, rules=few, budgets={}, seeds=16, width=1))


def drawn(plan, random, early, late, never=1.0, learned=1.0, noise=0.1):
    """Results in which so much of what was penalised is done after the lift; the same before it as if nothing were there."""

    def fill(rule, condition, cell):
        cell["return"] = np.full_like(cell["return"], learned if rule != "fixed" else 0.2)
        centre = {"early": early, "late": late, "never": never, "throughout": early}.get(condition, 0.0)
        lift = {"early": 0.2, "never": 0.2}.get(condition, 0.6) * plan.experiment.total_steps
        shape = cell["signal_sum"].shape[:1]
        level = np.clip(random.normal(centre, noise, shape), 0, 1)[:, None]
        since = cell["steps"] > lift + 1
        begging = [*plan.layout.axes["signal"]].index("habit")
        cell["signal_sum"][..., begging] = np.where(since, level, 0.0)[..., None]
        cell["length"] = np.ones_like(cell["length"])

    return instrument.run(plan, fill, random, {"random": 1 / 6, "optimal": 1.0})


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({"early": 0.1, "late": 0.9}, lasting.FIRST),
        ({"early": 0.9, "late": 0.1}, lasting.LAST),
        ({"early": 0.9, "late": 0.9, "noise": 0.03}, lasting.PAY),
        ({"early": 0.1, "late": 0.1, "noise": 0.03}, lasting.BOTH),
        ({"early": 0.1, "late": 0.9, "never": 0.4}, SILENT + ": never penalised, it does what tempts in 4"),
        ({"early": 0.1, "late": 0.9, "learned": 0.3}, SILENT + ": 0 of 16 seeds competent"),
    ],
)
def test_every_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["reinforce"]["short"].startswith(short)
    assert found["rules"]["fixed"]["short"] == "a control: it reads nothing of reward"
    assert found["order"]["late"] == ["late", 0.6, "habit"] and "untempted" not in found["order"]


@pytest.mark.slow(quickly=True)
def test_where_there_is_no_difference_no_claim_is_made(plan, monkeypatch):
    def draw(random):
        return drawn(plan, random, 0.5, 0.5, noise=0.3)

    assert instrument.claims(monkeypatch, draw, SILENT, UNCLEAR) <= 5


@pytest.mark.parametrize("missing", ["never", "early", "late"])
def test_without_one_of_the_conditions_nothing_is_claimed(plan, missing):
    kept = {name: one for name, one in plan.experiment.conditions.items() if name != missing}
    found = compare.summarise(
        drawn(Plan(replace(plan.experiment, conditions=kept)), np.random.default_rng(1), 0.1, 0.9)
    )
    assert found["rules"]["reinforce"]["short"] == f"{SILENT}: no condition is tempted and penalised {missing}"


def test_without_any_penalty_the_report_says_so(plan):
    only = Plan(replace(plan.experiment, conditions={"untempted": plan.experiment.conditions["untempted"]}))
    data = drawn(only, np.random.default_rng(1), 0.1, 0.9)
    found = compare.summarise(data)
    assert found["verdict"][0] == "No condition penalises what later pays, so nothing is said of what lasts."
    assert "order" not in figures.available(data) and not order.sections(data, found, {})


def test_when_a_penalty_is_paid_is_read_from_the_phases():
    def told(*phases):
        return {"phases": [{"start": start, "reward": reward} for start, reward in phases]}

    tempted, both, fine = {"reward": 1.0, "x": 1.5}, {"reward": 1.0, "x": -1.0}, {"x": -1.0}
    found = penalties.courses({
        "conditions": {
            "main": {"params": {}},
            "a": told((0.0, fine), (0.3, tempted)),
            "b": told((0.2, both), (0.5, {"reward": 1.0}), (0.7, tempted)),
            "c": told((0.0, fine), (0.2, both), (0.5, tempted)),
            "d": told((0.0, {}), (0.25, tempted)),
            "e": told((0.4, {"reward": -1.0})),
            "f": told((0.0, fine), (0.4, {"reward": 1.0})),
        }
    })  # fmt: skip
    assert found == {
        "a": ("early", 0.3, "x"),
        "b": ("late", 0.5, "x"),
        "c": ("throughout", 0.5, "x"),
        "d": ("never", 0.25, "x"),
    }


def test_escapes_are_counted_from_the_lift_and_no_further_than_all_are_watched(plan):
    """By hand: of four seeds one rises in a line to all, one does not rise, one has risen at the lift, one rises too late."""
    data = drawn(plan, np.random.default_rng(1), 0.0, 0.0)
    runs, total = runs_of(data), float(plan.experiment.total_steps)
    done, course = penalties.shares(data, "habit"), penalties.Course("early", 0.2, "habit")
    j = runs.conditions.index("early")
    steps = runs.steps[0, j, 0]
    since = np.maximum(steps - steps[(steps >= 0.2 * total).argmax()], 0.0)
    done[0, j, 0], done[0, j, 1] = np.minimum(since / 20_000, 1.0), 0.0
    done[0, j, 2], done[0, j, 3] = 1.0, since >= 0.7 * total
    one = penalties.after(runs, done, 0, "early", course, total, 0.4)
    assert one.escape[0] == pytest.approx(10_000, rel=0.02)
    assert np.isinf(one.escape[[1, 3]]).all() and np.isnan(one.escape[2])
    assert [*one.later[:4]] == [1.0, 0.0, 1.0, 0.0] and one.end[3] == 1.0
    assert one.watched == pytest.approx(0.4 * total, rel=0.02)
    told = penalties.figures_of(one._replace(escape=one.escape[:4]))
    assert told["steps"]["n"] == 3 and told["steps"]["above"] == 2 and told["steps"]["half"] == "inf"
    assert half_lives.half_life(told, ("steps",)).startswith("> ")


def test_none_counts_for_more_than_both_were_watched():
    one, other = half_lives.together(np.array([np.inf, np.nan, 3.0, 90.0]), np.array([np.inf, 70.0]), 80.0)
    assert one.tolist() == [[80.0], [3.0], [80.0]] and other.tolist() == [[80.0], [70.0]]


def test_two_that_outlast_what_is_watched_do_not_differ_by_where_updates_end(plan):
    """The throughout condition is watched for a few steps less, as rounding to whole updates has it."""
    data = drawn(plan, np.random.default_rng(1), 0.0, 0.0, noise=0.0)
    runs = runs_of(data)
    data["steps"].values[0, runs.conditions.index("throughout"), :, -1] -= 100
    rows = compare.summarise(data)["pairwise"]["escape"]
    (row,) = (r for r in rows if (r["one"], r["other"]) == ("early", "throughout"))
    assert row["effect"] == 0.5


def test_who_escapes_later_is_told(plan):
    data = drawn(plan, np.random.default_rng(1), 1.0, 1.0, noise=0.0)
    runs = runs_of(data)
    j, begging = runs.conditions.index("late"), [*data.signal.values].index("habit")
    slow = runs.steps[0, j] > 0.8 * plan.experiment.total_steps
    data["signal_sum"].values[0, j, ..., begging] = slow[..., None]
    said = compare.summarise(data)["rules"]["reinforce"]
    assert said["short"] == lasting.PAY and said["verdict"].endswith("Its escape is later after the late penalty.")


def test_a_world_without_the_signal_is_refused(plan):
    data = drawn(plan, np.random.default_rng(1), 0.1, 0.9).drop_sel(signal="habit")
    with pytest.raises(InputError, match="the world has no signal 'habit' to be counted; allowed: "):
        compare.summarise(data)


def test_the_figure_has_every_rule_under_every_penalty(plan):
    data = drawn(plan, np.random.default_rng(1), 0.1, 0.9)
    first = figures.available(data)["order"](data).axes[0]
    lines = {line.get_gid(): line for line in first.lines if line.get_gid()}
    assert {*lines} == {f"reinforce/{name}" for name in ("never", "early", "late", "throughout")}
    assert lines["reinforce/late"].get_ydata()[-1] == pytest.approx(0.9, abs=0.05)
    ticks = [float(line.get_xdata()[0]) for line in first.lines if line.get_marker() == "^"]
    assert ticks == pytest.approx([0.2 * 200_000, 0.6 * 200_000, 0.6 * 200_000])
