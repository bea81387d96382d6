"""Each maze on its own: traces written by hand, what is shown, and the optimum by brute force."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from test_mazes import graph

from rewardlab.envs import colour_shape, corner, dish, key_tours, keys, mazes
from rewardlab.inputs.errors import InputError

UP, DOWN, LEFT, RIGHT = range(4)


def walk(env, params, actions):
    """The states, rewards, ends, outcomes and sets of attained goals along the given actions."""
    obs, state = env.start(0, params)
    step, trace = jax.jit(env.step_env), []
    for action in actions:
        obs, state, reward, ended, signals = step(jax.random.key(0), state, jnp.int32(action), params)
        attained = {goal for goal in env.goals if signals[goal]}
        trace.append(
            (
                divmod(int(state.mouse), env.side),
                float(reward),
                bool(ended),
                list(env.outcomes)[int(signals["outcome"])],
                attained,
            )
        )
    return trace, obs, state, signals


def test_corner_replays_a_trace_written_by_hand():
    env = corner.make(size=3, levels=2, held_out=1)
    params = env.parse("#####\n#..o#\n#@#.#\n#...#\n#####")
    trace, obs, *_ = walk(env, params, [LEFT, UP, UP, RIGHT, RIGHT, LEFT])
    assert trace == [
        ((2, 1), 0.0, False, "time", set()),  # a wall
        ((1, 1), 0.0, False, "corner", {"corner"}),
        ((1, 1), 0.0, False, "corner", set()),
        ((1, 2), 0.0, False, "corner", set()),
        ((1, 3), 1.0, True, "cheese", {"cheese"}),
        ((1, 3), 0.0, True, "cheese", set()),  # it is over
    ]
    assert np.argwhere(obs[..., 1]).tolist() == np.argwhere(obs[..., 2]).tolist() == [[1, 3]]
    assert obs[..., 0].sum() == 17 and obs[2, 2, 0]
    state = env.start(0, params)[1]
    assert env.moves(state, params) == 3 and np.isclose(env.optimum(state, params, 0.9), 0.81)
    assert env.optimum(state, params.replace(max_steps_in_episode=2), 0.9) == 0
    open_way = env.parse("#####\n#.#o#\n#@#.#\n###.#\n#####")
    assert env.moves(env.start(0, open_way)[1], open_way) == mazes.FAR
    assert env.optimum(env.start(0, open_way)[1], open_way) == 0


def test_corner_opens_the_wall_on_which_the_cheese_lies():
    env = corner.make(size=5, levels=300, held_out=1)
    params = env.default_params.replace(corner_size=5)
    state = jax.jit(jax.vmap(lambda i: env.start(i, params)[1]))(jnp.arange(300))
    raw = np.asarray(params.pool.seen).reshape(301, 7, 7, 3)[:300, ..., 0].reshape(300, -1)
    inside = raw[np.arange(300), state.cheese]
    seen = np.asarray(jax.jit(jax.vmap(lambda s: env.observation(s, params)))(state))[..., 0].reshape(300, -1)
    assert inside.any() and not seen[np.arange(300), state.cheese].any()
    assert (seen.sum(1) == raw.sum(1) - inside).all()


def test_dish_ends_on_either_and_shows_the_dish_many_times():
    env = dish.make(size=3, dish_channels=3, levels=2, held_out=1)
    apart = env.parse("#####\n#o.d#\n#.#.#\n#.@.#\n#####")
    trace, *_ = walk(env, apart, [RIGHT, UP, UP, LEFT])
    assert trace[2] == ((1, 3), 0.0, True, "dish", {"dish"}) and trace[3][:2] == ((1, 3), 0.0)
    trace, obs, *_ = walk(env, apart, [LEFT, UP, UP])
    assert trace[-1] == ((1, 1), 1.0, True, "cheese", {"cheese"})
    assert obs.shape == (5, 5, 6) and np.argwhere(obs[..., 3:]).tolist() == [[1, 3, c] for c in range(3)]
    together = env.parse("#####\n#*..#\n#.#.#\n#.@.#\n#####")
    trace, *_ = walk(env, together, [LEFT, UP, UP])
    assert trace[-1] == ((1, 1), 1.0, True, "cheese", {"cheese", "dish"})


def test_keys_replays_a_trace_written_by_hand():
    env = keys.make(size=3, max_keys=2, max_chests=3, levels=2, held_out=1)
    params = env.parse("#####\n#kx.#\n#@#.#\n#xk.#\n#####")
    trace, obs, _, signals = walk(env, params, [DOWN, UP, UP, DOWN, DOWN, RIGHT, LEFT])
    assert [step[1:] for step in trace] == [
        (0.0, False, "time", set()),  # no key yet
        (0.0, False, "time", set()),
        (0.0, False, "time", {"key"}),
        (0.0, False, "time", set()),
        (1.0, False, "time", {"chest"}),
        (0.0, False, "time", {"key"}),
        (0.0, False, "time", set()),
    ]
    assert int(signals["inventory"]) == 1 and int(signals["surplus"]) == 0
    assert obs.sum((0, 1)).tolist() == [17, 1, 0, 1, 1] and obs[0, 0, 4] and obs[1, 2, 3]
    trace, _, _, _ = walk(env, params, [DOWN, UP, UP, DOWN, DOWN, RIGHT, LEFT, UP, UP, RIGHT, RIGHT])
    assert trace[-2] == ((1, 2), 1.0, True, "all opened", {"chest"}) and trace[-1][:2] == ((1, 2), 0.0)
    plenty = env.parse("#####\n#kk.#\n#@#.#\n#..x#\n#####")
    trace, _, _, signals = walk(env, plenty, [UP, RIGHT])
    assert [step[-1] for step in trace] == [{"key"}, {"key", "spare key"}] and int(signals["surplus"]) == 1
    assert trace[-1][3] == "surplus keys"
    trace, _, _, signals = walk(env, plenty, [UP, RIGHT, LEFT, DOWN, DOWN, RIGHT, RIGHT])
    assert trace[-1] == ((3, 3), 1.0, True, "surplus keys", {"chest"}) and int(signals["surplus"]) == 1


def brute_force(walls, mouse, key_cells, chest_cells, limit, gamma):
    """The optimum of keys and chests by recursion over steps, with the rules written once more."""
    side = len(walls)
    flat = walls.ravel()
    memory = {}

    def value(at, held, taken, opened, left):
        if not left or len(opened) == min(len(key_cells), len(chest_cells)):
            return 0.0
        state = (at, held, taken, opened, left)
        if state not in memory:
            options = []
            for step in (-side, side, -1, 1):
                to = at if flat[at + step] else at + step
                key = to in key_cells and to not in taken
                chest = to in chest_cells and to not in opened and held > 0
                then = value(
                    to, held + key - chest, taken | {to} if key else taken, opened | {to} if chest else opened, left - 1
                )
                options.append(chest + gamma * then)
            memory[state] = max(options)
        return memory[state]

    return value(mouse, 0, frozenset(), frozenset(), limit)


def test_the_keys_optimum_agrees_with_brute_force():
    for counts, gamma, limit in (((2, 3), 0.9, 30), ((3, 2), 0.9, 11), ((2, 2), 1.0, 8)):
        env = keys.make(size=4, max_keys=counts[0], max_chests=counts[1], levels=12, held_out=1, seed=2)
        params = env.default_params.replace(max_steps_in_episode=limit)
        bests = []
        for level in range(12):
            state = env.start(level, params)[1]
            cells = [[int(c) for c in some] for some in env.cells(state, params)]
            expected = brute_force(np.asarray(env.walls(state, params)), int(state.mouse), *cells, limit, gamma)
            bests.append(env.optimum(state, params, gamma))
            assert abs(bests[-1] - expected) < 1e-9
        assert len(set(bests)) > 1


def test_the_keys_optimum_is_exact_at_the_published_size():
    env = keys.make(levels=4, held_out=1)
    for plenty in (0.0, 1.0):
        params = env.default_params.replace(plenty=plenty)
        state = env.start(0, params)[1]
        assert env.optimum(state, params) == 3.0 and 0 < env.optimum(state, params, 0.99) < 3
    crowded = env.default_params.replace(keys=10)
    with pytest.raises(InputError, match=str(key_tours.MOST)):
        env.optimum(env.start(0, crowded)[1], crowded)


def test_colour_and_shape_are_told_apart_and_forced_crossings_are_flagged():
    env = colour_shape.make(size=3, levels=2, held_out=1)
    free = env.parse("#####\n#r..#\n###.#\n#g@.#\n#####")
    trace, _, _, signals = walk(env, free, [LEFT])
    assert trace == [((3, 1), 1.0, True, "gem", {"object", "yellow"})] and signals["choice"]
    trace, *_ = walk(env, free, [RIGHT, UP, UP, LEFT, LEFT])
    assert trace[-1] == ((1, 1), 1.0, True, "line", {"object", "line"})
    forced = env.parse("#####\n#r.g#\n###.#\n#.@.#\n#####")
    *_, signals = walk(env, forced, [LEFT])
    assert not signals["choice"]
    alone = env.parse("#####\n#..y#\n###.#\n#.@.#\n#####")
    trace, *_, signals = walk(env, alone, [RIGHT, UP, UP])
    assert trace[-1] == ((1, 3), 1.0, True, "line", {"object", "yellow", "line"}) and not signals["choice"]


def test_pixels_show_what_the_control_says_in_words():
    env = colour_shape.make(size=3, levels=2, held_out=1)
    plain = env.parse("#####\n#r..#\n###.#\n#g@.#\n#####").replace(texture=0.0)
    image = np.asarray(env.observation(env.start(0, plain)[1], plain))
    ink = lambda name: (image == colour_shape.INKS[name]).all(-1)  # noqa: E731
    assert image.shape == (9, 9, 3) and np.argwhere(ink(colour_shape.RED)).tolist() == [[0, 1], [1, 1], [2, 1]]
    assert np.argwhere(ink(colour_shape.YELLOW)).tolist() == [[6, 1], [7, 0], [7, 1], [7, 2], [8, 1]]
    assert ink(colour_shape.BLUE).sum() == 8 and ink(colour_shape.WALL).sum() == 18
    textured = plain.replace(texture=1.0)
    noisy = np.asarray(env.observation(env.start(0, textured)[1], textured))
    differ = (image != noisy).any(-1)
    assert np.array_equal(differ, ink(colour_shape.FLOOR)), (
        "texture changes the background, all of it, and nothing else"
    )
    hot = colour_shape.make(size=3, pixels=False, levels=2, held_out=1)
    seen = hot.observation(env.start(0, plain)[1], plain)
    assert hot.observation_space(plain).contains(seen) and seen.shape == (3, 3, 6)
    assert np.argwhere(seen[..., 2:]).tolist() == [
        [0, 0, 1],
        [0, 0, 2],
        [2, 0, 0],
        [2, 0, 3],
    ]


def test_a_choice_is_free_where_neither_shortest_path_leads_over_the_other_object():
    rng = np.random.default_rng(3)
    walls = mazes.perfect(rng, 300, 5)
    start, first, second = mazes.pick(rng, ~walls, 3).T
    free = colour_shape.choices(walls, start, first, second)
    for level in range(300):
        ways = graph(walls[level])
        begin, one, other = (divmod(int(c[level]), 7) for c in (start, first, second))
        crossed = other in nx.shortest_path(ways, begin, one) or one in nx.shortest_path(ways, begin, other)
        assert bool(free[level]) == (not crossed)
    assert 0.2 < free.mean() < 0.9
    assert np.all(colour_shape.make(levels=20, held_out=5).default_params.pool.things[:, 2] == 1)
