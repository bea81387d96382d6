"""What agents that see reward follow: the probe of a lifetime's course by hand, and every sentence that `percept` can say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import returns, z_score

import rewardlab
from rewardlab import envs, training
from rewardlab.agents import by, memoryless
from rewardlab.analysis import compare
from rewardlab.experiment import Condition, Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, course, measured
from rewardlab.probes.outcomes import Outcomes, played
from rewardlab.questions import lifetimes
from rewardlab.running import assembly, rehearsal
from rewardlab.types import Policy

INVERTED = {"decoupled": 1.0, "gain": -1.0, "bias": 1.0}
EVALUATIONS = {
    "steady": {},
    "switched": {"switched": 1.0},
    "inverted": INVERTED | {"since": 50},
    "stopped": {"decoupled": 1.0, "since": 50},
    "hidden": {"decoupled": 1.0},
}


def asked(**changes):
    given = dict(
        name="percept", question="?", asks="percept", env="reward_in_view", env_kwargs={"world": "bandit"},
        conditions={"seen": Condition(), "unseen": Condition({"decoupled": 1.0})}, control="unseen",
        evaluations=EVALUATIONS, rules={"ppo": "ppo"}, seeds=12, points=1, episodes=8, width=1, capable_return=70.0,
    )  # fmt: skip
    return Experiment(**(given | changes))


def results(late, blind=0.5, reached=72.0, **changes):
    """Made-up results in which competent agents end like this, {evaluation: share of the best arm}; the control ends at `blind`."""
    plan, random = Plan(asked(**changes)), np.random.default_rng(0)
    found = {}
    for rule in plan.experiment.rules:
        for condition in plan.experiment.conditions:
            one = rehearsal.made_up(plan, rule, condition, random)
            one["return"] = np.full_like(one["return"], reached)
            ends = [late.get(name, 0.5) for name in plan.experiment.evaluations]
            ends = ends if condition == "seen" else [blind] * len(ends)
            best = plan.layout.axes["signal"].index("best")
            one["course"][:, :, best] = np.array(ends)[None, :, None] + random.normal(
                0, 0.01, one["course"][:, :, best].shape
            )
            found[rule, condition] = one
    n = len(plan.experiment.evaluations)
    line = {"random": Outcomes(np.full((n, 2), 0.5), np.full(n, 50.0), np.full(n, 100.0))}
    return assembly.assemble(plan, found, assembly.Fixed([], line))


def test_what_an_evaluation_does_is_read_from_its_params():
    assert {name: lifetimes.role(params) for name, params in EVALUATIONS.items()} == {
        "steady": "steady", "switched": "switched", "inverted": "faked", "stopped": "stopped", "hidden": "hidden",
    }  # fmt: skip
    assert lifetimes.role(INVERTED) == "faked" and lifetimes.role({"switched": 0.5}) == "switched"
    assert lifetimes.role({"decoupled": 1.0, "bias": 1.0, "since": 50}) == "constant"
    for odd in (INVERTED | {"decoupled": 0.1}, INVERTED | {"switched": 1.0}, {"decoupled": 1.0, "gain": 2.0}):
        assert lifetimes.role(odd) == "other"


@pytest.mark.parametrize(
    ("late", "more", "short"),
    [
        ({"inverted": 0.1, "switched": 0.9}, {}, "follows what is shown"),
        ({"inverted": 0.9, "switched": 0.9}, {}, "follows what is paid"),
        ({"inverted": 0.9, "switched": 0.1}, {}, "does not follow what is shown"),
        ({"inverted": 0.5}, {}, "clearly follows neither"),
        ({"inverted": 0.1}, {"reached": 60.0}, "no claim about what it follows: 0 of 12 seeds competent"),
        (
            {"inverted": 0.1},
            {"blind": 0.8},
            "no claim about what it follows: trained with reward hidden, it pulls the best arm late in 80",
        ),
        (
            {"inverted": 0.1},
            {"blind": 0.3},
            "no claim about what it follows: trained with reward hidden, it pulls the best arm late in 30",
        ),
        (
            {"inverted": 0.1},
            {"conditions": {"seen": Condition(), "unseen": Condition({"switched": 0.5})}},
            "no claim about what it follows: no control was trained with reward hidden",
        ),
        (
            {"inverted": 0.1},
            {"conditions": {"seen": Condition({"decoupled": 1.0}), "unseen": Condition({"decoupled": 1.0})}},
            "no claim about what it follows: reward is not in view in training",
        ),
        (
            {"inverted": 0.1},
            {"evaluations": {"steady": {}, "inverted": INVERTED}},
            "no claim about what it follows: no evaluation hides reward",
        ),
        (
            {},
            {"evaluations": {"steady": {}, "hidden": {"decoupled": 1.0}}},
            "no claim about what it follows: no evaluation inverts the reward in view",
        ),
        (
            {"inverted": 0.1},
            {"conditions": {"seen": Condition(), "unseen": Condition({"decoupled": 1.0}, seeds=5)}},
            "no claim about what it follows: its control has 5 seeds, fewer than 10",
        ),
        ({"inverted": 0.1}, {"seeds": 4}, "no claim about what it follows: 4 of 4 seeds competent, fewer than 10"),
        (
            {"inverted": 0.1},
            {"control": None},
            "no claim about what it follows: no control was trained with reward hidden",
        ),
    ],
)
def test_whom_agents_follow(late, more, short):
    summary = compare.summarise(results(late, **more))
    said = summary["rules"]["ppo"]["short"]
    assert said.startswith(short), said
    if "no claim" not in short:
        plural = short.replace("follows", "follow").replace("does not", "do not")
        assert (
            summary["verdict"][0] == f"While no parameter changes, competent agents of PPO (12 of 12 seeds) {plural}."
        )
        assert any(text.startswith("Where the reward in view is inverted, this share") for text in summary["verdict"])
    else:
        assert summary["verdict"][0].startswith("No claim about what it follows for PPO (")


def test_other_worlds_and_plans_can_not_be_asked():
    plan = Plan(
        asked(env="lever", env_kwargs={}, evaluations={"plain": {}}, conditions={"plain": Condition()}, control=None)
    )
    found = {("ppo", "plain"): rehearsal.made_up(plan, "ppo", "plain", np.random.default_rng(0))}
    with pytest.raises(InputError, match=r"asks = percept needs a world whose signals have .best."):
        compare.summarise(assembly.assemble(plan, found, assembly.Fixed([], {})))


def test_the_course_of_an_episode_by_hand():
    env = envs.make("bandit", pulls=100)
    agent = memoryless(lambda key: (), lambda params, obs: {"logits": jnp.zeros((len(obs), 2))})
    first = Policy((), by(lambda out, key: (jnp.zeros(len(out["logits"]), jnp.int32), {})))
    params = env.default_params.replace(switched=jnp.float32(1.0), switch_at=jnp.int32(10))
    seen = played(env, params, agent, first, jax.random.key(0), 6)
    s, axes = training.Setting(env, agent), {"course": {"signal": course.signals(env), "part": course.parts(100)}}
    assert axes["course"]["signal"] == ("best", "first arm", "paid", "reward")
    found = measured({"course": course.probe}, axes, Subject(s, first, params, {}, jax.random.key(0), seen=seen))[
        "course"
    ]
    by_hand = np.asarray(seen.signals["best"], float).reshape(50, 2, 6).mean((1, 2))
    np.testing.assert_allclose(found[0], by_hand, rtol=1e-6)
    np.testing.assert_allclose(found[3].mean(), np.asarray(seen.signals["reward"]).mean(), rtol=1e-6)
    np.testing.assert_allclose(by_hand[0], 1 - by_hand[-1])  # the arms trade places
    assert course.parts(7) == 7


@pytest.mark.slow(quickly=True)
def test_scripted_bandits_fare_as_they_should():
    """Regret over 100 pulls at p and 1 - p, p uniform: win-stay, lose-shift in closed form; UCB1 between it and Thompson's."""
    env = envs.make("bandit")
    lanes = {"win-stay": 20_000, "ucb1": 4_000, "thompson": 4_000}  # the last two by far: they stand well apart
    earned = {name: returns(env, env.default_params, name, lanes=n) for name, n in lanes.items()}
    p = np.linspace(0, 1, 10_001)
    # Wherever it is, the arm that pays with p is pulled next with probability p: it stays there by winning, or comes by losing.
    first, later = 0.25, np.trapezoid(np.maximum(p, 1 - p) - (p**2 + (1 - p) ** 2), p)
    assert abs(z_score(earned["win-stay"], 75 - first - 99 * later)) < 4.5
    assert earned["thompson"].mean() > earned["ucb1"].mean() > earned["win-stay"].mean()


def test_reward_in_view_takes_params_inside_of_a_trace():
    env, rule = (
        envs.make("reward_in_view", world="bandit"),
        rewardlab.rules.make("reinforce", num_envs=2, unroll_length=100),
    )
    run = jax.jit(lambda key: rewardlab.train(key, rule, env, {"switched": 0.5}, total_steps=200).steps)
    assert run(jax.random.key(0)) == 200
