"""Every rule in the package, found by listing the folder: it trains, never recompiles, and is a pure function of its seed.

And the ladder, proven: what an update rule's level says that it can't read leaves the update as it is, to the bit; what it
reads, not. The experience is real; only what it paid is made up.
"""

import itertools
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from told import network
from worlds import Params, Squares, Timeless, Walk, fitting

from rewardlab import rules, training
from rewardlab.agents import MLP
from rewardlab.judges import world as as_the_world_says
from rewardlab.probes.outcomes import outcomes
from rewardlab.rules.lineage import Lineage
from rewardlab.types import Rule

WALK, SPEC = Walk(), MLP(hidden=(8,))
PARAMS = Params(goal=jnp.int32(3), max_steps_in_episode=jnp.int32(5))
TABLES = ("value_iteration",)  # they refuse agents that are no tables
SMALL = {
    "num_envs": 16,
    "unroll_length": 5,
    "candidates": 8,
    "parents": 2,
    "minibatches": 2,
    "capacity": 200,
    "batch": 16,
    "rows": 3,
}


def small(name: str) -> Rule:
    """A rule at the size of the walk, by the names of its own fields."""
    made = rules.make(name)
    return made.replace(**{k: v for k, v in SMALL.items() if k in made.__dataclass_fields__})


RULES = {name: small(name) for name in rules.names()}
RULES["yoked"] = rules.make("yoked", rule=RULES["ppo"])
RULES["yoked_reinforce"], RULES["yoked_parallel_q"] = (
    rules.make("yoked", rule=RULES[n]) for n in ("reinforce", "parallel_q")
)
EPISODES = rules.make(
    "truncation",
    **{k: SMALL[k] for k in ("candidates", "num_envs", "parents")},
    unroll_length=10,
    episodes=3,
    sampled=True,
)
RULES["yoked_episodes"] = rules.make("yoked", rule=EPISODES)
RULES["yoked_truncation"] = rules.make("yoked", rule=RULES["truncation"])


def leaves(tree):
    """Leaves as plain arrays, keys as their bits."""
    is_key = lambda x: jnp.issubdtype(x.dtype, jax.dtypes.prng_key)  # noqa: E731
    return [np.asarray(jax.random.key_data(x) if is_key(x) else x) for x in jax.tree.leaves(tree)]


def setting(name: str, rule: Rule) -> training.Setting:
    """A walk, and an agent for it that the rule accepts."""
    squares = (Squares(), MLP(hidden=(), bias=False))
    world, spec = squares if name in TABLES else (fitting(rule, WALK), network(rule, 8))
    return training.setting(world, rule, spec)


class Case(NamedTuple):
    """A rule with its compiled programs for one seed; `traces` grows whenever `told` is compiled.

    told(rule, params, key, carry, instead, reward) -> (carry, done): an update that is told `reward` float32[T, N] where
    bool `instead` says so, and otherwise what the world paid; and where episodes ended, bool[T, N].
    """

    rule: Rule
    setting: training.Setting
    begin: Callable
    told: Callable
    traces: list

    def update(self, rule, params, key, carry):
        """An update that is told what the world paid."""
        nothing = np.zeros((self.rule.unroll_length, self.rule.num_envs), np.float32)
        return self.told(rule, params, key, carry, False, nothing)[0]


@cache
def compiled(name: str) -> Case:
    """One compilation of an update serves all tests of a rule."""
    rule, traces = RULES[name], []
    s = setting(name, rule)

    @jax.jit
    def told(rule, params, key, carry, instead, reward):
        traces.append(1)
        seen = []

        def judge(trajectory):
            seen.append(trajectory.terminated | trajectory.truncated)
            return jnp.where(instead, reward, as_the_world_says(trajectory))

        return training.update(s._replace(judge=judge), rule, params, key, carry), *seen

    return Case(rule, s, jax.jit(partial(training.begin, s)), told, traces)


CONFORMING = [name for name in RULES if name not in ("yoked_reinforce", "yoked_parallel_q")]


@pytest.fixture(params=CONFORMING, name="case")
def _case(request):
    return compiled(request.param)


def test_conformance(case):
    """One compile for all seeds, hyperparameters and conditions; the carry keeps its types; steps are counted; the key matters."""
    rule, begin, one = case.rule, case.begin, case.update
    params = PARAMS
    carry = start = begin(rule, params, jax.random.key(0))
    for i in range(3):
        carry = one(rule, params, jax.random.key(0), carry)
        assert jax.tree.structure(carry) == jax.tree.structure(start)
        assert [(x.shape, x.dtype) for x in leaves(carry)] == [(x.shape, x.dtype) for x in leaves(start)]
        assert int(carry.updates) == i + 1
    assert 0 < int(carry.steps) <= 3 * rule.num_envs * rule.unroll_length
    if not rule.whole:
        assert int(carry.steps) == 3 * rule.num_envs * rule.unroll_length
    short = one(rule, params.replace(goal=jnp.int32(0)), jax.random.key(0), start)  # every episode is one step
    whole = rule.candidates * rule.episodes or rule.num_envs
    assert int(short.steps) == (whole if rule.whole else rule.num_envs * rule.unroll_length)
    doubled = jax.tree.map(lambda x: x * 1.5, rule)
    one(doubled, params.replace(goal=jnp.int32(2)), jax.random.key(5), carry)
    assert all(value.shape == () and value.dtype == jnp.float32 for value in carry.log.values())
    other = one(rule, params, jax.random.key(1), begin(rule, params, jax.random.key(1)))
    first = one(rule, params, jax.random.key(0), start)
    assert any((a != b).any() for a, b in zip(leaves(other.state), leaves(first.state), strict=True))
    assert len(case.traces) == 1


@pytest.mark.slow(quickly=True, minutes=3)
def test_seeds_and_hyperparameters_vmap(case):
    """Two seeds times two settings at once equal the four of them alone: every float field is traced, no seed sees another."""
    rule, s, begin, one, params = case.rule, case.setting, case.begin, case.update, PARAMS
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
    together = leaves(go(fresh, jnp.int32(320)))  # reached exactly by the rules whose lanes carry on
    for i, j in itertools.product(range(2), range(2)):
        alone = begin(rules_[i], params, keys()[j])
        while alone.steps < 320:
            alone = one(rules_[i], params, keys()[j], alone)
        for a, b in zip(together, leaves(alone), strict=True):
            np.testing.assert_allclose(a[i, j], b, rtol=2e-3, atol=2e-3)
    assert len(case.traces) == 1
    # The same run in two pieces is the same, to the bit.
    pieces = go(go(fresh, jnp.int32(160)), jnp.int32(320))
    for a, b in zip(together, leaves(pieces), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_update_draws_afresh():
    """All lanes start together again after five steps, so equal keys would make all updates alike."""
    rule = rules.make("fixed", epsilon=1.0, num_envs=512, unroll_length=5)
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
    rule = RULES[name].replace(num_envs=32)
    rule = rule.replace(learning_rate=0.005) if hasattr(rule, "learning_rate") else rule.replace(mutation=0.3)
    rule = rule.replace(anneal=100.0) if hasattr(rule, "anneal") else rule
    s = training.setting(world, rule, SPEC)
    params = world.default_params

    def success(key):
        carry = training.train(key, rule, world, params, spec=SPEC, total_steps=40_000)
        return outcomes(world, params, s.agent, rule.deploy(s.agent, carry.state), key, 4).share[0]

    assert jax.jit(jax.vmap(success))(jax.random.split(jax.random.key(5), 8)).mean() >= 0.75


# ---- the ladder ----

BAR, FEW = 0.5, 8  # as many candidates as there are returns
WRAPPERS = {name for name in rules.names() if isinstance(getattr(small(name), "rule", None), Rule)}
# Distinct returns, four on each side of the bar; eighths and sixteenths, so that their sums and halves are exact.
RETURNS = np.random.default_rng(0).permutation(np.arange(FEW) / FEW + 1 / 16).astype(np.float32)
INCREASING = {  # maps that keep the bar where it is
    "affine": lambda r: BAR + 3 * (r - BAR),
    "cubic": lambda r: BAR + 4 * (r - BAR) ** 3,
    "exponential": lambda r: BAR + np.expm1(5 * (r - BAR)) / 8,
    "flattening": lambda r: BAR + np.arctan(9 * (r - BAR)) / 3,
    "steep above": lambda r: np.where(r < BAR, r, BAR + 5 * (r - BAR)),
}


def paid(done, first, last):
    """float32[T, N] that pays each lane's first episode `first` at its first step and `last` at its end; lanes of a candidate
    alike.
    """
    reward, lanes = np.zeros(done.shape, np.float32), np.arange(done.shape[1])
    each = done.shape[1] // FEW
    reward[0] += np.repeat(np.broadcast_to(first, FEW), each)
    reward[done.argmax(0), lanes] += np.repeat(np.broadcast_to(last, FEW), each)
    return reward


def within_each_side_reversed(returns):
    """The same returns, none across the bar, in reversed order on either side of it."""
    swapped = returns.copy()
    for side in (returns < BAR, returns >= BAR):
        order = np.flatnonzero(side)[np.argsort(returns[side])]
        swapped[order] = returns[order[::-1]]
    return swapped


def read(case):
    """(float32[T, N] -> the rule's state after an update that is told it; where episodes ended, bool[T, N])."""
    rule, key = case.rule, jax.random.key
    carry = case.begin(rule, PARAMS, key(1))

    def updated(reward):
        after = case.told(rule, PARAMS, key(1), carry, True, np.asarray(reward, np.float32))[0].state
        is_record = lambda x: isinstance(x, Lineage)  # noqa: E731
        # What a lineage remembers of fitness is a record: no rule reads it.
        return jax.tree.map(lambda x: x.parents if is_record(x) else x, after, is_leaf=is_record)

    done = case.told(rule, PARAMS, key(1), carry, True, np.zeros((rule.unroll_length, rule.num_envs), np.float32))[1]
    return updated, np.asarray(done)


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(*map(leaves, (one, other)), strict=True))


@pytest.mark.parametrize("case", [name for name in rules.names() if name not in WRAPPERS], indirect=True)
def test_an_update_reads_of_reward_what_its_level_says(case):
    rule = case.rule
    assert rule.candidates in (0, FEW), "one return a candidate"
    updated, done = read(case)
    assert done.any(0).all()

    def same(one, other):
        return equal(updated(one), updated(other))

    at_the_end = partial(paid, done, 0.0)
    plain = at_the_end(RETURNS)
    maps = {label: np.float32(increase(RETURNS)) for label, increase in INCREASING.items()}
    order = np.argsort(RETURNS)
    assert all((np.diff(mapped[order]) > 0).all() for mapped in maps.values())

    # What it can't read.
    if rule.level == 0:
        anything = np.random.default_rng(1).normal(scale=100.0, size=plain.shape).astype(np.float32)
        assert same(plain, anything) and same(plain, 0 * plain) and same(plain, -plain)
    if rule.level <= 1:
        assert same(plain, at_the_end(np.where(RETURNS < BAR, -3.0, 7.0)))
        assert same(plain, at_the_end(within_each_side_reversed(RETURNS)))
    if rule.level <= 2:
        assert [label for label, mapped in maps.items() if not same(plain, at_the_end(mapped))] == []
    if rule.level <= 3:
        assert same(plain, paid(done, RETURNS, 0.0)) and same(plain, paid(done, RETURNS / 2, RETURNS / 2))
        assert same(plain, paid(done, 4 + RETURNS, -4.0))

    # What it does read: the rung below does not hold.
    if rule.level == 1:
        assert not same(plain, at_the_end(1 - RETURNS))
        one_falls = [np.where(np.arange(FEW) == one, 0.0, RETURNS) for one in np.flatnonzero(RETURNS >= BAR)]
        assert not all(same(plain, at_the_end(returns)) for returns in one_falls)
    if rule.level == 2:
        assert not same(plain, at_the_end(-RETURNS))
        assert not same(plain, at_the_end(within_each_side_reversed(RETURNS)))
    if rule.level >= 3:
        assert [label for label, mapped in maps.items() if label != "affine" and same(plain, at_the_end(mapped))] == []
    if rule.level >= 4:
        assert not same(plain, paid(done, RETURNS, 0.0)) and not same(plain, paid(done, RETURNS / 2, RETURNS / 2))
    assert len(case.traces) == 1


@pytest.mark.parametrize("case", ["yoked_reinforce", "yoked", "yoked_truncation", "yoked_parallel_q"], indirect=True)
def test_a_yoked_rule_reads_nothing_of_what_it_earned(case):
    """Whatever its own lanes earned, what it hands over is the same to the bit; what the twin earned makes a difference."""
    assert "yoked" in WRAPPERS
    updated, done = read(case)
    own, twin = case.rule.halves
    assert done[:, own].any() and done[:, twin].sum() > 1, "one return less its own mean is nothing"

    def handed_over(reward):
        return case.rule.deploy(case.setting.agent, updated(reward)).params

    random = np.random.default_rng(0)
    plain = random.integers(0, 2, done.shape).astype(np.float32)
    mine, theirs = plain.copy(), plain.copy()
    mine[:, own] = random.normal(size=plain[:, own].shape)
    assert equal(handed_over(plain), handed_over(mine))
    theirs[:, twin] = random.normal(size=plain[:, twin].shape)
    assert not equal(handed_over(plain), handed_over(theirs))
