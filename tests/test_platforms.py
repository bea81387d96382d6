"""Platform levels: the physics worked out by hand, the levels proven by search."""

import networkx
import numpy as np
import pytest

from rewardlab.envs import platforms
from rewardlab.envs.platforms import ACTIONS, AT_END, BEHIND, BEYOND, CELLS, DEAD, DETOUR, END, PLACE, START, WIDTH
from rewardlab.inputs.errors import InputError

LEVEL = """
#...............|
#...............|
#.......#.......|
#.......v.......|
#.............#.|
#...@..^..#...#.|
#####.####..####|
"""


@pytest.fixture(scope="module")
def many():
    return platforms.generate(10_000, seed=11)


def at(x, y, speed=0):
    return platforms.place(x, y, speed)


def walk(table, here, *actions):
    """The places and flags that a sequence of actions leads through."""
    entries = []
    for action in actions:
        entries.append(int(table[here, ACTIONS.index(action)]))
        here = entries[-1] & PLACE
    return entries


# Physics, worked out by hand


@pytest.fixture(scope="module")
def table():
    return platforms.transitions(platforms.parse(LEVEL)[None])[0]


def test_a_jump_in_place_rises_two_tiles_and_falls_back(table):
    jump = walk(table, at(3, 5), "jump", "stay", "stay", "stay", "stay")
    assert jump == [at(3, 4, 1), at(3, 3), at(3, 4), at(3, 5), at(3, 5)]


def test_a_running_jump_crosses_a_pit_and_is_steered_in_the_air(table):
    assert walk(table, at(4, 5), *["jump right"] * 2, "right") == [at(5, 4, 1), at(6, 3), at(7, 4)]
    assert walk(table, at(4, 5), "jump right", "jump left", "left", "stay")[1:] == [at(4, 3), at(3, 4), at(3, 5)]


def test_jumping_in_the_air_does_nothing(table):
    fall = [walk(table, at(3, 2), action)[0] for action in ("stay", "jump")]
    assert fall == [at(3, 3), at(3, 3)]


def test_a_pit_kills_one_step_below_the_ground(table):
    fall = walk(table, at(4, 5), "right", "stay", "stay")
    assert fall[:2] == [at(5, 5), at(5, 6)] and fall[2] & DEAD


def test_spikes_kill_from_the_side_from_above_and_from_below(table):
    assert walk(table, at(6, 5), "right")[0] == at(7, 5) | DEAD
    assert walk(table, at(7, 4), "stay")[0] == at(7, 5) | DEAD
    assert walk(table, at(8, 5), "jump right")[0] == at(9, 4, 1)
    assert walk(table, at(8, 5), "jump", "right")[1] == at(8, 3) | DEAD, "the hanging spike is met before the side step"


def test_walls_block_and_a_blocked_rise_loses_its_speed(table):
    assert walk(table, at(9, 5), "right")[0] == at(9, 5)
    assert walk(table, at(1, 5), "left")[0] == at(1, 5)
    roof = platforms.transitions(platforms.parse(LEVEL.replace("#.............#.|", "#.#...........#.|"))[None])[0]
    assert walk(roof, at(2, 5), "jump", "stay") == [at(2, 5), at(2, 5)]
    assert walk(table, at(3, 1, 1), "stay", "stay") == [at(3, 0), at(3, 1)]
    assert walk(table, at(3, 0, 1), "stay", "stay") == [at(3, 0), at(3, 1)], "the level is closed above"


def test_two_tiles_can_be_climbed_and_the_end_is_flagged_in_any_row(table):
    climb = walk(table, at(13, 5), "jump right", "jump right", "right", "right")
    assert climb == [at(13, 4, 1), at(14, 3), at(15, 3) | AT_END, at(15, 4) | AT_END]


def test_text_maps_round_trip():
    tiles = platforms.parse(LEVEL)
    assert platforms.show(tiles, **{"@": START // platforms.JUMP}) == LEVEL.strip()
    assert platforms.width(tiles) == 17
    for bad in ("###", LEVEL.replace("v", "?"), LEVEL.replace("|", "|" * 9), LEVEL.replace("#####.", "#####")):
        with pytest.raises(InputError):
            platforms.parse(bad)


# Levels and solver


@pytest.mark.slow
def test_ten_thousand_levels_are_distinct_and_solvable_for_every_placement(many):
    assert len({level.tobytes() for level in many.tiles}) == len(many.tiles) == 10_000
    assert many.distance[:, :, START].max() <= platforms.TIME_LIMIT


@pytest.mark.slow
def test_a_solution_found_by_the_solver_reaches_the_coin_by_the_physics(many):
    lane = np.arange(len(many.tiles))
    for placement in (END, DETOUR, BEHIND):
        x, y, speed = platforms.START_X, platforms.FLOOR, 0
        x, y, speed = (np.full((len(lane), 1), value) for value in (x, y, speed))
        for moves in range(many.distance[:, placement, START].max()):
            options = many.table[lane, at(x, y, speed)[:, 0]]
            distance = many.distance[lane[:, None], placement, options & PLACE]
            action = np.where(options & DEAD, BEYOND, distance).argmin(1)[:, None]
            moved = platforms.move(many.tiles, x, y, speed, action)
            arrived = many.distance[lane, placement, START] <= moves
            still = zip((x, y, speed, False), moved, strict=True)
            x, y, speed, dead = (np.where(arrived[:, None], *pair) for pair in still)
            assert not dead.any()
        assert np.array_equal((y * WIDTH + x)[:, 0], many.coin[:, placement])


@pytest.mark.slow
def test_distances_agree_with_an_independent_search(many):
    for level in range(5):
        tiles = many.tiles[level : level + 1]
        graph = networkx.DiGraph()
        for y, x, speed in np.ndindex(platforms.HEIGHT, WIDTH, platforms.JUMP):
            for action in range(len(ACTIONS)):
                body = (np.array([[number]]) for number in (x, y, speed, action))
                *there, dead = (int(value.item()) for value in platforms.move(tiles, *body))
                if not dead:
                    graph.add_edge(tuple(there), (x, y, speed))
        for placement in range(3):
            coin = int(many.coin[level, placement])
            goals = [(coin % WIDTH, coin // WIDTH, speed) for speed in range(platforms.JUMP)]
            found = networkx.multi_source_dijkstra_path_length(graph, [g for g in goals if g in graph])
            expected = np.full(platforms.PLACES, BEYOND)
            for body, moves in found.items():
                expected[at(*body)] = moves
            for body in goals:
                expected[at(*body)] = 0
            expected[expected > platforms.TIME_LIMIT] = BEYOND
            assert np.array_equal(expected, many.distance[level, placement])


@pytest.mark.slow
def test_detours_cost_two_moves_and_no_one_way_run_meets_them(many):
    there, back = platforms.travel(many.table), many.distance[:, END].astype(int)
    through = np.where(there == BEYOND, 2 * BEYOND, there + back)
    places = (many.coin[:, DETOUR].astype(int) * platforms.JUMP)[:, None] + np.arange(platforms.JUMP)
    cost = np.take_along_axis(through, places, 1).min(1)
    assert (cost >= many.distance[:, END, START].astype(int) + 2).all()
    one_way = platforms.travel(many.table, (platforms.RIGHT, platforms.UP_RIGHT))
    assert (np.take_along_axis(one_way, places, 1) == BEYOND).all()


@pytest.mark.slow
def test_placements_and_the_start(many):
    widths = np.array([platforms.width(level) for level in many.tiles])
    assert set(widths) == set(range(platforms.MIN_WIDTH, WIDTH + 1))
    assert np.array_equal(many.coin[:, END], platforms.FLOOR * WIDTH + widths - 2)
    assert set(many.coin[:, BEHIND] % WIDTH) == {1, 2}
    tiles = many.tiles.reshape(-1, CELLS)
    assert not np.take_along_axis(tiles, many.coin.astype(int), 1).any() and not tiles[:, START // platforms.JUMP].any()


def test_the_same_seed_gives_the_same_levels_and_another_gives_others():
    one, two, three = (platforms.generate(60, seed=seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one.tiles, three.tiles)
