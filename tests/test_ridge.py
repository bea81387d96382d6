"""The ridge or the plain: noise in parameters and slips against closed forms, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs, training
from rewardlab.agents import by, memoryless
from rewardlab.analysis import compare
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject, neighbours
from rewardlab.questions import ridge, routes
from rewardlab.report import figures
from rewardlab.types import Policy

SILENT = "no claim about what is passed over"
UNCLEAR = "no clear difference from what the prior holds"
OUTCOMES = ("plain", "ridge", "fell", "time")


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("ridge")
    few = {name: whole.rules[name] for name in ("openai_es", "guess_and_check")}
    return Plan(replace(whole, rules=few, budgets={}, points=1, width=1))


def drawn(plan, random, learned, prior=0.5, control=0.1, reached=1.0, lasts=0.8):
    """Results in which such shares of the seeds take the ridge, whole seeds of them, and keep such a return under noise."""

    def fill(rule, condition, cell):
        cell["return"] = np.full_like(cell["return"], reached)
        centre = control if condition != "still" else prior if rule == "guess_and_check" else learned
        taken = (random.random(len(cell["return"])) < centre)[:, None, None]
        cell["outcome_share"] = np.stack([1.0 - taken, taken, 0 * taken, 0 * taken], -1) * np.ones(
            (*cell["return"].shape, 1)
        )
        cell["noised_return"] = np.clip(random.normal(lasts, 0.05, cell["noised_return"].shape), 0, 1)

    return instrument.run(plan, fill, random)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({"learned": 0.05}, "passes over the ridge"),
        ({"learned": 0.95}, "prefers the ridge"),
        ({"learned": 0.05, "control": 0.9}, SILENT + ": its control, where steps slip, takes the ridge"),
        ({"learned": 0.05, "reached": 0.3}, SILENT + ": 0 of 30 seeds competent"),
    ],
)
def test_either_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["openai_es"]["short"].startswith(short)
    assert found["rules"]["guess_and_check"]["short"] == "a control: it shows what the prior alone does"
    assert found["ridge"] == {"prior": "guess_and_check"}


@pytest.mark.slow(quickly=True)
def test_where_there_is_no_difference_no_claim_is_made(plan, monkeypatch):
    def draw(random):
        return drawn(plan, random, 0.5, 0.5)

    assert instrument.claims(monkeypatch, draw, SILENT, UNCLEAR) <= 5


def test_without_a_prior_or_a_control_nothing_is_claimed(plan):
    only = Plan(replace(plan.experiment, rules={"openai_es": plan.experiment.rules["openai_es"]}))
    found = compare.summarise(drawn(only, np.random.default_rng(1), 0.05))["rules"]["openai_es"]
    assert found["short"] == SILENT + ": no rule shows what the prior holds"
    alone = Plan(replace(plan.experiment, control=None))
    found = compare.summarise(drawn(alone, np.random.default_rng(1), 0.05))["rules"]["openai_es"]
    assert found["short"] == SILENT + ": no condition is the control"
    with pytest.raises(InputError, match="needs a world with the outcomes"):
        routes.fragile(drawn(plan, np.random.default_rng(1), 0.5).drop_sel(outcome="ridge"))


def test_who_keeps_more_under_noise_is_told(plan):
    rules = plan.experiment.rules
    both = Plan(replace(plan.experiment, rules=rules | {"reinforce": config.load("ridge").rules["reinforce"]}))
    random = np.random.default_rng(2)

    def fill(rule, condition, cell):
        cell["return"] = np.ones_like(cell["return"])
        centre = 0.9 if rule == "openai_es" else 0.5
        cell["noised_return"] = np.clip(random.normal(centre, 0.05, cell["noised_return"].shape), 0, 1)

    found = compare.summarise(instrument.run(both, fill, random))
    (said,) = (text for text in found["verdict"] if "the most unlike: " in text)
    assert said.split("most unlike: ")[1].startswith("OpenAI-ES (") and "and REINFORCE (0." in said


def test_noise_in_parameters_is_of_the_size_that_it_says():
    params = {"a": jnp.full((200, 200), 3.0), "b": jnp.zeros(7)}
    noise = jax.tree.map(lambda x, y: np.asarray(x - y), neighbours.beside(params, jax.random.key(0), 0.4), params)
    assert noise["a"].std() == pytest.approx(0.4 * 3.0, rel=0.02) and not noise["b"].any()
    assert abs(noise["a"].mean()) < 4.5 * 1.2 / 200


def test_a_return_under_noise_is_its_expectation():
    """One parameter that decides between the two routes by its sign: with noise s it goes the other way with chance P(z < -1/s)."""
    from scipy.stats import norm

    env = envs.make("ridge", length=1, rows=1)
    params = env.default_params.replace(slip=1.0, ridge_loss=1.0, plain_loss=0.0, plain_width=1)
    agent = memoryless(
        lambda key: jnp.ones(()),
        lambda p, obs: {"logits": jnp.stack([p * -9, p * 0, p * 1.0])[None].repeat(obs.shape[0], 0)},
    )
    up_or_down = Policy(jnp.ones(()), by(lambda out, key: (jnp.where(out["logits"][:, 2] > 0, 2, 1), {})))
    s = training.Setting(env, agent)

    def kept(key):
        seen = neighbours.played(env, params, agent, up_or_down, key, 64)
        return neighbours.probe.measure(Subject(s, up_or_down, params, {}, key, seen=seen))["noised_return"]

    found = np.asarray(jax.jit(jax.vmap(kept))(jax.random.split(jax.random.key(1), 400)))
    for scale, got in zip(neighbours.SCALES, found.T, strict=True):
        stays = norm.cdf(1 / scale) if scale else 1.0
        assert abs(got.mean() - stays) < 4.5 * np.sqrt(stays * (1 - stays) / (400 * neighbours.DRAWN)) + 1e-6


def test_survival_under_slips_is_the_worlds_own(plan):
    data = drawn(plan, np.random.default_rng(3), 0.5)
    env = plan.env
    for slip in (0.0, 0.05, 0.2):
        exact = env.straight_return(env.default_params.replace(slip=slip))[0]
        assert float(routes.survival(data, np.array(slip))) == pytest.approx(float(exact), rel=1e-5)
    assert list(routes.slips(data).values()) == sorted(routes.slips(data).values()) and len(routes.slips(data)) >= 3


def test_the_figure_has_every_rule_and_the_closed_form(plan):
    data = drawn(plan, np.random.default_rng(4), 0.5)
    left, middle, right = figures.available(data)["ridge"](data).axes
    assert {line.get_gid() for line in left.lines} >= {"openai_es", "guess_and_check"}
    assert next(line for line in right.lines if line.get_gid() == "closed form").get_ydata()[0] == 1.0
    assert len([line for line in middle.lines if line.get_gid() == "openai_es"]) == 1 and ridge.AT in map(
        str, neighbours.SCALES
    )
