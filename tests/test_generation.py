"""A fixed number of episodes for each candidate: by hand, against a closed form, and whoever plays them with whom."""

from math import comb

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from test_collect import column
from worlds import Params, State, Walk

from rewardlab import collect, rules, training
from rewardlab.agents import MLP, by, memoryless
from rewardlab.agents.select import sample
from rewardlab.envs import adapter
from rewardlab.generation import live, time_needed
from rewardlab.inputs.errors import InputError
from rewardlab.judges import judged
from rewardlab.rules.returns import fitness
from rewardlab.running import batches
from rewardlab.types import Policy

ALWAYS = memoryless(lambda key: (), lambda action, obs: {"a": jnp.full(obs.shape[0], action)})
ODDS = memoryless(lambda key: (), lambda logits, obs: {"logits": jnp.tile(logits, (obs.shape[0], 1))})


def plan(candidates, each, episodes, limit=5):
    """A rule whose candidates have so many lanes and live so many episodes each."""
    rule = rules.make("truncation", candidates=candidates, num_envs=candidates * each, episodes=episodes, parents=1)
    return rule.replace(unroll_length=time_needed(rule, limit))


class Gusts(Walk):
    """A walk that starts at a random place, and where a step to the right is blown further, or back, by chance."""

    def reset_env(self, key, params):
        position = jax.random.randint(key, (), 0, 10_000)
        return self._obs(position, 0), State(position=position, time=0)

    def step_env(self, key, state, action, params):
        return super().step_env(key, state, action * jax.random.randint(key, (), -2_000, 12_000), params)


GUSTS = {"world": Gusts(), "world_params": Params(goal=10_000)}


def played(rule, agent, params, select, world=None, key=0, world_params=None, platform=None):
    start_key, live_key = jax.random.split(jax.random.key(key))
    world_params = Params() if world_params is None else world_params
    return live(world or Walk(), world_params, agent, Policy(params, by(select)), start_key, live_key, rule, platform)


def as_told(outputs, key):
    return outputs["a"], {}


def test_lanes_take_the_next_episode_until_all_are_lived():
    seen = played(plan(2, 2, 3), ALWAYS, jnp.array([1, 0]), as_told)
    assert seen.mask.shape == (10, 4)
    # The first candidate reaches the goal in 3 steps. Its first lane begins the third episode at once, its second one rests.
    assert column(seen.mask, 0) == [1] * 6 + [0] * 4
    assert column(seen.mask, 1) == [1] * 3 + [0] * 7
    assert column(seen.terminated, 0) == [0, 0, 1, 0, 0, 1, 0, 0, 0, 0]
    # The second one stays, until the clock stops it after 5.
    assert column(seen.mask, 2) == [1] * 10
    assert column(seen.truncated, 2) == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert column(seen.mask, 3) == [1] * 5 + [0] * 5
    assert column(seen.obs[..., 0], 0)[:6] == [0, 1, 2, 0, 1, 2]
    assert fitness(judged(seen), 2).tolist() == [1.0, 0.0]


def test_every_episode_is_lived_once_and_none_is_cut():
    rule = plan(8, 3, 7)
    logits = jnp.linspace(-1.0, 1.0, 8)[:, None] * jnp.array([-1.0, 1.0])
    seen = played(rule, ODDS, logits, sample())
    ended = np.asarray(seen.terminated | seen.truncated)
    assert (ended.reshape(-1, 8, 3).sum((0, 2)) == 7).all()
    assert len({*seen.mask.sum(0).tolist()}) > 1  # they took different times
    for lane in range(24):
        lived = np.flatnonzero(seen.mask[:, lane])
        assert (lived == np.arange(lived.size)).all() and ended[lived[-1], lane]


LOGITS = jnp.linspace(2.0, -2.0, 8)[:, None] * jnp.array([-1.0, 1.0])  # the first ones are done first


def lived(each, number, platform=None):
    """Of 6 episodes of each of 8 candidates: the fitness, the steps lived, and where the first ones begin."""
    seen = played(plan(8, each, 6), ODDS, LOGITS, sample(), key=number, platform=platform, **GUSTS)
    return fitness(judged(seen), 8), seen.mask.reshape(-1, 8, each).sum((0, 2)), seen.obs[0, ..., 0].reshape(8, each)


@pytest.fixture(name="expected", scope="module")
def _expected():
    """Two seeds, one after the other, with a lane for every episode."""
    one = jax.jit(lambda number: lived(6, number))
    return [np.stack(x) for x in zip(*(one(number) for number in range(2)), strict=True)]


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("platform", ["cpu", "tpu"])
@pytest.mark.parametrize("each", [2, 6])
def test_what_is_lived_depends_neither_on_lanes_nor_on_parts(monkeypatch, expected, each, platform):
    """In a world with chance at every start and step, and with actions that are drawn; here in a batch."""
    for size in (2**20, 100, 0) if platform == "cpu" else (0,):  # 1 part, 2, and 8 with two lanes
        monkeypatch.setattr(collect, "PART_BYTES", size)
        if platform != "cpu":
            monkeypatch.setattr(collect, "anywhere", lambda flags: jnp.bool_(True))
        fit, steps, _ = jax.jit(jax.vmap(lambda number: lived(each, number, platform)))(jnp.arange(2))
        np.testing.assert_array_equal(fit, expected[0])
        np.testing.assert_array_equal(steps, expected[1])


def test_candidates_meet_the_same_worlds_and_differ_in_what_they_do(expected):
    _, steps, first = expected
    np.testing.assert_array_equal(first, first[:, :1].repeat(8, axis=1))
    assert len({*first[0, 0].tolist()}) == 6 and len({*steps[0].tolist()}) > 2


REPEATS, CHANCE = 2048, (0.3, 0.5, 0.7)


def test_fitness_is_unbiased_though_episodes_differ_in_length():
    """Each step succeeds with probability p, 3 of 5 end an episode early: the mean is the closed form."""
    exact = np.array([sum(comb(5, k) * p**k * (1 - p) ** (5 - k) for k in (3, 4, 5)) for p in CHANCE])
    logits = jnp.log(jnp.array([[1 - p, p] for p in CHANCE]))

    def score(rule):
        def one(key):
            start_key, live_key = jax.random.split(key)
            return fitness(
                judged(live(Walk(), Params(), ODDS, Policy(logits, by(sample())), start_key, live_key, rule)), 3
            )

        return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(5), REPEATS)))

    error = np.sqrt(exact * (1 - exact) / (REPEATS * 4))
    assert (abs(score(plan(3, 2, 4)).mean(0) - exact) < 4.5 * error).all()


@pytest.mark.slow
def test_a_seed_alone_has_the_bits_that_it_has_in_a_batch(monkeypatch):
    """Where the candidates of a seed fill a core, seeds of a batch go one after the other."""
    env, rule = Walk(), rules.make("openai_es", candidates=8, num_envs=16, unroll_length=10, episodes=3, sampled=True)
    setting, params = training.setting(env, rule, MLP(hidden=(4,))), adapter.set_params(env.default_params, {})
    keys = batches.run_keys(0, np.array([0, 1, 1]))  # the last one pads
    assert not batches.fills_a_core(setting, rule)
    monkeypatch.setattr(collect, "PART_BYTES", 0)
    assert batches.fills_a_core(setting, rule)
    assert not batches.fills_a_core(setting, rules.make("yoked"))
    programs = batches.compile_training(setting, rule, params, 3)
    carry = programs.advance(rule, params, keys, programs.begin(rule, params, keys), jnp.int32(100))
    assert (np.asarray(carry.steps) >= 100).all()
    own = rule.replace(sigma=jnp.array([0.1, 0.1, 0.2]))  # as tuning does: a number for each seed
    tuned = batches.compile_training(setting, own, params, 3)
    differs = (
        tuned.advance(own, params, keys, tuned.begin(own, params, keys), jnp.int32(100)).state.mean != carry.state.mean
    )
    assert differs.any(1).tolist() == [False, False, True]
    one = batches.compile_training(setting, rule, params, 1)
    for i in range(3):
        key = keys[i : i + 1]
        alone = one.advance(rule, params, key, one.begin(rule, params, key), jnp.int32(100))
        np.testing.assert_array_equal(alone.state.mean[0], carry.state.mean[i])
        assert alone.steps[0] == carry.steps[i]


def test_too_few_steps_or_episodes_are_refused():
    with pytest.raises(ValueError, match="4 episodes a candidate, in 2 lanes, take up to 10 steps, not 9"):
        played(plan(2, 2, 4).replace(unroll_length=9), ALWAYS, jnp.array([1, 0]), as_told)
    with pytest.raises(
        InputError, match="episodes = 1 is out of range; allowed: 0, or at least the lanes of a candidate, 2"
    ):
        rules.make("truncation", candidates=8, num_envs=16, episodes=1, parents=2)
    assert time_needed(rules.make("reinforce"), 64) == 64
    rule = rules.make("truncation", candidates=8, num_envs=16, episodes=4, parents=2, unroll_length=9)
    experiment = tiny.experiment(env=Walk(), env_kwargs={}, rules={"dogs": rule})
    with pytest.raises(
        InputError,
        match=r"rules.dogs.unroll_length = 9 .* 10 or more, for its 4 episodes a candidate .* of up to 5 steps each",
    ):
        experiment.world()
    late = tiny.experiment(evaluations={"late": {"max_steps_in_episode": 9}})
    with pytest.raises(InputError, match=r"evaluations.late.max_steps_in_episode = 9 .* up to the world's own, 8"):
        late.world()
