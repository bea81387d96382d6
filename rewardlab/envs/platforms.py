"""Side-scrolling platform levels: tiles, physics, solver and generator.

Everything here runs once, on the host, in numpy. One function, `move`, is the physics. Evaluated over every position,
speed and action of a level it gives the level's *transition table*; the solver searches that table and the world steps
by looking it up, so that what is proven solvable is what is played.

Coordinates: x grows to the right, y downwards, (0, 0) is the top left tile. A *cell* is y * WIDTH + x. A *place* is
what a level's future depends on, (phase, cell, speed) as one integer: see `place`.
"""

from typing import NamedTuple

import numpy as np

from rewardlab.inputs.errors import InputError

HEIGHT, WIDTH = 7, 24  # tiles; narrower levels are walled off on the right
MIN_WIDTH = 10
CELLS = HEIGHT * WIDTH
JUMP = 2  # tiles that a jump rises, one a step
PLACES = CELLS * JUMP  # speeds 0 .. JUMP - 1: the rise that is left
TIME_LIMIT = 64

EMPTY, SOLID, SPIKE, HANGING, WALL = range(5)  # WALL is the end wall
SYMBOLS = ".#^v|"

ACTIONS = ("stay", "left", "right", "jump", "jump right", "jump left")
STAY, LEFT, RIGHT, UP, UP_RIGHT, UP_LEFT = range(6)
STEP_X = np.array([0, -1, 1, 0, 1, -1])

DEAD, AT_END = 1 << 12, 1 << 13  # flags beside the place in a transition table
PLACE = DEAD - 1

START_X, FLOOR = 4, HEIGHT - 2  # FLOOR: the row in which one stands on the ground
END, DETOUR, BEHIND = range(3)  # where the coin is
BEYOND = 255  # distance of what cannot be reached

PATROL = (0, 1, 2, 3, 2, 1)  # an enemy's tiles from the left end of its beat, by phase


class Levels(NamedTuple):
    """A pool of L levels. P is the number of phases: 1, or len(PATROL) when enemies move."""

    tiles: np.ndarray  # uint8[L, HEIGHT, WIDTH]
    table: np.ndarray  # int16[L, P * PLACES, 6] next place by action, with the flags DEAD and AT_END
    coin: np.ndarray  # int16[L, 3] the coin's cell by placement (END, DETOUR, BEHIND)
    distance: np.ndarray  # uint8[L, 3, P * PLACES] fewest moves to the coin by placement; BEYOND: none
    enemy: np.ndarray  # int16[L, P] the enemy's cell by phase; -1: none


def place(x, y, speed=0, phase=0):
    """The integer of a position: int or array, in 0 .. P * PLACES - 1."""
    return phase * PLACES + (y * WIDTH + x) * JUMP + speed


START = place(START_X, FLOOR)


def parse(text: str) -> np.ndarray:
    """Tiles uint8[HEIGHT, WIDTH] of a text map: `.` empty, `#` solid, `^` spike, `v` hanging spike, `|` end wall.

    Any other mark of `show` (`o` coin, `@` agent, `e` enemy) reads as empty. Columns right of the map are solid.
    Raises InputError on a map of another height, ragged or too wide, or with an unknown mark.
    """
    rows = [row.strip() for row in text.strip().splitlines()]
    if len(rows) != HEIGHT or len({len(row) for row in rows}) != 1 or not 0 < len(rows[0]) <= WIDTH:
        sizes = f"{len(rows)} rows of {sorted({len(row) for row in rows})} tiles"
        raise InputError(f"a map has {HEIGHT} rows of one length up to {WIDTH}; this one has {sizes}")
    unknown = sorted(set("".join(rows)) - set(SYMBOLS + "o@e"))
    if unknown:
        raise InputError(f"unknown marks {''.join(unknown)!r} in a map; known: {SYMBOLS + 'o@e'}")
    tiles = np.full((HEIGHT, WIDTH), SOLID, np.uint8)
    tiles[:, : len(rows[0])] = [[max(SYMBOLS.find(mark), 0) for mark in row] for row in rows]
    return tiles


def show(tiles, **marks: int) -> str:
    """The text map of tiles uint8[HEIGHT, WIDTH]; `show(tiles, o=coin_cell)` writes a mark on a cell."""
    rows = np.array(list(SYMBOLS))[np.asarray(tiles)]
    for mark, cell in marks.items():
        rows[divmod(int(cell), WIDTH)] = mark
    return "\n".join("".join(row[: width(tiles)]) for row in rows)


def width(tiles) -> int:
    """Number of columns up to and with the end wall (WIDTH if there is none)."""
    walled = (np.asarray(tiles) == WALL).any(0)
    return int(walled.argmax()) + 1 if walled.any() else WIDTH


# Physics


def move(tiles, x, y, speed, action):
    """One step of a body, in every level: first at most one tile up or down, then at most one sideways.

    `tiles` is uint8[L, HEIGHT, WIDTH]; the other arguments are integers that broadcast to [L, N]. On the ground a
    jump sets the speed to JUMP; while speed is left the body rises one tile a step and is steered freely, a blocked
    rise loses its speed; without speed and ground it falls one tile. Left, right and above, a level is closed. Spikes
    kill on touch, and so does leaving by the bottom.
    Returns (x, y, speed, dead), each [L, N]; a dead body lies where it died.
    """
    framed = np.pad(tiles, ((0, 0), (1, 1), (1, 1)), constant_values=SOLID)
    framed[:, -1] = SPIKE
    stride, flat = WIDTH + 2, framed.reshape(-1)
    corner = (np.arange(len(tiles), dtype=np.int32) * (HEIGHT + 2) * stride + stride + 1)[:, None]
    solid, deadly = (flat == SOLID) | (flat == WALL), (flat == SPIKE) | (flat == HANGING)
    here = corner + y * stride + x
    ground, roof = solid[here + stride], solid[here - stride]
    rise = np.where(speed > 0, speed, np.where((action >= UP) & ground & (speed == 0), JUMP, 0))
    step_y = np.where(rise > 0, -1 * ~roof, 1 * ~ground)
    speed = np.where(roof, 0, np.maximum(rise - 1, 0))
    here = here + step_y * stride
    hit = deadly[here]
    step_x = STEP_X[action] * ~(solid[here + STEP_X[action]] | hit)
    dead = hit | deadly[here + step_x]
    return x + step_x, np.minimum(y + step_y, HEIGHT - 1), speed, dead


def opened(tiles: np.ndarray) -> np.ndarray:
    """Tiles uint8[L, HEIGHT, WIDTH] with nothing but ground behind the end wall, for bodies that can pass it."""
    behind = np.arange(WIDTH) > (np.array([width(level) for level in tiles]) - 1)[:, None]
    return np.where(behind[:, None] & (np.arange(HEIGHT) <= FLOOR)[:, None], EMPTY, tiles).astype(np.uint8)


def transitions(tiles: np.ndarray, passable: bool = False) -> np.ndarray:
    """Transition tables int16[L, PLACES, 6] of tiles uint8[L, HEIGHT, WIDTH]: `move` over all places and actions.

    An entry is the next place, plus DEAD if the move kills, plus AT_END beside the end wall. passable: whether bodies pass it.
    """
    grid = np.indices((HEIGHT, WIDTH, JUMP, len(ACTIONS)), dtype=np.int32).reshape(4, -1)
    felt = np.where(tiles == WALL, EMPTY, tiles) if passable else tiles
    x, y, speed, dead = move(felt, grid[1], grid[0], grid[2], grid[3])
    right = np.minimum(x + 1, WIDTH - 1)
    at_end = tiles[np.arange(len(tiles))[:, None], y, right] == WALL
    table = place(x, y, speed) + DEAD * dead + AT_END * at_end
    return table.reshape(-1, PLACES, len(ACTIONS)).astype(np.int16)


def with_enemy(table: np.ndarray, enemy: np.ndarray) -> np.ndarray:
    """Tables int16[L, P * PLACES, 6] in which time passes through P phases and meeting the enemy int16[L, P] kills.

    Meeting is ending a step on its cell or changing places with it.
    """
    before = (np.arange(PLACES) // JUMP)[:, None]
    after = (table & PLACE) // JUMP
    phases = []
    for phase in range(enemy.shape[1]):
        later = (phase + 1) % enemy.shape[1]
        now, then = enemy[:, phase, None, None], enemy[:, later, None, None]
        met = (after == then) | ((after == now) & (before == then))
        phases.append((table + later * PLACES) | DEAD * met)
    return np.concatenate(phases, axis=1).astype(np.int16)


# Solver


def cells(places: int) -> np.ndarray:
    """The cell of each of `places` places, int[places]."""
    return np.arange(places) % PLACES // JUMP


def distances(table: np.ndarray, coin: np.ndarray) -> np.ndarray:
    """Fewest moves uint8[L, N] from every place to a step that ends on `coin` int[L] alive; BEYOND if there is none.

    Breadth-first search from the coin backwards, in all levels at once; at most TIME_LIMIT moves are looked for.
    """
    count, size, _ = table.shape
    goal = (cells(size) == coin[:, None]).reshape(-1)
    lane = (np.arange(count) * size)[:, None, None]
    succ = np.where(table & DEAD, count * size, lane + (table & PLACE)).reshape(-1, table.shape[2]).T
    near = np.append(goal, False)  # the last entry is death
    found = np.where(goal, 0, BEYOND).astype(np.uint8)
    left = np.flatnonzero(~goal)
    succ = succ[:, left]
    for moves in range(1, TIME_LIMIT + 1):
        hit = near.take(succ).any(0)
        if not hit.any():
            break
        found[left[hit]], near[left[hit]] = moves, True
        left, succ = left[~hit], succ[:, ~hit]
    return found.reshape(count, size)


def travel(table: np.ndarray, actions=tuple(range(6))) -> np.ndarray:
    """Fewest moves uint8[L, N] from START to every place alive by `actions` alone; BEYOND where they do not lead."""
    count, size, _ = table.shape
    found = np.full((count, size), BEYOND, np.uint8)
    found[:, START] = 0
    for moves in range(TIME_LIMIT):
        level, here = np.nonzero(found == moves)
        entry = table[level, here][:, list(actions)]
        level, entry = np.repeat(level, entry.shape[1]), entry.reshape(-1)
        fresh = (entry & DEAD == 0) & (found[level, entry & PLACE] == BEYOND)
        found[level[fresh], entry[fresh] & PLACE] = moves + 1
    return found


# Generator


def terrain(rng: np.random.Generator, enemies: bool = False):
    """One level at random: tiles uint8[HEIGHT, WIDTH], the columns (first, last) of its shelf, and the enemy's cell
    at the left end of its beat (-1: none, or no room for one).

    A flat start, a shelf that one can pass below or climb over, and to both sides of it obstacles with gaps between.
    """
    wide = int(rng.integers(MIN_WIDTH, WIDTH + 1))
    tiles = np.full((HEIGHT, WIDTH), SOLID, np.uint8)
    tiles[:-1, 1 : wide - 1] = EMPTY
    tiles[:-1, wide - 1] = WALL
    tiles[FLOOR, 1:START_X] = rng.random(START_X - 1) < 0.3  # steps behind the start
    room = wide - 2 - (START_X + 1)
    length = int(rng.integers(2, min(room, 5) + 1))
    first = int(rng.integers(START_X + 1, wide - 1 - length))
    last = first + length - 1
    tiles[FLOOR - 1, first : last + 1] = SOLID
    kind = rng.random()
    if length > 2 and kind < 1 / 3:
        tiles[FLOOR - 2, first] = SOLID  # a lip: too high to climb from the left
    elif length > 2 and kind < 2 / 3:
        tiles[FLOOR, first] = SOLID  # a cave: open to the right only
    spans = [(START_X + 2, first - 1), (last + 2, wide - 3)]
    beat = -1
    if enemies:
        longest = max(range(2), key=lambda i: spans[i][1] - spans[i][0])
        begin, stop = spans[longest]
        if stop - begin >= 4:
            beat = (FLOOR * WIDTH) + begin
            spans[longest] = (begin + 5, stop)
    for begin, stop in spans:
        obstacles(tiles, begin, stop, rng)
    return tiles, (first, last), beat


def obstacles(tiles, begin: int, stop: int, rng: np.random.Generator) -> None:
    """Draw obstacles into the columns begin .. stop - 1 of `tiles`, 3 to 5 free columns apart.

    Half of them stop or kill who just runs (a step, a pit, spikes), half hang and kill who jumps below them. So neither
    running nor jumping all the way does well, and each kind can be learnt on its own: selection has a path to climb.
    """
    x = begin + int(rng.integers(0, 2))
    while x < stop:
        kind = rng.random()
        size = min(int(rng.integers(1, 4)), stop - x)
        on, above = slice(x, x + min(size, 2)), slice(x, x + size)
        if kind < 0.2:
            tiles[FLOOR, on] = SOLID
        elif kind < 0.35:
            tiles[FLOOR + 1, on] = EMPTY
        elif kind < 0.5:
            tiles[FLOOR, on] = SPIKE
        else:
            low = FLOOR - (1 if kind > 0.75 else 2)
            tiles[low, above], tiles[low - 1, above] = HANGING, SOLID
        x += size + int(rng.integers(3, 6))


def build(tiles, shelves, beats, rng) -> tuple[Levels, np.ndarray]:
    """Solve levels and place their coins. Returns the levels and good bool[L]: solvable for all three placements.

    The *detour* is a cell at the shelf that no sequence of `right` and `jump right` reaches (so that nobody who just
    runs to the end collects it), whose visit on the way to the end costs at least two moves more than going straight,
    on which or just below which one can stand, and which comes into view on a shortest way to the end.
    """
    count = len(tiles)
    table = transitions(tiles)
    enemy = np.full((count, 1), -1)
    if beats is not None:
        enemy = beats[:, None] + np.array(PATROL)
        table = with_enemy(table, enemy)

    def by_cell(found):  # the least over speeds and phases
        return found.reshape(count, -1, CELLS, JUMP).min(axis=(1, 3))

    widths = np.array([width(level) for level in tiles])
    coin = np.empty((count, 3), np.int16)
    coin[:, END] = FLOOR * WIDTH + widths - 2
    behind = rng.integers(1, 3, count)
    coin[:, BEHIND] = behind + WIDTH * (FLOOR - (tiles[np.arange(count), FLOOR, behind] == SOLID))
    to_end = distances(table, coin[:, END])
    there = travel(table)
    through = np.where((there == BEYOND) | (to_end == BEYOND), 2 * BEYOND, there.astype(int) + to_end)
    straight = through[:, START]
    on_route = by_cell(through) == straight[:, None]
    solid = tiles == SOLID
    stand = np.roll(solid, -1, axis=1) & ~solid
    stand |= np.roll(stand, -1, axis=1) & (tiles == EMPTY)
    x = np.arange(CELLS) % WIDTH
    at_shelf = (shelves[:, :1] <= x) & (x <= shelves[:, 1:])
    free = by_cell(travel(table, (RIGHT, UP_RIGHT))) == BEYOND
    dear = (by_cell(through) >= straight[:, None] + 2) & (by_cell(through) < BEYOND)
    seen = spread(on_route.reshape(count, HEIGHT, WIDTH)).reshape(count, CELLS)
    fit = dear & free & seen & at_shelf & stand.reshape(count, CELLS)
    coin[:, DETOUR] = (rng.random((count, CELLS)) * fit).argmax(1)
    found = [to_end, distances(table, coin[:, DETOUR]), distances(table, coin[:, BEHIND])]
    distance = np.stack(found, axis=1)
    good = fit.any(1) & (distance[:, :, START] <= TIME_LIMIT).all(1)
    return Levels(tiles, table, coin, distance, enemy.astype(np.int16)), good


def spread(marked):
    """Cells in view (4 columns, 3 rows to each side) of a marked one, bool[L, HEIGHT, WIDTH]."""
    padded = np.pad(marked, ((0, 0), (3, 3), (4, 4)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 9), axis=(1, 2))
    return windows.any(axis=(3, 4))


def generate(count: int, seed: int = 0, enemies: bool = False) -> Levels:
    """`count` distinct, solvable levels, the same on every machine for a seed, in random order."""
    rng = np.random.default_rng(seed)
    pools, seen, have = [], set(), 0
    while have < count:
        drawn = [terrain(rng, enemies) for _ in range(256)]
        drawn = [level for level in drawn if not enemies or level[2] >= 0]
        tiles = np.stack([level for level, _, _ in drawn])
        shelves, beats = np.array([s for _, s, _ in drawn]), np.array([b for _, _, b in drawn])
        levels, good = build(tiles, shelves, beats if enemies else None, rng)
        for i in np.flatnonzero(good):
            name = tiles[i].tobytes()
            good[i] = name not in seen
            seen.add(name)
        pools.append(Levels(*(leaf[good] for leaf in levels)))
        have += int(good.sum())
    # Short levels run out first, so that those found late are longer: shuffle, for any part to be like any other.
    order = rng.permutation(count)
    return Levels(*(np.concatenate(leaves)[order] for leaves in zip(*pools, strict=True)))
