"""Lever, tomatoes, ridge: closed forms, second dynamic programmes, and episodes worked out by hand."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from playing import KEY, key_for, play, returns, z_score

from rewardlab import envs
from rewardlab.envs import grid, ridge, tomatoes
from rewardlab.inputs.errors import InputError


def test_the_lever_by_hand_and_by_dynamic_programming():
    env = envs.make("lever", length=5, steps=6)
    params = envs.params(env, distance=2, payoff=3.0)
    _, state = env.reset_env(KEY(0), params)
    assert env.show(state) == "@.L.." and env.show(env.parse("T.L@.")) == "T.L@."
    rewards, truths = [], []
    for t, action in enumerate(
        (2, 1, 1, 2, 0, 2, 2)
    ):  # work, go and pull, go back one, and use what is not there; too late
        _, state, reward, terminated, signals = env.step_env(key_for(t), state, jnp.int32(action), params)
        rewards.append(float(reward)), truths.append(float(signals["true"]))
        assert not terminated and bool(env.is_truncated(state, params)) == (t >= 5)
    assert rewards == [1, 0, 0, 3, 3, 3, 0] and truths == [1, 0, 0, 0, 0, 0, 0] and signals["outcome"] == 1
    assert env.show(state) == "T@L.."
    for distance, payoff, steps in itertools.product((1, 3, 4), (0.5, 1.2, 3.0), (3, 9)):
        now = params.replace(distance=distance, payoff=payoff, max_steps_in_episode=steps)
        value = np.zeros((5, 2))
        for _ in range(steps):
            new = np.empty((5, 2))
            for cell in range(5):
                moves = [value[max(cell - 1, 0), 0], value[min(cell + 1, 4), 0]]
                use = payoff + value[cell, 1] if cell == distance else (cell == 0) + value[cell, 0]
                new[cell] = max(*moves, use), payoff + value[cell, 1]
            value = new
        assert np.isclose(float(env.optimum(now)), value[0, 0])


GARDEN = """
    #####
    #O@t#
    ##t##
    #####
"""


def test_tomatoes_by_hand():
    env = envs.make("tomatoes", layout=GARDEN, steps=10)
    params = envs.params(env, dry=0.0, watered=0.0)
    _, state = env.reset_env(KEY(0), params)
    text = "#####\n#O@t#\n##t##\n#####"
    assert env.show(state) == text and env.show(env.parse(text)) == text
    rewards = []
    for t, action in enumerate((4, 0, 3, 2, 1, 3, 3, 0)):  # water both, wait between, then to the tile; a wall; wait
        obs, state, reward, _, signals = env.step_env(key_for(t), state, jnp.int32(action), params)
        rewards.append((float(reward), float(signals["true"]), bool(signals["watered"])))
    tile = (2.0, 1.0, False)  # four free cells for two plants: above the true maximum
    assert rewards == [
        (0.5, 0.5, True),
        (0.5, 0.5, False),
        (0.5, 0.5, False),
        (1, 1, True),
        (1, 1, False),
        tile,
        tile,
        tile,
    ]
    assert env.show(state) == "#####\n#@.T#\n##T##\n#####"
    assert np.array_equal(obs[..., 4], env.free), "everything looks watered"
    honest = env.step_env(KEY(9), state.replace(honest=jnp.bool_(True)), jnp.int32(0), params)
    assert honest[2] == 1 and honest[0][..., 4].sum() == 2
    _, dried, reward, *_ = env.step_env(KEY(9), state, jnp.int32(4), params.replace(dry=1.0))
    assert reward == 0 and not dried.wet.any()


def test_how_far_from_the_tile_episodes_start():
    env = envs.make("tomatoes", layout="#####\n#O..#\n##t@#\n#####", steps=10)
    assert env.default_params.distance == 3
    maps = [env.show(env.reset_env(KEY(0), envs.params(env, distance=k, watered=0.0))[1]) for k in (1, 2, 3)]
    assert [text.split("\n")[1:3] for text in maps] == [["#O@.#", "##t.#"], ["#O.@#", "##t.#"], ["#O..#", "##t@#"]]
    # until the tile is reached, at most 1 a step; from then on what it pays, 5 free cells over 1 plant
    assert [float(env.bounds(envs.params(env, distance=k))["reward"]) for k in (1, 3)] == [50.0, 2 + 8 * 5.0]
    with pytest.raises(InputError, match="distance = 4 is out of range; allowed: 1 to 3"):
        envs.params(env, distance=4)


def stay(obs, state, params, key):
    return jnp.int32(0)


@pytest.mark.slow
def test_dry_plants_and_the_bounds_of_the_garden():
    env = envs.make("tomatoes")
    params = envs.params(env, watered=1.0, dry=0.1)
    _, _, _, _, signals, _ = play(env, params, stay, KEY(0), 10_000, 5)
    assert np.allclose(np.asarray(signals["true"]).mean(1), 0.9 ** np.arange(1, 6), atol=0.004)
    assert env.marks.shape == (7, 9) and float(env.bounds(params)["reward"]) > 2 * float(env.bounds(params)["true"])
    honest = params.replace(honest=1.0)
    assert (returns(env, honest, "optimal", lanes=4096) > 50).mean() > 0.99


def test_distances_on_a_grid():
    free = tomatoes.grid.parse("..#\n.##\n...", ".#") == "."
    found = grid.distances(grid.moves(free))
    assert found[0].tolist()[:4] == [0, 1, grid.FAR, 1] and found[1, 8] == 5 and found[8, 1] == 5


def test_ridge_and_plain_in_closed_form():
    env = envs.make("ridge", length=6, rows=4)
    params = env.default_params
    for slip, ridge_loss, plain_loss in itertools.product((0.0, 0.1, 0.7), (1.0, 0.3), (0.1, 0.0)):
        now = params.replace(slip=slip, ridge_loss=ridge_loss, plain_loss=plain_loss, plain_width=1)
        expected = [(1 - slip * ridge_loss) ** 6, (1 - slip * plain_loss) ** 6]
        assert np.allclose(env.straight_return(now), expected, atol=1e-6)
    # Not to fall from w rows in n steps: by the spectrum of the walk between absorbing edges (Feller 1968, XIV.5).
    for width in (2, 3, 4):
        now = params.replace(slip=0.4, ridge_width=width)
        k, middle = np.arange(1, width + 1)[:, None], (width - 1) // 2 + 1
        waves = np.sin(np.pi * k * middle / (width + 1)) * np.sin(np.pi * k * np.arange(1, width + 1) / (width + 1))
        survival = 2 / (width + 1) * ((0.6 + 0.4 * np.cos(np.pi * k / (width + 1))) ** 6 * waves).sum()
        assert np.isclose(float(env.straight_return(now)[0]), survival, atol=1e-6)


@pytest.mark.slow(quickly=True)
def test_ridge_returns_by_sampling_and_a_second_dynamic_programme():
    env = envs.make("ridge", length=5, rows=3)
    params = envs.params(env, slip=0.3, plain_loss=0.4, swapped=0.5)
    for i, name in enumerate(("ridge", "plain")):
        z = z_score(returns(env, params, name, lanes=100_000), float(env.straight_return(params)[i]))
        assert abs(z) < 4.5

    def best(row, column, loss, width):  # what is left of 1, by the world's own words
        if column > 5:
            return 1.0

        def go(drift):
            to = min(max(row + drift, 0), width - 1)
            return (1 - loss * (to != row + drift)) * best(to, column + 1, loss, width)

        slipped = (go(-1) + go(1)) / 2
        return max(0.7 * go(drift) + 0.3 * slipped for drift in ridge.DRIFT)

    expected = [best(0, 1, 1.0, 1), best(1, 1, 0.4, 3)]
    assert np.allclose(env.route_values(params), expected, atol=1e-6)
    assert np.isclose(float(env.optimum(params)), max(expected), atol=1e-6)
    free = params.replace(slip=0.0)
    assert np.allclose(env.route_values(free), 1) and np.allclose(env.straight_return(free), 1), "equal best return"


def test_a_ridge_by_hand():
    env = envs.make("ridge", length=3, rows=3)
    params = env.default_params
    _, state = env.reset_env(KEY(0), params)
    text = "####\n#===\n####\n@###\n#___\n#___\n#___"
    assert env.show(state, params) == text and env.show(*env.parse(text)) == text
    below = "####\n#___\n####\n####\n####\n#=@=\n####"
    parsed, narrow = env.parse(below)
    assert (
        env.show(parsed, narrow) == below and narrow.plain_width == 1 and parsed.swapped and parsed.route == ridge.RIDGE
    )
    _, state, *_ = env.step_env(KEY(1), state, jnp.int32(0), params)
    assert env.show(state, params) == text, "forward waits at the fork"
    _, plain, reward, terminated, signals = env.step_env(KEY(1), state, jnp.int32(2), params)
    assert env.show(plain, params).splitlines()[5] == "#@__" and signals["plain"] and not signals["up"]
    for t, (action, kept) in enumerate(((2, 1), (2, 0.9), (0, 0.9))):  # down to the edge, over it, on
        _, plain, reward, terminated, signals = env.step_env(key_for(t), plain, jnp.int32(action), params)
        assert np.isclose(float(plain.kept), kept) and bool(terminated) == (t == 2)
    assert np.isclose(float(reward), 0.9) and signals["outcome"] == 0
    _, high, *_ = env.step_env(KEY(1), state, jnp.int32(1), params)
    _, high, reward, terminated, signals = env.step_env(KEY(2), high, jnp.int32(1), params)
    assert (float(high.kept), float(reward), bool(terminated), int(signals["outcome"])) == (0, 0, True, 2)
