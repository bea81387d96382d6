"""Yoked reward: what a rule is paid is what a twin earned, and leaves it nothing to learn from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnax.environments import environment, spaces
from scipy import stats
from told import experience, network, table
from worlds import Params

from rewardlab import rules, training
from rewardlab.agents import MLP
from rewardlab.rules.reinforce import Reinforce
from rewardlab.rules.yoked import Yoked, drawn


def test_draws_are_independent_and_uniform_among_the_masked_entries():
    x, mask = jnp.array([[1.0, 2, 3], [5, 5, 6]]), jnp.array([[True, False, True], [True, False, False]])
    many = jax.vmap(lambda key: drawn(key, x, mask))(jax.random.split(jax.random.key(0), 20_000))
    values, counts = np.unique(np.asarray(many), return_counts=True)
    assert values.tolist() == [-2, 0, 2] and stats.chisquare(counts).pvalue > 1e-5, "1, 3 and 5, less their mean"
    pairs = np.unique(np.asarray(many).reshape(-1, 6)[:, :2], axis=0, return_counts=True)[1]
    assert len(pairs) == 9 and stats.chisquare(pairs).pvalue > 1e-5
    assert not drawn(jax.random.key(0), x, jnp.zeros_like(mask)).any()


class Told(Reinforce):
    """Does nothing but say what it was paid."""

    def update(self, agent, state, experience, key):
        return state, {"reward": experience.reward}


def test_an_episode_is_paid_at_its_end_what_one_of_the_twins_came_to_with_what_it_carried():
    rule = Yoked(rule=Told(num_envs=2, unroll_length=3))
    state = rule.init(table(1, {"logits": 2, "value": 1}), jax.random.key(0))
    earned = np.array([[100.0, 100, 1, 7], [100, 100, 2, 10], [100, 100, 4, 20]], np.float32)

    def told(done):
        return experience(np.ones((3, 4, 1)), np.zeros((3, 4)), earned, terminated=np.array(done, bool))

    def update(state, done, key):
        state, log = rule.update(None, state, told(done), jax.random.key(key))
        return state, np.asarray(log["reward"])

    state, paid = update(state, [[1, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]], 1)
    assert {*paid[[0, 2], [0, 1]].tolist()} <= {-2.0, 2.0} and np.count_nonzero(paid) == 2, "3 and 7, less 5"
    assert state.earned.tolist() == [200.0, 0.0, 4.0, 30.0]
    state, paid = update(state, [[0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0]], 2)
    assert not paid.any(), "no episode of the twin's ended"
    assert state.earned.tolist() == [0.0, 0.0, 11.0, 67.0]
    state, paid = update(state, [[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]], 3)
    assert {*paid[0].tolist()} <= {-31.0, 31.0} and not paid[1:].any(), "12 and 74, less 43"


class Arms(environment.Environment):
    """Two arms, one pull an episode: the first pays nothing, the second 1. The observation is one number that never changes."""

    num_actions = 2
    default_params = Params(max_steps_in_episode=1)

    def reset_env(self, key, params):
        return jnp.ones(1), environment.EnvState(time=0)

    def step_env(self, key, state, action, params):
        state = state.replace(time=state.time + 1)
        return jnp.ones(1), state, action.astype(jnp.float32), jnp.bool_(True), {}

    def observation_space(self, params):
        return spaces.Box(1, 1, (1,), jnp.float32)

    def action_space(self, params=None):
        return spaces.Discrete(2)


class Quit(Arms):
    """The second arm ends the episode and pays 1; the first goes on, for ten steps at most, and pays nothing."""

    default_params = Params(max_steps_in_episode=10)

    def step_env(self, key, state, action, params):
        state = state.replace(time=state.time + 1)
        return jnp.ones(1), state, action.astype(jnp.float32), action == 1, {}


SEEDS = 256
SMALL = {
    "num_envs": 16,
    "unroll_length": 1,
    "candidates": 8,
    "parents": 2,
    "minibatches": 2,
    "capacity": 200,
    "batch": 16,
    "epochs": 2,
    "depth": 1,
    "rows": 8,
}
# Without those that are told nothing anyway, and one that takes tables alone.
# Nor one that is told what its bandits do not ask for, nor one that is taught by example.
WRAPPED = [
    name
    for name in rules.names()
    if name not in ("yoked", "fixed", "drift", "value_iteration")
    and not rules.load(name).asks
    and not rules.load(name).shown
]


def prefers_the_arm_that_pays(rule, world) -> float:
    """The share of SEEDS that does, after 150 updates."""
    s = training.setting(world, rule, network(rule))

    def train(key):
        carry = training.train(
            key, rule, world, spec=network(rule), total_steps=150 * rule.num_envs * rule.unroll_length
        )
        logits = s.agent.apply(rule.deploy(s.agent, carry.state).params, jnp.ones((1, 1)))
        return jnp.argmax(logits[next(iter(rule.heads(2)))][0])

    return np.mean(np.asarray(jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(0), SEEDS))) == 1)


def small(name):
    made = rules.make(name)
    return made.replace(**{k: v for k, v in SMALL.items() if k in made.__dataclass_fields__})


TRIED = ["reinforce", "ppo", "a2c", "q_learning", "truncation", "openai_es"]  # others follow one of these


BY_CHANCE = 4.5 * 0.5 / np.sqrt(SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRAPPED)
def test_a_yoked_rule_learns_nothing_on_a_bandit_where_the_rule_itself_does(name):
    assert abs(prefers_the_arm_that_pays(Yoked(rule=small(name)), Arms()) - 0.5) < BY_CHANCE
    if name in TRIED:
        assert prefers_the_arm_that_pays(small(name), Arms()) > 0.8, "the bandit is too hard: this test could not fail"


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIED)
def test_a_yoked_rule_does_not_learn_to_end_its_episodes_early(name):
    """Which discounting would teach it if pay were not 0 on average. (The other way it may drift: see `Yoked`.)"""
    rule = small(name).replace(unroll_length=10)
    assert prefers_the_arm_that_pays(Yoked(rule=rule), Quit()) - 0.5 < BY_CHANCE
    assert prefers_the_arm_that_pays(rule, Quit()) > 0.8, "the bandit is too hard: this test could not fail"


@pytest.mark.slow
def test_the_twin_learns():
    """So that what the other one is paid rises, as it does for those who learn."""
    rule = Yoked(rule=small("reinforce"))
    s = training.setting(Arms(), rule, MLP(hidden=(4,)))
    keys = jax.random.split(jax.random.key(0), 16)
    carry = jax.jit(jax.vmap(lambda key: training.train(key, rule, Arms(), spec=MLP(hidden=(4,)), total_steps=10_000)))(
        keys
    )
    logits = jax.vmap(
        lambda state: s.agent.apply(rule.rule.deploy(s.agent, state.twin).params, jnp.ones((1, 1)))["logits"][0]
    )
    assert (logits(carry.state).argmax(-1) == 1).mean() > 0.9
