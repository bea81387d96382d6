"""Truncation selection: the breeder's equation, who stays and who mutates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from told import episodes, vector_agent

from rewardlab.rules.population import best_first, best_first_or_drawn
from rewardlab.rules.returns import fitness
from rewardlab.rules.truncation import Truncation


@pytest.mark.parametrize("kept, intensity", [(0.5, 0.7979), (0.2, 1.3998), (0.1, 1.7550), (0.01, 2.6652)])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_breeders_equation(kept, intensity, noise):
    """R = h² i σ_P; and the variance of what was selected on, after selection, is 1 − i(i − x) (Lush 1937)."""
    n = 200_000
    gene_key, luck_key = jax.random.split(jax.random.key(5))
    gene = jax.random.normal(gene_key, (n,))
    seen = gene + noise * jax.random.normal(luck_key, (n,))
    chosen = best_first(fitness(episodes(seen[None]), n))[: int(n * kept)]
    sigma_p, heritability = np.sqrt(1 + noise**2), 1 / (1 + noise**2)
    response = heritability * intensity * sigma_p
    error = np.asarray(gene[chosen]).std() / np.sqrt(len(chosen)) + 1e-4
    assert abs(float(gene[chosen].mean()) - response) < 4.5 * error
    x = stats.norm.ppf(1 - kept)
    left = 1 - intensity * (intensity - x)
    assert abs(np.var(np.asarray(seen[chosen]) / sigma_p) - left) < 4.5 * left * np.sqrt(6 / len(chosen)) + 1e-3


def test_truncation_keeps_the_best_and_mutates_only_children():
    rule = Truncation(candidates=8, parents=2, num_envs=8, unroll_length=1, mutation=0.5)
    state = rule.init(vector_agent(), jax.random.key(0))
    litter = state.population
    score = jnp.array([0.1, 0.9, 0.3, 0.2, 0.8, 0.0, 0.95, 0.4])
    after, log = rule.update(vector_agent(), state, episodes(score[None]), jax.random.key(1))
    np.testing.assert_array_equal(after.population[:2], litter[jnp.array([6, 1])])
    np.testing.assert_allclose(log["kept_fitness"], 0.925, rtol=1e-6)


def test_truncation_mutates_with_the_stated_spread():
    rule = Truncation(candidates=20_004, parents=4, num_envs=20_004, mutation=0.3)
    parents = jax.random.normal(jax.random.key(0), (4, 5))
    litter, both = rule.breed(parents, jax.random.key(1))
    parent = both[:, 0]
    np.testing.assert_array_equal(both[:, 1], parent)
    assert parent[:4].tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(litter[:4], parents)
    step = np.asarray(litter - parents[parent])[4:]
    n = step.size
    assert abs(step.mean()) < 4.5 * 0.3 / np.sqrt(n)
    assert abs(step.std() / 0.3 - 1) < 4.5 / np.sqrt(2 * n)
    assert stats.chisquare(np.bincount(parent[4:], minlength=4)).pvalue > 1e-5


def test_with_a_gene_pool_a_child_takes_each_parameter_from_any_survivor():
    rule = Truncation(candidates=4_004, parents=4, num_envs=4_004, mutation=1e-6, gene_pool=True)
    parents = jnp.arange(4.0)[:, None] + jnp.zeros((4, 3))
    litter, both = rule.breed(parents, jax.random.key(1))
    np.testing.assert_array_equal(litter[:4], parents)
    assert not both[4:].any(), "its lineage names the fittest"
    genes = np.asarray(litter[4:]).round().astype(int)
    for i in range(3):
        assert stats.chisquare(np.bincount(genes[:, i], minlength=4)).pvalue > 1e-5
    pairs = np.bincount(genes[:, 0] * 4 + genes[:, 1], minlength=16)
    assert stats.chisquare(pairs).pvalue > 1e-5, "independently"


def test_where_nothing_selects_survivors_are_drawn():
    """Without pay all are equally fit: a sort that keeps the order of ties would keep the first ones for ever."""
    rule = Truncation(candidates=8, parents=2, num_envs=8, unroll_length=1, mutation=1e-9)
    score, keys = jnp.zeros(8), jax.random.split(jax.random.key(2), 400)
    kept = np.asarray(jax.vmap(lambda key: rule.survivors(score, key))(keys))
    key = jax.random.key(3)
    assert (kept[:, 0] != kept[:, 1]).all()
    assert stats.chisquare(np.bincount(kept.ravel(), minlength=8)).pvalue > 1e-5
    state = rule.init(vector_agent(), jax.random.key(0))
    drawn = rule.survivors(score, jax.random.split(jax.random.clone(key))[0])
    after, _ = rule.update(vector_agent(), state, episodes(score[None]), key)
    np.testing.assert_array_equal(after.population[:2], state.population[drawn])


def test_any_difference_selects_and_other_ties_keep_their_order():
    score = jnp.array([0.5, 0.5, 0.75, 0.5, 0.75, 0.5])
    for key in jax.random.split(jax.random.key(1), 5):
        assert best_first_or_drawn(score, key).tolist() == best_first(score).tolist() == [2, 4, 0, 1, 3, 5]
