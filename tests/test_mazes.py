"""The mazes: their levels, solvers and laws, and what they refuse."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

from rewardlab.envs import colour_shape, corner, dish, keys, mazes
from rewardlab.inputs.errors import InputError

KINDS = {
    "corner": (corner, {"size": 7}, {"elsewhere": 0.5, "corner_size": 2}),
    "dish": (dish, {"size": 7, "dish_channels": 2, "layout": "perfect"}, {"apart": 0.5}),
    "keys": (keys, {"size": 7, "max_keys": 4, "max_chests": 5}, {"plenty": 0.5, "keys": 2, "plenty_chests": 1}),
    "colour_shape": (colour_shape, {}, {"pair": 0.5}),
}


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
