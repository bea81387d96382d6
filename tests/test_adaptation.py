"""Getting better within a lifetime: the probe by scripts whose returns are known, and every sentence that `adaptation` can say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs, training
from rewardlab.analysis import compare, reading
from rewardlab.experiment import Condition, Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, lifetime, measured
from rewardlab.probes.outcomes import Outcomes, played
from rewardlab.questions import answering, episodes
from rewardlab.report import figures
from rewardlab.running import assembly, rehearsal
from rewardlab.types import Agent, Policy

HIDDEN = {"decoupled": 1.0}
EVALUATIONS = {
    "known": {},
    "hidden_later": HIDDEN | {"since": 15},
    "always_1": HIDDEN | {"bias": 1.0, "since": 15},
    "hidden": HIDDEN,
    "new_goals": {"held_out": 1.0},
}
BETTER = {
    "known": (6.0, 12.0, 13.0),
    "hidden_later": (6.0, 2.0, 2.0),
    "always_1": (6.0, 1.0, 1.0),
    "new_goals": (4.0, 5.0, 5.0),
}


def asked(**changes):
    given = dict(
        name="rooms", question="?", asks="adaptation", env="reward_in_view",
        env_kwargs={"world": "dark_room", "episodes": 3, "size": 5, "steps": 15, "held_out": 4},
        conditions={"seen": Condition(), "unseen": Condition(HIDDEN)}, control="unseen", evaluations=EVALUATIONS,
        rules={"ppo": "ppo"}, seeds=12, points=1, episodes=8, width=1, capable_return=10.0,
    )  # fmt: skip
    return Experiment(**(given | changes))


def results(ends, blind=(1.0, 1.0, 1.0), reached=12.0, optimal=13.6, **changes):
    """Made-up results: returns of a lifetime's episodes, {evaluation: (first, …, last)}, ±.3 or so; the control's are `blind`."""
    plan, random = Plan(asked(**changes)), np.random.default_rng(0)
    found = {}
    for condition in plan.experiment.conditions:
        one = rehearsal.made_up(plan, "ppo", condition, random)
        one["return"] = np.full_like(one["return"], reached)
        means = [ends.get(name, blind) if condition == "seen" else blind for name in plan.experiment.evaluations]
        shape = one["lifetime_return"].shape
        one["lifetime_return"] = (np.array(means) + random.normal(0, 0.1, shape)).astype(np.float32)
        found["ppo", condition] = one
    n = len(plan.experiment.evaluations)
    lines = {
        name: Outcomes(np.full((n, 2), 0.5), np.full(n, 3 * each), np.full(n, 45.0))
        for name, each in (("random", 0.6), ("optimal", optimal))
    }
    return assembly.assemble(plan, found, assembly.Fixed([], lines))


def test_what_an_evaluation_does_is_read_from_its_params():
    data = results(BETTER, evaluations=EVALUATIONS | {"both": HIDDEN | {"held_out": 1.0}})
    assert episodes.kinds(data) == {
        "known": "steady", "hidden_later": "stopped", "always_1": "constant", "hidden": "hidden", "new_goals": "elsewhere",
        "both": "other",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ends", "more", "short"),
    [
        ({}, {}, "gets better within a lifetime, from the reward that it is shown"),
        ({"always_1": (6.0, 12.0, 13.0)}, {}, "gets better within a lifetime, and not clearly from the reward"),
        (
            dict.fromkeys(EVALUATIONS, (6.0, 12.0, 13.0)),
            {},
            "gets better within a lifetime, whatever reward it is shown",
        ),
        ({"known": (6.0, 6.0, 6.0)}, {}, "does not clearly get better within a lifetime"),
        ({"known": (6.0, 6.3, 6.5)}, {}, "does not clearly get better within a lifetime"),  # 4 % of the optimum
        ({"known": (6.0, 6.3, 6.5)}, {"optimal": 5.0}, "gets better within a lifetime"),  # 10 %
        ({}, {"reached": 9.0}, "no claim about what it gains: 0 of 12 seeds competent"),
        ({}, {"seeds": 6}, "no claim about what it gains: 6 of 6 seeds competent, fewer than 10"),
        ({}, {"blind": (1.0, 3.0, 4.5)}, "no claim about what it gains: trained with reward hidden, it gains 3.5"),
        ({}, {"blind": (1.0, 1.0, 4.0)}, "gets better within a lifetime"),  # 3 of 7, less than half
        ({}, {"control": None}, "no claim about what it gains: no control was trained with reward hidden"),
        (
            {},
            {"conditions": {"seen": Condition(), "unseen": Condition(HIDDEN, seeds=5)}},
            "no claim about what it gains: its control has 5 seeds, fewer than 10",
        ),
        (
            {},
            {"conditions": {"seen": Condition(HIDDEN), "unseen": Condition(HIDDEN)}},
            "no claim about what it gains: reward is not in view in training",
        ),
        ({}, {"evaluations": {"known": {}}}, "no claim about what it gains: no evaluation hides reward"),
        (  # reward is hidden, but in another world
            {},
            {"evaluations": {"known": {}, "both": HIDDEN | {"held_out": 1.0}}},
            "no claim about what it gains: no evaluation hides reward",
        ),
        (
            {"hidden": (1.0, 9.0, 9.0)},
            {"evaluations": {"hidden": HIDDEN, "known": {}}},
            "no claim about what it gains: something changes on the first evaluation",
        ),
        ({"known": (6.0, 6.0, 6.0)}, {"optimal": -13.6}, "does not clearly get better within a lifetime"),
    ],
)
def test_who_gets_better_and_from_what(ends, more, short):
    summary = compare.summarise(results(BETTER | ends, **more))
    said = summary["rules"]["ppo"]["short"]
    assert said.startswith(short), said
    if "no claim" in short:
        assert summary["verdict"] == [
            f"No claim about what it gains for PPO ({short.split(': ', 1)[1]}{said[len(short) :]})."
        ]
    else:
        several = answering.several(said)
        assert (
            summary["verdict"][0] == f"While no parameter changes, competent agents of PPO (12 of 12 seeds) {several}."
        )
        assert said.replace("gets", "get").replace("does", "do").replace("it is", "they are") == several


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ((4.0, 5.0, 5.0), "does not carry over"),
        ((4.0, 9.0, 9.5), "carries over"),
        ((4.0, 7.0, 7.5), "does not clearly carry over"),
    ],
)
def test_whether_a_gain_carries_over_to_other_goals(new, words):
    summary = compare.summarise(results(BETTER | {"new_goals": new}))
    assert summary["verdict"][-1] == f"What PPO gains {words} to “new goals”."
    assert summary["rules"]["ppo"]["verdict"].endswith(f"What it gains {words} to “new goals”.")


def test_gains_are_paired_by_seed():
    """Seeds that differ by much more than they gain gain clearly all the same."""
    data = results(BETTER)
    data["lifetime_return"].values[:, 0] += 10 * np.linspace(-1, 1, 12)[:, None, None, None]
    of = compare.summarise(data)["rules"]["ppo"]["lifetime"]["known"]
    assert 6.7 < of["gain"]["low"] < 7.0 < of["gain"]["high"] < 7.3
    assert of["episodes"][2]["high"] - of["episodes"][2]["low"] > 4


def test_the_figure_has_a_curve_an_evaluation_and_the_scripted_policies():
    data = reading.filled(results(BETTER))
    axis = figures.available(data)["episodes"](data).axes[0]
    lines = {line.get_gid(): line for line in axis.lines if line.get_gid()}
    assert {*lines} == {f"ppo/{name}" for name in EVALUATIONS} | {"reference/random", "reference/optimal"}
    np.testing.assert_allclose(lines["ppo/known"].get_ydata(), (6, 12, 13), atol=0.2)
    assert lines["reference/optimal"].get_ydata()[0] == pytest.approx(13.6)


def test_other_worlds_and_single_episodes_can_not_be_asked():
    with pytest.raises(InputError, match="probe lifetime needs a world whose lifetimes have `episodes`"):
        _ = Plan(
            asked(
                env="lever", env_kwargs={}, evaluations={"plain": {}}, conditions={"plain": Condition()}, control=None
            )
        ).layout
    with pytest.raises(InputError, match="lifetimes of several episodes, and these have one"):
        compare.summarise(results({}, (1.0,), env_kwargs={"world": "dark_room", "episodes": 1, "steps": 15}))


def clock(script):
    """An agent that remembers how many steps it has lived, and the policy of taking the actions of a script, int[T]."""

    def start(params, lanes):
        return jnp.zeros(lanes, jnp.int32)

    def act(agent, params, memory, obs, key):
        return jnp.asarray(script, jnp.int32)[memory], {}, memory + 1

    agent = Agent(lambda key: (), start, lambda p, m, o: ({}, m), lambda p, m, o, f: ({}, m))
    return agent, Policy((), act)


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_return_of_each_episode_of_a_scripted_lifetime(wrapped):
    env = envs.make("reward_in_view", world="dark_room", episodes=3, size=3, steps=5, held_out=7)  # one goal is left
    if wrapped:
        env = envs.make("score_strip", world=env, cells=3)
    _, state = env.reset_env(jax.random.key(0), env.default_params)
    inner = state.inner.inner if wrapped else state.inner
    down, right = int(inner.goal) // 3 - 1, int(inner.goal) % 3 - 1
    way = [1 if down < 0 else 2] * abs(down) + [3 if right < 0 else 4] * abs(right)
    straight, late = way + [0] * (5 - len(way)), [0] * (5 - len(way)) + way
    agent, policy = clock([0] * 5 + late + straight)
    seen = played(env, env.default_params, agent, policy, jax.random.key(1), 4)
    axes = {"lifetime": lifetime.probe.axes(Stand(env))}
    assert axes == {"lifetime": {"lifetime_episode": 3}}
    subject = Subject(training.Setting(env, agent), policy, env.default_params, {}, jax.random.key(0), seen=seen)
    found = measured({"lifetime": lifetime.probe}, axes, subject)["lifetime_return"]
    assert found.tolist() == [0.0, 1.0, 6.0 - len(way)]


class Stand:
    """As much of a plan as a probe's axes need."""

    def __init__(self, env):
        self.env = env
