"""Selection rules against their closed forms; and the lineages that they record."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from told import episodes, vector_agent

from rewardlab.agents import memoryless
from rewardlab.collect import act
from rewardlab.rules import lineage
from rewardlab.rules.culling import Culling
from rewardlab.rules.drift import Drift
from rewardlab.rules.fitness_proportional import FitnessProportional
from rewardlab.rules.fixed import Fixed
from rewardlab.rules.population import cross
from rewardlab.rules.tournament import Tournament
from rewardlab.rules.truncation import Truncation


def close(found, truth, error, limit=4.5):
    """|z| below the limit, everywhere."""
    z = (np.asarray(found, np.float64) - truth) / error
    assert np.abs(z).max() < limit, z


# ---- lineages: row 7 ----

SIZE = {"candidates": 12, "num_envs": 12, "unroll_length": 1}
KEEPERS = {
    "truncation": Truncation(parents=4, mutation=0.3, crossover=0.6, **SIZE),
    "drift": Drift(parents=4, mutation=0.3, **SIZE),
    "tournament": Tournament(mutation=0.3, size=3, **SIZE),
    "fitness_proportional": FitnessProportional(mutation=0.3, **SIZE),
    "culling": Culling(bar=0.4, share=1.0, **SIZE),
}


def generations(rule, count, key=0):
    """[(litter, fitness told, next litter, its state's lineage)] of successive generations of vectors float32[3]."""
    agent = vector_agent()
    update = jax.jit(lambda state, score, key: rule.update(agent, state, episodes(score[None]), key)[0])
    state, found = rule.init(agent, jax.random.key(key)), []
    for k in jax.random.split(jax.random.key(key + 1), count):
        score = jnp.abs(state.population[:, 0] + 0.5 * jnp.sin(5 * state.population[:, 1]))
        after = update(state, score, k)
        found.append(
            (np.asarray(state.population, np.float64), score, np.asarray(after.population, np.float64), after.lineage)
        )
        state = after
    return found


@pytest.mark.parametrize("name", KEEPERS)
def test_the_price_equation_holds_in_every_generation(name):
    """Δz̄ = Cov(w, z) / w̄ + E[w Δz] / w̄, from the recorded lineage (Price 1970), and the lineage is true: see the next test."""
    for litter, score, following, kept in generations(KEEPERS[name], 6):
        parents = np.asarray(kept.parents[-1])
        assert parents.min() >= 0 and parents.max() < SIZE["candidates"]
        np.testing.assert_array_equal(kept.fitness[-1], score)
        w = np.asarray(lineage.offspring(kept.parents[-1]), np.float64)
        assert w.sum() == len(litter)  # every child has parents, of one child's weight in all
        for trait in (lambda x: x[:, 0], lambda x: x[:, 1] * x[:, 2], lambda x: (x**2).sum(-1)):
            z, z_next = trait(litter), trait(following)
            share = np.zeros((len(litter), len(litter)))  # of parent i in child j
            np.add.at(share, (parents, np.arange(len(litter))[:, None]), 0.5)
            np.testing.assert_array_equal(share.sum(1), w)
            change = np.where(w > 0, share @ z_next / np.maximum(w, 0.5) - z, 0.0)
            selection = np.mean(w * z) - w.mean() * z.mean()
            found = (selection + np.mean(w * change)) / w.mean()
            np.testing.assert_allclose(found, z_next.mean() - z.mean(), atol=1e-12)


@pytest.mark.parametrize("name", KEEPERS)
def test_without_mutation_every_number_of_a_child_is_one_of_its_parents(name):
    """So inheritance is exact and the Price equation's second term is nothing but mutation and mixing."""
    rule = KEEPERS[name]
    rule = rule.replace(mutation=0.0) if hasattr(rule, "mutation") else rule
    for litter, _, following, kept in generations(rule, 4, key=7):
        one, other = litter[np.asarray(kept.parents[-1])].transpose(1, 0, 2)
        assert ((following == one) | (following == other)).all()
        if not getattr(rule, "crossover", 0.0):
            np.testing.assert_array_equal(one, other)
            w = np.asarray(lineage.offspring(kept.parents[-1]), np.float64)[:, None]
            covariance = (w * litter).mean(0) - litter.mean(0)  # w̄ = 1
            np.testing.assert_allclose(following.mean(0) - litter.mean(0), covariance, atol=1e-12)


def test_a_lineage_remembers_the_latest_generations_and_no_more():
    record = jax.jit(lineage.record)
    kept = lineage.blank(2)
    assert (kept.parents == -1).all()
    for i in range(lineage.GENERATIONS + 3):
        kept = record(kept, jnp.array([i, -i], jnp.float32), jnp.array([[0, 0], [0, 1]]))
        assert kept.fitness[-1].tolist() == [i, -i]
    assert kept.fitness.shape == (lineage.GENERATIONS, 2) and kept.fitness[0].tolist() == [3, -3]
    assert lineage.offspring(kept.parents[0]).tolist() == [1.5, 0.5]


# ---- level 0 ----


def test_drift_is_sampling_without_replacement():
    """Whatever they earn: survivors have the litter's mean in expectation and (σ²/k) (C − k)/(C − 1) as variance (Cochran 1977)."""
    rule, agent = Drift(candidates=8, parents=3, num_envs=8, unroll_length=1, mutation=0.0), vector_agent(1)
    # At the start children are copies of founders, without mutation; so here a litter of strangers.
    state = rule.init(agent, jax.random.key(0))._replace(population=jax.random.normal(jax.random.key(3), (8, 1)))
    told = episodes(state.population.T * 100)
    n = 100_000
    after = jax.jit(jax.vmap(lambda key: rule.update(agent, state, told, key)[0].population[:, 0]))
    litter = np.asarray(after(jax.random.split(jax.random.key(1), n)), np.float64)
    z = np.asarray(state.population[:, 0], np.float64)
    mean = litter[:, :3].mean(1)
    variance = z.var() / 3 * 5 / 7
    close(mean.mean(), z.mean(), np.sqrt(variance / n))
    squares = (mean - z.mean()) ** 2
    close(squares.mean(), variance, squares.std() / np.sqrt(n))
    close((litter[:, :1] == z).mean(0), 1 / 8, np.sqrt(7 / 64 / n))  # who is handed over: anyone
    close(litter[:, 3:].mean(1).mean(), z.mean(), litter[:, 3:].mean(1).std() / np.sqrt(n))


def test_a_fixed_policy_keeps_its_first_network_and_acts_by_it_or_uniformly():
    agent, n = vector_agent(), 100_000
    rule = Fixed()
    state = rule.init(agent, jax.random.key(0))
    np.testing.assert_array_equal(state, agent.init(jax.random.key(0)))
    after, _ = rule.update(agent, state, episodes([[1.0, 0, 1]]), jax.random.key(1))
    np.testing.assert_array_equal(rule.deploy(agent, after).params, state)
    obs = jnp.ones((n, state.size))
    assert (act(agent, rule.behave(agent, state, None), (), obs, jax.random.key(2))[0] == jnp.argmax(state)).all()
    action, _, _ = act(agent, rule.replace(epsilon=1.0).behave(agent, state, None), (), obs, jax.random.key(2))
    close(np.bincount(action, minlength=3) / n, 1 / 3, np.sqrt(2 / 9 / n))


# ---- culling: row 16 ----


def test_culling_keeps_of_one_litter_what_passes_and_can_never_find_more():
    """Two logits N(m_i, s_i²), a bar on their difference D: survivors are D's normal cut off at the bar, as many as its tail."""
    mean, sd, n = jnp.array([0.5, -0.2]), jnp.array([1.0, 0.7]), 100_000
    agent = memoryless(
        lambda key: mean + sd * jax.random.normal(key, (2,)), lambda params, obs: {"logits": obs * params}
    )
    rule = Culling(candidates=n, num_envs=n, unroll_length=1, share=1.0, bar=0.3)
    state = rule.init(agent, jax.random.key(0))
    difference = lambda litter: litter[:, 1] - litter[:, 0]  # noqa: E731
    after, log = rule.update(agent, state, episodes(difference(state.population)[None]), jax.random.key(1))
    center, spread = -0.7, np.hypot(1.0, 0.7)
    truth = stats.norm.sf((0.3 - center) / spread)
    close(log["survivors"], truth, np.sqrt(truth * (1 - truth) / n))
    alive = round(float(log["survivors"]) * n)
    kept = np.asarray(difference(after.population), np.float64)
    prior = stats.truncnorm((0.3 - center) / spread, np.inf, loc=center, scale=spread)
    assert stats.kstest(kept[:alive], prior.cdf).pvalue > 1e-4
    np.testing.assert_array_equal(kept[alive : 2 * alive], kept[:alive])  # copies, in turn
    again, log = rule.update(agent, after, episodes(difference(after.population)[None]), jax.random.key(2))
    assert log["survivors"] == 1 and set(kept) == set(np.asarray(difference(again.population), np.float64))


def test_culling_spares_all_where_none_passes_and_finds_what_some_litter_holds():
    """One litter of C holds a candidate that passes with probability 1 − (1 − p)^C; without one, nothing ever changes."""
    rule, agent, n = Culling(candidates=4, num_envs=4, unroll_length=1, share=1.0, bar=1.2), vector_agent(1), 100_000

    def one(first, key):
        state = first
        for k in jax.random.split(key, 2):
            state, _ = rule.update(agent, state, episodes(state.population.T), k)
        unchanged = (state.population == first.population).all()
        return rule.deploy(agent, state).params[0] >= 1.2, unchanged, (first.population >= 1.2).any()

    # A program of its own: one that also draws the litter may compute it twice, and round it differently.
    first = jax.jit(jax.vmap(partial(rule.init, agent)))(jax.random.split(jax.random.key(0), n))
    found, unchanged, held = map(np.asarray, jax.jit(jax.vmap(one))(first, jax.random.split(jax.random.key(1), n)))
    np.testing.assert_array_equal(found, held)
    assert unchanged[~held].all()
    truth = 1 - stats.norm.cdf(1.2) ** 4
    close(found.mean(), truth, np.sqrt(truth * (1 - truth) / n))


# ---- truncation: row 8, through the rule ----


@pytest.mark.slow
def test_the_breeders_equation_for_a_whole_generation_of_truncation():
    """R = h² i σ_P for the next litter, h² = 1 / (1 + noise²); crossover leaves it as it is; mutation adds its variance."""
    n, kept, intensity, noise = 100_000, 0.2, 1.3998, 0.8
    agent = vector_agent(1)
    # All founders survive their own breeding: the first litter is drawn from the prior but for one mutated copy.
    rule = Truncation(candidates=n, parents=n - 1, num_envs=n, unroll_length=1, mutation=0.0)
    state = rule.init(agent, jax.random.key(0))
    gene = state.population[:, 0]
    seen = gene + noise * jax.random.normal(jax.random.key(1), (n,))
    rule = rule.replace(parents=int(n * kept), crossover=0.5)
    after, _ = rule.update(agent, state, episodes(seen[None]), jax.random.key(2))
    heritability, sigma = 1 / (1 + noise**2), np.sqrt(1 + noise**2)
    litter = np.asarray(after.population[:, 0], np.float64)
    error = np.sqrt(litter.var() / (n * kept) + litter.var() / n + heritability / n)
    close(litter.mean() - np.asarray(gene, np.float64).mean(), heritability * intensity * sigma, error)
    # What selection leaves of a gene's variance: 1 − h² i(i − x).
    x = stats.norm.ppf(1 - kept)
    left = 1 - heritability * intensity * (intensity - x)
    survivors = litter[: int(n * kept)]
    close(survivors.var(), left, left * np.sqrt(6 / len(survivors)))
    mutated, _ = rule.replace(mutation=0.5).update(agent, state, episodes(seen[None]), jax.random.key(2))
    added = np.asarray(mutated.population[:, 0], np.float64)[int(n * kept) :] - litter[int(n * kept) :]
    close(added.var(), 0.25, 0.25 * np.sqrt(2 / len(added)))


def test_uniform_crossover_takes_each_number_from_either_parent_at_even_odds():
    n, genes = 100_000, 4
    pool, one = jnp.stack([jnp.zeros(genes), jnp.ones(genes)]), jnp.zeros(n, jnp.int32)
    children, crossed = jax.jit(cross)(jax.random.key(0), pool, one, 1 - one, 0.3)
    close(crossed.mean(dtype=jnp.float32), 0.3, np.sqrt(0.21 / n))
    assert not np.asarray(children[~crossed]).any()
    mixed = np.asarray(children[crossed])
    patterns = np.bincount(mixed.astype(int) @ 2 ** np.arange(genes), minlength=2**genes)
    assert stats.chisquare(patterns).pvalue > 1e-5  # all mixtures are equally likely
    children, crossed = cross(jax.random.key(0), pool, one, 1 - one, 0.0)
    assert not np.asarray(children).any() and not np.asarray(crossed).any()


def test_crossover_has_two_different_survivors_and_an_elite_that_it_leaves_alone():
    rule = Truncation(candidates=300, parents=3, num_envs=300, unroll_length=1, mutation=0.0, crossover=1.0)
    survivors = jax.random.normal(jax.random.key(0), (3, 40))
    litter, parents = rule.breed(survivors, jax.random.key(1))
    np.testing.assert_array_equal(litter[:3], survivors)
    assert parents[:3].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert (parents[3:, 0] != parents[3:, 1]).all()
    pairs = np.bincount(np.asarray(parents[3:]) @ [3, 1], minlength=9)[[1, 2, 3, 5, 6, 7]]
    assert pairs.sum() == 297 and stats.chisquare(pairs).pvalue > 1e-5
    single, parents = rule.replace(parents=1).breed(survivors[:1], jax.random.key(1))
    assert not np.asarray(parents).any() and (single == survivors[0]).all()


# ---- tournament ----


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_tournament_is_won_by_rank(size):
    """The rank r of C wins with probability ((C − r + 1)ᵏ − (C − r)ᵏ) / Cᵏ, whatever the distances between them."""
    rule, c, n = Tournament(candidates=5, num_envs=5, size=size), 5, 40_000
    score = jnp.array([0.1, 1e6, -3.0, 0.2, 0.3])
    rank = np.array([4, 1, 5, 3, 2])
    choose = jax.jit(jax.vmap(rule.choose, (None, 0)))
    won = np.bincount(np.asarray(choose(score, jax.random.split(jax.random.key(0), n))).ravel(), minlength=c) / (n * c)
    truth = ((c - rank + 1.0) ** size - (c - rank) ** size) / c**size
    close(won, truth, np.sqrt(truth * (1 - truth) / (n * c)) + 1e-12)
    tied = np.asarray(choose(jnp.zeros(c), jax.random.split(jax.random.key(1), n))).ravel()
    close(np.bincount(tied, minlength=c) / (n * c), 1 / c, np.sqrt(0.16 / (n * c)))


@pytest.mark.parametrize("size, intensity", [(2, 0.5642), (3, 0.8463), (5, 1.1630)])
def test_the_intensity_of_a_tournament_is_the_largest_of_so_many_normals(size, intensity):
    """R = h² i σ_P with i the expected maximum of k normal draws, 1/√π for two (Blickle & Thiele 1995)."""
    n, noise, agent = 100_000, 0.8, vector_agent(1)
    rule = Tournament(candidates=n, num_envs=n, unroll_length=1, mutation=0.0, size=size)
    state = rule.init(agent, jax.random.key(0))
    gene = np.asarray(state.population[:, 0], np.float64)
    seen = state.population[:, 0] + noise * jax.random.normal(jax.random.key(1), (n,))
    after, _ = rule.update(agent, state, episodes(seen[None]), jax.random.key(2))
    litter = np.asarray(after.population[:, 0], np.float64)
    # A parent with several children counts several times: the litter's effective size is n / E[w²], at least n / (1 + k).
    close(litter.mean() - gene.mean(), intensity / np.sqrt(1 + noise**2), np.sqrt((2 + size) / n))
    np.testing.assert_array_equal(rule.deploy(agent, after).params, state.population[jnp.argmax(seen)])


def test_children_of_a_generation_are_mutated_with_the_stated_spread():
    rule, agent = Tournament(candidates=100, num_envs=100, unroll_length=1, mutation=0.3), vector_agent(1000)
    state = rule.init(agent, jax.random.key(0))._replace(population=jnp.zeros((100, 1000)))
    after, _ = rule.update(agent, state, episodes(jnp.zeros((1, 100))), jax.random.key(1))
    step = np.asarray(after.population, np.float64)
    close(step.mean(), 0.0, 0.3 / np.sqrt(step.size))
    close(step.std(), 0.3, 0.3 / np.sqrt(2 * step.size))


# ---- fitness-proportional selection: row 6 ----


def test_children_are_in_proportion_to_fitness_with_the_multinomial_variance():
    """E[p'] = p f / f̄, Var = p'(1 − p')/N and Δf̄ = Var(f)/f̄ (Fisher 1930), for types at p = .5, .3, .2."""
    rule, n, size = FitnessProportional(candidates=10, num_envs=10), 100_000, 10
    kind, f = np.array([0] * 5 + [1] * 3 + [2] * 2), np.array([1.0, 2.5, 0.25])
    choose = jax.jit(jax.vmap(rule.choose, (None, 0)))
    parents = np.asarray(choose(jnp.asarray(f[kind], jnp.float32), jax.random.split(jax.random.key(0), n)))
    p = np.array([0.5, 0.3, 0.2])
    expected = p * f / (p @ f)
    shares = np.stack([(kind[parents] == k).mean(1) for k in range(3)], axis=1)
    variance = expected * (1 - expected) / size
    close(shares.mean(0), expected, np.sqrt(variance / n))
    squares = (shares - expected) ** 2
    close(squares.mean(0), variance, squares.std(0) / np.sqrt(n))
    gain = f[kind][parents].mean(1) - p @ f
    close(gain.mean(), (p @ f**2 - (p @ f) ** 2) / (p @ f), gain.std() / np.sqrt(n))


def test_what_is_worth_nothing_has_no_children_unless_nobody_is_worth_anything():
    choose = jax.jit(jax.vmap(lambda rule, score, key: rule.choose(score, key), (None, None, 0)))
    rule, n = FitnessProportional(candidates=4, num_envs=4), 100_000
    keys = iter(jax.random.split(jax.random.key(0), (3, n // 4)))
    negative = np.asarray(choose(rule, jnp.array([-5.0, 3.0, 0.0, 1.0]), next(keys))).ravel()
    close(np.bincount(negative, minlength=4)[[1, 3]] / n, [0.75, 0.25], np.sqrt(0.1875 / n))
    assert not np.isin(negative, [0, 2]).any()
    losers = np.asarray(choose(rule, jnp.array([-5.0, -3.0, 0.0, -1.0]), next(keys))).ravel()
    close(np.bincount(losers, minlength=4) / n, 0.25, np.sqrt(0.1875 / n))
    lowered = np.asarray(choose(rule.replace(zero=-5.0), jnp.array([-5.0, -3.0, 0.0, -2.0]), next(keys))).ravel()
    truth = np.array([0.0, 0.2, 0.5, 0.3])
    close(np.bincount(lowered, minlength=4) / n, truth, np.sqrt(truth * (1 - truth) / n) + 1e-12)
