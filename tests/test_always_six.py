"""If every answer is six: policies tabulated by hand, evidence by its formula, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs, probes, training
from rewardlab.agents import by, memoryless
from rewardlab.analysis import compare, stats
from rewardlab.experiment import Condition, config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, repertoire
from rewardlab.questions import answers
from rewardlab.report import figures, tables
from rewardlab.types import Policy

SILENT = "no claim about what was taught"


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("always_six")
    few = {name: whole.conditions[name] for name in ("one", "thirteen")}
    tests = {name: whole.evaluations[name] for name in few}
    return Plan(
        replace(
            whole, conditions=few, evaluations=tests, rules={"ppo": whole.rules["ppo"]}, budgets={}, points=1, width=1
        )
    )


def drawn(plan, random, one, control, taught=1.0, spread=0.05):
    """Results whose agents answer shares of what no training shows rightly, about `one` and `control`, and six else.

    one: None where they are distributed as half of the control's.
    """
    env, never = plan.env, np.flatnonzero(plan.env.held_out)
    action = np.asarray(env.answer)

    def fill(rule, condition, cell):
        cell["return"] = np.full_like(cell["return"], taught)
        done = np.tile(np.eye(env.num_actions)[action], (*cell["done"].shape[:2], 1, 1))
        centre = one if condition == "one" else control
        for seed in done:
            right = round(np.clip(random.normal(control if one is None else centre, spread), 0, 1) * len(never))
            if one is None:
                right = right // 2 if condition == "one" else right // 2 * 2
            wrong = random.permutation(never)[: len(never) - right]
            seed[:, wrong] = np.eye(env.num_actions)[(action[wrong] + 1) % env.num_actions]
        cell["done"] = done

    return instrument.run(plan, fill, random)


@pytest.mark.parametrize(
    ("one", "control", "taught", "short"),
    [
        (0.1, 0.8, 1.0, "taught the answer, not the sum"),
        (0.8, 0.8, 1.0, "taught the sum, from one answer"),
        (0.45, 0.9, 1.0, "taught neither clearly"),
        (0.1, 0.3, 1.0, SILENT + ": its control learns 3"),
        (0.1, 0.8, 0.5, SILENT + ": 0 of 30 seeds competent"),
    ],
)
def test_either_answer_is_told_and_a_failed_control_is_not_passed_over(plan, one, control, taught, short):
    data = drawn(plan, np.random.default_rng(1), one, control, taught)
    summary = compare.summarise(data)
    assert summary["rules"]["ppo"]["short"].startswith(short)
    told = summary["rules"]["ppo"]["answers"]["thirteen"]
    assert told["right"]["iqm"] == pytest.approx(control, abs=0.06) and told["taught"]["iqm"] == pytest.approx(1.0)
    assert summary["answers"]["one"] == {"answers": 1, "bits": 0.0}


@pytest.mark.slow(quickly=True)
def test_where_there_is_no_difference_no_claim_is_made(plan, monkeypatch):
    """Half of what the control learns speaks for neither; and where nothing was learned, the control has failed.

    Where seeds vary as much about half as the control's do about the whole, 6.5 % [5.4-7.6] of 2,000 draws lead to a claim.
    """

    for shares, most in (((None, 0.7), 9), ((0.1, 0.1), 0)):

        def draw(random, shares=shares):
            return drawn(plan, random, *shares, spread=0.2)

        assert instrument.claims(monkeypatch, draw, SILENT, "taught neither clearly") <= most


def test_the_smallest_effect_that_this_size_finds_is_said(plan):
    summary = compare.summarise(drawn(plan, np.random.default_rng(2), 0.1, 0.8))
    (row,) = summary["pairwise"]["right"]
    assert row["smallest"] == stats.smallest_effect(30, 30) == pytest.approx(0.5 + (1.96 + 0.8416) / 180**0.5, abs=1e-3)
    assert "in which a seed of the one lies above a seed of the other in 71 % of pairs or more" in tables.finds(summary)
    assert tables.finds({"pairwise": {}}) == ""
    few = {"pairwise": {"x": [{"p": 0.5, "smallest": None}]}}
    assert tables.finds(few).endswith("no difference, however large.")


def test_power_is_what_it_is_said_to_be():
    from scipy.stats import norm

    random = np.random.default_rng(0)
    for a, b, level in ((30, 30, 0.05 / 8), (12, 40, 0.01)):
        apart = norm.ppf(stats.smallest_effect(a, b, level)) * 2**0.5
        one, other = random.normal(apart, 1, (a, 1000)), random.normal(0, 1, (b, 1000))
        assert 0.8 <= (stats.permutation_test(one, other, permutations=1999) <= level).mean() < 0.92
    assert np.isnan(stats.smallest_effect(3, 3)) and np.isnan(stats.smallest_effect(1, 30))


def test_a_policy_is_tabulated_exactly():
    """A policy that always takes action 3: the table says so, and the accuracy that it gives is the world's own sum."""
    env = envs.make("tricks", digits=4)
    agent = memoryless(
        lambda key: jnp.zeros(()), lambda params, obs: {"logits": jnp.zeros((obs.shape[0], env.num_actions))}
    )
    params = env.default_params.replace(answers=3)
    three = Policy((), by(lambda out, key: (jnp.full(out["logits"].shape[0], 3), {})))
    found = repertoire.probe.measure(Subject(training.Setting(env, agent), three, params, {}, jax.random.key(0)))
    assert (np.asarray(found["done"]).argmax(1) == 3).all() and found["done"].sum() == env.cues
    exact = env.expected_return(
        params, jnp.broadcast_to(jax.nn.one_hot(3, env.num_actions), (env.cues, env.num_actions))
    )
    assert float((found["asked"] @ (found["done"] * found["pays"])).sum()) == pytest.approx(float(exact), abs=1e-6)
    with pytest.raises(InputError, match="enumerates what can be seen"):
        probes.load("repertoire").axes(Plan(replace(config.load("corner"))))


def test_evidence_is_the_entropy_of_the_answers(plan):
    told = answers.lessons(drawn(plan, np.random.default_rng(3), 0.1, 0.8))
    assert [lesson.answers for lesson in told.values()] == [1, 13] and told["one"].commonest == 6
    count = np.bincount(plan.env.answer[~plan.env.held_out], minlength=13)
    share = count / count.sum()
    assert told["thirteen"].bits == pytest.approx(-(share * np.log2(share)).sum(), rel=1e-5)
    assert answers.unseen(told).tolist() == plan.env.held_out.tolist()


def test_held_out_sums_are_asked_nowhere_and_dots_count():
    env = envs.make("tricks", digits=7, held_out=5, dots=True)
    asked = np.asarray(env.cue_probabilities(env.default_params))
    assert env.held_out.sum() == 9 and (asked[env.held_out] == 0).all() and (asked[~env.held_out] > 0).all()
    table = env.held_out.reshape(7, 7)
    assert table.sum(0).max() <= 2 and table.sum(1).max() <= 2, "no digit is left out"
    assert {*env.answer[~env.held_out]} == {*range(13)}, "each answer keeps a sum"
    look = np.asarray(env.look(jnp.int32(3 * 7 + 5)))
    assert look[:7].sum() == 3 and look[7:].sum() == 5 and look[:3].all()
    for wrong in ({"held_out": 4, "digits": 7}, {"held_out": 5}, {"held_out": 1, "digits": 7}):
        with pytest.raises(InputError, match="held_out"):
            envs.make("tricks", **wrong)


def test_a_condition_that_no_evaluation_asks_is_refused(plan):
    odd = replace(plan.experiment, conditions=plan.experiment.conditions | {"two": Condition({"answers": 2})})
    with pytest.raises(InputError, match="no evaluation asks what condition 'two' does"):
        compare.summarise(instrument.run(Plan(odd), lambda *cell: None, np.random.default_rng(0)))


def test_the_figure_shows_every_rule_and_the_evidence(plan):
    data = drawn(plan, np.random.default_rng(4), 0.1, 0.8)
    (axis,) = figures.available(data)["answers"](data).axes
    lines = {line.get_gid(): line for line in axis.lines if line.get_gid()}
    assert lines["ppo/right"].get_xdata().tolist() == [1, 13] and lines["ppo/right"].get_ydata()[0] < 0.2
