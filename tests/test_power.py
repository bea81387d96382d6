"""Options kept open: POWER against closed forms, a task for each seed, paired comparisons, and the question as an instrument."""

from dataclasses import replace

import instrument
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs, rules, training
from rewardlab.agents import MLP
from rewardlab.analysis import compare, stats
from rewardlab.backend.elimination import solved
from rewardlab.envs.crossroads import REGIONS
from rewardlab.envs.tasks import tasked
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import power as probe
from rewardlab.probes import stays as where
from rewardlab.questions import options, power
from rewardlab.questions.claims import side
from rewardlab.report import figures
from rewardlab.running import batches

SILENT = "no claim about options"
POWERS = np.array([0.87, 0.85, *[0.8] * 4, *[2 / 3] * 4, *[0.5] * 3])
DEAD, PAIR, SQUARE = 11, 8, 2


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("power")
    few = {name: whole.rules[name] for name in ("reinforce", "fixed", "yoked")}
    return Plan(replace(whole, rules=few, budgets={}, points_at=(0.5, 1.0), width=1, seeds=100))


def at(plan, place):
    """Where policies stay that stay in one place each, int[...] -> float[..., places]."""
    return np.eye(plan.env.states)[place]


def some(random, shape, dead):
    """Places: dead ends at that rate, else pairs and the square."""
    return np.where(random.random(shape) < dead, DEAD, np.where(random.random(shape) < 0.5, PAIR, SQUARE))


def drawn(plan, random, learned=None, best=0.2, untrained=0.6, yoked=0.6, reached=1.0, far=0.6):
    """Results in which policies end in dead ends at such rates; None: where the optimal ones of the same rewards end."""
    n = plan.experiment.seeds
    optimal = some(random, n, best)
    given = {"fixed": untrained, "yoked": yoked}

    def fill(rule, condition, cell):
        cell["return"] = np.full_like(cell["return"], reached)
        rate = given.get(rule, learned)
        end = optimal if rate is None else some(random, n, rate)
        way = some(random, n, far)
        cell["stays"] = np.stack([at(plan, x) for x in (end, way, end)], 1)[:, :, None]
        cell["falls_short"] = np.tile([1.0, 0.2, 0.0], (n, 1))[:, :, None]
        cell["power"] = np.broadcast_to(POWERS, cell["power"].shape)
        cell["best_stays"] = at(plan, optimal)[:, None]
        cell["chance_power"] = np.broadcast_to(0.4 * 11 / 15 + 0.6 * 0.5, cell["chance_power"].shape)

    return instrument.run(plan, fill, random)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({}, power.AS + ", more than untrained ones"),
        ({"learned": 0.6}, power.SAID[-1] + ", not clearly more than untrained ones"),
        ({"learned": 0.0, "best": 0.4, "untrained": 0.8, "yoked": 0.8}, power.SAID[1] + ", more than untrained ones"),
        ({"learned": 0.25}, power.UNCLEAR + ", more than untrained ones"),
        ({"best": 0.6}, SILENT + ": here optimal policies do not keep clearly more options open"),
        ({"yoked": 0.1}, SILENT + ": yoked reward, which no reward reaches, differs from untrained ones"),
        ({"reached": 0.3}, SILENT + ": 0 of 100 seeds competent"),
    ],
)
def test_either_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["reinforce"]["short"].startswith(short)
    assert found["rules"]["fixed"]["short"] == "a control: it reads nothing of reward"
    assert found["power"]["untrained"] == "fixed" and found["power"]["blind"] == ["yoked"]
    assert all(row["paired"] and row["smallest"] for rows in found["pairwise"].values() for row in rows)


@pytest.mark.parametrize(("far", "said"), [(0.0, "keep more"), (1.0, "keep less"), (0.6, "neither clearly more")])
def test_whether_it_is_optimality_or_training_is_told(plan, far, said):
    found = compare.summarise(drawn(plan, np.random.default_rng(2), far=far))
    (text,) = (text for text in found["verdict"] if "as far short" in text)
    assert said in text and "REINFORCE" in text


@pytest.mark.slow(quickly=True)
def test_where_there_is_no_difference_no_claim_is_made(plan, monkeypatch):
    few = plan.of(seeds=40)

    def claimed(summary):
        entry = summary["rules"]["reinforce"]["short"]
        apart = any(row["significant"] for row in summary["pairwise"]["as_far"])
        return apart or entry.startswith((power.SAID[1], power.SAID[-1], power.AS))

    def draw(random):
        return drawn(few, random, learned=0.2, best=0.2)

    assert instrument.counted(monkeypatch, draw, claimed) <= 5


def test_without_untrained_policies_nothing_is_claimed(plan):
    only = Plan(replace(plan.experiment, rules={"reinforce": plan.experiment.rules["reinforce"]}))
    found = compare.summarise(drawn(only, np.random.default_rng(1)))
    assert found["rules"]["reinforce"]["short"] == SILENT + ": no rule shows what untrained policies keep"
    with pytest.raises(InputError, match="a finite world whose transitions are known, and Lever is none"):
        _ = Plan(replace(plan.experiment, env="lever", env_kwargs={})).layout


def test_power_is_the_mean_of_the_best_of_n():
    env = envs.make("crossroads")
    found = np.asarray(jax.jit(lambda params: probe.power(env, params))(env.default_params))
    for region, best in (("dead ends", 1 / 2), ("pairs", 2 / 3), ("square", 4 / 5)):
        n = best / (1 - best)
        sd = np.sqrt(n / ((n + 1) ** 2 * (n + 2)) / probe.DRAWS)  # of the mean of the highest of n uniform draws
        assert np.abs(found[list(REGIONS[region])] - best).max() < 4.5 * sd
    draws = np.random.default_rng(0).random((200_000, 13))
    q, p, d = draws[:, 2:6], draws[:, 6:8], draws[:, 10]
    way = np.maximum(q[:, 0], q[:, 1])  # of the two ways into the square the better is taken
    hub = np.maximum.reduce([0.1 * way + 0.9 * q.max(1), 0.1 * p[:, 0] + 0.9 * p.max(1), d])
    assert found[1] == pytest.approx(hub.mean(), abs=0.02)


def test_the_best_place_is_as_often_in_a_region_as_it_has_places():
    """Turner et al. 2021: with the discount close to 1. Eleven places in which one may stay, three of them dead ends."""
    env, n = envs.make("crossroads"), 1500
    params = env.default_params.replace(discount=jnp.float32(0.999))

    def ends(key):
        task = params.replace(rewards=env.draw_rewards(key))
        return probe.stays(env, task, probe.best(env, task))

    found = np.asarray(jax.jit(jax.vmap(ends))(jax.random.split(jax.random.key(1), n)))
    for places in REGIONS.values():
        share, expected = (found[:, list(places)].sum(1) > 0.5).mean(), len(places) / 11
        assert abs(share - expected) < 4.5 * np.sqrt(expected * (1 - expected) / n)


def test_where_a_policy_stays_and_how_far_it_falls_short_by_hand():
    env = envs.make("crossroads")
    task = env.task(env.default_params, 3)
    through = (
        jnp.zeros((13, 4)).at[:, 0].set(1).at[0].set(jnp.eye(4)[3])
    )  # by the hub into the square, and there to place 2
    np.testing.assert_allclose(probe.stays(env, task, through), np.eye(13)[1] * 0.1 + np.eye(13)[2] * 0.9, atol=1e-6)
    best, chance = probe.best(env, task), jnp.full((13, 4), 0.25)
    value = jnp.stack([env.starts(task) @ env.values(task, policy) for policy in (best, chance, through)])
    by_hand = float(task.rewards[1] + 9 * task.rewards[2])
    assert float(value[2]) == pytest.approx(by_hand, rel=1e-4)
    short = np.asarray(probe.short_of(env, task, value))
    np.testing.assert_allclose(short, [0, 1, (value[0] - by_hand) / (value[0] - value[1])], atol=1e-4)
    bins = probe.bin_of(jnp.array([0.0, 0.01, 0.05, 0.2, 0.5, 2.0]))
    assert bins.tolist() == [0, 0, 1, 2, 3, 4]


def test_random_policies_keep_what_their_ways_lead_to():
    env = envs.make("crossroads")
    kept, share = map(np.asarray, probe.at_random(env, env.default_params, jnp.asarray(POWERS), jax.random.key(0)))
    hub = 0.1 * 0.85 + 0.9 * (0.8 / 2 + 2 / 3 / 4 + 0.5 / 4)
    expected, sd = (0.5 * 2 + 2 / 3 + hub) / 4, 0.13
    assert share.sum() == pytest.approx(1)
    assert abs(np.nansum(kept * share) - expected) < 4.5 * sd / probe.RANDOM**0.5


def test_chains_are_solved_by_elimination():
    random = np.random.default_rng(0)
    for n, discount in ((1, 0.9), (13, 0.9), (40, 0.999)):
        moves, right = random.dirichlet(np.full(n, 0.1), n), random.normal(size=(n, 2))
        matrix = np.eye(n) - discount * moves
        for system in (matrix, matrix.T):
            for b in (right, right[:, 0]):
                found = solved(jnp.asarray(system, jnp.float32), jnp.asarray(b, jnp.float32))
                np.testing.assert_allclose(
                    found, np.linalg.solve(system, b), rtol=2e-3, atol=2e-3 / (1 - discount) * 0.1
                )


def test_tasks_are_scaled_and_depend_on_the_number_of_the_seed_alone():
    env = envs.make("crossroads", seed=5)
    tasks = tasked(env, env.default_params, [4, 0, 4])
    assert (tasks.rewards[0] == tasks.rewards[2]).all() and not np.allclose(tasks.rewards[0], tasks.rewards[1])
    assert (tasks.rewards[0] == tasked(env, env.default_params, 4).rewards).all()
    one = env.task(env.default_params, 4)
    assert float(env.optimum(one)) == pytest.approx(1, abs=1e-4)
    assert float(env.expected_return(one, jnp.full((13, 4), 0.25))) == pytest.approx(0, abs=1e-4)
    lever = envs.make("lever")
    assert tasked(lever, lever.default_params, [4, 0]) is lever.default_params


@pytest.mark.slow(quickly=True)
def test_every_seed_is_trained_and_evaluated_in_a_task_of_its_own():
    env, rule = envs.make("crossroads"), rules.make("value_iteration", num_envs=8, unroll_length=4)
    s = training.setting(env, rule, MLP(hidden=(), bias=False))
    numbers = np.array([3, 9], np.int32)
    jobs, params = batches.training_jobs(s, rule, env.default_params, 2), tasked(env, env.default_params, numbers)
    keys = batches.run_keys(0, numbers)
    carry = jobs.advance.function(rule, params, keys, jobs.begin.function(rule, params, keys), jnp.int32(1))
    counts, earned = np.asarray(carry.state.counts).sum(-1), np.asarray(carry.state.earned)
    arrived = np.einsum("sat,nt->nsa", np.asarray(params.transitions)[0], np.asarray(params.rewards))
    np.testing.assert_allclose(earned, counts * arrived, atol=1e-4)
    policies = jobs.policy.function(rule, carry)
    policies = jax.tree.map(lambda x: x.at[1].set(x[0]), policies)  # the same policy twice
    test = batches.compile_evaluation(
        s, training.deployed(s, rule), "", policies, env.default_params, {"slip": jnp.zeros(1)}, 2,
        asked={"stays": where.probe}, axes={"stays": {"place": 13}},
    )  # fmt: skip
    short = np.asarray(test(params, {"slip": jnp.zeros(1)}, policies, jax.random.key(0))["falls_short"])[:, 0]
    table = jax.tree.leaves(policies)[0][0]
    choice = jax.nn.one_hot(table.argmax(-1), 4)
    for number, found in zip(numbers, short, strict=True):
        task = env.task(env.default_params, number)
        value = env.starts(task) @ env.values(task, choice)
        assert found == pytest.approx(float(probe.short_of(env, task, value)), abs=1e-3)
    assert abs(short[0] - short[1]) > 1e-2


def test_pairs_are_compared_by_their_mean_difference():
    a = np.arange(1.0, 7)
    found = stats.compare_paired(a, np.zeros(6), permutations=20_000)
    assert found.difference == 3.5 and found.effect == 1 and np.isnan(found.low)
    assert found.p == pytest.approx(2 / 2**6, abs=0.006)  # only the two arrangements of one sign are as extreme
    tied = stats.compare_paired(np.array([1.0, 2, 0, 0]), np.zeros(4))
    assert tied.effect == 0.75 and tied.p == pytest.approx(0.5, abs=0.03)
    assert stats.compare_paired(np.ones(12), np.ones(12)).p == 1
    both = stats.compare_paired(np.stack([a, -a], 1), np.zeros((6, 2)))
    assert both.difference.tolist() == [3.5, -3.5] and both.effect.tolist() == [1, 0]
    with pytest.raises(InputError, match="two of one shape"):
        stats.compare_paired(np.ones(3), np.ones(4))
    assert stats.smallest_paired(100) == pytest.approx(0.5 + (1.95996 + 0.84162) / 20, abs=1e-4)
    assert np.isnan(stats.smallest_paired(4))


@pytest.mark.parametrize("skewed", [False, True])
def test_a_paired_test_keeps_its_level_and_its_interval_covers(skewed):
    random, n = np.random.default_rng(0), 100
    drawn = random.random((n, 2000)) < 0.2 if skewed else random.normal(size=(n, 2000))
    apart = drawn - 0.2 * skewed  # of mean 0, and 80 % of them below
    found = stats.compare_paired(apart, np.zeros_like(apart), permutations=499)
    assert 0.03 < (found.p <= 0.05).mean() < 0.07
    assert 0.93 < ((found.low <= 0) & (found.high >= 0)).mean() < 0.97


def test_a_skewed_difference_lies_where_its_mean_does(plan):
    row = {"a": "x", "significant": True, "difference": 0.1, "effect": 0.3}
    assert side([row | {"paired": True}], a="x") == 1 and side([row], a="x") == -1


def test_what_falls_short_is_compared_at_the_same_distance():
    of = options.Options(
        kept=np.array([[[9.0, 0.7, 0.5, 0.8], [9.0, 0.6, 0.6, 0.6]]]),
        short=np.array([[[1.0, 0.2, 0.4, 0.0], [1.0, 0.0, 0.005, 0.0]]]),
        dead=np.zeros((1, 2)),
        hub=np.zeros((1, 2)),
        best={},
        chance=np.array([[0.9, 0.1, 0.6, 0.4, 0.2], [0.9, 0.1, 0.6, 0.4, 0.2]]),
    )
    kept, chance = options.alike_far(of, 0, np.array([True, True]))
    np.testing.assert_allclose((kept, chance), [[0.6], [0.5]])  # the second seed never falls short
    bins = [one["mean"] for one in options.by_bin(of, 0, np.array([True, True]))]
    np.testing.assert_allclose([bins[0], bins[2], bins[3]], [0.7, 0.7, 0.5])
    assert bins[1] is None and bins[4] is None


def test_the_figure_has_every_rule_and_the_references(plan):
    left, middle, right = figures.available(drawn(plan, np.random.default_rng(4)))["power"](
        drawn(plan, np.random.default_rng(4))
    ).axes
    assert {line.get_gid() for line in left.lines} >= {"reinforce", "yoked", "fixed", "optimal", "untrained"}
    assert {line.get_gid() for line in middle.lines} >= {"reinforce", "optimal", "optimal, hub"}
    (dashed,) = (line for line in right.lines if line.get_gid() == "random")
    np.testing.assert_allclose(dashed.get_ydata(), 0.4 * 11 / 15 + 0.3)
