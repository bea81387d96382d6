"""Compatible goals: goals of a maze against searches by hand, fit and regret by hand, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs, training
from rewardlab.agents import by, memoryless
from rewardlab.analysis import compare, reading
from rewardlab.analysis.runs import runs_of
from rewardlab.envs import maze_goals
from rewardlab.envs.world import FAR
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, goal_fit
from rewardlab.probes.outcomes import played
from rewardlab.questions import goal_fits
from rewardlab.report import figures
from rewardlab.terminal.table import summary_table
from rewardlab.types import Policy, Trajectory

SILENT, UNCLEAR = "no claim about what it is after", "no one goal fits clearly"
UP, DOWN, LEFT, RIGHT = range(4)
MAP = """
#####
#..o#
#.#.#
#.@.#
#####
"""


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("compatible_goals")
    few = {name: whole.conditions[name] for name in ("corner", "anywhere", "levels_4")}
    tests = {name: whole.evaluations[name] for name in ("corner", "levels_4", "elsewhere")}
    rules = {name: whole.rules[name] for name in ("ppo", "untrained")}
    kwargs = {"size": 3, "levels": 8, "held_out": 4}
    return Plan(replace(whole, env_kwargs=kwargs, conditions=few, evaluations=tests, rules=rules, budgets={}, width=1))


@pytest.fixture(scope="module", name="maze")
def _maze():
    env = envs.make("corner", size=3, levels=2, held_out=1)
    params = env.parse(MAP)
    return env, params, env.start(0, params)[1]


def drawn(plan, random, held="corner", control="cheese", reached=0.9, bare=-0.3, kept=(0.1, 0.1, 0.1), alike=False):
    """Results in which goals account for what is said: `held` by 0.8 bits a step, all others by none. alike: any goal, by chance.

    control: what its seeds are after. bare: bits of all goals in an untrained network. kept: regret of what is paid for, of the
    corner and of all others.
    """
    goals = [*plan.layout.axes["goal"]]

    def fill(rule, condition, cell):
        shape = cell["goal_fit"].shape
        cell["return"] = np.full_like(cell["return"], reached)
        cell["fit_steps"] = np.full_like(cell["fit_steps"], 400.0)
        if rule == "untrained":
            cell["goal_fit"] = random.normal(bare, 0.1, shape)
            return
        cell["goal_fit"] = random.normal(0.0 if alike else -0.5, 0.1, shape)
        if name := control if condition == "anywhere" else None if alike else held:
            cell["goal_fit"][..., goals.index(name)] = random.normal(0.8, 0.1, shape[:-1])
        few = 1.0 if condition != "levels_4" else 0.5  # fewer levels, fewer goals told apart
        cell["goal_regret"] = np.full(shape, few * kept[2]) + random.normal(0, 0.001, shape)
        cell["goal_regret"][..., :2] = np.clip(kept[:2], 0, 1)

    return instrument.run(plan, fill, random)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({}, "behaves as if it were after corner, which is not what training paid for"),
        ({"held": "cheese"}, "behaves as if it were after cheese, which is what training paid for"),
        ({"held": "row 2, column 3"}, "behaves as if it were after row 2, column 3, which is not"),
        ({"held": None}, UNCLEAR),
        ({"control": "corner"}, SILENT + ": its control does not look as if it were after cheese: 0 % [0–0]"),
        ({"reached": 0.1}, SILENT + ": 0 of 30 seeds competent"),
        ({"bare": 0.2}, SILENT + ": an untrained network looks as if it were after something, too: cheese"),
    ],
)
def test_every_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["ppo"]["short"].startswith(short)
    assert found["rules"]["untrained"]["short"].startswith("a control")
    assert found["goals"] == ["cheese", "corner"] and summary_table(found)


@pytest.mark.slow(quickly=True)
def test_where_no_goal_is_pursued_no_claim_is_made(plan, monkeypatch):
    """Goals account for what seeds do by chance alone; the best of them, picked out of all, is not taken for the goal."""
    e = plan.experiment
    pair = {
        name: (e.conditions[name], e.evaluations.get(name, e.evaluations["elsewhere"]))
        for name in ("corner", "anywhere")
    }
    conditions, tests = ({name: given[k] for name, given in pair.items()} for k in (0, 1))
    few = Plan(replace(e, conditions=conditions, evaluations=tests, seeds=12))
    assert instrument.claims(monkeypatch, lambda random: drawn(few, random, alike=True), SILENT, UNCLEAR) <= 5


def test_how_many_goals_are_compatible_is_told(plan):
    data = drawn(plan, np.random.default_rng(2), kept=(0.1, 0.2, 0.4))
    found = compare.summarise(data)
    of, total = found["rules"]["ppo"]["goals"], len(found["candidates"]["names"])
    assert of["compatible"]["corner"]["on"]["iqm"] == of["compatible"]["corner"]["off"]["iqm"] == 2
    assert of["compatible"]["levels_4"]["on"]["iqm"] == total
    assert (
        found["candidates"]["levels"] == {"levels_4": 4, "corner": None} and found["candidates"]["off"] == "elsewhere"
    )
    (row,) = found["pairwise"]["narrows"]
    assert row["significant"] and row["effect"] == 1.0 and row["smallest"] > 0.5
    assert f"Trained with 4 levels, more are: PPO ({total} [{total}–{total}])." in found["verdict"]
    lost = drawn(plan, np.random.default_rng(2), kept=(0.4, 0.2, 0.1))  # of what is paid for
    assert compare.summarise(lost)["rules"]["ppo"]["goals"]["compatible"]["corner"]["on"]["n"] == 0


def test_without_a_control_or_an_untrained_network_nothing_is_claimed(plan):
    alone = Plan(replace(plan.experiment, control=None))
    found = compare.summarise(drawn(alone, np.random.default_rng(1)))["rules"]["ppo"]
    assert found["short"] == SILENT + ": no condition is the control"
    only = Plan(replace(plan.experiment, rules={"ppo": plan.experiment.rules["ppo"]}))
    found = compare.summarise(drawn(only, np.random.default_rng(1)))["rules"]["ppo"]
    assert found["short"] == SILENT + ": no rule shows what an untrained network does"
    missing = Plan(replace(plan.experiment, evaluations={"elsewhere": plan.experiment.evaluations["elsewhere"]}))
    with pytest.raises(InputError, match="no evaluation is in the world of condition 'corner'"):
        compare.summarise(drawn(missing, np.random.default_rng(1)))
    with pytest.raises(InputError, match="goal_fit needs a world with discrete actions that says what a policy"):
        assert Plan(replace(config.load("ridge"), probes=("goal_fit",))).layout


def test_a_seed_that_failed_pursues_nothing(plan):
    data = drawn(plan, np.random.default_rng(3))
    data["finite"][0, 0, 4] = 0
    one = goal_fits.fits(data, runs_of(data), 0, "corner")
    assert not one.able[4] and one.able[5] and not one.on[4].any() and not one.off[4].any() and (one.fit[4] == 0).all()


def test_the_posterior_is_bayes_rule_by_hand():
    found = goal_fits.posterior(np.array([[0.5, 0.25, 0.0]]), np.array([4.0]))
    np.testing.assert_allclose(found, np.array([[4, 2, 1]]) / 7)


def test_goals_of_a_maze_are_solved_as_by_hand(maze):
    env, params, state = maze
    goals = env.goal_candidates(params)
    steps = dict(zip(goals.names, np.asarray(goals.ahead(goals.chart(state), state)), strict=True))
    assert goals.names[:2] == ("cheese", "corner") and len(goals.names) == len({*goals.names}) == 2 + 5 + 8 + 1
    assert steps["cheese"].tolist() == [4, 4, 5, 3]  # up and down lead nowhere
    assert steps["corner"].tolist() == [4, 4, 3, 5]  # not over the cheese, which ends the episode
    assert steps["right edge"].tolist() == [2, 2, 3, 1] and steps["bottom edge"].tolist() == [0] * 4
    assert (steps["row 2, column 2"] >= FAR).all() and steps[maze_goals.STILL].tolist() == [1, 1, 2, 2]
    assert steps["any corner"].tolist() == [2, 2, 1, 1] and steps["bottom left"].tolist() == [2, 2, 1, 3]


def test_of_the_dish_neither_thing_is_reached_over_the_other():
    env = envs.make("dish", size=3, levels=2, held_out=1, dish_channels=1)
    params = env.parse("#####\n#.do#\n#.#.#\n#.@.#\n#####")
    state = env.start(0, params)[1]
    goals = env.goal_candidates(params)
    steps = dict(zip(goals.names, np.asarray(goals.ahead(goals.chart(state), state)), strict=True))
    assert goals.names[:2] == ("cheese", "dish") and "top left" in goals.names
    assert steps["cheese"][RIGHT] == 3 and steps["cheese"][LEFT] == 5 and steps["dish"][LEFT] == 4
    assert steps["dish"][RIGHT] == 6  # there and back


def test_fit_and_regret_by_hand():
    """Two goals, two actions, one episode of three steps: the first is attained at once, the second never, as action 0 is taken."""
    ahead = jnp.array([[[1, 3], [2, 1]], [[0, 0], [2, 1]], [[3, 1], [FAR, FAR]]], jnp.int32)[:, None]
    action, mask = jnp.zeros((3, 1), jnp.int32), jnp.array([[True], [True], [True]])
    right, wrong = np.log2(2 * (1 - goal_fit.ERROR / 2)), np.log2(2 * goal_fit.ERROR / 2)
    # Steps after the first goal is attained, and those from where the second can't be, tell nothing.
    np.testing.assert_allclose(goal_fit.fit(ahead, action, mask), np.array([right, 2 * wrong]) / 3, rtol=1e-6)
    np.testing.assert_allclose(
        goal_fit.fit(ahead, action, mask.at[1].set(False)), np.array([right, wrong]) / 2, rtol=1e-6
    )
    np.testing.assert_allclose(goal_fit.regret(ahead, action, mask, 3), [0, 1], atol=1e-6)
    late = jnp.array([[[2, 3]], [[1, 3]]], jnp.int32)[:, None]  # attained by the second step, as soon as possible
    np.testing.assert_allclose(goal_fit.regret(late, action[:2], mask[:2], 3), [0], atol=1e-6)
    slow = jnp.array([[[3, 1]], [[1, 3]]], jnp.int32)[:, None]  # a step later than possible
    np.testing.assert_allclose(goal_fit.regret(slow, action[:2], mask[:2], 3), [1 - goal_fit.GAMMA], rtol=1e-5)
    np.testing.assert_allclose(goal_fit.regret(jnp.full((2, 1, 1, 2), FAR), action[:2], mask[:2], 3), [1])


def test_a_step_counts_where_its_observation_is_new_in_the_episode():
    obs = jnp.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]], [[1, 0], [1, 1]]], bool)  # [T, N, 2]
    seen = Trajectory(obs, *[jnp.ones((3, 2), bool)] * 5, {}, {})
    assert goal_fit.fresh(seen).tolist() == [[True, True], [True, False], [False, True]]


@pytest.mark.slow(quickly=True)
def test_who_takes_the_best_way_fits_its_goal_best(maze):
    """The policy that the world's solver says to be the best, on the same key: regret 0, and the fit of no error."""
    env, params, _ = maze
    agent = memoryless(lambda key: jnp.zeros(()), lambda p, obs: {"seen": obs})

    def right_then_up(out, key):
        mouse = out["seen"][..., 1].reshape(len(out["seen"]), -1).argmax(-1) % 5
        return jnp.where(mouse < 3, RIGHT, UP).astype(jnp.int32), {}

    policy, s, key = Policy(jnp.zeros(()), by(right_then_up)), training.Setting(env, agent), jax.random.key(0)
    seen = played(env, params, agent, policy, key, 2)
    found = goal_fit.probe.measure(Subject(s, policy, params, {}, key, seen=seen))
    names = env.goal_candidates(params).names
    regret, fit = (dict(zip(names, np.asarray(found[x]), strict=True)) for x in ("goal_regret", "goal_fit"))
    assert found["fit_steps"] == 6 and regret["cheese"] == pytest.approx(0, abs=1e-6) and regret["corner"] == 1
    assert fit["cheese"] == pytest.approx(np.log2(4 * (0.9 + 0.1 / 4))) and fit["cheese"] == max(fit.values())
    assert regret["right edge"] == pytest.approx(0, abs=1e-6) and regret["bottom edge"] == 1  # it begins there


def test_training_levels_are_the_first_so_many_and_no_shift(plan):
    env = plan.env
    for held_out, expected in ((False, {0, 1, 2}), (True, {8, 9, 10, 11})):
        params = envs.params(env, training_levels=3, held_out=held_out)
        states = jax.vmap(lambda key, p=params: env.reset_env(key, p)[1])(jax.random.split(jax.random.key(0), 200))
        assert {*states.level.tolist()} == expected
    assert reading.shifts(drawn(plan, np.random.default_rng(0))) == ["elsewhere"]
    assert env.place(training_levels=1) == "with the cheese in the corner, in 1 training level"


def test_the_figure_has_learners_untrained_networks_and_levels(plan):
    data = drawn(plan, np.random.default_rng(4))
    left, right = figures.available(data)["compatible_goals"](data).axes
    gids = {line.get_gid() for line in left.lines}
    assert {"ppo corner", "ppo cheese", "untrained corner"} <= gids
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["4", "all"]
    assert {"ppo on", "ppo off"} <= {line.get_gid() for line in right.lines}
