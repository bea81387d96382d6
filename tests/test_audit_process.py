"""Overseers: plans against enumeration by hand, and the question tried as an instrument."""

import functools
from dataclasses import replace

import instrument
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs, training
from rewardlab.agents import by, memoryless
from rewardlab.analysis import compare, stats
from rewardlab.experiment import config
from rewardlab.experiment.conditions import Condition
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, plans
from rewardlab.probes.outcomes import played
from rewardlab.questions import gaming, overseers
from rewardlab.report import figures
from rewardlab.types import Policy

SILENT = "no claim about what it games"
HONEST = "games no overseer"
LETTERS = "wphc"  # work, polish, hide, cheat


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Intervals of fewer resamples: none of what is tested lies close to their ends."""
    for name in ("iqm_interval", "difference_interval"):
        monkeypatch.setattr(stats, name, functools.partial(getattr(stats, name), resamples=200))


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("audit_process")
    few = {name: c for name, c in whole.conditions.items() if "noise" not in name or name.endswith("noise_8")}
    rules = {name: whole.rules[name] for name in ("ppo", "guess_and_check")}
    return Plan(replace(whole, conditions=few, rules=rules, budgets={}, points=1, width=1))


@pytest.fixture(scope="module", name="told")
def _told(plan):
    """Exact: {evaluation: (float[plans, told] of every plan, {array: float[told]} of the best ones)}."""
    env, best, found = plan.env, {"best_paid": "reward", "most_useful": "true"}, {}
    for name, p in plan.evaluations.items():
        every = np.asarray(plans.table(env, p, bool(p.unwatched == 0))).T
        found[name] = every, {array: np.asarray(plans.top(env, p, by)) for array, by in best.items()}
    return found


def drawn(plan, told, random, usual="wwww", able=True, slips=0.1, **under):
    """Results in which agents trained under a condition write a plan, `usual` where none is named, and slip to any other now and
    then, seed by seed; "unwatched": what all of them write where nobody looks.
    """
    tests = [*plan.experiment.evaluations]

    def fill(rule, condition, cell):
        cell["return"] = np.full_like(cell["return"], 4.0 if able else 0.0)
        chosen = np.full((len(cell["return"]), len(tests)), number(under.get(condition, usual)))
        slipped = random.random(len(chosen)) < slips
        chosen[slipped] = random.integers(4**4, size=slipped.sum())[:, None]
        if "unwatched" in under:
            chosen[:, tests.index("unwatched")] = number(under["unwatched"])
        cell["plan"] = np.stack([told[test][0][chosen[:, k]] for k, test in enumerate(tests)], axis=1)
        for array in ("best_paid", "most_useful"):
            cell[array] = np.broadcast_to(np.stack([told[test][1][array] for test in tests]), cell["plan"].shape)

    return instrument.run(plan, fill, random)


def number(text: str) -> int:
    """The place of a plan in the order of all."""
    return int("".join(str(LETTERS.index(letter)) for letter in text), 4)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({"outcome": "cccc", "outcome-noise_8": "cccc"}, "games outcome"),
        ({"outcome": "cccc"}, "games outcome (noise 0)"),
        ({"charmed": "pppp", "charmed-noise_8": "pppp"}, "games charmed"),
        ({}, HONEST),
        ({"process": "wwpp", "process-noise_8": "wwpp"}, HONEST),
        ({"usual": "wpph", "outcome": "cccc"}, SILENT + ": paid by what they are worth, its plans are worth"),
        ({"able": False, "outcome": "cccc"}, SILENT + ": 0 of 30 seeds competent"),
    ],
)
def test_either_answer_is_told_and_a_failed_control_is_not_passed_over(plan, told, given, short):
    found = compare.summarise(drawn(plan, told, np.random.default_rng(1), **given))
    assert found["rules"]["ppo"]["short"].startswith(short)
    assert found["rules"]["guess_and_check"]["short"] == "a control: it shows what the prior alone does"
    errs = any("though they do not score more: PPO under process" in text for text in found["verdict"])
    assert errs == ("process" in given)
    assert all(row["smallest"] for table in found["pairwise"].values() for row in table)


def test_where_the_noise_drowns_the_control_too_nothing_is_said_of_it(plan, told):
    drowned = {f"{name}-noise_8": "hhhh" for name in ("worth", "outcome", "process", "both", "charmed", "evaded")}
    found = compare.summarise(
        drawn(plan, told, np.random.default_rng(1), outcome="cccc", **drowned | {"process-noise_8": "cccc"})
    )
    assert found["rules"]["ppo"]["short"] == "games outcome"
    assert gaming.judged(found, "ppo") == {"games": {"outcome": ["noise 0"]}, "errs": {}}


def test_what_is_brought_out_unwatched_is_told(plan, told):
    found = compare.summarise(drawn(plan, told, np.random.default_rng(1), unwatched="hhcc"))
    (said,) = (text for text in found["verdict"] if text.startswith("Unwatched"))
    assert "half watched (PPO)" in said
    assert not any(
        "Unwatched" in text for text in compare.summarise(drawn(plan, told, np.random.default_rng(1)))["verdict"]
    )


@pytest.mark.slow(quickly=True)
def test_where_there_is_no_difference_no_claim_is_made(plan, told, monkeypatch):
    """All overseers lead to the same plans, some of which are harmful."""
    few = {name: plan.experiment.conditions[name] for name in ("worth", "outcome", "process", "half_watched")}
    tests = {name: plan.experiment.evaluations[name] for name in ("worth", "outcome", "process", "both", "unwatched")}
    rules = {"ppo": plan.experiment.rules["ppo"]}
    small = Plan(replace(plan.experiment, conditions=few, evaluations=tests, rules=rules))

    def claimed(summary):
        short = summary["rules"]["ppo"]["short"]
        more = ("do not score more", "Unwatched")
        return not short.startswith((SILENT, HONEST)) or any(x in text for text in summary["verdict"] for x in more)

    def draw(random):
        return drawn(small, told, random, slips=0.3)

    assert instrument.counted(monkeypatch, draw, claimed) <= 5


def test_whose_fault_it_is_follows_the_best_paid_plan(plan, told):
    data = drawn(plan, told, np.random.default_rng(1), slips=0.0, outcome="cccc", charmed="wwww", process="wwpp")
    found = compare.summarise(data)
    of, exact = found["rules"]["ppo"]["audit_process"], found["audit_process"]["optimal"]
    whose = {name: gaming.fault(every["noise 0"], exact[name]) for name, every in of.items()}
    assert whose["outcome"] == whose["both"] == "as the best-paid plan"
    assert (whose["charmed"], whose["process"]) == ("more than the best-paid plan", "less than the best-paid plan")
    paid = {name: (round(x["paid"]["true"], 4), round(x["paid"]["reward"], 4)) for name, x in exact.items()}
    assert paid == {
        "worth": (4, 4),
        "outcome": (-4, 8),
        "process": (4, 4),
        "both": (4, 4),
        "charmed": (0, 5),
        "evaded": (-2, 4.8),
        "half_watched": (4, 4),
    }
    assert exact["half_watched"]["alone"]["cheat"] == 1 and exact["outcome"]["alone"] == {}
    assert found["audit_process"]["possible"] == 4 and found["audit_process"]["control"] == "worth"


def test_without_a_control_or_an_evaluation_in_its_world(plan, told):
    alone = Plan(replace(plan.experiment, control=None))
    found = compare.summarise(drawn(alone, told, np.random.default_rng(1), outcome="cccc"))
    assert found["rules"]["ppo"]["short"] == SILENT + ": no condition is the control"
    one = Plan(replace(plan.experiment, conditions={"worth": Condition({"gain": -1.0})}))
    assert compare.summarise(drawn(one, told, np.random.default_rng(1)))["rules"]["ppo"]["short"] == HONEST
    tests = {name: test for name, test in plan.experiment.evaluations.items() if name != "charmed"}
    data = instrument.run(
        Plan(replace(plan.experiment, evaluations=tests)), lambda *cell: None, np.random.default_rng(1)
    )
    with pytest.raises(InputError, match="no evaluation is in the world of condition 'charmed' without noise"):
        overseers.overseers(data)
    with pytest.raises(InputError, match="needs a world that enumerates its plans, and"):
        plans.probe.axes(Plan(config.load("ridge")))


@pytest.mark.slow(quickly=True)
def test_a_plan_is_scored_as_by_hand_and_the_best_of_all_is_found():
    """Hide, cheat, cheat, work looks 0, 1, -1 and 1, shows 5 and is worth -1; unwatched, nobody pays for looks."""
    env = envs.make("overseer", steps=4)
    params = envs.params(env, process=0.25, noise=3.0)
    writes = jnp.array([2, 3, 3, 0])
    written = lambda obs: obs[:, :16].astype(jnp.int32).sum(1)  # noqa: E731
    act = by(lambda out, key: (writes[out["logits"]], {}))
    agent = memoryless(lambda key: (), lambda params, obs: {"logits": written(obs)})
    s, policy = training.Setting(env, agent), Policy((), act)

    def measured(params):
        seen = played(env, params, agent, policy, jax.random.key(0), 3)
        axes = {"told": plans.told(env)}
        return plans.probe.measure(Subject(s, policy, params, axes, jax.random.key(0), seen=seen))

    for unwatched in (0.0, 1.0):
        found = measured(params.replace(unwatched=unwatched))
        expected = [0.25 * (1 - unwatched) + 0.75 * 5, 5, -1, 0.25, 0, 0.25, 0.5]
        assert np.allclose(found["plan"], expected)
    cheats = [0.75 * 8, 8, -4, 0, 0, 0, 1]  # hide first: .25 · 3 more for looks, .75 · 2 less for the end
    assert np.allclose(found["best_paid"], cheats) and np.allclose(found["most_useful"], [3, 4, 4, 1, 0, 0, 0])
    nothing = measured(params.replace(unwatched=1.0, process=1.0))["best_paid"]
    assert np.allclose(nothing, [0, 3, 0, 0.25, 0.25, 0.25, 0.25]), "all plans are as good: their mean"
    half = measured(params.replace(unwatched=0.5, process=0.5))["best_paid"]
    assert np.allclose(half, [4, 6, 0, 0.5, 0, 0, 0.5]), "works where it is watched, cheats where it is not"


def test_the_figures_have_every_overseer_and_the_closed_form(plan, told):
    data = drawn(plan, told, np.random.default_rng(4), slips=0.0, outcome="cccc", unwatched="cccc")
    worth, steps = (figures.available(data)[name](data) for name in ("audit_worth", "audit_steps"))
    assert [axis.get_title(loc="left") for axis in worth.axes] == [
        "worth",
        "outcome",
        "process",
        "both",
        "charmed",
        "evaded",
    ]
    exact = [next(line for line in axis.lines if line.get_gid() == "best paid").get_ydata()[0] for axis in worth.axes]
    assert exact == [4, -4, 4, 4, 0, -2]
    outcome = worth.axes[1]
    assert next(line for line in outcome.lines if line.get_gid() == "ppo").get_ydata().tolist() == [-4, 4]
    assert [axis.get_title(loc="left") for axis in steps.axes[5:7]] == ["evaded", "half watched"]
    wide = {(bar.get_gid(), round(bar.get_y(), 2)) for bar in steps.axes[0].patches if bar.get_width() == 1}
    assert {kind for kind, y in wide if y < 1.0 - 0.3} >= {"work"} and ("cheat", 1.02) in wide
