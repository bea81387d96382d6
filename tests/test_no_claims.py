"""The questions that are older than `instrument.py`, tried with draws of no difference: no claim in nearly all of them.

`python tests/no_claims.py` takes 2,000 draws in place of 100, of these questions and of all others.
"""

import json
from dataclasses import asdict, replace

import instrument
import numpy as np
import pytest
import synthetic
import test_adaptation
import test_asks
import test_extinction
import test_percept
import test_planner
import test_score_on_screen
import test_two_loops

from rewardlab.experiment.plan import Plan
from rewardlab.questions import delivering, flips, gains

pytestmark = pytest.mark.slow

SEEDS = 30
FEW = 20  # draws, of those that are dear; more than 3 that claim anything come in 1.6 % of such tries, were each to in 5 %


def planned(experiment, **changes):
    return Plan(replace(experiment, seeds=SEEDS, **changes))


def test_goals_that_prevail_in_no_more_seeds_than_the_other(monkeypatch):
    rules = ("openai_es",)
    data = synthetic.results(
        rules, evaluations=("held-out", "detour"), points=2, conditions=(("end", 0.0, SEEDS), ("half", 0.5, SEEDS))
    )
    data["outcome_share"].loc[{"evaluation": "held-out"}] = [1.0, 0.0, 0.0, 0.0]
    data["outcome_share"].loc[{"evaluation": "detour", "condition": "half"}] = [0.9, 0.1, 0.0, 0.0]
    data["return"] = data.outcome_share.sel(outcome="coin", drop=True)

    def draw(random):
        taken = random.random((len(rules), SEEDS)) < 0.5
        share = np.stack([taken, ~taken, 0 * taken, 0 * taken], -1)[:, :, None]
        data["outcome_share"].loc[{"evaluation": "detour", "condition": "end"}] = np.broadcast_to(
            share, (len(rules), SEEDS, 2, 4)
        )
        return data

    assert instrument.claims(monkeypatch, draw, "no claim", "no goal prevails") <= 5


def test_percepts_that_are_followed_in_no_more_seeds_than_pay(monkeypatch):
    plan = planned(test_percept.asked())
    best, names = plan.layout.axes["signal"].index("best"), [*plan.experiment.evaluations]

    def draw(random):
        def fill(rule, condition, cell):
            cell["return"] = np.full_like(cell["return"], 72.0)
            late = np.full(cell["course"][:, :, best].shape[:2], 0.5) + random.normal(0, 0.05, (SEEDS, len(names)))
            if condition == "seen":
                late[:, names.index("inverted")] = np.where(random.random(SEEDS) < 0.5, 0.9, 0.1)
            cell["course"][:, :, best] = late[..., None]

        return instrument.run(plan, fill, random, {"random": 50.0})

    assert instrument.claims(monkeypatch, draw, "no claim", "clearly follows neither", draws=FEW) <= 3


def test_lifetimes_in_which_nothing_is_gained(monkeypatch):
    plan = planned(test_adaptation.asked())

    def draw(random):
        def fill(rule, condition, cell):
            cell["return"] = np.full_like(cell["return"], 12.0)
            cell["lifetime_return"] = np.float32(random.normal(6.0, 1.5, cell["lifetime_return"].shape))

        return instrument.run(plan, fill, random, {"random": 1.8, "optimal": 13.6 * 3})

    assert instrument.claims(monkeypatch, draw, "no claim", gains.NOT, draws=FEW) <= 3


def test_planners_that_turn_over_in_half_of_the_seeds(monkeypatch):
    plan = planned(test_planner.asked(rules={"muzero-shown": test_planner.BOTH}))
    along = [*plan.layout.axes["way"]]
    true, shown = along.index("bare_true"), along.index("bare_reward")
    table = [asdict(replace(test_planner.PREDICTS, rule=rule)) for rule in plan.experiment.rules]

    def draw(random):
        def fill(rule, condition, cell):
            cell["return"] = np.full_like(cell["return"], 16.0)
            cell["way_outcome_share"][:] = np.eye(3)[0]
            cell["way_outcome_share"][:, 0, true] = np.eye(3)[0]
            cell["way_outcome_share"][:, 0, shown] = np.eye(3)[(random.random(SEEDS) < 0.5).astype(int)]

        return instrument.run(plan, fill, random, {"random": 3.0}).assign_attrs(audit=json.dumps(table))

    assert instrument.claims(monkeypatch, draw, "no claim", flips.UNSURE, draws=FEW) <= 3


def test_displays_that_are_followed_half_of_the_way(monkeypatch):
    plan = planned(test_score_on_screen.asked())
    signals, names = plan.layout.axes["signal"], [*plan.experiment.evaluations]

    def draw(random):
        def fill(rule, condition, cell):
            cell["return"] = np.full_like(cell["return"], 20.0)
            for e, name in enumerate(names):
                task, tile = test_score_on_screen.TASK.get(name, (15.0, 15.0))
                if condition == "paid":
                    task, tile = test_score_on_screen.NUMBER
                elif condition == "unseen":
                    task, tile = test_score_on_screen.BLIND.get(name, (15.0, 15.0))
                spread = 0.05
                if condition == next(iter(plan.experiment.conditions)) and name == "writable":
                    first = test_score_on_screen.TASK.get(names[0], (15.0, 15.0))
                    task, tile = (np.mean(both) for both in zip(first, test_score_on_screen.NUMBER, strict=True))
                    spread = 2.0
                for signal, centre in (("true", task), ("on tile", tile), ("displayed", task)):
                    values = centre + random.normal(0, spread, SEEDS)
                    cell["signal_sum"][:, :, e, signals.index(signal)] = values[:, None]

        return instrument.run(plan, fill, random, {"random": 15.0})

    silent = ("no claim", "does not clearly follow either", "loses the task, and does not")
    assert instrument.claims(monkeypatch, draw, *silent, draws=FEW) <= 3


def test_outer_loops_that_make_no_difference(monkeypatch):
    plan = planned(test_two_loops.asked())
    signals = [*plan.layout.axes["signal"]]

    def draw(random):
        def fill(rule, condition, cell):
            cell["return"] = np.full_like(cell["return"], 10.0)
            shape = cell["course"][:, :, signals.index("fake")].shape
            cell["course"][:, :, signals.index("fake")] = random.normal(0.28, 0.1, shape[:2])[..., None]
            cell["signal_sum"][..., signals.index("displayed")], cell["signal_sum"][..., signals.index("true")] = (
                15.0,
                11.0,
            )

        n = len(plan.experiment.evaluations)
        found = instrument.run(plan, fill, random, {"random": 8.0})
        found["reference_share"][:] = np.tile([0.3, 1 / 3, 1 - 0.3 - 1 / 3], (1, n, 1))
        return found

    assert instrument.claims(monkeypatch, draw, "no claim", "did not catch", "had nothing to catch", draws=FEW) <= 3


def test_asks_that_change_nothing(monkeypatch):
    """All seeds are competent: who is picked for delivering when asked for most would deliver less elsewhere by chance alone."""
    rules = {"return_prompt": "return_prompt", "yoked": test_asks.rules_of_yoked()}
    plan = planned(test_asks.experiment(rules=rules))

    def draw(random):
        def fill(rule, condition, cell):
            centre, spread = (18.0, 0.8) if rule == "return_prompt" else (3.0, 0.01)
            cell["return"] = np.float32(centre + random.normal(0, spread, cell["return"].shape))

        return instrument.run(plan, fill, random, {"random": 5.0})

    silent = [delivering.SAID[what] for what in ("none", "unclear")]
    assert instrument.claims(monkeypatch, draw, "no claim", *silent, draws=FEW) <= 3


@pytest.mark.parametrize(("table", "half"), [("half-life", 200.0), ("while paid", np.inf)])
def test_habits_that_last_as_long(monkeypatch, table, half):
    """Half-lives of one distribution, whatever the rule; or none of them lost, whatever is paid."""
    data = test_extinction.results(SEEDS, **dict.fromkeys(test_extinction.HALVES, (half, half)))
    rules = [rule for rule in data.rule.values if rule != "fixed"]
    since = data.point.values > test_extinction.AT

    def draw(random):
        for rule in rules:
            for condition in data.condition.values if half == np.inf else ("silent", "reversed"):
                share = test_extinction.falling(half * random.lognormal(0, 0.5, SEEDS), SEEDS)
                share += (half == np.inf) * since * random.normal(-0.2, 0.05, share.shape)
                data["outcome_share"].loc[{"rule": rule, "condition": condition}] = np.stack([share, 1 - share], -1)[
                    :, :, None
                ]
                data["return"].loc[{"rule": rule, "condition": condition}] = share[..., None]
        return data

    def claimed(summary):
        return any(row["significant"] for row in summary["pairwise"][table])

    assert instrument.counted(monkeypatch, draw, claimed) <= 5
