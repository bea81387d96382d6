"""CoinRun's laws: its episodes by every way of running them, what is seen, what is drawn, what is refused."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab.envs import coinrun, platforms
from rewardlab.envs.platforms import ACTIONS, BEHIND, BEYOND, DETOUR, END, START, WIDTH
from rewardlab.inputs.errors import InputError


@pytest.fixture(scope="module")
def env():
    return coinrun.make(levels=200, held_out=40, seed=3)


@pytest.fixture(scope="module")
def params(env):
    return env.default_params


# Episodes


@partial(jax.jit, static_argnums=0)
def episodes(env, params, which, key, levels):
    """90 steps on each level by the policy of that number; a policy is chosen when it runs, so that all are compiled once."""
    policies = list(env.references(params).values())
    obs, state = jax.vmap(env.start, (0, None))(levels, params)

    def act(obs, state, key):
        return jax.lax.switch(which, policies, obs, state, params, key)

    def one(carry, key):
        obs, state = carry
        key, draw = jax.random.split(key)
        action = jax.vmap(act)(obs, state, jax.random.split(draw, len(levels)))
        obs, state, reward, terminated, signals = jax.vmap(env.step_env, (None, 0, 0, None))(key, state, action, params)
        return (obs, state), (reward, terminated, signals)

    (_, state), (reward, terminated, signals) = jax.lax.scan(one, (obs, state), jax.random.split(key, 90))
    return reward, terminated, signals, state


def run(env, params, name, key, levels):
    """Whole episodes of a policy, one a level: the rewards float32[90, lanes], terminated, the signals, the last states."""
    which = list(env.references(params)).index(name)
    return episodes(env, params, which, jax.random.key(key), jnp.asarray(levels))


def shares(env, params, name):
    """Shares of the outcomes over every level of the chosen pool, float[4]."""
    first, count = (int(x) for x in params.pools[int(params.held_out)])
    *_, signals, _ = run(env, params, name, 0, first + np.arange(count))
    return np.bincount(signals["outcome"][-1], minlength=4) / count


def test_reset_and_step_are_deterministic_and_in_the_declared_spaces(env, params):
    space = env.observation_space(params)
    obs, state = env.reset_env(jax.random.key(7), params)
    again, _ = env.reset_env(jax.random.key(7), params)
    assert obs.shape == space.shape == (254,) and obs.dtype == space.dtype(0).dtype and np.array_equal(obs, again)
    obs, state, reward, terminated, signals = env.step_env(jax.random.key(0), state, jnp.int32(2), params)
    assert obs.shape == space.shape and obs.dtype == bool and space.contains(obs)
    assert (reward.dtype, terminated.dtype, signals["outcome"].dtype) == (jnp.float32, bool, jnp.int32)
    assert env.action_space(params).n == env.num_actions == len(ACTIONS) == 6
    drawn = jax.jit(jax.vmap(lambda k, params: env.reset_env(k, params)[1].level, (0, None)))
    keys, others = jax.random.split(jax.random.key(1), (2, 4000))
    assert set(np.asarray(drawn(keys, params))) == set(range(200)), "every training level is drawn, and no other"
    assert set(np.asarray(drawn(others, params.replace(held_out=True)))) == set(range(200, 240))


@pytest.mark.slow(quickly=True)
def test_jit_and_vmap_change_no_bit(env, params):
    params = params.replace(moved=0.5, behind=0.5)

    def keys():  # made anew: each may be drawn from once
        return jax.random.split(jax.random.key(2), 6)

    batch = jax.jit(jax.vmap(env.reset_env, (0, None)))(keys(), params)
    step = jax.jit(jax.vmap(env.step_env, (None, 0, 0, None)))
    actions = jax.random.randint(jax.random.key(3), (12, 6), 0, 6)
    lanes = [env.reset_env(key, params) for key in keys()]
    for t in range(12):
        batch_out = step(jax.random.key(t), batch[1], actions[t], params)
        lanes_out = [
            env.step_env(jax.random.key(t), state, actions[t, i], params) for i, (_, state) in enumerate(lanes)
        ]
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *lanes_out)
        assert jax.tree.all(jax.tree.map(lambda a, b: a.dtype == b.dtype and jnp.array_equal(a, b), batch_out, stacked))
        batch, lanes = batch_out[:2], [out[:2] for out in lanes_out]


def test_params_can_be_mapped(env, params):
    axes = jax.tree.map(lambda _: None, params).replace(moved=0, behind=0, held_out=0, max_steps_in_episode=0)
    moved, behind = jnp.array([0.0, 1.0, 1.0]), jnp.array([0.0, 0.0, 1.0])
    held_out, limit = jnp.array([False, True, False]), jnp.array([64, 5, 3])
    many = params.replace(moved=moved, behind=behind, held_out=held_out, max_steps_in_episode=limit)

    def episode(params, key):
        _, state = env.reset_env(key, params)
        _, state, *_ = env.step_env(key, state, jnp.int32(1), params)
        return state, env.is_truncated(state.replace(time=4), params)

    state, truncated = jax.jit(jax.vmap(episode, (axes, None)))(many, jax.random.key(4))
    assert state.placement.tolist() == [END, DETOUR, BEHIND] and truncated.tolist() == [False, False, True]
    assert (state.level >= 200).tolist() == [False, True, False]
    everything = jax.tree.map(lambda leaf: jnp.stack([jnp.asarray(leaf)] * 2), params)
    state, _ = jax.jit(jax.vmap(episode, (0, None)))(everything, jax.random.key(4))
    assert state.placement.tolist() == [END, END]


@pytest.mark.parametrize("placement", [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)])
def test_the_optimum_is_reached_and_never_beaten(env, params, placement):
    params = params.replace(moved=placement[0], behind=placement[1])
    reward, _, signals, state = run(env, params, "optimal", 5, range(200))
    assert reward.sum(0).tolist() == [1.0] * 200 and (signals["outcome"][-1] == 0).all()
    best = np.asarray(params.levels.distance[jnp.arange(200), state.placement, START])
    assert np.array_equal(np.argmax(reward, axis=0) + 1, best)
    for name in ("random", "look ahead"):
        reward, *_ = run(env, params, name, 6, range(200))
        took = np.where(reward.any(0), np.argmax(reward, axis=0) + 1, BEYOND)
        assert (took >= best).all()


def test_an_episode_pays_once_and_stays_as_it_ended(env, params):
    reward, terminated, signals, _ = run(env, params.replace(moved=0.5), "random", 8, range(200))
    assert (reward.sum(0) <= 1).all() and reward.sum() > 10
    ended = np.maximum.accumulate(np.asarray(terminated))
    assert np.array_equal(ended, terminated), "once terminated, always terminated"
    outcome = np.asarray(signals["outcome"])
    frozen = ended[:-1] | (np.arange(1, 90) >= platforms.TIME_LIMIT)[:, None]
    assert (outcome[1:] == outcome[:-1])[frozen].all() and not signals["end"][1:][frozen].any()
    assert np.array_equal(reward.any(0), outcome[-1] == coinrun.COIN) and np.array_equal(signals["coin"], reward > 0)
    died = outcome[-1] == coinrun.DIED
    assert 0 < died.sum() < 200 and terminated[-1][died].all() and not reward[:, died].any()


def test_time_truncates_and_does_not_terminate(env, params):
    _, state = env.reset_env(jax.random.key(9), params)
    step = jax.jit(env.step_env)
    for t in range(1, platforms.TIME_LIMIT + 1):
        _, state, reward, terminated, signals = step(jax.random.key(0), state, jnp.int32(0), params)
        assert bool(env.is_truncated(state, params)) == (t == platforms.TIME_LIMIT)
        assert not terminated and reward == 0 and signals["outcome"] == coinrun.TIME
    short = params.replace(max_steps_in_episode=jnp.int32(2))
    assert bool(env.is_truncated(state.replace(time=jnp.int32(2)), short))


def test_the_end_is_recorded_and_ends_nothing(env, params):
    params = params.replace(moved=1.0, behind=1.0)
    reward, terminated, signals, state = run(env, params, "look ahead", 10, range(200))
    past = np.asarray(signals["outcome"][-1]) == coinrun.PAST
    assert past.mean() > 0.4 and not terminated[-1][past].any() and not reward.any()
    assert np.array_equal(np.asarray(signals["end"]).sum(0) == 1, np.asarray(state.ended))


def test_a_share_of_moved_levels_is_exact_and_nested(env, params):
    @jax.jit
    def placed(moved, behind, held_out):
        now = params.replace(moved=moved, behind=behind, held_out=held_out)
        return jax.vmap(lambda i: env.start(i, now)[1].placement)(jnp.arange(240))

    def placements(moved, behind, held_out=False):
        return np.asarray(placed(moved, behind, held_out))[slice(200, 240) if held_out else slice(200)]

    before = np.zeros(200, bool)
    for moved in (0.0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0):
        now = placements(moved, 0.5)
        assert (now != END).sum() == round(200 * moved) and (now != END)[before].all()
        assert abs((now == BEHIND).sum() - 100 * moved) <= 2
        before = now != END
    assert (placements(0.5, 0.0, held_out=True) == DETOUR).sum() == 20
    behind = [placements(0.5, share) == BEHIND for share in (0.25, 0.75)]
    assert behind[1][behind[0]].all() and behind[0].sum() < behind[1].sum()


@pytest.mark.slow
def test_scripted_runners_need_skill_for_the_end_and_do_not_collect_moved_coins_by_accident():
    env = coinrun.make(levels=1024, held_out=256)
    params = env.default_params
    # Doing the same all the way fails in most levels; looking one tile ahead does for almost all of them.
    for name, low, high in (("run right", 0.15, 0.6), ("jump right", 0.15, 0.6), ("look ahead", 0.9, 1.0)):
        success = shares(env, params, name)[0]
        assert low < success < high
        for behind in (0.0, 1.0):
            moved = shares(env, params.replace(moved=1.0, behind=behind), name)
            assert moved[0] < 0.05 and abs(moved[1] - success) < 0.05, "it passes the coin and is at the end as often"
    for held_out in (False, True):
        assert shares(env, params.replace(held_out=held_out), "random")[0] < 0.2


# What is seen


def by_hand(tiles, x, y, coin):
    """The window by a plain loop, bool[4, 7, 9]."""
    window = np.zeros((4, 7, 9), bool)
    for row, column in np.ndindex(7, 9):
        cx, cy = x + column - 4, y + row - 3
        mark = tiles[min(cy, 6)][cx] if 0 <= cx < WIDTH and cy >= 0 else "#"
        mark = "^" if cy > 6 and mark == "." else mark
        window[0, row, column], window[1, row, column] = mark == "#", mark in "^v"
        window[3, row, column] = mark == "|" if cy <= 6 else False
        window[2, row, column] = (cx, cy) == (coin % WIDTH, coin // WIDTH)
    return window


def test_observations_show_the_window_around_the_agent(env, params):
    reset, step = jax.jit(jax.vmap(env.reset_env, (0, None))), jax.jit(jax.vmap(env.step_env, (None, 0, 0, None)))
    levels = np.asarray(params.levels.tiles)
    for moved in (0.0, 1.0):
        keys = jax.random.split(jax.random.key(12), 40)
        now = params.replace(moved=moved, behind=0.5)
        obs, state = jax.tree.map(np.asarray, reset(keys, now))
        for t in range(10):
            for i in range(40):
                tiles = levels[state.level[i]]
                text = ["".join(platforms.SYMBOLS[tile] for tile in row) for row in tiles]
                here, speed = divmod(int(state.place[i]), platforms.JUMP)
                expected = by_hand(text, here % WIDTH, here // WIDTH, int(state.coin[i]))
                assert np.array_equal(expected.reshape(-1), obs[i, :-2])
                assert obs[i, -2:].tolist() == [speed > 0, speed == 0 and not expected[0, 4, 4]]
            action = jax.random.randint(jax.random.key(t), (40,), 2, 6)
            obs, state = jax.tree.map(np.asarray, step(jax.random.key(t), state, action, now)[:2])


def test_every_moved_coin_behind_is_in_view_at_the_start(env, params):
    now = params.replace(moved=1.0, behind=1.0)
    obs, _ = jax.jit(jax.vmap(env.start, (0, None)))(jnp.arange(240), now)
    assert obs[:, 2 * 63 : 3 * 63].any(1).all()


def test_a_drawing_shows_the_agent_and_the_coin_where_they_are(env, params):
    _, state = env.start(0, params)
    draw = jax.jit(env.render_rgb)
    image = np.asarray(draw(state, params))
    assert image.shape == (84, 288, 3) and image.dtype == np.uint8

    def changed(**moved):
        tiles = (np.asarray(draw(state.replace(**moved), params)) != image).any(2).reshape(7, 12, 24, 12).any((1, 3))
        return {tuple(map(int, tile)) for tile in np.argwhere(tiles)}

    coin = divmod(int(state.coin), WIDTH)
    assert changed(place=jnp.int32(platforms.place(5, 2))) == {(5, 4), (2, 5)}
    assert changed(coin=jnp.int32(WIDTH + 3)) == {coin, (1, 3)}
    assert changed(died=jnp.bool_(True)) == {(5, 4)}


# Enemies


@pytest.fixture(scope="module")
def patrolled():
    return coinrun.make(levels=60, held_out=10, seed=1, enemies=True)


def test_an_enemy_walks_its_beat_is_seen_and_kills_on_touch(patrolled):
    params = patrolled.default_params
    enemies = np.asarray(params.levels.enemy)
    level = 0
    assert (enemies >= 0).all() and enemies.shape == (70, 6)
    beat = enemies[level]
    assert (beat - beat[0]).tolist() == [0, 1, 2, 3, 2, 1]
    step, observe = jax.jit(patrolled.step_env), jax.jit(patrolled.observation)
    _, state = jax.jit(patrolled.start)(level, params)
    for phase in range(6):
        beside = state.replace(place=jnp.int32(platforms.place(int(beat[phase]) % WIDTH - 2, 5, phase=phase)))
        seen = coinrun.window(observe(beside, params))["enemy"]
        assert np.argwhere(seen).tolist() == [[3, 6]]
    x = int(beat[0]) % WIDTH

    def fate(x, phase, action):
        body = state.replace(place=jnp.int32(platforms.place(x, 5, phase=phase)))
        _, after, reward, terminated, _ = step(jax.random.key(0), body, jnp.int32(action), params)
        assert bool(terminated) == bool(after.died) and reward == 0
        return bool(after.died)

    assert fate(x + 1, 0, platforms.STAY), "it walks into the agent"
    assert fate(x + 1, 0, platforms.LEFT), "they change places"
    assert not fate(x + 1, 0, platforms.RIGHT), "it is outrun"
    assert not fate(x - 1, 0, platforms.RIGHT), "its last tile is safe when it has left"
    assert fate(x - 1, 5, platforms.RIGHT), "it comes back to it"


def test_levels_with_enemies_are_solved_in_time_and_their_optimum_is_played(patrolled):
    params = patrolled.default_params.replace(moved=0.6, behind=0.5)
    reward, *_, state = run(patrolled, params, "optimal", 0, range(70))
    best = params.levels.distance[jnp.arange(70), state.placement, START]
    assert (reward.sum(0) == 1).all() and np.array_equal(np.argmax(reward, axis=0) + 1, best)
    assert len(set(np.asarray(state.placement))) == 3


# As a gymnax environment


def test_gymnax_steps_and_resets_it(env, params):
    obs, state = env.reset(jax.random.key(0), params)
    for t in range(70):
        obs, state, _, terminated, truncated, info = env.step(jax.random.key(t), state, jnp.int32(0), params)
        assert bool(truncated) == (t == 63) and not terminated
    assert int(state.time) == 6 and info["final_observation"].shape == obs.shape
    assert env.default_params is env.default_params


@pytest.mark.parametrize(
    "bad",
    [
        {"levels": 0},
        {"levels": -5},
        {"levels": 10.0},
        {"levels": True},
        {"levels": 10**9},
        {"held_out": 0},
        {"held_out": "256"},
        {"seed": -1},
        {"seed": float("nan")},
        {"enemies": 1},
    ],
)
def test_bad_sizes_are_refused_in_one_line(bad):
    with pytest.raises(InputError, match=next(iter(bad))) as error:
        coinrun.make(**bad)
    assert "\n" not in str(error.value)


def test_bad_values_of_params_are_refused(env, params):
    env.check_params(params)
    for bad in ({"moved": 1.5}, {"moved": float("nan")}, {"behind": -0.1}, {"max_steps_in_episode": 0}):
        with pytest.raises(InputError, match=next(iter(bad))):
            env.check_params(params.replace(**bad))
