"""The breeder and the gradient: gradients against closed forms, steps against theory, and the question tried as an instrument."""

from dataclasses import replace
from functools import partial

import instrument
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from rewardlab import envs, training
from rewardlab.agents import GRU, MLP
from rewardlab.analysis import compare
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, slope, steps
from rewardlab.questions import strides
from rewardlab.report import figures
from rewardlab.rules import make

SILENT = "no claim about its step"
UNCLEAR = "no clear difference from a step without selection"
LITTER = {"candidates": 16, "num_envs": 128, "unroll_length": 1, "sampled": True, "temperature": 1.0}
RAW = {"optimiser": "sgd", "learning_rate": 1.0}
TAUGHT = make(
    "reinforce", num_envs=16, unroll_length=1, gamma=1.0, entropy_weight=0.0, max_grad_norm=1e6, baseline=False, **RAW
)


def setting(rule, commands=3, **network):
    return training.setting(
        envs.make("tricks", commands=commands), rule, MLP(**{"hidden": (), "bias": False} | network)
    )


def taken(rule, count, seed=0, place=1.0, **network):
    """(steps float64[count, P], the gradient float64[P], `selected` [count, 3], the parameters) from a table drawn at random."""
    s = setting(rule, **network)
    there = s.env.default_params
    params = jax.tree.map(
        lambda x: place * jax.random.normal(jax.random.key(3), x.shape), s.agent.init(jax.random.key(0))
    )
    one = jax.jit(jax.vmap(lambda k: steps.take(s, rule, there, params, k)))
    moved, _, told = one(jax.random.split(jax.random.key(seed), count))
    up = ravel_pytree(slope.exact(s, "logits", there, params).gradient)[0]
    return np.asarray(moved, float), np.asarray(up, float), np.asarray(told, float), params


# Gradients


@pytest.mark.slow(quickly=True)
def test_the_enumerated_gradient_is_the_worlds_own():
    s = setting(TAUGHT)
    params = s.agent.init(jax.random.key(1))
    found = slope.exact(s, "logits", s.env.default_params, params)
    logits = s.agent.apply(params, s.env.look(jnp.arange(3)))["logits"]
    own = s.env.policy_gradient(s.env.default_params, logits)  # of a table whose cues are one-hot
    np.testing.assert_allclose(found.gradient["logits"]["kernel"], own, rtol=1e-5)
    assert found.noise == 0.0 and float(found.worth) == pytest.approx(
        float(s.env.expected_return(s.env.default_params, jax.nn.softmax(logits))), rel=1e-5
    )


@pytest.mark.slow(quickly=True)
def test_the_sampled_gradient_is_the_enumerated_one_within_the_error_that_it_says():
    s = setting(TAUGHT)
    params, there = s.agent.init(jax.random.key(1)), s.env.default_params
    up = slope.exact(s, "logits", there, params)
    found = jax.jit(jax.vmap(lambda k: slope.sampled(s, "logits", there, params, k, 256)))(
        jax.random.split(jax.random.key(2), 256)
    )
    off = jax.tree.map(lambda x, y: ((x - y) ** 2).sum((1, 2)), found.gradient, up.gradient)["logits"]["kernel"]
    assert float(off.mean()) == pytest.approx(float(found.noise.mean()), rel=0.15)
    assert abs(float(found.worth.mean() - up.worth)) < 4.5 * (0.25 / 256**2) ** 0.5
    mean = found.gradient["logits"]["kernel"].mean(0) - up.gradient["logits"]["kernel"]
    assert float((mean**2).sum()) < 3 * float(found.noise.mean()) / 256


def test_what_other_episodes_return_is_taken_off_and_steps_not_lived_count_for_nothing():
    logits = jnp.zeros((2, 3, 2))
    mask = jnp.array([[True] * 3, [True, False, False]])
    to_go = jnp.array([[6.0, 3.0, 0.0], [4.0, 99.0, 99.0]])
    action = jnp.zeros((2, 3), jnp.int32)
    found = jax.grad(slope.surrogate)(logits, action, to_go, mask)[..., 0]
    # The first step: 6 against the mean of 3 and 0, and so on. The second: one episode alone has nothing to be compared with.
    np.testing.assert_allclose(found, np.array([[4.5, 0.0, -4.5], [4.0, 0.0, 0.0]]) / 2 / 3, atol=1e-6)


# Steps


def z_of(moved, expected):
    """How far a mean of steps is off, squared, in what noise alone makes of it: about 1."""
    return float(((moved.mean(0) - expected) ** 2).sum() / (moved.var(0, ddof=1).sum() / len(moved)))


def test_reinforce_takes_the_gradient_on_average():
    moved, up, told, _ = taken(TAUGHT, 2000)
    assert z_of(moved, up) < 3.0 and z_of(moved, 0.9 * up) > 3.0 and np.isnan(told).all()


def test_steps_are_taken_beside_probes_that_count_what_training_meets():
    s = setting(TAUGHT)._replace(counted=("reward",))
    there, key = s.env.default_params, jax.random.key(0)
    moved = jax.eval_shape(lambda p, k: steps.take(s, TAUGHT, there, p, k)[0], s.agent.init(key), jax.random.key(1))
    assert moved.ndim == 1


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("sigma", [0.3, 2.0])
def test_an_evolution_strategy_takes_the_gradient_of_the_smoothed_return(sigma):
    rule = make("openai_es", sigma=sigma, **RAW, **LITTER)
    moved, up, _, params = taken(rule, 2000)
    s = setting(rule)

    def near(key):
        noise = jax.tree.map(lambda x: sigma * jax.random.normal(key, x.shape), params)
        return slope.exact(s, "logits", s.env.default_params, jax.tree.map(jnp.add, params, noise)).gradient

    keys = jax.random.split(jax.random.key(9), 20_000)
    smoothed = np.asarray(ravel_pytree(jax.tree.map(lambda x: x.mean(0), jax.jit(jax.vmap(near))(keys)))[0], float)
    assert z_of(moved, smoothed) < 3.0
    assert np.linalg.norm(smoothed - up) / np.linalg.norm(up) > (0.4 if sigma > 1 else 0.0)
    if sigma < 1:
        assert np.linalg.norm(smoothed - up) / np.linalg.norm(up) < 0.1, "the smaller sigma, the closer to the gradient"


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize(
    ("rule", "rises"),
    [
        (make("fitness_proportional", mutation=0.3, **LITTER), True),
        (make("truncation", mutation=0.3, parents=4, crossover=0.5, **LITTER), True),
        (make("drift", mutation=0.3, parents=4, **LITTER), False),
    ],
)
def test_populations_go_as_far_along_the_gradient_as_the_breeders_equation_says(rule, rises):
    """Of small mutations, which keep the return close to linear."""
    moved, up, told, _ = taken(rule, 4000)
    along, expected = moved @ up / (up @ up), float(steps.foretold(told))
    error = along.std() / len(along) ** 0.5
    assert abs(along.mean() - expected) < 4.5 * error + 0.1 * abs(expected)
    assert (expected > 9 * error) == rises


@pytest.mark.slow(quickly=True)
def test_rules_begin_at_the_parameters_that_they_are_given():
    wrapped = [make("yoked", rule=TAUGHT), make("ppo"), make("parallel_q"), make("openai_es", **LITTER), make("fixed")]
    for rule in (*wrapped, make("guess_and_check", **LITTER)):
        s = setting(rule)
        params = jax.tree.map(lambda x: x + 0.5, s.agent.init(jax.random.key(4)))
        state = rule.around(s.agent, params, jax.random.key(5))
        handed = rule.deploy(s.agent, state).params
        assert all(jax.tree.leaves(jax.tree.map(lambda x, y: bool((x == y).all()), handed, params)))
    for name, own in (("tournament", {"mutation": 0.2}), ("truncation", {"mutation": 0.2, "parents": 4})):
        rule = make(name, **own, **LITTER | {"candidates": 1024, "num_envs": 1024})
        s = setting(rule)
        params = s.agent.init(jax.random.key(4))
        beside = rule.population(rule.around(s.agent, params, jax.random.key(5))) - ravel_pytree(params)[0]
        copies = np.asarray((beside == 0).all(1).sum())
        assert copies == own.get("parents", 0) and np.asarray(beside)[copies:].std() == pytest.approx(0.2, rel=0.05)


@pytest.mark.slow(quickly=True)
def test_guess_and_check_tests_what_the_prior_draws():
    rule = make("guess_and_check", **LITTER)
    s = setting(rule)
    params = jax.tree.map(lambda x: x + 50.0, s.agent.init(jax.random.key(4)))
    assert float(jnp.abs(rule.around(s.agent, params, jax.random.key(5)).population).max()) < 10


def test_noise_is_taken_off_lengths_and_cosines_grow_with_the_number_of_steps():
    random = np.random.default_rng(0)
    up = np.zeros(8)
    up[0] = 2.0
    mean = np.zeros(8)
    mean[:2] = 0.6, 0.8  # a cosine of .6, three tenths of the gradient along it
    moved = jnp.asarray(mean + 3 * random.normal(size=(4096, 8)), jnp.float32)
    found = {
        k: np.asarray(x)
        for k, x in steps.compared(moved, jnp.asarray(up, jnp.float32), jnp.float32(0), (1, 64, 4096)).items()
    }
    assert found["aligned"] == pytest.approx(0.6, abs=0.1) and found["stride"] == pytest.approx(1.0, abs=0.1)
    assert found["along"] == pytest.approx(0.3, abs=0.06) and found["variance"] == pytest.approx(72, rel=0.03)
    assert found["slope"] == pytest.approx(2.0) and (np.diff(found["cosine"]) > 0.1).all()
    apart = jnp.asarray(mean + np.outer([1, -1, 1, -1], 0.5 * np.eye(8)[3]), jnp.float32)  # their variance is 1 / 3
    four = steps.compared(apart, jnp.asarray(up, jnp.float32), jnp.float32(0), (1,))
    assert float(four["stride"]) ** 2 == pytest.approx(1 - 1 / 12) and float(four["variance"]) == pytest.approx(1 / 3)
    noisy = steps.compared(moved, jnp.asarray(up, jnp.float32), jnp.float32(3.0), (1,))
    assert float(noisy["slope"]) == pytest.approx(1.0), "the noise of the gradient makes it no longer"
    still = steps.compared(jnp.zeros((16, 8)), jnp.asarray(up, jnp.float32), jnp.float32(0), (1, 4))
    assert all(float(jnp.abs(still[k]).max()) == 0 for k in ("cosine", "aligned", "along", "stride", "variance"))


@pytest.mark.slow(quickly=True)
def test_halfway_is_where_a_climb_has_brought_half_of_what_it_brings():
    s = setting(TAUGHT)
    params, there = s.agent.init(jax.random.key(1)), s.env.default_params
    worth = partial(slope.exact, s, "logits", there)
    found = jax.jit(lambda p, k: worth(steps.halfway(s, "logits", there, p, k, 64)).worth)(params, jax.random.key(0))
    start = float(worth(params).worth)
    assert start < 0.5 and float(found) == pytest.approx((start + 1.0) / 2, abs=0.06)


@pytest.mark.slow(quickly=True)
def test_what_has_no_part_in_the_policy_has_none_in_its_step():
    s = setting(rule := TAUGHT.replace(baseline=True))
    axes = {"averaged": tuple(map(str, steps.averaged(s.env, 16)))}
    measure = jax.jit(lambda key: steps.probe.measure(Subject(s, None, s.env.default_params, axes, key, rule=rule)))
    found = {name: np.asarray(x) for name, x in measure(jax.random.key(3)).items()}
    assert (found["aligned"] > 0.95).all() and found["along"] == pytest.approx(np.ones(2), abs=0.1)
    assert found["worth"][0] < found["worth"][1] and (found["lived"] == 16).all() and np.isnan(found["foretold"]).all()
    np.testing.assert_array_equal((np.diff(found["cosine"]) > 0).all(), True)


@pytest.mark.parametrize(
    ("name", "episodes", "sizes"),
    [
        ("breeder", 64, (1024, 512, 32768)),  # where the gradient is exact none is sampled
        ("breeder_cartpole", 64, (256, 128, 8192)),
        ("breeder_cartpole", 10**6, (256, 128, 8192)),
        ("breeder_cartpole", 4, (16, 16, 512)),
    ],
)
def test_samples_follow_the_episodes_up_to_those_of_the_default_size(name, episodes, sizes):
    counts = steps.averaged(config.load(name).world(), episodes)
    assert (counts[-1], *steps.sampled(counts[-1])) == sizes


def test_agents_with_a_memory_are_refused():
    plan = Plan(replace(config.load("breeder"), agent=GRU(), rules={"reinforce": TAUGHT}))
    with pytest.raises(InputError, match="the probe steps needs discrete actions, and agents without a memory"):
        plan.layout  # noqa: B018


# The question


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("breeder")
    few = {name: whole.rules[name] for name in ("reinforce", "truncation-0.5", "drift")}
    return Plan(replace(whole, rules=few, width=1))


def drawn(plan, random, bred, control=0.0, noise=0.4, half=None):
    """Results in which cosines lie about such numbers; those of the taught one are 1."""

    def fill(rule, condition, cell):
        shape = cell["aligned"].shape
        centre = {"reinforce": 1.0, "drift": control}.get(rule, bred)
        cell["aligned"] = np.clip(random.normal(centre, 0.0 if centre == 1.0 else noise, shape), -1, 1)
        if rule == "truncation-0.5" and half is not None:
            cell["aligned"][..., 1] = np.clip(random.normal(half, noise, shape[:-1]), -1, 1)
        cell["along"] = cell["aligned"] * (1.0 if rule == "reinforce" else 0.5)
        cell["stride"], cell["slope"] = np.ones(shape), np.ones(shape)
        cell["variance"], cell["lived"] = np.full(shape, 1.0 if rule == "reinforce" else 10.0), np.full(shape, 100.0)
        cell["foretold"] = np.full(shape, np.nan if rule == "reinforce" else 0.5)

    return instrument.run(plan, fill, random, {"random": 1 / 6, "optimal": 1.0})


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({"bred": 0.99, "noise": 0.01}, "its step points along the gradient"),
        ({"bred": 0.8, "noise": 0.1}, "its step leans towards the gradient"),
        ({"bred": 0.99, "half": 0.8, "noise": 0.01}, "its step leans towards the gradient"),
        ({"bred": -0.9}, "its step points away from the gradient somewhere"),
        ({"bred": 0.9, "half": -0.9}, "its step points away from the gradient somewhere"),
        ({"bred": 0.99, "half": 0.0, "noise": 0.2}, UNCLEAR),
        ({"bred": 0.99, "control": 0.5}, SILENT + ": without selection steps have a cosine of 0.4"),
    ],
)
def test_either_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["truncation-0.5"]["short"].startswith(short)
    assert found["rules"]["drift"]["short"] == "a control: it reads nothing of reward"
    assert found["breeder"]["anchor"] == "reinforce"


@pytest.mark.slow(quickly=True)
def test_where_there_is_no_difference_no_claim_is_made(plan, monkeypatch):
    rules = {k: v for k, v in plan.experiment.rules.items() if k != "reinforce"}
    alone = Plan(replace(plan.experiment, rules=rules, seeds=12))

    def draw(random):
        return drawn(alone, random, 0.0)

    assert instrument.claims(monkeypatch, draw, SILENT, UNCLEAR) <= 5


def test_without_a_control_nothing_is_claimed(plan):
    only = Plan(replace(plan.experiment, rules={"reinforce": TAUGHT}))
    found = compare.summarise(drawn(only, np.random.default_rng(1), 0.9))
    assert found["rules"]["reinforce"]["short"] == SILENT + ": no rule shows a step without selection"


def test_the_cost_is_told_in_environment_steps(plan):
    data = drawn(plan, np.random.default_rng(1), 0.99, noise=0.0)
    of = compare.summarise(data)["rules"]
    # Half signal: of `variance` over the square of what goes along the gradient as many updates, of 100 steps each.
    assert strides.cost(of["reinforce"]["breeder"]["first"]) == "100 [100–100]"
    assert strides.cost(of["truncation-0.5"]["breeder"]["first"]).startswith(f"{10 / 0.495**2 * 100:,.0f} [")
    assert strides.cost({"rate": {"iqm": -1.0, "low": -2.0, "high": 1.0, "n": 30}}) == "–"
    assert of["truncation-0.5"]["breeder"]["first"]["bred"]["iqm"] == pytest.approx(0.99)
    assert of["reinforce"]["breeder"]["first"]["missed"]["iqm"] == pytest.approx(0.0, abs=1e-6)
    assert strides.bias(of["truncation-0.5"]["breeder"]["first"]).startswith(f"{(2 - 0.99) ** 0.5:.3g} [")
    down = strides.strides(drawn(plan, np.random.default_rng(1), -0.9, noise=0.0)).rate
    assert (down[1] < 0).all() and (down[0] > 0).all()
    rows = compare.summarise(data)["pairwise"]["rate"]
    assert [(row["a"], row["place"], row["significant"]) for row in rows] == [
        ("truncation-0.5", place, True) for place in steps.PLACES
    ]


@pytest.mark.slow(quickly=True)
def test_only_what_differs_in_its_sizes_is_drawn_as_a_series(plan):
    every = Plan(replace(config.load("breeder"), width=1))
    data = drawn(every, np.random.default_rng(2), 0.9)
    found = strides.varied(data)
    assert {*found} == {"openai_es", "truncation"}
    assert {name: size for name, size in found["truncation"].items()} == {
        "truncation-0.1": (0.1, 64), "truncation-0.5": (0.5, 64), "truncation-2": (2.0, 64),
        "truncation-0.5_16_dogs": (0.5, 16), "truncation-0.5_256_dogs": (0.5, 256),
    }  # fmt: skip
    drawing = figures.available(data)["breeder"](data)
    left, way, bias, cost = drawing.axes
    assert {line.get_gid() for line in left.lines} >= {*every.experiment.rules}
    assert {line.get_gid() for line in way.lines} >= {"reinforce", "truncation-0.5", "drift"}
    assert {line.get_gid() for line in bias.lines} >= {"openai_es 0", "truncation 1"}
    assert len([line for line in cost.lines if line.get_gid()]) == 4
