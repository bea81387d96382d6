"""Habit, update or percept: half-lives within an episode by hand, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import numpy as np
import pytest

from rewardlab.analysis import compare
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.questions import frozen
from rewardlab.report import figures

SILENT = "no claim about what ends behaviour"
ALIKE = "no clear difference by training"
REFERENCES = {"random": 25.0, "optimal": 45.0}


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("extinction_percept")
    few = {name: whole.rules[name] for name in ("ppo", "fixed")}
    return Plan(replace(whole, rules=few, budgets={}, agents={}, width=1))


def falling(x, half, spread, random, seeds):
    """Behaviour float[seeds, len(x)]: 1, then down in a line from 0 on, to .75 after `half`, and no further than .5."""
    each = half * np.exp(random.normal(0, spread, (seeds, 1))) if np.isfinite(half) else np.full((seeds, 1), half)
    return np.clip(1.0 - 0.25 * np.maximum(x, 0.0) / each, 0.5, 1.0)


def drawn(plan, random, watching, certain, reverse=20_000.0, learned=1.0, steady=1.0, follows=1.0, spread=0.2):
    """Results of such half-lives: of either kind where the reward in view stops, and of both where the reverse is paid."""
    names, signals = list(plan.experiment.evaluations), plan.layout.axes["signal"]

    def fill(rule, condition, cell):
        seeds, pulls = len(cell["return"]), cell["course"].shape[-1]
        x = np.arange(pulls) + 0.5 - 20
        cell["return"], cell["length"] = np.full_like(cell["return"], 45.0), np.full_like(cell["length"], pulls)
        half = watching if condition.startswith("watching") else certain
        for e, name in enumerate(names):
            fixed = {"steady": np.where(x > 0, steady, 1.0), "training": np.where(x > 0, follows, 1.0)}
            y = fixed[name] if name in fixed else falling(x, half, spread, random, seeds)
            cell["course"][:, e, signals.index("best")] = y
        since = cell["steps"] - 0.5 * plan.experiment.steps_of(rule)
        y = falling(since, reverse, spread, random, seeds) if condition.endswith("reversed") else np.ones_like(since)
        share = np.minimum(np.tile(y[:, :, None], len(names)), learned)
        share[..., names.index("training")] = np.minimum(learned, follows)
        cell["outcome_share"] = np.stack([share, 1 - share], -1)
        cell["record_steps"] = np.tile(
            np.linspace(0, plan.experiment.steps_of(rule), cell["record_steps"].shape[1]), (seeds, 1)
        )
        cell["record_updates"] = cell["record_steps"] / 1600

    return instrument.run(plan, fill, random, REFERENCES)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({"watching": 3.0, "certain": np.inf}, "stops by percept if trained “watching”, goes on by habit if trained “certain”"),
        ({"watching": np.inf, "certain": 3.0}, "goes on by habit if trained “watching”, stops by percept if trained “certain”"),
        ({"watching": 3.0, "certain": 12.0}, "stops by percept if trained “watching”, stops by percept if trained “certain”"),
        ({"watching": 3.0, "certain": 29.5}, "stops by percept if trained “watching”, clearly does neither if trained “certain”"),
        ({"watching": np.inf, "certain": np.inf}, ALIKE),
        ({"watching": 3.0, "certain": 3.0}, ALIKE),
        ({"watching": 3.0, "certain": np.inf, "learned": 0.7}, SILENT + ": 0 of 30 seeds competent trained “watching”"),
        ({"watching": 3.0, "certain": np.inf, "follows": 0.7}, SILENT + ": 0 of 30 seeds competent trained “watching”"),
        ({"watching": 3.0, "certain": np.inf, "steady": 0.6}, SILENT + ": trained “watching”, it does not even last where nothing"),
    ],
)  # fmt: skip
def test_either_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["ppo"]["short"].startswith(short)
    assert found["rules"]["fixed"]["short"] == "a control: it reads nothing of reward"
    claimed = [text for text in found["verdict"] if text.startswith("Where the reward in view stops: ")]
    assert len(claimed) == (not short.startswith(SILENT))


@pytest.mark.slow
def test_where_kinds_do_not_differ_no_claim_is_made(plan, monkeypatch):
    """Half of the seeds of either kind stop before the end, half do not: the worst case for what is called stopped.

    The permutation test holds its level exactly, so that about 5 of 100 draws lead to a claim, and not fewer. Of a right one more
    than 13 do with a probability of 0.0005 (binomial, .05).
    """

    def draw(random):
        return drawn(only, random, 29.5, 29.5)

    whole, few = plan.experiment, ("watching", "certain")
    only = Plan(
        replace(
            whole,
            rules={"ppo": whole.rules["ppo"]},
            conditions={name: whole.conditions[name] for name in few},
            evaluations={name: whole.evaluations[name] for name in ("training", "steady", "stopped")},
            points_at=(1.0,),
        )
    )
    assert instrument.claims(monkeypatch, draw, SILENT, ALIKE) <= 13


def test_half_lives_within_an_episode_and_in_updates_are_those_put_in(plan):
    data = drawn(plan, np.random.default_rng(2), 4.0, np.inf, spread=0.0)
    mine = compare.summarise(data)["rules"]["ppo"]["stopping"]
    assert (
        mine["watching"]["stopped"]["steps"]["half"] == pytest.approx(4.0) and mine["watching"]["stopped"]["able"] == 30
    )
    assert mine["watching"]["stopped"]["updates"]["half"] is None
    assert mine["certain"]["stopped"]["steps"]["half"] == "inf"
    assert mine["certain"]["stopped"]["watched"]["steps"] == pytest.approx(29.5)
    assert mine["certain"]["stopped"]["before"]["iqm"] == mine["certain"]["stopped"]["end"]["iqm"] == pytest.approx(1.0)
    reverse = mine["watching"]["watching_reversed"]
    assert reverse["steps"]["half"] == pytest.approx(20_000, rel=0.02)
    assert reverse["updates"]["half"] == pytest.approx(20_000 / 1600, rel=0.02)
    assert mine["watching"]["watching_unpaid"]["steps"]["half"] == "inf"
    assert frozen.chance(data) == pytest.approx(0.5)


def test_what_is_measured_before_the_reward_in_view_stops_is_not_what_comes_after(plan):
    data = drawn(plan, np.random.default_rng(2), 1.0, np.inf, spread=0.0)
    every = np.ones(30, bool)
    one = frozen.within(data, 0, "watching", "stopped", every, every, 20, 0.5)
    assert one.before == pytest.approx(np.ones(30)) and one.end == pytest.approx(np.full(30, 0.5))
    assert one.steps == pytest.approx(np.ones(30), rel=0.5)


def test_without_an_evaluation_that_stops_the_reward_in_view_it_can_not_be_asked(plan):
    bare = Plan(replace(plan.experiment, evaluations={"steady": plan.experiment.evaluations["steady"]}))
    with pytest.raises(
        InputError, match=r"asks = stopping needs a world whose signals have .best., an evaluation in which nothing"
    ):
        compare.summarise(instrument.run(bare, lambda *_: None, np.random.default_rng(1), REFERENCES))


def test_the_figure_has_every_way(plan):
    data = drawn(plan, np.random.default_rng(4), 3.0, np.inf)
    ppo, _ = (axis for axis in figures.available(data)["stopping"](data).axes if axis.get_visible())
    assert {line.get_gid() for line in ppo.lines} >= {f"ppo/{name}" for name in plan.experiment.conditions}
    percept = next(line for line in ppo.lines if line.get_gid() == "ppo/watching")
    assert percept.get_xdata()[0] == 0.5 and percept.get_ydata()[-1] == 0.5
