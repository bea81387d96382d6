"""The mazes: their levels, solvers and laws, and what is shown of them."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

from rewardlab.envs import colour_shape, corner, dish, key_tours, keys, mazes
from rewardlab.errors import InputError

KINDS = {
    "corner": (corner, {"size": 7}, {"elsewhere": 0.5, "corner_size": 2}),
    "dish": (dish, {"size": 7, "dish_channels": 2, "layout": "perfect"}, {"apart": 0.5}),
    "keys": (keys, {"size": 7, "max_keys": 4, "max_chests": 5}, {"plenty": 0.5, "keys": 2, "plenty_chests": 1}),
    "colour_shape": (colour_shape, {}, {"pair": 0.5}),
}
UP, DOWN, LEFT, RIGHT = range(4)


@pytest.fixture(scope="module", params=KINDS)
def world(request):
    module, sizes, shift = KINDS[request.param]
    env = module.make(**sizes, levels=90, held_out=30, seed=4)
    return env, env.default_params.replace(**shift, max_steps_in_episode=40)


def play(env, params, policy, key, levels, steps):
    """Episodes on the given levels: the rewards float32[steps, L], ends bool[steps, L], signals, and states from the first on."""
    obs, state = jax.vmap(env.start, (0, None))(levels, params)

    def one(carry, key):
        obs, state = carry
        action = jax.vmap(policy, (0, 0, None, 0))(obs, state, params, jax.random.split(key, len(levels)))
        obs, after, reward, ended, signals = jax.vmap(env.step_env, (None, 0, 0, None))(key, state, action, params)
        return (obs, after), (reward, ended, signals, after, obs)

    _, (reward, ended, signals, states, obs) = jax.lax.scan(one, (obs, state), jax.random.split(key, steps))
    states = jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), state, states)
    return reward, ended, signals, states, obs


play_jit = jax.jit(play, static_argnums=(0, 2, 5))


# Levels and distances


def graph(walls):
    """The free cells of a maze bool[S, S] and the moves between them."""
    grid = nx.grid_2d_graph(*walls.shape)
    grid.remove_nodes_from([tuple(int(x) for x in cell) for cell in np.argwhere(walls)])
    return grid


@pytest.mark.parametrize(("layout", "size"), [("blocks", 13), ("blocks", 6), ("perfect", 13)])
def test_distances_are_those_of_networkx(layout, size):
    rng = np.random.default_rng(1)
    walls = getattr(mazes, layout)(rng, 25, size)
    cells = mazes.pick(rng, ~walls)[:, 0]
    found = jax.vmap(mazes.distances)(walls, mazes.only(cells, size + 2))
    unreached = 0
    for maze, cell, away in zip(walls, cells, np.asarray(found), strict=True):
        expected = np.full(maze.shape, mazes.FAR)
        for node, moves in nx.single_source_shortest_path_length(graph(maze), divmod(int(cell), size + 2)).items():
            expected[node] = moves
        assert np.array_equal(away, expected)
        unreached += (expected[~maze] == mazes.FAR).sum()
    assert (unreached > 0) == (layout == "blocks")


def test_perfect_mazes_are_trees_and_blocks_are_walls_with_the_published_probability():
    rng = np.random.default_rng(2)
    for maze in mazes.perfect(rng, 50, 9):
        assert nx.is_tree(graph(maze))
    inner = mazes.blocks(rng, 1000, 13)[:, 1:-1, 1:-1]
    assert abs((inner.mean() - 0.25) / np.sqrt(0.25 * 0.75 / inner.size)) < 4.5
    assert mazes.blocks(rng, 3, 4).sum((1, 2)).min() >= 20, "walled all round"


@pytest.mark.slow
def test_ten_thousand_levels_are_distinct_and_solvable_where_promised():
    env = corner.make(levels=8000, held_out=2000, seed=1)
    params, levels = env.default_params, jnp.arange(10_000)
    moves = jax.jit(
        lambda c: jax.vmap(lambda i: env.moves(env.start(i, params.replace(corner_size=c))[1], params))(levels)
    )
    for c in (1, 13):
        assert moves(c).min() > 0 and moves(c).max() <= 128
    pool = params.pool
    rows = np.concatenate([pool.seen, pool.start[:, None], pool.things], axis=1)
    assert len(np.unique(rows, axis=0)) == 10_000
    cheese = np.stack(np.divmod(np.asarray(pool.things), env.side))
    assert (cheese >= 1).all() and (cheese <= np.arange(1, 14)).all(), "in the block"
    assert (pool.things != pool.start[:, None]).all() and (pool.start != env.corner).all()
    for other in (dish.make(levels=9000, held_out=1000), keys.make(levels=9000, held_out=1000)):
        things = np.asarray(other.default_params.pool.things)
        walls = np.asarray(other.default_params.pool.seen[:, :: len(other.channels)]).reshape(-1, 15, 15)
        near = mazes.reach(walls, np.asarray(other.default_params.pool.start)).reshape(10_000, -1)
        assert np.take_along_axis(near, things, 1).all(), "everything can be reached"
        assert (np.sort(things)[:, 1:] > np.sort(things)[:, :-1]).all(), "no two things share a cell"


def test_the_published_set_up_leaves_some_levels_unsolved():
    env = corner.make(solvable=False, levels=2000, held_out=1)
    moves = jax.jit(jax.vmap(lambda i, params: env.moves(env.start(i, params)[1], params), (0, None)))
    unsolved = (moves(jnp.arange(2000), env.default_params) == mazes.FAR).mean()
    assert 1 / 16 < unsolved < 1 / 4, (
        "both neighbours of the corner are walls in 1 of 16, and larger pockets are closed"
    )
    cheese = np.asarray(env.default_params.pool.things)[:2000, 2]
    counts = np.bincount(cheese, minlength=225).reshape(15, 15)[1:4, 1:4]
    assert counts.sum() == 2000 and (abs(counts - 2000 / 9) < 4.5 * np.sqrt(2000 / 9 * 8 / 9)).all(), "uniform in 3 × 3"


# Laws of every maze


def test_every_level_of_its_pool_is_drawn_and_no_other(world):
    env, params = world
    draw = jax.jit(lambda keys, params: jax.vmap(lambda k: env.reset_env(k, params)[1].level)(keys))
    draws, others = jax.random.split(jax.random.key(0), (2, 2000))
    assert set(np.asarray(draw(draws, params))) == set(range(90))
    assert set(np.asarray(draw(others, params.replace(held_out=True)))) == set(range(90, 120))


def test_every_param_can_be_mapped_and_a_share_is_exact(world):
    env, params = world
    name = {"Corner": "elsewhere", "Dish": "apart", "Keys": "plenty", "ColourShape": "pair"}[type(env).__name__]
    many = jax.tree.map(lambda leaf: jnp.stack([jnp.asarray(leaf)] * 3), params).replace(
        **{name: jnp.array([0.0, 0.3, 1.0])}
    )
    states = jax.jit(jax.vmap(lambda p: jax.vmap(lambda i: env.start(i, p)[1])(jnp.arange(90))))(many)
    plain, some, every = (jax.tree.map(lambda x, i=i: np.asarray(x[i]).reshape(90, -1), states) for i in range(3))
    leaves = lambda tree: np.concatenate(jax.tree.leaves(tree), axis=1)  # noqa: E731
    differ = (leaves(plain) != leaves(every)).any(1)
    assert np.array_equal((leaves(some) != leaves(plain)).any(1), differ & (np.arange(90) < 27))
    assert differ.sum() > 60


def test_text_maps_read_back_as_they_were_written(world):
    env, params = world
    for level in (0, 60):
        state = env.start(level, params)[1]
        text = env.show(state, params)
        parsed = env.parse(text)
        again = env.start(0, parsed)[1]
        assert env.show(again, parsed) == text
        assert np.array_equal(env.render_rgb(again, parsed), env.render_rgb(state, params))


def test_a_drawing_has_every_piece(world):
    env, params = world
    state = env.start(0, params)[1]
    picture = np.asarray(jax.jit(env.render_rgb)(state, params))
    assert picture.shape == (12 * env.side, 12 * env.side, 3) and picture.dtype == np.uint8
    moved = np.asarray(env.render_rgb(state.replace(mouse=jnp.int32(0)), params))
    changed = (picture != moved).any(-1).reshape(env.side, 12, env.side, 12).any((1, 3))
    assert set(np.flatnonzero(changed)) == {0, int(state.mouse)}


# Each maze on its own


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
                env.outcomes[int(signals["outcome"])],
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


# Bad input


@pytest.mark.parametrize(
    ("module", "bad", "allowed"),
    [
        (corner, {"size": 2}, "3 to 99"),
        (corner, {"size": 6, "layout": "perfect"}, "odd"),
        (corner, {"layout": "spiral"}, "'blocks' or 'perfect'"),
        (corner, {"levels": 0}, "1 to 100000"),
        (corner, {"seed": -1}, "0 to"),
        (corner, {"solvable": 1}, "True or False"),
        (dish, {"dish_channels": 0}, "1 to 64"),
        (dish, {"size": 3, "levels": 90_000, "layout": "perfect"}, "distinct levels"),
        (keys, {"size": 4, "max_keys": 10, "max_chests": 10}, "at most 15"),
        (keys, {"max_keys": 0}, "1 to 64"),
        (colour_shape, {"size": 4}, "odd"),
        (colour_shape, {"pixels": "yes"}, "True or False"),
    ],
)
def test_bad_sizes_are_refused_with_what_is_allowed(module, bad, allowed):
    with pytest.raises(InputError, match=allowed):
        module.make(**bad)


@pytest.mark.parametrize(
    ("module", "bad", "allowed"),
    [
        (corner, {"corner_size": 6}, "1 to 5"),
        (corner, {"corner_size": 0}, "1 to"),
        (corner, {"elsewhere": 1.5}, "0 to 1"),
        (corner, {"max_steps_in_episode": 0}, "1 or more"),
        (dish, {"apart": float("nan")}, "0 to 1"),
        (keys, {"keys": 4}, "1 to 3"),
        (keys, {"plenty_chests": 0}, "1 to"),
        (colour_shape, {"texture": -0.1}, "0 to 1"),
    ],
)
def test_bad_params_are_refused_with_what_is_allowed(module, bad, allowed):
    more = {"max_keys": 3, "max_chests": 3} if module is keys else {}
    env = module.make(size=5, levels=2, held_out=1, **more)
    env.check_params(env.default_params)
    with pytest.raises(InputError, match=f"{next(iter(bad))}.*{allowed}"):
        env.check_params(env.default_params.replace(**bad))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("#####\n#@o#\n#####", "square"),
        ("###\n#@#\n###", "5 rows"),
        ("#####\n#@o.#\n#...#\n#....\n#####", "walls all round"),
        ("#####\n#..o#\n#...#\n#...#\n#####", "one mouse"),
        ("#####\n#@.?#\n#...#\n#...#\n#####", "unknown marks"),
        ("#####\n#@oo#\n#...#\n#...#\n#####", "one cheese"),
    ],
)
def test_bad_maps_are_refused(text, says):
    env = corner.make(size=3, levels=2, held_out=1)
    with pytest.raises(InputError, match=says):
        env.parse(text)


def test_paths_of_the_optimal_policy_are_paths():
    env = corner.make(levels=30, held_out=1)
    params = env.default_params.replace(elsewhere=1.0)
    *_, states, _ = play_jit(env, params, env.references(params)["optimal"], jax.random.key(0), jnp.arange(10), 40)
    for level in range(10):
        state = jax.tree.map(lambda x, level=level: x[0, level], states)
        ways = graph(np.asarray(env.walls(state, params)))
        cells = [divmod(int(c), 15) for c in states.mouse[: int(env.moves(state, params)) + 1, level]]
        assert all(ways.has_edge(*edge) for edge in pairwise(cells)) and cells[-1] == divmod(int(state.cheese), 15)
