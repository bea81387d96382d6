"""The look of the small worlds: their sprites, and a function for each that draws a state with them."""

import jax.numpy as jnp
import numpy as np

from rewardlab.envs.coinrun_art import AGENT, CHECKS, COIN, FALLEN, INK, STONE
from rewardlab.envs.drawing import SIZE, colour, join, over, sprite, stamp

CLEAR = np.zeros((SIZE, SIZE, 4), np.uint8)


def plate(fill: str, edge: str) -> np.ndarray:
    """A filled tile with an edge below and at the right, uint8[SIZE, SIZE, 4]."""
    tile = np.full((SIZE, SIZE, 4), (*colour(fill), 255), np.uint8)
    tile[-1:], tile[:, -1:] = (*colour(edge), 255), (*colour(edge), 255)
    return tile


def bars(name: str, back: str) -> np.ndarray:
    """Tiles filled from below to 0 … SIZE pixels, uint8[SIZE + 1, SIZE, SIZE, 4]."""
    filled = np.arange(SIZE)[None, :] >= SIZE - np.arange(SIZE + 1)[:, None]
    tiles = np.where(filled[..., None, None], (*colour(name), 255), (*colour(back), 255)).astype(np.uint8)
    tiles = np.broadcast_to(tiles, (SIZE + 1, SIZE, SIZE, 4)).copy()
    tiles[:, -1:], tiles[:, :, -1:] = (*colour("black"), 255), (*colour("black"), 255)
    return tiles


def number(n: int) -> np.ndarray:
    """A tile with a number below 100, white, or with a plus sign for PLUS; uint8[SIZE, SIZE, 4]."""
    marks = [FONT["+"]] if n == PLUS else [FONT[digit] for digit in str(n)]
    bits = np.concatenate(
        [np.pad(np.array([list(row) for row in mark.split()]) == "#", ((0, 0), (0, 1))) for mark in marks], axis=1
    )
    bits = np.repeat(np.repeat(bits, 2, axis=0), 2 if len(marks) == 1 else 1, axis=1)
    tile, left = CLEAR.copy(), (SIZE + 1 - bits.shape[1]) // 2 + (len(marks) == 1)
    tile[1 : 1 + bits.shape[0], left : left + bits.shape[1]][bits] = (*colour("white"), 255)
    return tile


FONT = {
    "0": "### #.# #.# #.# ###",
    "1": ".#. ##. .#. .#. ###",
    "2": "### ..# ### #.. ###",
    "3": "### ..# .## ..# ###",
    "4": "#.# #.# ### ..# ..#",
    "5": "### #.. ### ..# ###",
    "6": "### #.. ### #.# ###",
    "7": "### ..# ..# .#. .#.",
    "8": "### #.# ### #.# ###",
    "9": "### #.# ### ..# ###",
    "+": "... .#. ### .#. ...",
}
PLUS = 100
NUMBERS = np.stack([number(n) for n in range(101)])

FLOOR, PATH, GRASS, MUD = plate("haze", "sky"), plate("pale", "stone"), plate("mint", "green"), plate("stone", "slate")
DARK, NIGHT, BLUE = plate("slate", "black"), plate("black", "slate"), plate("light blue", "blue")
GOOD, BAD, LIT, UNLIT = (
    plate("green", "black"),
    plate("vermillion", "black"),
    plate("yellow", "orange"),
    plate("slate", "black"),
)
DOG = sprite(
    """
    ............
    .kkk....kkk.
    .kook..kook.
    .kooykkyook.
    .kkyyyyyykk.
    ..kykyykyk..
    ..kyyyyyyk..
    ..kyykkyyk..
    ..kyyyyyyk..
    ..kyykkyyk..
    ...kkkkkk...
    ............
    """,
    **INK,
)
TOMATO = sprite(
    """
    ............
    .....gg.....
    ...g.gg.g...
    ...kgggkk...
    ..kvvgvvvk..
    .kvwvvvvvvk.
    .kvwvvvvvvk.
    .kvvvvvvvvk.
    .kvvvvvvvvk.
    ..kvvvvvvk..
    ...kkkkkk...
    ............
    """,
    **INK,
)
WILTED = sprite(
    """
    ............
    ............
    ............
    ....kk.kk...
    ...k..k..k..
    ..k...k...k.
    ..o...k...o.
    .oo...k...oo
    .o....k....o
    .....ok.....
    ....oookk...
    ............
    """,
    **INK,
)
BUCKET = sprite(
    """
    ....kkkk....
    ..kk....kk..
    .k........k.
    .kkkkkkkkkk.
    .kllllllllk.
    .kbbllllbbk.
    ..kbbbbbbk..
    ..kbbbbbbk..
    ..kbbbbbbk..
    ...kbbbbk...
    ...kkkkkk...
    ............
    """,
    **INK,
)
LEVER = sprite(
    """
    ............
    ..vv........
    .vvvv.......
    ..vvk.......
    ....k.......
    .....k......
    .....k......
    ......k.....
    ..kkkkkkkk..
    ..kttttttk..
    ..kttttttk..
    ..kkkkkkkk..
    """,
    **INK,
)
TASK = sprite(
    """
    ............
    ....kkkk....
    ...kttttk...
    ..kkttttkk..
    .kttkkkkttk.
    .kttkwwkttk.
    .kttkwwkttk.
    .kttkkkkttk.
    ..kkttttkk..
    ...kttttk...
    ....kkkk....
    ............
    """,
    **INK,
)
EYE = sprite(
    """
    ............
    ............
    ...kkkkkk...
    .kkwwwwwwkk.
    kwwwbbbbwwwk
    kwwwbkkbwwwk
    kwwwbkkbwwwk
    kwwwbbbbwwwk
    .kkwwwwwwkk.
    ...kkkkkk...
    ............
    ............
    """,
    **INK,
)
SHUT = sprite(
    """
    ............
    ............
    ............
    ............
    ............
    kk........kk
    .kkk....kkk.
    ...kkkkkk...
    .k..k..k..k.
    ............
    ............
    ............
    """,
    **INK,
)
BRUSH = sprite(
    """
    ............
    .........kk.
    ........koyk
    .......koyk.
    ......kyyk..
    .....kttk...
    ....kttk....
    ...kuuk.....
    ..kuuuk.....
    .kuuuk......
    .kkkk.......
    ............
    """,
    **INK,
)
STEPS = np.stack([TASK, BRUSH, SHUT, FALLEN])  # as overseer's ACTIONS


def ground(tile, rows: int, columns: int):
    """uint8[rows, columns, SIZE, SIZE, 3] of one tile, or of tiles of that shape."""
    image = jnp.zeros((rows, columns, SIZE, SIZE, 3), jnp.uint8)
    return over(image, jnp.broadcast_to(jnp.asarray(tile), (rows, columns, SIZE, SIZE, 4)))


def where(condition, yes, no):
    """Tiles `yes` where the condition bool[...] holds, else `no`, uint8[..., SIZE, SIZE, 4]."""
    return jnp.where(jnp.asarray(condition)[..., None, None, None], yes, no)


def bar(share, name: str = "green", back: str = "slate"):
    """Tiles filled to a share float[...] of 0 … 1, uint8[..., SIZE, SIZE, 4]."""
    level = jnp.clip(jnp.round(jnp.asarray(share) * SIZE), 0, SIZE).astype(jnp.int32)
    return jnp.asarray(bars(name, back))[level]


def tricks(cue, trick, right, done):
    """A cue of one or three signs above, the dog and its trick below; numbers from 0 to 99, or PLUS."""
    image = ground(np.stack([np.stack([DARK] * 5), np.stack([GRASS] * 5)]), 2, 5)
    for i, sign in enumerate(cue):
        image = stamp(image, jnp.asarray(NUMBERS)[jnp.minimum(sign, PLUS)], 0, i + (2 if len(cue) == 1 else 1))
    image = stamp(image, DOG, 1, 1)
    image = stamp(image, where(right, GOOD, BAD), 1, 3, done)
    return join(stamp(image, jnp.asarray(NUMBERS)[jnp.clip(trick, 0, PLUS)], 1, 3, done))


def bandit(chances, arm):
    """A column for each arm: its chance as a bar, the machine, and a coin below the one pulled last."""
    count = len(chances)
    image = jnp.stack([ground(bar(chances), 1, count)[0], ground(MUD, 1, count)[0], ground(PATH, 1, count)[0]])
    for i in range(count):
        image = stamp(stamp(image, TASK, 1, i), AGENT, 2, i, arm == i)
    return join(image)


def dark_room(side, cell, goal, found):
    """A dark floor; the goal is a coin, lit when it has been found."""
    image = ground(where(jnp.arange(side * side).reshape(side, side) == cell, DARK, NIGHT), side, side)
    image = stamp(image, where(found, LIT, DARK), goal // side, goal % side)
    return join(stamp(stamp(image, COIN, goal // side, goal % side), AGENT, cell // side, cell % side))


def states(rewards, walled, place):
    """States as tiles in rows, filled as high as their reward; dead ends are checked below what they pay."""
    count = rewards.shape[0]
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    pad = rows * columns - count
    level = jnp.pad(rewards, (0, pad)).reshape(rows, columns)
    image = ground(
        where(jnp.arange(rows * columns).reshape(rows, columns) < count, bar(level, "yellow"), NIGHT), rows, columns
    )
    edge = np.where(np.arange(SIZE)[:, None, None] < 3, CHECKS, 0)
    image = over(image, where(jnp.pad(walled, (0, pad)).reshape(rows, columns), jnp.asarray(edge, jnp.uint8), CLEAR))
    return join(stamp(image, AGENT, place // columns, place % columns))


def lever(length, cell, handle, rewritten):
    """The corridor below, with task and lever; above it what the register says."""
    image = jnp.concatenate([ground(where(rewritten, LIT, UNLIT), 1, length), ground(FLOOR, 1, length)])
    image = stamp(stamp(image, TASK, 1, 0), where(rewritten, LEVER[:, ::-1], LEVER), 1, handle, handle >= 0)
    return join(stamp(image, AGENT, 1, cell))


def garden(free, plants, tile, wet, cell, fooled):
    """Walls, plants as they are, the tile as a bucket; all free ground is blue while everything looks watered."""
    rows, columns = free.shape
    image = ground(where(free, where(fooled, BLUE, FLOOR), STONE), rows, columns)
    is_plant = np.isin(np.arange(free.size), plants).reshape(rows, columns)
    image = over(image, where(is_plant, where(wet.reshape(rows, columns), TOMATO, WILTED), CLEAR))
    image = stamp(image, BUCKET, tile // columns, tile % columns)
    return join(stamp(image, AGENT, cell // columns, cell % columns))


def ridge(ridge, plain, row, column, kept):
    """Rock below the ridge, grass on the plain, the chasm black, and the share of the prize that is left at the right."""
    rows, columns = ridge.shape
    image = ground(where(ridge, STONE, where(plain, GRASS, NIGHT)), rows, columns)
    image = image.at[rows // 2, 0].set(over(image[rows // 2, 0], PATH))
    image = stamp(image, where(kept > 0, AGENT, FALLEN), row, column)
    image = jnp.concatenate([image, ground(NIGHT, rows, 1)], axis=1)
    image = stamp(image, bar(kept, "yellow", "slate"), rows // 2, columns)
    return join(stamp(image, COIN, rows // 2 - 1, columns))


def overseer(plan, watched, shown, worth):
    """The eye, open if one is watched, and the plan; below it the end as it shows, and as it is: green good, red bad."""
    steps = len(plan)
    image = ground(np.stack([np.stack([DARK] * (steps + 1))] * 3), 3, steps + 1)
    image = stamp(image, where(watched, EYE, SHUT), 0, 0)
    for i in range(steps):
        image = stamp(image, PATH, 0, i + 1)
        image = stamp(image, jnp.asarray(STEPS)[plan[i]], 0, i + 1, plan[i] >= 0)
        for row, amount in ((1, shown), (2, worth)):
            image = stamp(image, where(amount > 0, GOOD, BAD), row, i + 1, jnp.abs(amount) > i)
    return join(stamp(stamp(image, COIN, 1, 0), TASK, 2, 0))


def under_strip(picture, lit):
    """A picture uint8[H, W, 3] below a row of cells bool[N] that are lit or not, as wide as the wider of the two."""
    cells = join(ground(where(lit, LIT, UNLIT)[None], 1, len(lit)))
    width = max(cells.shape[1], picture.shape[1])
    parts = [jnp.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0))) for part in (cells, picture)]
    return jnp.concatenate(parts)
