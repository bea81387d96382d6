"""Every rule in the package, found by listing the folder: it trains, never recompiles, and is a pure function of its seed."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from worlds import Params, Squares, Timeless, Walk

from rewardlab import rules, training
from rewardlab.agents import MLP
from rewardlab.probes.outcomes import outcomes
from rewardlab.types import Rule

WALK, SPEC = Walk(), MLP(hidden=(8,))
TABLES = ("value_iteration",)  # they refuse agents that are no tables
SMALL = {"lanes": 16, "steps": 5, "candidates": 8, "parents": 2, "minibatches": 2, "capacity": 200, "batch": 16}


def small(name: str) -> Rule:
    """A rule at the size of the walk, by the names of its own fields."""
    made = rules.make(name)
    return made.replace(**{k: v for k, v in SMALL.items() if k in made.__dataclass_fields__})


RULES = {name: small(name) for name in rules.names()}
RULES["yoked"] = rules.make("yoked", rule=RULES["ppo"])
EPISODES = rules.make(
    "truncation", **{k: SMALL[k] for k in ("candidates", "lanes", "parents")}, steps=10, episodes=3, sampled=True
)
RULES["yoked_episodes"] = rules.make("yoked", rule=EPISODES)
RULES["yoked_truncation"] = rules.make("yoked", rule=RULES["truncation"])


def leaves(tree):
    """Leaves as plain arrays, keys as their bits."""
    is_key = lambda x: jnp.issubdtype(x.dtype, jax.dtypes.prng_key)  # noqa: E731
    return [np.asarray(jax.random.key_data(x) if is_key(x) else x) for x in jax.tree.leaves(tree)]


def setting(name: str, rule: Rule) -> training.Setting:
    """A walk, and an agent for it that the rule accepts."""
    world, spec = (Squares(), MLP(hidden=(), bias=False)) if name in TABLES else (WALK, SPEC)
    return training.setting(world, rule, spec)


class Case(NamedTuple):
    """A rule with its compiled programs for one seed; `traces` grows whenever `update` is compiled."""

    rule: Rule
    setting: training.Setting
    begin: Callable
    update: Callable
    traces: list


@pytest.fixture(params=RULES, name="case", scope="module")
def _case(request):
    rule, traces = RULES[request.param], []
    s = setting(request.param, rule)

    @jax.jit
    def update(rule, params, key, carry):
        traces.append(1)
        return training.update(s, rule, params, key, carry)

    return Case(rule, s, jax.jit(partial(training.begin, s)), update, traces)


def test_conformance(case):
    """One compile for all seeds, hyperparameters and conditions; the carry keeps its types; steps are counted; the key matters."""
    rule, _, begin, one, traces = case
    params = Params(goal=jnp.int32(3), max_steps_in_episode=jnp.int32(5))
    carry = start = begin(rule, params, jax.random.key(0))
    for i in range(3):
        carry = one(rule, params, jax.random.key(0), carry)
        assert jax.tree.structure(carry) == jax.tree.structure(start)
        assert [(x.shape, x.dtype) for x in leaves(carry)] == [(x.shape, x.dtype) for x in leaves(start)]
        assert int(carry.updates) == i + 1
    assert 0 < int(carry.steps) <= 3 * rule.lanes * rule.steps
    if not rule.whole:
        assert int(carry.steps) == 3 * rule.lanes * rule.steps
    short = one(rule, params.replace(goal=jnp.int32(0)), jax.random.key(0), start)  # every episode is one step
    whole = rule.candidates * rule.episodes or rule.lanes
    assert int(short.steps) == (whole if rule.whole else rule.lanes * rule.steps)
    doubled = jax.tree.map(lambda x: x * 1.5, rule)
    one(doubled, params.replace(goal=jnp.int32(2)), jax.random.key(5), carry)
    assert all(value.shape == () and value.dtype == jnp.float32 for value in carry.log.values())
    other = one(rule, params, jax.random.key(1), begin(rule, params, jax.random.key(1)))
    first = one(rule, params, jax.random.key(0), start)
    assert any((a != b).any() for a, b in zip(leaves(other.state), leaves(first.state), strict=True))
    assert len(traces) == 1


@pytest.mark.slow
def test_seeds_and_hyperparameters_vmap(case):
    """Two seeds times two settings at once equal the four of them alone: every float field is traced, no seed sees another."""
    rule, s, begin, one, traces = case
    params = Params(goal=jnp.int32(3), max_steps_in_episode=jnp.int32(5))
    assert jax.tree.leaves(rule), "a rule without hyperparameters"
    rules_ = [rule, jax.tree.map(lambda x: x * 0.5, rule)]
    swept = jax.tree.map(lambda *x: jnp.array(x, jnp.float32), *rules_)

    def keys():  # made anew for every use: jax's check of key reuse counts a second one
        return jax.random.split(jax.random.key(3), 2)

    @jax.jit
    def go(carries, target):
        def advance(rule, key, carry):
            return training.advance(s, rule, params, key, carry, target)

        return jax.vmap(jax.vmap(advance, (None, 0, 0)), (0, None, 0))(swept, keys(), carries)

    founders = jax.vmap(jax.vmap(partial(training.begin, s), (None, None, 0)), (0, None, None))
    fresh = jax.jit(founders)(swept, params, keys())
    together = go(fresh, jnp.int32(320))  # reached exactly by the rules whose lanes carry on
    for i, j in itertools.product(range(2), range(2)):
        alone = begin(rules_[i], params, keys()[j])
        while alone.steps < 320:
            alone = one(rules_[i], params, keys()[j], alone)
        for a, b in zip(leaves(jax.tree.map(lambda x, i=i, j=j: x[i, j], together)), leaves(alone), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3)
    assert len(traces) == 1
    # The same run in two pieces is the same, to the bit.
    pieces = go(go(fresh, jnp.int32(160)), jnp.int32(320))
    for a, b in zip(leaves(together), leaves(pieces), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_update_draws_afresh():
    """All lanes start together again after five steps, so equal keys would make all updates alike."""
    rule = rules.make("fixed", epsilon=1.0, lanes=512, steps=5)
    s, params, key = setting("fixed", rule), Params(goal=5), jax.random.key(0)
    update = jax.jit(partial(training.update, s, rule, params, key))
    first = update(training.begin(s, rule, params, key))
    second = update(first)
    np.testing.assert_array_equal(first.lanes.obs, second.lanes.obs)
    assert first.log["reward"] > 0 and first.log["reward"] != second.log["reward"]


LEARNERS = ["ppo", "reinforce", "parallel_q", "truncation", "openai_es"]


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_it_learns_to_walk(name):
    """Three steps to the right in five: half of all random walks get there, and in the end most seeds always do."""
    world = Timeless()
    rule = RULES[name].replace(lanes=32)
    rule = rule.replace(learning_rate=0.005) if hasattr(rule, "learning_rate") else rule.replace(mutation=0.3)
    rule = rule.replace(anneal=100.0) if hasattr(rule, "anneal") else rule
    s = training.setting(world, rule, SPEC)
    params = world.default_params

    def success(key):
        carry = training.train(key, rule, world, params, spec=SPEC, steps=40_000)
        head = next(iter(rule.heads(2)))
        return outcomes(world, params, s.agent, rule.policy(s.agent, carry.state), head, key, 4).share[0]

    assert jax.jit(jax.vmap(success))(jax.random.split(jax.random.key(5), 8)).mean() >= 0.75
