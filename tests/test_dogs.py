"""A hundred dogs: litters, inheritance and pedigrees against closed forms, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs, rules, training
from rewardlab.agents import MLP
from rewardlab.analysis import compare
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.probes import Subject, pedigree
from rewardlab.questions import breeding
from rewardlab.report import figures
from rewardlab.rules.lineage import Lineage
from rewardlab.rules.population import newborns, unflatten

SILENT = "no claim about what breeding adds"
UNCLEAR = "no clear difference"


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("dogs")
    few = {name: whole.rules[name] for name in ("culled_32", "mutated", "reinforce")}
    return Plan(replace(whole, rules=few, points=1, width=1))


def drawn(plan, random, mutated, culled=0.5, reached=1.0):
    """Results whose agents obey such shares of six commands, seed by seed: each drawn by itself."""

    def fill(rule, condition, cell):
        cell["return"] = np.full_like(cell["return"], reached)
        share = culled if rule == "culled_32" else mutated
        right = random.random((*cell["done"].shape[:-1],)) < share
        wrong = np.roll(np.eye(6), 1, axis=0)
        cell["done"] = np.where(right[..., None], np.eye(6), wrong)

    return instrument.run(plan, fill, random, {"random": 1 / 6, "optimal": 1.0})


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({"mutated": 1.0}, "goes beyond the best of the largest litter"),
        ({"mutated": 0.1}, "falls short of culling the largest litter"),
        ({"mutated": 1.0, "reached": 0.5}, SILENT + ": 0 of 30 seeds competent"),
    ],
)
def test_what_breeding_adds_is_told_either_way(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))["rules"]
    assert found["mutated"]["short"].startswith(short) and found["reinforce"]["short"].startswith(short)


@pytest.mark.parametrize(
    ("culled", "short"),
    [(0.5, "finds the best of its litter, and no more"), (0.9, "finds more than its litter held"), (0.2, "falls short")],
)  # fmt: skip
def test_culling_is_held_against_the_best_of_its_litter(plan, culled, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), 1.0, culled))["rules"]["culled_32"]
    assert found["dogs"]["best"] == pytest.approx(0.5) and found["short"].startswith(short)


@pytest.mark.slow(quickly=True)
def test_where_there_is_no_difference_no_claim_is_made(plan, monkeypatch):
    culls = ("finds", "falls short of the best of its litter")  # claims about culling itself, which are another matter

    def draw(random):
        return drawn(plan, random, 0.5, 0.5)

    assert instrument.claims(monkeypatch, draw, SILENT, UNCLEAR, *culls) <= 5


def test_the_best_of_a_litter_has_its_closed_form():
    """Newborn tables of the agent's own initial distribution, what they obey counted, against P(one <= k)^n."""
    env = envs.make("tricks")
    s = training.setting(env, rules.make("truncation"), MLP(hidden=(), bias=False))
    flat = newborns(s.agent, jax.random.key(3), 64 * 300)
    logits = jax.vmap(lambda params: s.agent.apply(params, env.look(jnp.arange(6)))["logits"])(unflatten(s.agent, flat))
    right = np.asarray((logits.argmax(-1) == jnp.arange(6)).sum(-1)).reshape(300, 64)
    chance = breeding.best_of(64, 6, 1 / 6)
    best = np.bincount(right.max(1), minlength=7) / 300
    assert (
        chance.sum() == pytest.approx(1)
        and (np.abs(best - chance) < 4.5 * np.sqrt(chance * (1 - chance) / 300) + 1e-9).all()
    )
    many = np.sort(np.random.default_rng(0).choice(7, p=chance, size=40_000)) / 6
    assert breeding.middle(chance) == pytest.approx(many[10_000:30_000].mean(), abs=2e-3)
    one = breeding.best_of(1, 6, 1 / 6)
    assert one @ np.arange(7) == pytest.approx(1.0) and one[6] == pytest.approx(6.0**-6)


def test_heritability_has_its_closed_form():
    """Regression of what newborns obey of all commands on what they obey of those drawn, over many litters."""
    random, k, m = np.random.default_rng(0), 6, 8
    obeys = random.random((40_000, k)) < 1 / k
    share = random.multinomial(m, np.full(k, 1 / k), 40_000) / m
    fitness, inherited = (share * obeys).sum(1) - share.sum(1) / k, obeys.mean(1) - 1 / k
    h2 = (fitness * inherited).mean() / (fitness**2).mean()
    assert breeding.heritability(k, m) == 8 / 13 and h2 == pytest.approx(8 / 13, abs=0.01)
    assert breeding.heritability(6, 10**9) == pytest.approx(1.0)


@pytest.mark.parametrize("rule", ["truncation"])
def test_the_breeders_equation_holds_of_the_rule_itself(rule):
    """Copies only: the next generation is fitter by h^2 times what the kept are, in many litters of the rule as it is run."""
    env, one = (
        envs.make("tricks"),
        rules.make(rule, parents=32, candidates=64, num_envs=512, unroll_length=1, mutation=0.0),
    )
    s = training.setting(env, one, MLP(hidden=(), bias=False))

    def generations(key):
        first = training.update(s, one, env.default_params, key, training.begin(s, one, env.default_params, key))
        return first.log, training.update(s, one, env.default_params, key, first).log

    log, after = jax.jit(jax.vmap(generations))(jax.random.split(jax.random.key(5), 600))
    kept, response = log["kept_fitness"] - log["fitness"], after["fitness"] - log["fitness"]
    missed = np.asarray(response - breeding.heritability(6, 8) * kept, np.float64)
    assert abs(missed.mean()) < 4.5 * missed.std() / 600**0.5 and np.asarray(response).mean() > 0.02


def test_a_pedigree_is_that_of_the_lineage():
    parents = jnp.array([[[0, 0], [2, 1], [2, 2]]])
    lineage = Lineage(jnp.array([[0.5, 0.1, 1.0]]), parents)
    carry = training.Carry((lineage,), None, *[jnp.int32(1)] * 2, {}, jnp.bool_(True))
    found = pedigree.probe.measure(Subject(None, None, None, {"candidate": 4}, None, carry=carry))
    assert found["descent"][:3].tolist() == parents[0].tolist() and np.isnan(found["descent"][3]).all()
    assert found["fitness"][:3].tolist() == pytest.approx([0.5, 0.1, 1.0]) and np.isnan(found["fitness"][3])
    small = pedigree.probe.measure(Subject(None, None, None, {"candidate": 2}, None, carry=carry))
    assert np.isnan(small["fitness"]).all(), "more candidates than are kept"


def test_trees_and_responses_are_of_generations_that_follow_one_another(plan):
    def fill(rule, condition, cell):
        generation = np.arange(1.0, 129)
        cell["record_updates"] = np.tile(np.where(generation == 5, np.nan, generation), (30, 1))
        entry = [*plan.layout.axes["entry"]]
        cell["log"][..., entry.index("fitness")] = generation**2
        cell["log"][..., entry.index("kept_fitness")] = generation**2 + 2
        cell["fitness"], cell["descent"] = np.ones((30, 128, 64)), np.tile(np.arange(64.0)[:, None], (30, 128, 1, 2))

    data = instrument.run(plan, fill, np.random.default_rng(0), {"random": 1 / 6, "optimal": 1.0})
    selection, response = breeding.responses(data, "mutated")
    assert (
        np.isnan(response[0, [3, 4]]).all() and response[0, :3].tolist() == [3, 5, 7] and (selection[0, :3] == 2).all()
    )
    fitness, descent = breeding.tree(data, "mutated")
    assert fitness.shape == (4, 64) and descent[0, 7].tolist() == [7, 7]
    first = breeding.first_response(data, "mutated")
    assert first[0].tolist() == [2.0] * 30 and first[1].tolist() == [3.0] * 30
    drawn_figures = figures.available(data)
    tree = drawn_figures["pedigree"](data).axes[0]
    assert sum(len(lines.get_paths()) for lines in tree.collections if lines.get_gid() == "line") == 3, (
        "one line of copies"
    )
    middle = drawn_figures["dogs"](data).axes[1]
    curve = next(line for line in middle.lines if line.get_gid() == "best")
    assert np.interp(32, *curve.get_data()) == pytest.approx(0.5, abs=5e-3)
