"""The ladder, proven: what an update rule's level says that it can't read leaves the update as it is, to the bit; what it reads, not.

One table over every rule in the folder. The experience is real, of one short episode a lane; only what it paid is made up.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_training import SPEC, WALK, setting, small

from rewardlab import rules, training
from rewardlab.collect import collect, start
from rewardlab.judges import judged
from rewardlab.rules.lineage import Lineage
from rewardlab.types import Rule

LANES, BAR = 8, 0.5
WRAPPERS = {name for name in rules.names() if isinstance(getattr(small(name), "rule", None), Rule)}
# Distinct returns, four on each side of the bar; eighths and sixteenths, so that their sums and halves are exact.
RETURNS = np.random.default_rng(0).permutation(np.arange(LANES) / 8 + 1 / 16).astype(np.float32)
INCREASING = {  # maps that keep the bar where it is
    "affine": lambda r: BAR + 3 * (r - BAR),
    "cubic": lambda r: BAR + 4 * (r - BAR) ** 3,
    "exponential": lambda r: BAR + np.expm1(5 * (r - BAR)) / 8,
    "flattening": lambda r: BAR + np.arctan(9 * (r - BAR)) / 3,
    "steep above": lambda r: np.where(r < BAR, r, BAR + 5 * (r - BAR)),
}


@partial(jax.jit, static_argnums=(0, 1))
def lived_through(s, steps, rule, key):
    """A fresh state, and the experience that it gathers."""
    init_key, behave_key, start_key, collect_key = jax.random.split(key, 4)
    state, params = rule.init(s.agent, init_key), WALK.default_params
    acting = rule.behave(s.agent, state, behave_key)
    lanes = start(s.env, params, start_key, rule.lanes, rule.candidates)
    how = {"candidates": rule.candidates, "whole": rule.whole}
    _, trajectory = collect(s.env, params, s.agent, acting, lanes, collect_key, steps, **how)
    return state, judged(trajectory)


def paid(experience, first, last):
    """float32[T, N] that pays each lane's first episode `first` at its first step and `last` at its end."""
    reward = np.zeros(experience.reward.shape, np.float32)
    reward[0] += first
    reward[np.asarray(experience.done).argmax(0), np.arange(LANES)] += last
    return reward


def within_each_side_reversed(returns):
    """The same returns, none across the bar, in reversed order on either side of it."""
    swapped = returns.copy()
    for side in (returns < BAR, returns >= BAR):
        order = np.flatnonzero(side)[np.argsort(returns[side])]
        swapped[order] = returns[order[::-1]]
    return swapped


@pytest.mark.parametrize("name", [name for name in rules.names() if name not in WRAPPERS])
def test_an_update_reads_of_reward_what_its_level_says(name):
    rule = small(name).replace(lanes=LANES)
    s = setting(name, rule)
    state, told = lived_through(s, rule.steps, rule, jax.random.key(1))
    assert told.done.any(0).all()

    @jax.jit
    def updated(reward):
        after = rule.update(s.agent, state, told._replace(reward=reward), jax.random.key(2))[0]
        is_record = lambda x: isinstance(x, Lineage)  # noqa: E731
        # What a lineage remembers of fitness is a record: no rule reads it.
        return jax.tree.map(lambda x: x.parents if is_record(x) else x, after, is_leaf=is_record)

    def same(one, other):
        pairs = zip(*(jax.tree.leaves(updated(jnp.asarray(r))) for r in (one, other)), strict=True)
        return all(np.array_equal(a, b) for a, b in pairs)

    at_the_end = partial(paid, told, 0.0)
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
        assert same(plain, paid(told, RETURNS, 0.0)) and same(plain, paid(told, RETURNS / 2, RETURNS / 2))
        assert same(plain, paid(told, 4 + RETURNS, -4.0))

    # What it does read: the rung below does not hold.
    if rule.level == 1:
        assert not same(plain, at_the_end(1 - RETURNS))
        one_falls = [np.where(np.arange(LANES) == lane, 0.0, RETURNS) for lane in np.flatnonzero(RETURNS >= BAR)]
        assert not all(same(plain, at_the_end(returns)) for returns in one_falls)
    if rule.level == 2:
        assert not same(plain, at_the_end(-RETURNS))
        assert not same(plain, at_the_end(within_each_side_reversed(RETURNS)))
    if rule.level >= 3:
        assert [label for label, mapped in maps.items() if label != "affine" and same(plain, at_the_end(mapped))] == []
    if rule.level >= 4:
        assert not same(plain, paid(told, RETURNS, 0.0)) and not same(plain, paid(told, RETURNS / 2, RETURNS / 2))


@pytest.mark.parametrize("inner", ["reinforce", "ppo", "truncation", "parallel_q"])
def test_a_yoked_rule_reads_nothing_of_what_it_earned(inner):
    """Whatever its own lanes earned, what it hands over is the same to the bit; what the twin earned makes a difference."""
    assert "yoked" in WRAPPERS
    rule = rules.make("yoked", rule=small(inner).replace(lanes=LANES, steps=10))
    s = training.setting(WALK, rule, SPEC)
    state, told = lived_through(s, rule.steps, rule, jax.random.key(1))
    own, twin = rule.halves
    assert told.done[:, own].any() and told.done[:, twin].sum() > 1, "one return less its own mean is nothing"

    @jax.jit
    def updated(reward):
        after = rule.update(s.agent, state, told._replace(reward=reward), jax.random.key(2))[0]
        return rule.policy(s.agent, after)

    def same(one, other):
        return all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True))

    random, plain = np.random.default_rng(0), np.asarray(told.reward)
    mine, theirs = plain.copy(), plain.copy()
    mine[:, own] = random.normal(size=plain[:, own].shape)
    assert same(updated(plain), updated(mine))
    theirs[:, twin] = random.normal(size=plain[:, twin].shape)
    assert not same(updated(plain), updated(theirs))
