"""Learned rewards: the world, and the question as an instrument."""

import contextlib
import functools
from dataclasses import replace

import instrument
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs, rules, training
from rewardlab.agents import MLP
from rewardlab.analysis import compare, stats
from rewardlab.analysis.runs import runs_of
from rewardlab.envs import preferences
from rewardlab.envs.tasks import tasked
from rewardlab.experiment import Budget, Condition, config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.questions import overoptimising
from rewardlab.questions.overoptimising import Course
from rewardlab.report import figures
from rewardlab.rundir import netcdf, stopping, store
from rewardlab.running import chunks, runner

SILENT = "no claim about what it over-optimises"
NONE = "clearly over-optimises no model"
KEY = jax.random.key


# The world


@pytest.fixture(scope="module", name="world")
def _world():
    return envs.make("learned_reward", world="lever", length=5, steps=6, start=1, numbers=(4, 32), noise=0.5, members=2)


@pytest.fixture(scope="module", name="own")
def _own(world):
    return tasked(world, world.default_params, np.arange(3))


def lived(world, params, actions):
    """(rewards, signals) of an episode of these actions."""
    _, state = world.reset_env(KEY(0), params)
    found = []
    for action in actions:
        _, state, reward, _, signals = world.step_env(KEY(1), state, jnp.int32(action), params)
        found.append((float(reward), float(signals["true"]), float(signals["displayed"])))
    return np.array(found).T


def test_the_model_pays_and_what_is_true_is_told_beside_it(world, own):
    """Left, use three times, right, use: three steps of work; the model's word is linear in what was seen and done."""
    actions = [0, 2, 2, 2, 1, 2]
    params = jax.tree.map(lambda x: x[1], own)
    reward, true, displayed = lived(world, params, actions)
    assert true.tolist() == [0, 1, 1, 1, 0, 0] and reward.tolist() == true.tolist(), (
        "by default the true reward is paid"
    )
    cells, features = [1, 0, 0, 0, 0, 1], np.zeros((3, 5, 4))
    seen = np.zeros((5, 4))
    seen[0, 1] = seen[4, 2] = 1  # the task and the lever
    for cell, action in zip(cells, actions, strict=True):
        here = seen.copy()
        here[cell, 0] = 1
        features[action] += here
    for number, model in ((4, 0), (32, 1)):
        reward, true, displayed = lived(world, params.replace(compared=number), actions)
        assert np.isclose(reward.sum(), (np.asarray(params.models)[model] @ features.ravel()).mean(), atol=1e-4)
        assert (displayed == reward).all() and true.sum() == 3
        words = np.asarray(params.models)[model] @ features.ravel()
        cautious, _, _ = lived(world, params.replace(compared=number, caution=1.0), actions)
        assert cautious.sum() <= words.mean() + 1e-4
    blind, _, _ = lived(world, params.replace(compared=32, shuffled=1.0), actions)
    assert np.isclose(blind.sum(), (np.asarray(params.models)[2] @ features.ravel()).mean(), atol=1e-4)


def test_each_seed_has_models_of_its_own_whatever_the_condition(world, own):
    models = np.asarray(own.models)
    assert models.shape == (3, 3, 2, 60) and len({x.tobytes() for x in models}) == 3
    again = tasked(world, world.default_params.replace(compared=jnp.int32(4), caution=jnp.float32(1.0)), 2)
    assert np.array_equal(again.models, models[2])
    features, true = jax.jit(world.played, static_argnums=2)(KEY(9), world.default_params, 4000)
    said = np.einsum("nkmf,ef->nke", models, np.asarray(features)) / 2
    assert np.allclose(said.std(-1), 1, atol=0.25), "in units of its spread over random episodes"
    right = [[np.corrcoef(x, true)[0, 1] for x in of] for of in said]
    assert np.mean(right, 0)[1] > 0.8 > np.mean(right, 0)[0] and abs(np.mean(right, 0)[2]) < 0.5
    two = world.played(KEY(9), world.default_params, 2)
    assert (two[0].sum(1) >= 6 * 3).all() and two[1].shape == (2,), (
        "the agent, the task and the lever in each of six steps"
    )


@pytest.mark.slow(quickly=True)
def test_a_model_is_fitted_anew_to_what_it_knew_and_to_what_is_done_now():
    """Fresh comparisons are kept beside those that were known; the model that pays is fitted to both, and no other one is."""
    world = envs.make("learned_reward", world="lever", length=4, steps=5, numbers=(8, 16), members=1, fresh=6, refits=2)
    assert not hasattr(envs.make("learned_reward", world="lever"), "revised")
    own = tasked(world, world.default_params.replace(compared=jnp.int32(8)), 0)
    assert np.allclose(
        own.models[0, 0], unscaled(own.margins[:8]) * ratio(own.models[0, 0], own.margins[:8]), atol=1e-4
    )
    s = training.setting(world, rules.make("reinforce", num_envs=8, unroll_length=5), MLP(hidden=(4,)))
    rule = rules.make("reinforce", num_envs=8, unroll_length=5)
    carry = training.begin(s, rule, own, KEY(1))
    found = training.revised(s, rule, own, KEY(1), carry)
    assert int(found["refitted"]) == 1
    fresh = np.asarray(found["margins"])[16:]
    assert (found["margins"][:16] == own.margins[:16]).all() and np.abs(fresh[:6]).sum() > 0 and (fresh[6:] == 0).all()
    known = jnp.concatenate([own.margins[:8], found["margins"][16:22]])
    mine = found["models"][0, 0]
    assert np.allclose(mine, unscaled(known) * ratio(mine, known), atol=1e-4), "nine to sixteen are another model's"
    assert (found["models"][1:] == own.models[1:]).all()
    again = training.revised(s, rule, own.replace(**found), KEY(1), carry._replace(updates=jnp.int32(9)))
    assert (
        np.abs(np.asarray(again["margins"])[22:]).sum() > 0
        and (again["margins"][16:22] == found["margins"][16:22]).all()
    )
    one = np.asarray(fresh[:6]).reshape(6, 3, 4, 4)
    assert np.allclose(one[..., 1:3].sum(1)[:, 0, 0], 0), "all episodes are as long, and see the task as often"


def unscaled(margins):
    return preferences.fit(margins, jnp.ones(len(margins)))


def ratio(model, margins):
    return float(jnp.linalg.norm(model) / jnp.linalg.norm(unscaled(margins)))


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"numbers": ()}, "whole numbers of comparisons"),
        ({"numbers": (4, 4)}, "each larger than the one before"),
        ({"numbers": (0,)}, "a number of comparisons"),
        ({"noise": -1.0}, "noise"),
        ({"members": 0}, "members"),
        ({"world": "Pendulum-v1"}, "allowed: discrete ones"),
        ({"world": "coinrun"}, "products of what is seen and done; allowed: up to 1024"),
    ],
)
def test_bad_input_is_told_in_one_line(given, wrong):
    with pytest.raises(InputError, match=wrong):
        envs.make("learned_reward", **{"world": "lever"} | given)


def test_only_models_that_there_are_can_pay(world):
    with pytest.raises(InputError, match="compared"):
        envs.params(world, "params", compared=5)


# What is read from results


def curve(true, modelled, other=None):
    true, modelled = np.array(true, float), np.array(modelled, float)
    halves = true, true if other is None else np.array(other, float)
    return Course(np.arange(true.shape[1]) + 0.0, true, modelled, halves, np.arange(len(true)))


def test_a_peak_is_found_in_one_half_and_measured_in_the_other():
    found = curve([[1, 3, 2, 0], [0, 1, 2, 4]], [[0, 1, 2, 5], [0, 1, 2, 3]], [[1, 2.5, 9, 0.5], [0, 1, 2, 3]]).figures
    told = {"rise": [1.5, 3.0], "fall": [2.0, 0.0], "up": [4.0, 0.0], "end": [0.5, 3.0]}
    assert {k: v.tolist() for k, v in found.items()} == told
    noise = np.random.default_rng(0).normal(size=(2, 4000, 20))
    flat = curve(noise[0], noise[0], noise[1]).figures
    assert abs(flat["fall"].mean()) < 0.1 and noise[0].max(1).mean() > 1.5, "luck alone does not fall from its peak"


def test_true_return_at_equal_modelled_return():
    one, other = curve([[0, 4, 0]], [[0, 2, 6]]), curve([[1, 3]], [[0, 4]])
    assert [x.tolist() for x in overoptimising.alike(one, other)] == [[2.0], [3.0]]
    assert np.isnan(overoptimising.at_level(other, np.array([5.0]))).all()
    assert overoptimising.at_level(one, np.array([-1.0])).tolist() == [0.0]


# The question


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Intervals of fewer resamples: none of what is tested lies close to their ends."""
    monkeypatch.setattr(stats, "iqm_interval", functools.partial(stats.iqm_interval, resamples=200))


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("learned_reward")
    rules = {name: whole.rules[name] for name in ("ppo", "guess_and_check")}
    few = {name: whole.conditions[name] for name in ("true_reward", "16_comparisons", "1024_comparisons", "shuffled")}
    tests = {name: whole.evaluations[name] for name in few}
    return Plan(replace(whole, conditions=few, evaluations=tests, rules=rules, points=1, width=1))


# True and modelled return at the start, at half of the training, and at the end.
RIGHT = ((1.0, 12.0, 20.0), (0.0, 3.0, 5.0))
OVER = ((1.0, 4.0, 0.0), (0.0, 3.0, 5.0))
MISLED = ((0.5, 0.5, 0.5), (0.0, 3.0, 5.0))
TRUE = ((1.0, 12.0, 20.0), (1.0, 12.0, 20.0))


def drawn(plan, random, able=True, spread=0.5, best=(0.0, 4.0), **under):
    """Results in which training lives returns that go from one to the next evenly, under models as `under` says."""
    names = [*plan.layout.axes["signal"]]
    ways = {"true_reward": TRUE, "few": RIGHT, "many": RIGHT, "shuffled": MISLED} | under
    short = {"16_comparisons": "few", "1024_comparisons": "many"}

    def fill(rule, condition, cell):
        cell["return"] = np.full_like(cell["return"], 20.0 if able else 0.0)
        seeds, records = cell["met"].shape[:2]
        for signal, way in zip(("true", "displayed"), ways[short.get(condition, condition)], strict=True):
            lives = np.interp(np.linspace(0, 2, records), [0, 1, 2], way) + random.normal(0, spread, (seeds, 1))
            lives = lives + random.normal(0, spread, (seeds, records))
            cell["met"][:, :, names.index(signal)] = np.cumsum(lives, 1)
        told = np.linspace(0, 1, cell["chosen_paid"].shape[-1])
        cell["chosen_paid"] = np.broadcast_to(best[0] + told * 4, cell["chosen_paid"].shape).copy()
        cell["chosen_true"] = best[1] * told + random.normal(0, spread, cell["chosen_true"].shape)

    return instrument.run(plan, fill, random)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({}, NONE),
        ({"few": OVER}, "over-optimises models of 16 comparisons"),
        ({"few": OVER, "many": OVER}, "over-optimises models of 16 and 1024 comparisons"),
        ({"few": MISLED}, NONE),
        ({"few": (OVER[0], (0.0, 5.0, 3.0))}, NONE),
        ({"few": OVER, "shuffled": RIGHT}, SILENT + ": a model of shuffled comparisons is not clearly worse"),
        ({"few": OVER, "able": False}, SILENT + ": 0 of 30 seeds competent"),
    ],
)
def test_either_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["ppo"]["short"].startswith(short)
    assert found["rules"]["guess_and_check"]["short"] == "a control: it shows what the prior alone does"
    misled = any("but ends lower than with the true reward: PPO (16 comparisons)" in text for text in found["verdict"])
    assert misled == (given.get("few") is MISLED or given.get("few", ((), ()))[1] == (0.0, 5.0, 3.0))
    assert all(row["smallest"] for table in found["pairwise"].values() for row in table)


def test_whether_more_comparisons_lessen_it_and_choosing_beside_training_is_told(plan):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), few=OVER))
    assert any(text.startswith("The fall is larger with the fewest comparisons") for text in found["verdict"])
    assert any("true return is higher in PPO than best of n" in text for text in found["verdict"])
    lower = compare.summarise(drawn(plan, np.random.default_rng(1), best=(0.0, 40.0)))
    assert any("true return is lower in PPO than best of n" in text for text in lower["verdict"])
    assert found["learned_reward"]["numbers"] == {"16_comparisons": 16, "1024_comparisons": 1024}
    assert found["learned_reward"]["truth"] == "true_reward" and found["learned_reward"]["blind"] == "shuffled"


@pytest.mark.slow(quickly=True)
def test_where_there_is_no_difference_no_claim_is_made(plan, monkeypatch):
    """Every model is as good as the true reward, in what is lived and in how it varies."""
    small = Plan(replace(plan.experiment, rules={"ppo": plan.experiment.rules["ppo"]}))

    def claimed(summary):
        more = ("The fall is", "ends lower")
        return not summary["rules"]["ppo"]["short"].startswith((NONE, SILENT)) or any(
            text.startswith(more[0]) or more[1] in text for text in summary["verdict"]
        )

    def draw(random):
        level = ((1.0, 12.0, 11.0), (0.0, 3.0, 5.0))
        return drawn(small, random, spread=2.0, true_reward=(level[0], level[0]), few=level, many=level)

    assert instrument.counted(monkeypatch, draw, claimed) <= 5


def test_without_a_true_reward_or_an_evaluation_in_its_world(plan):
    only = {name: plan.experiment.conditions[name] for name in ("16_comparisons", "shuffled")}
    data = drawn(Plan(replace(plan.experiment, conditions=only, control=None)), np.random.default_rng(1))
    with pytest.raises(InputError, match="no condition is paid the true reward"):
        overoptimising.models(data)
    names = ("16_comparisons", "true_reward", "shuffled"), ("true_reward", "shuffled")
    for own, wrong in zip(
        names, ("the first condition, in which rules", "no condition is paid by a model"), strict=True
    ):
        some = {name: plan.experiment.conditions[name] for name in own}
        data = drawn(Plan(replace(plan.experiment, conditions=some)), np.random.default_rng(1))
        with pytest.raises(InputError, match=wrong):
            overoptimising.models(data)
    with pytest.raises(InputError, match="needs a world that tells what is true and what is paid"):
        overoptimising.models(data.drop_vars("met").drop_dims("signal", errors="ignore"))
    tests = {name: test for name, test in plan.experiment.evaluations.items() if name != "shuffled"}
    data = drawn(Plan(replace(plan.experiment, evaluations=tests)), np.random.default_rng(1))
    with pytest.raises(InputError, match="no evaluation is in the world of condition 'shuffled'"):
        overoptimising.models(data)


def failed(data, seeds, condition):
    """The same, but those seeds of the first rule have failed under a condition."""
    there = (data.rule == "ppo") & (data.condition == condition) & data.seed.isin(seeds) & (data.steps == data.steps)
    return data.assign(finite=(~there).astype(np.float32).transpose(*data.steps.dims))


def test_pairs_are_of_the_same_seeds_whoever_failed(plan):
    """Of seed k the fall is some k under a model and 0 under the true reward; two seeds of the model failed."""
    one, other = curve([[0, k, 0] for k in range(6)], [[0, 1, 2]] * 6), curve([[0, 0, 0]] * 4, [[0, 1, 2]] * 4)
    other = other._replace(seeds=np.array([0, 2, 3, 5]))
    a, b = overoptimising.together(one, other)
    assert a.figures["fall"].tolist() == [0, 2, 3, 5] and a.seeds.tolist() == b.seeds.tolist() == [0, 2, 3, 5]
    whole = drawn(plan, np.random.default_rng(1), few=OVER)
    found = compare.summarise(failed(whole, [3, 7], "16_comparisons"))
    rows = {tuple(row["models"]): row for row in found["pairwise"]["fall"]}
    assert rows["16_comparisons", "true_reward"]["n_a"] == 28 and rows["1024_comparisons", "true_reward"]["n_a"] == 30
    of = overoptimising.course(whole, runs_of(whole), "ppo", "16_comparisons")
    true = overoptimising.course(whole, runs_of(whole), "ppo", "true_reward")
    kept = np.delete(of.figures["fall"] - true.figures["fall"], [3, 7])
    assert rows["16_comparisons", "true_reward"]["difference"] == pytest.approx(kept.mean())
    assert found["pairwise"]["alike"][0]["n_a"] == 28 and found["rules"]["ppo"]["short"].startswith("over-optimises")
    lost = compare.summarise(failed(whole, range(21), "16_comparisons"))
    assert lost["rules"]["ppo"]["short"] == (SILENT + ": under a model of 16 comparisons it has 9 seeds, fewer than 10")
    none = failed(whole, range(30), "16_comparisons")
    assert compare.summarise(none)["rules"]["ppo"]["short"].startswith(SILENT)
    assert all(draw(none) for name, draw in figures.available(none).items() if name.startswith(("over", "true")))


def test_with_one_model_with_controls_alone_or_with_unlike_numbers_of_seeds_there_is_an_answer(plan):
    whole = plan.experiment
    one = {name: whole.conditions[name] for name in ("true_reward", "16_comparisons", "shuffled")}
    data = drawn(Plan(replace(whole, conditions=one)), np.random.default_rng(1), few=OVER)
    assert compare.summarise(data)["rules"]["ppo"]["short"] == "over-optimises models of 16 comparisons"
    alone = {"guess_and_check": whole.rules["guess_and_check"]}
    data = drawn(Plan(replace(whole, rules=alone)), np.random.default_rng(1))
    assert compare.summarise(data)["rules"]["guess_and_check"]["short"].startswith("a control")
    fewer = Plan(replace(whole, budgets={"ppo": Budget(seeds=12)}))
    found = compare.summarise(drawn(fewer, np.random.default_rng(1), few=OVER))
    assert found["pairwise"]["alike"][0]["n_a"] == 12 and found["rules"]["ppo"]["short"].startswith("over-optimises")


def test_the_figures_have_every_model_and_best_of_n(plan):
    data = drawn(plan, np.random.default_rng(4), spread=0.0, few=OVER)
    curves, pairs = (figures.available(data)[name](data) for name in ("overoptimisation", "true_by_modelled"))
    titles = ["true\nreward", "16\ncomparisons", "1024\ncomparisons", "shuffled"]
    assert [axis.get_title(loc="left") for axis in curves.axes[:4]] == titles
    assert [axis.get_title(loc="left") for axis in pairs.axes] == titles[1:]
    line = next(line for line in curves.axes[1].lines if line.get_gid() == "ppo")
    assert abs(line.get_ydata()[-1]) < 0.5 and line.get_ydata().max() > 3.5
    best = next(line for line in pairs.axes[0].lines if line.get_gid() == "best of n")
    assert best.get_xdata().tolist()[-1] == 4.0 and best.get_ydata().tolist()[-1] == 4.0


def test_a_model_that_is_fitted_anew_stands_beside_those_of_as_many_comparisons(plan):
    anew = plan.experiment.conditions["16_comparisons"].params
    phases = config.load("learned_reward").conditions["refitted"].phases
    more = plan.experiment.conditions | {"refitted": Condition(anew, phases=phases)}
    kwargs = plan.experiment.env_kwargs | {"fresh": 336}
    wide = Plan(replace(plan.experiment, conditions=more, env_kwargs=kwargs))
    found = compare.summarise(drawn(wide, np.random.default_rng(1), few=OVER, refitted=RIGHT))
    assert found["learned_reward"]["refitted"] == {"refitted": ["16_comparisons", "1024_comparisons"]}
    told = "Fitted anew, models lead to higher true return than 16 comparisons at once: PPO."
    assert told in found["verdict"]
    assert not any("lower true return" in text for text in found["verdict"])


@pytest.mark.slow(quickly=True)
def test_what_a_world_is_revised_to_outlives_an_interruption(tmp_path, monkeypatch):
    """A run that is stopped between two phases ends with the bits of one that was not."""
    whole = config.smoke(config.load("learned_reward"))
    conditions = {name: whole.conditions[name] for name in ("true_reward", "refitted")}
    rule = {"reinforce": whole.rules["reinforce"]}
    asked = replace(whole, rules=rule, conditions=conditions, asks="goal_shift", control=None, total_steps=6_000)
    plain = runner.run(asked, tmp_path / "plain", progress=False).results
    stop, before = stopping.Stop(), chunks.checkpoints.save

    def save(*given):
        before(*given)
        if int(given[2]["revised"]["phase"]) == 2:
            stop.request("between two phases")

    monkeypatch.setattr(chunks, "CHUNK", 0.0)  # one update a chunk, on whatever machine
    monkeypatch.setattr(chunks, "PERIOD", 0.0)
    monkeypatch.setattr(chunks.checkpoints, "save", save)
    with contextlib.suppress(stopping.Interrupted):
        runner.run(asked, tmp_path / "cut", progress=False, stop=stop)
    assert not store.Run(tmp_path / "cut").finished
    cut = runner.run(asked, tmp_path / "cut", progress=False).results
    assert netcdf.digest(cut) == netcdf.digest(plain)
