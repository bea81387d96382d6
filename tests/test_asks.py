"""Every sentence that `return_prompt` can say, and what it reads of evaluations, with made-up results."""

import numpy as np
import pytest

from rewardlab.analysis import compare
from rewardlab.experiment import Condition, Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes.outcomes import Outcomes
from rewardlab.questions import asks
from rewardlab.running import assembly, rehearsal

ASKED = {"asked_low": 0.0, "asked_high": 20.0}


def ask(x, **changes):
    return {"asked_low": float(x), "asked_high": float(x)} | changes


EVALUATIONS = {f"ask-{x}": ask(x) for x in (15, 20, 0, 10, 40)} | {f"gone-{x}": ask(x, absent=1.0) for x in (0, 20)}


def experiment(**changes):
    given = dict(
        name="asked", question="?", asks="return_prompt", env="return_asked", env_kwargs={"world": "lever", "steps": 16},
        conditions={"lever": Condition(ASKED), "half": Condition(ASKED | {"absent": 0.5})}, control="half",
        evaluations=EVALUATIONS, rules={"return_prompt": "return_prompt", "yoked": "yoked"}, seeds=12, points=1, episodes=8,
        width=1, capable_return=14.0,
    )  # fmt: skip
    return Experiment(**(given | changes))


def results(delivers=1.0, blind=0.0, beyond=10.0, able=0.9, shares=(0.1, 0.8), true=None, **changes):
    """Made-up results: what is achieved is `delivers` times what is asked for less 20, and 20; `beyond` where 40 is asked for."""
    if "rules" not in changes:
        changes["rules"] = {
            "return_prompt": "return_prompt",
            "yoked": rules_of_yoked(),
        }
    plan, random = Plan(experiment(**changes)), np.random.default_rng(0)
    told = {name: asks.asked(params) for name, params in plan.experiment.evaluations.items()}
    found = {}
    for rule in plan.experiment.rules:
        for condition in plan.experiment.conditions:
            one = rehearsal.made_up(plan, rule, condition, random)
            slope = delivers if rule == "return_prompt" else blind
            top = 20.0 if rule == "return_prompt" else 3.0
            got = np.array([top + slope * (min(x or 0, 20) - 20) if x != 40 else beyond for x in told.values()])
            one["return"] = np.float32(got + random.normal(0, 0.001, one["return"].shape))
            signal = plan.layout.axes["signal"].index("true")
            one["signal_sum"][..., signal] = one["return"] if true is None else true
            share = np.zeros(3)
            share[:2] = shares if condition == "lever" else (able, 0.05)
            share[2] = 1 - share.sum()
            one["outcome_share"][:] = share
            found[rule, condition] = one
    n = len(plan.experiment.evaluations)
    line = {"random": Outcomes(np.full((n, 3), 1 / 3), np.full(n, 5.0), np.full(n, 16.0))}
    return assembly.assemble(plan, found, assembly.Fixed([], line))


def rules_of_yoked():
    from rewardlab.rules import make

    return make("yoked", rule=make("return_prompt"))


def test_what_evaluations_ask_for_is_read_from_their_params():
    assert asks.asked(ask(3, absent=1.0)) == 3 and asks.asked(ASKED) is None and asks.asked({}) is None
    first, other = asks.places(results())
    assert first == ("as in training", {"ask-0": 0, "ask-10": 10, "ask-15": 15, "ask-20": 20, "ask-40": 40})
    assert other == ("with absent = 1", {"gone-0": 0, "gone-20": 20})
    assert asks.trained(results()) == (0, 20) and asks.shifted(results()) == ["half"]
    coin = {"a": {"held_out": True, **ask(1)}, "b": {"moved": 1.0, "held_out": True, **ask(1)}}
    sizes = {"world": "coinrun", "levels": 20, "held_out": 5}
    plan = Plan(experiment(env_kwargs=sizes, evaluations=coin, conditions={"c": Condition()}, control=None))
    made = {(r, "c"): rehearsal.made_up(plan, r, "c", np.random.default_rng(0)) for r in plan.experiment.rules}
    found = assembly.assemble(plan, made, assembly.Fixed([], {}))
    assert [place.label for place in asks.places(found)] == ["on held-out levels", "with the coin at a detour"]
    assert asks.trained(found) is None and asks.shifted(found) == []


def test_slopes_by_hand():
    achieved = np.array([[20.0, 0.0, 99.0, 10.0], [8.0, 5.0, 0.0, 5.0]])
    names = ["ask-20", "ask-0", "ask-40", "ask-10"]
    asked = {"ask-0": 0.0, "ask-10": 10.0, "ask-20": 20.0}
    np.testing.assert_allclose(asks.slopes(achieved, names, asked), [1, 0.15])
    assert asks.slopes(achieved, names, {"ask-0": 0.0}).size == 0


@pytest.mark.parametrize(
    ("told", "short"),
    [
        ({}, "does as it is asked"),
        ({"delivers": 0.3}, "delivers more where more is asked for, but less than that"),
        ({"delivers": 0.01}, "delivers the same whatever it is asked for"),
        ({"delivers": -0.5}, "does not clearly do as it is asked"),
        ({"capable_return": 30.0}, "no claim about what asking does: 0 of 12 seeds competent"),
        ({"seeds": 8}, "no claim about what asking does: 8 of 8 seeds competent, fewer than 10"),
        ({"blind": 0.5}, "no claim about what asking does: its control delivers 0.50 [0.50–0.50] more for each 1 more"),
        (
            {"rules": {"return_prompt": "return_prompt"}},
            "no claim about what asking does: no control rule shows what asks do",
        ),
        (
            {"conditions": {"lever": Condition(ask(20)), "half": Condition(ASKED | {"absent": 0.5})}},
            "no claim about what asking does: 1 return asked for within the range of training, fewer than 3",
        ),
        (
            {"evaluations": {"a": ask(20), "b": ask(20), "c": ask(10)}},
            "no claim about what asking does: 2 returns asked for within the range of training, fewer than 3",
        ),
    ],
)
def test_whether_what_is_asked_for_is_delivered(told, short):
    summary = compare.summarise(results(**told))
    assert summary["rules"]["return_prompt"]["short"].startswith(short)
    if "rules" not in told:
        assert summary["rules"]["yoked"]["short"] == "a control: it reads nothing of reward"
    claimed = not short.startswith("no claim")
    assert summary["verdict"][-1].startswith("No claim about what asking does for return-conditioned (") != claimed
    every = summary["rules"]["return_prompt"]["shifts"].values()
    assert all(shift["claim"] for shift in every) == claimed


def test_what_picks_competent_seeds_is_in_no_slope_and_no_comparison():
    """Returns by chance alone, of which half of the seeds are picked for a high one: it is higher there alone."""
    data = results(seeds=400, capable_return=20.0)
    random = np.random.default_rng(3)
    data["return"].loc[{"rule": "return_prompt"}] = np.float32(20 + random.normal(0, 2.0, data["return"][0].shape))
    summary = compare.summarise(data)
    found = summary["rules"]["return_prompt"]
    assert 150 < found["competent_seeds"] < 250 and summary["asks"]["in_range"] == ["ask-0", "ask-10", "ask-20"]
    means = {name: one["return"]["iqm"] for name, one in found["competent"].items()}
    assert means["ask-15"] > 21.0 and all(abs(means[f"ask-{x}"] - 20) < 0.5 for x in (0, 10, 20, 40))
    assert {row["evaluation"] for row in summary["pairwise"]["beyond"]} == {"ask-40"}
    first = results(seeds=12, evaluations={name: EVALUATIONS[name] for name in ("ask-40", "ask-0", "ask-10", "ask-20")})
    assert compare.summarise(first)["pairwise"]["beyond"] == []


def headline(**told):
    return " ".join(compare.summarise(results(**told))["verdict"])


def test_what_is_said_of_asks_beyond_the_range():
    said = headline()
    assert "between 0 and 20, the range of training, each 1 more that is asked for brings 1.00 [1.00–1.00] more" in said
    assert "asked for 40 it gets 10 [10–10], less than when asked for 20" in said
    assert "asked for 40 it gets 30 [30–30], more than when asked for 20" in headline(beyond=30.0)
    assert "not clearly other than when asked for 20" in headline(beyond=20.0)
    assert "Without reward's information, the same slope is: yoked reward" in said
    assert "(truly" not in said and "asked for 40 it gets 10 [10–10] (truly 2)" in headline(true=2.0)


def test_what_is_said_of_goals():
    said = headline()
    assert (
        "with absent = 1, return-conditioned pulled the lever in most episodes when asked for 0 (80 % [80–80]) and 20 (80 % "
        "[80–80]); trained with “half” it worked in 90 % [90–90] there, asked for 0." in said.replace("With", "with")
    )
    assert "As in training, return-conditioned pulled the lever in most episodes when asked for 0" in said
    assert "worked in most episodes when asked for 0" in headline(shares=(0.8, 0.1))
    assert "neither worked nor pulled the lever in most episodes, whatever it was asked for" in headline(
        shares=(0.3, 0.3)
    )
    said = headline(able=0.2)
    assert (
        "with absent = 1, return-conditioned supports no claim about goals: its control fails: 20 % [20–20] at best, 12 seeds"
        in (said.replace("With", "with"))
    )
    summary = compare.summarise(results(able=0.2))
    claims = {name: shift["claim"] for name, shift in summary["rules"]["return_prompt"]["shifts"].items()}
    assert claims == {name: not name.startswith("gone") for name in EVALUATIONS}
    alone = headline(conditions={"lever": Condition(ASKED)}, control=None)
    assert "supports no claim about goals: no control was trained there" in alone


def test_worlds_that_ask_for_nothing_can_not_be_asked():
    changed = {"evaluations": {"plain": {}}, "conditions": {"lever": Condition(ASKED)}, "control": None}
    with pytest.raises(InputError, match="asks = return_prompt needs evaluations that ask for one return each"):
        compare.summarise(results(**changed))
