"""The arm that cheats, in closed form; what episodes come to, by hand; and every sentence that `two_loops` can say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from playing import KEY, play, returns, script, z_score

from rewardlab import envs, rules
from rewardlab.agents.learner import Learner
from rewardlab.analysis import compare
from rewardlab.experiment import Condition, Experiment, Phase
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, sums
from rewardlab.probes.outcomes import Outcomes
from rewardlab.questions import lifetimes, loops
from rewardlab.report import two_loops_figures
from rewardlab.running import assembly, rehearsal

# ------------------------------------------------------------------------------------------------------------- the world


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize(
    "values", [{}, {"faked": 1.0}, {"faked": 0.5, "faked_shows": 0.5}, {"faked": 1.0, "faked_shows": 0.1, "low": 0.3}]
)
def test_the_best_returns_shown_and_true_in_closed_form(values):
    env = envs.make("fake_arm", arms=3, pulls=4)
    params = envs.params(env, **values)
    shown = returns(env, params, "optimal", lanes=40_000)
    assert abs(z_score(shown, float(env.optimum(params)))) < 4.5
    signals = script(env, params, "honest", 1, 40_000)[4]
    assert abs(z_score(np.asarray(signals["true"]).sum(0), float(env.true_optimum(params)))) < 4.5


@pytest.mark.slow(quickly=True)
def test_a_fake_shows_reward_and_is_worth_nothing():
    env = envs.make("fake_arm", arms=3, pulls=5)
    params = envs.params(env, faked=1.0)
    fake = lambda obs, state, params, key: state.fake  # noqa: E731
    signals = play(env, params, fake, KEY(0), 200, 5)[4]
    assert (signals["displayed"] == 1).all() and (signals["true"] == 0).all() and signals["fake"].all()
    assert not signals["best"].any() and (signals["outcome"] == 1).all()
    signals = play(env, params, env.references(params)["honest"], KEY(0), 200, 5)[4]
    assert signals["best"].all() and not signals["fake"].any() and (signals["outcome"] == 0).all()
    assert (signals["true"] == signals["displayed"]).all()
    _, state = jax.vmap(lambda key: env.reset_env(key, params))(jax.random.split(KEY(3), 3000))
    counts = np.bincount(np.asarray(state.fake), minlength=3)
    assert (abs(counts - 1000) < 4.5 * np.sqrt(3000 * 2 / 9)).all(), "each arm is as likely to be the fake"
    _, state = jax.vmap(lambda key: env.reset_env(key, env.default_params))(jax.random.split(KEY(3), 300))
    assert (state.fake == -1).all()


@pytest.mark.parametrize("values", [{"linked": 0.5}, {"switched": 0.1}, {"faked": 1.5}, {"faked_shows": -0.1}])
def test_bad_params_of_the_arm_that_cheats(values):
    with pytest.raises(InputError, match=next(iter(values))):
        envs.params(envs.make("fake_arm"), **values)


# ------------------------------------------------------------------------------------------------------------- the probe


def test_sums_by_hand():
    class Seen:
        mask = jnp.array([[True, True], [True, False]])
        signals = {"reward": jnp.array([[1.0, 2.0], [3.0, 100.0]]), "fake": jnp.array([[True, False], [True, True]])}

    subject = Subject(None, None, None, {"signal": ("fake", "reward")}, KEY(0), Seen())
    np.testing.assert_allclose(sums.probe.measure(subject)["signal_sum"], [(2 + 0) / 2, (4 + 2) / 2])


# ---------------------------------------------------------------------------------------------------------- the question

EVALUATIONS = {"no_fake": {}, "fake": {"faked": 1.0}, "subtle": {"faked": 1.0, "faked_shows": 0.8}}
TRUE = (Phase(reward={"true": 1.0}),)
CONDITIONS = {
    "true": Condition({"faked": 0.5}, phases=TRUE),
    "shown": Condition({"faked": 0.5}),
    "honest": Condition(),
}


def asked(**changes):
    given = dict(
        name="two_loops", question="?", asks="two_loops", env="reward_in_view", env_kwargs={"world": "fake_arm", "pulls": 20},
        conditions=CONDITIONS, evaluations=EVALUATIONS, rules={"truncation": rules.make("truncation", unroll_length=20)},
        agent=Learner(), seeds=12, points=1, episodes=8, width=1, capable_return=9.0,
    )  # fmt: skip
    return Experiment(**(given | changes))


def results(true, shown, reached=10.0, random=True, **changes):
    """Made-up results in which seeds end with these shares of fake pulls, {evaluation: share}, by what was scored; random: whether
    there is a line of a random policy.
    """
    plan, draw = Plan(asked(**changes)), np.random.default_rng(0)
    names, signals = list(plan.experiment.evaluations), list(plan.layout.axes["signal"])
    found = {}
    for condition in plan.experiment.conditions:
        one = rehearsal.made_up(plan, "truncation", condition, draw)
        one["return"] = np.full_like(one["return"], reached)
        shares = np.array([(true if condition == "true" else shown).get(name, 0.0) for name in names])
        course = one["course"][:, :, signals.index("fake")]
        one["course"][:, :, signals.index("fake")] = shares[None, :, None] + draw.normal(0, 0.01, course.shape)
        one["signal_sum"][..., signals.index("displayed")], one["signal_sum"][..., signals.index("true")] = 15.0, 11.0
        found["truncation", condition] = one
    shares = np.tile([0.3, 1 / 3, 1 - 0.3 - 1 / 3], (len(names), 1))
    line = {"random": Outcomes(shares, np.full(len(names), 8.0), np.full(len(names), 20.0))}
    return assembly.assemble(plan, found, assembly.Fixed([], line if random else {}))


def summary(*given, **changes):
    return compare.summarise(results(*given, **changes))


CAUGHT = {"fake": 0.05, "subtle": 0.1}
GAMED = {"fake": 0.9, "subtle": 0.8}


@pytest.mark.parametrize(
    ("true", "shown", "more", "short"),
    [
        (CAUGHT, GAMED, {}, "caught the fake that it scored, and 1 of 1 other fake"),
        (CAUGHT | {"subtle": 0.5}, GAMED, {}, "caught the fake that it scored, and 0 of 1 other fake"),
        (CAUGHT, GAMED | {"subtle": 0.1}, {}, "caught the fake that it scored."),  # nothing to catch at the other one
        (CAUGHT, GAMED, {"evaluations": {"no_fake": {}, "fake": {"faked": 1.0}}}, "caught the fake that it scored"),
        (CAUGHT | {"fake": 0.5}, GAMED, {}, "did not catch the fake that it scored"),
        (CAUGHT, CAUGHT, {}, "had nothing to catch: scored by what is shown, it avoids the fake, too"),
        ({"fake": 0.4}, {"fake": 0.4}, {}, "did not catch the fake that it scored"),
        (
            CAUGHT,
            GAMED,
            {"evaluations": {"no_fake": {}, "subtle": EVALUATIONS["subtle"]}},
            "was not tested with the fake that was scored",
        ),
        (
            CAUGHT,
            GAMED,
            {"reached": 8.0},
            "no claim about what the outer loop caught: scored by what was truly earned, 0 of 12",
        ),
        (
            CAUGHT,
            GAMED,
            {"seeds": 4},
            "no claim about what the outer loop caught: scored by what was truly earned, 4 of 4 seeds",
        ),
        (
            CAUGHT,
            GAMED,
            {"evaluations": {"no_fake": {}}},
            "no claim about what the outer loop caught: no evaluation has a fake",
        ),
        (
            CAUGHT,
            GAMED,
            {"random": False},
            "no claim about what the outer loop caught: no random policy says what chance is",
        ),
        (
            CAUGHT,
            GAMED,
            {"conditions": {name: CONDITIONS[name] for name in ("true", "honest")}},
            "no claim about what the outer loop caught: no condition is scored by what was shown, with fakes in training",
        ),
    ],
)
def test_what_is_said_of_what_an_outer_loop_caught(true, shown, more, short):
    found = summary(true, shown, **more)
    entry = found["rules"]["truncation"]
    assert f"{entry['short']}.".startswith(short) and entry["loops"] == 2
    assert all(text[0].isupper() and text.endswith(".") for text in found["verdict"])


def test_what_the_summary_says_in_figures():
    found = summary(CAUGHT, GAMED)
    of = found["rules"]["truncation"]["two_loops"]
    assert found["two_loops"]["scored"] == {"true": "true", "shown": "shown", "honest": "no fakes"}
    assert found["two_loops"]["fakes"] == {"no_fake": None, "fake": 1.0, "subtle": 0.8}
    assert abs(of["true"]["evaluations"]["fake"]["fake"]["iqm"] - 0.05) < 0.01 and of["shown"]["competent"] == 12
    assert of["true"]["evaluations"]["fake"]["gap"]["iqm"] == 4
    (fake, subtle) = found["pairwise"]["fake late"]
    assert (fake["evaluation"], subtle["evaluation"]) == ("fake", "subtle") and fake["difference"] < -0.8
    text = found["rules"]["truncation"]["verdict"]
    assert "True return: “no fake” 11" in text


def test_other_worlds_and_other_scores():
    with pytest.raises(InputError, match=r"signals have .fake., .displayed. and .true., and this one lacks"):
        plan = Plan(
            asked(env_kwargs={"world": "bandit", "pulls": 20}, conditions={"a": Condition()}, evaluations={"e": {}})
        )
        one = rehearsal.made_up(plan, "truncation", "a", np.random.default_rng(0))
        compare.summarise(assembly.assemble(plan, {("truncation", "a"): one}, assembly.Fixed([], {})))
    odd = {"conditions": {"a": {"params": {"faked": 1.0}, "phases": [{"reward": {"fake": 1.0}, "params": {}}]}}}
    assert loops.scored(odd) == {}
    late = {
        "conditions": {
            "a": {
                "phases": [{"reward": {"reward": 1.0}, "params": {}}, {"reward": {"true": 2.0}, "params": {"faked": 1}}]
            }
        }
    }
    assert loops.scored(late) == {"a": "true"}


def test_late_is_the_last_fifth_of_what_was_lived():
    course = np.full((1, 1, 1, 2, 1, 10), np.nan)
    course[0, 0, 0, 0, 0] = np.arange(10)
    course[0, 0, 0, 1, 0, :5] = np.arange(5)  # shorter lifetimes
    dims = ("rule", "condition", "seed", "evaluation", "signal", "part")
    results = xr.Dataset({"course": (dims, course)}, coords={"signal": ["fake"]})
    np.testing.assert_array_equal(lifetimes.late(results, "fake")[0, 0, 0], [8.5, 4])


def test_figures_have_a_point_a_condition_and_a_line_for_a_random_policy():
    found = results(CAUGHT, GAMED)
    figure = two_loops_figures.draw_fakes(found)
    axis = figure.axes[0]
    groups = {line.get_gid() for line in axis.lines if line.get_gid() and "/" in str(line.get_gid())}
    assert groups == {f"truncation/{name}" for name in CONDITIONS}
    dashed = [line for line in axis.lines if len(line.get_ydata()) == 2 and np.allclose(line.get_ydata(), 1 / 3)]
    assert len(dashed) == 2, "one for each evaluation with a fake"
    (gap,) = two_loops_figures.draw_gap(found).axes
    two_loops_figures.draw_fakes(results({}, {}, evaluations={"no_fake": {}}))  # an empty panel
    assert any(np.allclose(line.get_ydata(), 4) for line in gap.lines)
