"""The wrappers, around CoinRun, a gymnax world and a small world: what is in view, what is paid, when a lifetime ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import envs
from rewardlab.agents import by, memoryless
from rewardlab.collect import collect, start
from rewardlab.envs import adapter, score_strip
from rewardlab.inputs.errors import InputError
from rewardlab.types import Policy

KEY = jax.random.key
COINRUN = {"levels": 20, "held_out": 5}
FAITHFUL, FROZEN, SHIFTED, WRITABLE = range(4)


def follow(env, params, actions, key=0):
    """Observations, rewards, terminated, truncated, signals and states of one episode and what comes after it, jitted."""

    @jax.jit
    def go(params, key, actions):
        reset_key, key = jax.random.split(key)
        obs, state = adapter.reset(env, reset_key, params)

        def one(state, x):
            out = adapter.step(env, x[0], state, x[1], params)
            return out.state, out

        _, out = jax.lax.scan(one, state, (jax.random.split(key, len(actions)), actions))
        return obs, state, out

    return go(params, KEY(key), jnp.array(actions, jnp.int32))


def lit(obs, cells):
    return np.asarray(obs)[..., -cells:].sum(-1).astype(int).tolist()


# Score strip

GARDEN = "#####\n#O@t#\n#####"
WATER = (4, 0, 3, 3, 0, 0, 4)  # to the plant, stay, back, to the tile, stay, stay, back


def garden(**values):
    env = envs.make("score_strip", world="tomatoes", layout=GARDEN, steps=6, tile="tile", cells=20)
    return env, envs.params(env, dry=0.0, watered=0.0, honest=1.0, **values)


def test_a_faithful_strip_shows_the_running_score():
    env, params = garden()
    first, _, out = follow(env, params, WATER)
    assert lit(first, 20) == 0 and lit(out.obs, 20) == [1, 2, 3, 4, 5, 6, 6], (
        "1 a step once watered; nothing past the end"
    )
    assert out.signals["reward"].tolist() == out.signals["displayed"].tolist() == [1] * 6 + [0]
    assert out.truncated.tolist() == [False] * 5 + [True] * 2 and not out.terminated.any()
    halves = lit(follow(env, params.replace(per_cell=0.5, lowest=1.0), WATER)[2].obs, 20)
    assert halves == [0, 2, 4, 6, 8, 10, 10]


def test_a_frozen_a_shifted_and_a_written_strip():
    env, _ = garden()
    for values, first, shown in (
        ({"frozen": 1.0}, 0, [0] * 7),
        ({"shifted": 1.0, "offset": 4.0}, 4, [5, 6, 7, 8, 9, 10, 10]),
        ({"writable": 1.0, "written": 3.0}, 0, [1, 2, 3, 7, 11, 15, 15]),
    ):
        obs, _, out = follow(env, envs.params(env, dry=0.0, watered=0.0, honest=1.0, **values), WATER)
        assert lit(obs, 20) == first and lit(out.obs, 20) == shown
        assert out.signals["reward"].tolist() == out.signals["true"].tolist() == [1] * 6 + [0]
        assert np.allclose(out.signals["displayed"].sum(), shown[-1] - first)
        assert out.signals["on tile"].tolist() == [False, False, False, True, True, True, False]


def test_displays_are_mixed_by_their_shares():
    env, params = garden(frozen=0.2, shifted=0.3, writable=0.1)
    keys = jax.random.split(KEY(0), 20_000)
    display = np.asarray(jax.jit(jax.vmap(lambda key: env.reset_env(key, params)[1].display))(keys))
    share = np.bincount(display, minlength=4) / 20_000
    assert np.allclose(share, [0.4, 0.2, 0.3, 0.1], atol=4.5 * 0.5 / 20_000**0.5)
    both = jax.vmap(lambda frozen: env.reset_env(KEY(0), params.replace(frozen=frozen, shifted=0.0, writable=0.0))[1])
    assert both(jnp.array([0.0, 1.0])).display.tolist() == [FAITHFUL, FROZEN]


def test_trained_on_displayed_and_true_are_three_rewards():
    env = envs.make("score_strip", world="tomatoes", layout=GARDEN, steps=6, tile="tile")
    params = envs.params(env, dry=0.0, watered=0.0, honest=0.0, writable=1.0, written=5.0)
    _, _, out = follow(env, params, (3, 0))
    assert out.signals["reward"].tolist() == [3, 3], "three cells look watered, and there is one plant"
    assert out.signals["true"].tolist() == [0, 0] and out.signals["displayed"].tolist() == [8, 8]


def test_a_tile_may_be_a_function_of_the_state():
    right = score_strip.make("CartPole-v1", cells=4, tile=lambda state, params: state.x > -10.0)
    params = envs.params(right, writable=1.0, written=1.0)
    assert lit(follow(right, params, (0, 1))[2].obs, 4) == [2, 4], "the task's 1 and the tile's 1 a step"
    room = envs.make(
        "score_strip", world="dark_room", size=3, steps=2, held_out=1, tile=lambda state, params: state.cell >= 0
    )
    _, _, out = follow(room, envs.params(room, writable=1.0), (0, 0, 0))
    assert out.signals["on tile"].tolist() == [True, True, False], "not once the episode is over"
    assert out.signals["displayed"].tolist() == [1, 1, 0]


@pytest.mark.slow
def test_a_strip_around_coinrun_changes_nothing_but_what_is_seen():
    inner = envs.make("coinrun", **COINRUN)
    env = envs.make("score_strip", world="coinrun", cells=5, **COINRUN)
    params = envs.params(env, moved=0.5)
    assert env.inner is inner and env.outcomes == inner.outcomes and env.actions == inner.actions
    space = env.observation_space(params)
    assert space.shape == (259,) and space.dtype == bool
    actions = jnp.array(np.random.default_rng(0).integers(2, 6, 70), jnp.int32)
    obs, state, out = follow(env, params, actions)
    assert obs.dtype == bool
    here, alive = state.inner, True
    step = jax.jit(inner.step_env)
    for t in range(70):
        seen, here, reward, terminated, signals = step(KEY(0), here, actions[t], params)
        assert bool(terminated) == bool(out.terminated[t]) and reward == out.signals["reward"][t]
        assert all(np.array_equal(value, out.signals[name][t]) for name, value in signals.items())
        assert not alive or np.array_equal(seen, out.obs[t, :254])
        alive = alive and not terminated and t + 1 < 64
    assert not alive and (out.terminated | out.truncated)[-1]
    assert set(env.references(params)) == set(inner.references(params)) and set(env.goals) == set(inner.goals)
    image = env.render_rgb(state, params)
    assert image.shape == (96, 288, 3) and np.array_equal(image[12:], inner.render_rgb(state.inner, params))


def test_what_the_inner_world_lacks_its_wrapper_lacks():
    env = envs.make("score_strip", world="CartPole-v1")
    assert not any(hasattr(env, name) for name in ("render_rgb", "references", "goals", "optimum"))
    assert hasattr(envs.make("score_strip", world="lever"), "optimum")


# Reward in view


def test_the_last_reward_action_and_end_are_in_view():
    env = envs.make("reward_in_view", world="lever", length=3, steps=4)
    params = envs.params(env, distance=1, payoff=5.0)
    obs, _, out = follow(env, params, (2, 1, 2, 0, 0))
    extra = np.asarray(out.obs)[:, 12:]
    assert obs.shape == (17,) and not np.asarray(obs)[12:].any()
    assert extra[:4].tolist() == [[1, 0, 0, 1, 0], [0, 0, 1, 0, 0], [5, 0, 0, 1, 0], [5, 1, 0, 0, 1]]
    assert out.truncated.tolist() == [False] * 3 + [True] * 2 and not out.terminated.any()
    assert out.signals["reward"].tolist() == [1, 0, 5, 5, 0] and out.signals["true"].tolist() == [1, 0, 0, 0, 0]


def test_a_lifetime_is_k_episodes_of_one_hidden_task():
    env = envs.make("reward_in_view", world="dark_room", episodes=3, size=3, held_out=1, steps=2)
    params = env.default_params
    assert adapter.time_limit(env) == 6
    assert np.isclose(float(env.optimum(params)), 3 * float(env.inner.optimum(env.each(params))), rtol=1e-6)
    _, state, out = follow(env, params, (1, 1, 4, 4, 0, 0, 0))
    goals = np.asarray(out.state.inner.goal)
    assert (goals == int(state.inner.goal)).all(), "the task stays"
    assert out.truncated.tolist() == [False] * 5 + [True] * 2 and not out.terminated.any()
    ends = np.asarray(out.obs)[:, -1]
    assert ends.tolist() == [0, 1, 0, 1, 0, 1, 0] and out.signals["episode"].tolist() == [0, 0, 1, 1, 2, 2, 2]
    rows, columns = np.asarray(out.obs)[:, :3].argmax(1), np.asarray(out.obs)[:, 3:6].argmax(1)
    # Up, and back in the centre; right, and back; stay, and no more after the end of the lifetime.
    assert list(zip(rows[:6].tolist(), columns[:6].tolist(), strict=True)) == [
        (0, 1),
        (1, 1),
        (1, 2),
        (1, 1),
        (1, 1),
        (1, 1),
    ]
    assert out.signals["reward"][6] == 0
    tasks = jax.vmap(lambda key: env.reset_env(key, params)[1].inner.goal)(jax.random.split(KEY(0), 200))
    assert len(set(np.asarray(tasks).tolist())) == 7, "each lifetime draws its own"


@pytest.mark.slow
def test_the_optimal_policy_plays_lifetimes_and_collection_starts_new_ones():
    env = envs.make("reward_in_view", world="dark_room", episodes=3, size=5, held_out=1, steps=6)
    params, lanes = env.default_params, 512
    policy = env.references(params)["optimal"]

    def episode(reset_key, key):
        obs, state = env.reset_env(reset_key, params)

        def one(carry, t):
            obs, state = carry
            act_key, step_key = jax.random.split(jax.random.fold_in(key, t))
            obs, state, reward, *_ = env.step_env(step_key, state, policy(obs, state, params, act_key), params)
            return (obs, state), reward

        return jax.lax.scan(one, (obs, state), jnp.arange(18))[1].sum()

    total = jax.jit(jax.vmap(episode))(*(jax.random.split(KEY(i), lanes) for i in range(2)))
    total = np.asarray(total, np.float64)
    assert abs(total.mean() - float(env.optimum(params))) < 4.5 * total.std() / lanes**0.5
    agent = memoryless(lambda key: (), lambda params, obs: {})
    idle = Policy((), by(lambda outputs, key: (jnp.zeros(64, jnp.int32), {})))
    _, seen = collect(env, params, agent, idle, start(env, params, KEY(0), 64), KEY(1), 36)
    assert np.flatnonzero(seen.truncated[:, 0]).tolist() == [17, 35] and not seen.terminated.any()


def test_one_episode_around_cartpole_changes_nothing_but_what_is_seen():
    inner = envs.make("CartPole-v1")
    env = envs.make("reward_in_view", world=inner)
    params = env.default_params
    obs, state, out = follow(env, params, [1] * 14)
    _, here, *_ = obs, state.inner
    ended = False
    for t in range(14):
        plain = adapter.step(inner, KEY(t), here, jnp.int32(1), params)
        if not ended:
            assert np.allclose(plain.obs, out.obs[t, :4]) and bool(plain.terminated) == bool(out.terminated[t])
        assert out.signals["reward"][t] == (0 if ended else 1)
        here, ended = plain.state, ended or bool(plain.terminated)
    assert ended and out.terminated[-1], "once over, it stays over, and pays nothing"


def test_the_reward_in_view_can_be_hidden_or_faked_from_some_step_on():
    env = envs.make("reward_in_view", world="lever", length=3, steps=4)
    for values, shown in (
        ({"decoupled": 1.0}, [0, 0, 0]),
        ({"decoupled": 1.0, "gain": -1.0, "bias": 1.0}, [0, 0, 0]),
        ({"decoupled": 1.0, "gain": 2.0, "bias": 3.0, "since": 1}, [1, 5, 5]),
        ({"decoupled": 0.0, "gain": 2.0}, [1, 1, 1]),
    ):
        _, _, out = follow(env, envs.params(env, **values), (2, 2, 2))
        assert np.asarray(out.obs)[:, 12].tolist() == shown == out.signals["displayed"].tolist()
        assert out.signals["reward"].tolist() == [1, 1, 1], "what is paid stays"


def test_wrappers_wrap_wrappers():
    env = envs.make("reward_in_view", world=envs.make("score_strip", world="bandit", pulls=3, cells=4), episodes=2)
    params = envs.params(env, low=1.0, high=1.0, frozen=0.0)
    _, _, out = follow(env, params, [0] * 6)
    assert np.asarray(out.obs)[:, 1:5].sum(1).tolist() == [1, 2, 0, 1, 2, 3], "each episode starts with an empty strip"
    assert out.truncated.tolist() == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("name", "sizes", "values"),
    [
        ("score_strip", {"world": "lever", "cells": 0}, {}),
        ("score_strip", {"world": "lever", "tile": "tiles"}, {}),
        ("score_strip", {"world": "lever"}, {"writable": 0.5}),
        ("score_strip", {"world": "lever"}, {"frozen": 0.6, "shifted": 0.6}),
        ("score_strip", {"world": "lever"}, {"per_cell": 0.0}),
        ("score_strip", {"world": "levr"}, {}),
        ("score_strip", {"world": "lever", "length": 1}, {}),
        ("reward_in_view", {"world": "lever", "episodes": 0}, {}),
        ("reward_in_view", {"world": "lever"}, {"decoupled": 1.5}),
        ("reward_in_view", {"world": "lever"}, {"distance": 100}),
        ("reward_in_view", {"world": "lever", "episodes": 4}, {"max_steps_in_episode": 3}),
    ],
)
def test_bad_options_are_refused_in_one_line(name, sizes, values):
    with pytest.raises(InputError) as error:
        envs.params(envs.make(name, **sizes), **values)
    assert "\n" not in str(error.value) and "llowed" in str(error.value)
