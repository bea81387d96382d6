"""The look of CoinRun: pixel art for its tiles, and a level drawn with it."""

import jax.numpy as jnp
import numpy as np

from rewardlab.envs.drawing import SIZE, join, over, sky, sprite, stamp
from rewardlab.envs.platforms import HEIGHT, SOLID, WALL, WIDTH

INK = {"k": "black", "s": "slate", "t": "stone", "p": "pale", "w": "white", "b": "blue", "l": "light blue"}
INK |= {"g": "green", "m": "mint", "o": "orange", "y": "yellow", "v": "vermillion", "u": "purple", "n": "plum"}

CLEAR = sprite("............\n" * SIZE)
STONE = sprite(
    """
    sssssssssssk
    stttttttssss
    stttttttssss
    sttttsssssss
    ssssssssssss
    kkkkkkkkkkkk
    sssssksssssk
    sttttksttttt
    sttttksttttt
    ssttskssttts
    sssssksssssk
    kkkkkkkkkkkk
    """,
    **INK,
)
GRASS = sprite(
    """
    mmmmmmmmmmmm
    mgmmmgmmmgmm
    gggggggggggg
    gsggssgggsgg
    ssgsssssgsss
    kkkkkkkkkkkk
    sssssksssssk
    sttttksttttt
    sttttksttttt
    ssttskssttts
    sssssksssssk
    kkkkkkkkkkkk
    """,
    **INK,
)
LEDGE = sprite(
    """
    mmmmmmmmmmmm
    gmmgmmmgmmmg
    gggggggggggg
    ssttttsttttk
    ssttttsttttk
    sssssssssssk
    kkkkkkkkkkkk
    .kssssssssk.
    ..kkkkkkkk..
    ............
    ............
    ............
    """,
    **INK,
)
SPIKES = sprite(
    """
    ............
    ..k.....k...
    ..k.....k...
    .kvk...kvk..
    .kvk...kvk..
    .kovk..kovk.
    .kovk..kovk.
    kovvk.kovvk.
    kovvvkkovvvk
    kovvvkkovvvk
    kvvvvkkvvvvk
    kkkkkkkkkkkk
    """,
    **INK,
)
CHECKS = sprite(
    """
    wwwwkkkkwwww
    wwwwkkkkwwww
    wwwwkkkkwwww
    wwwwkkkkwwww
    kkkkwwwwkkkk
    kkkkwwwwkkkk
    kkkkwwwwkkkk
    kkkkwwwwkkkk
    wwwwkkkkwwww
    wwwwkkkkwwww
    wwwwkkkkwwww
    wwwwkkkkwwww
    """,
    **INK,
)
NOTHING = sprite("kkkkkkkkkkkk\n" * SIZE, **INK)
COIN = sprite(
    """
    ....kkkk....
    ..kkyyyykk..
    .kyywwyyyok.
    .kywyooyyok.
    kyywoyyoyyok
    kywyoyyoyyok
    kywyoyyoyyok
    kyyyoyyoyyok
    .kyyyooyyok.
    .kyyyyyyook.
    ..kkooookk..
    ....kkkk....
    """,
    **INK,
)
AGENT = sprite(
    """
    ...kkkkkk...
    ..kllllllk..
    .klbbbbbblk.
    .kbbwwbwwbk.
    .kbbwkbwkbk.
    .kbbwkbwkbk.
    .kbbbbbbbbk.
    .kbbbbbbbbk.
    .kbbbbbbbbk.
    ..kbbkkbbk..
    ..kbbk.kbbk.
    ..kkkk.kkkk.
    """,
    **INK,
)
FALLEN = sprite(
    """
    ............
    ............
    ...kkkkkk...
    ..kppppppk..
    .kpkpkpkpkk.
    .kppkpppkpk.
    .kpkpkpkpkk.
    .kppppppppk.
    .kpppkkkppk.
    .kppkpppkpk.
    ..kppppppk..
    ...kkkkkk...
    """,
    **INK,
)
ENEMY = sprite(
    """
    .k..k..k..k.
    .uk.uk.uk.u.
    .kukukukukk.
    kuuuuuuuuuuk
    kuwwuuuuwwuk
    kuwkuuuuwkuk
    kuuuuuuuuuuk
    kuunwnwnwuuk
    kuunnnnnnuuk
    .kuuuuuuuuk.
    ..kkkkkkkk..
    ..kk....kk..
    """,
    **INK,
)
SET = np.stack([CLEAR, STONE, SPIKES, SPIKES[::-1], CHECKS, GRASS, LEDGE, NOTHING])
TOPPED, SLIM, OUTSIDE = 5, 6, 7  # looks of solid tiles that are open above, above and below, or not of the level
BACKGROUND = sky(HEIGHT, WIDTH)


def draw(tiles, agent, coin, enemy, died):
    """uint8[HEIGHT * SIZE, WIDTH * SIZE, 3] of tiles uint8[HEIGHT, WIDTH] and the cells int[] of agent, coin, enemy.

    A negative cell is not drawn. `died` bool[] changes the agent's face. Can be jitted.
    """
    opened = (tiles != SOLID) & (tiles != WALL)
    above = jnp.concatenate([jnp.zeros((1, WIDTH), bool), opened[:-1]])
    below = jnp.concatenate([opened[1:], jnp.zeros((1, WIDTH), bool)])
    look = jnp.where((tiles == SOLID) & above, jnp.where(below, SLIM, TOPPED), tiles)
    walled = jnp.any(tiles == WALL, axis=0).astype(jnp.int32)
    look = jnp.where(jnp.cumsum(walled) > walled, OUTSIDE, look)
    image = over(BACKGROUND, jnp.asarray(SET)[look])
    image = stamp(image, COIN, coin // WIDTH, coin % WIDTH, coin >= 0)
    image = stamp(image, ENEMY, enemy // WIDTH, enemy % WIDTH, enemy >= 0)
    return join(stamp(image, jnp.where(died, FALLEN, AGENT), agent // WIDTH, agent % WIDTH, agent >= 0))
