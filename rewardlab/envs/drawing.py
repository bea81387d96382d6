"""Pictures of grid worlds: a palette, pixel art written as text, and tiles laid over one another.

An image in the making is uint8[rows, columns, SIZE, SIZE, 3], one small picture per tile; `join` makes it an image.
"""

import jax.numpy as jnp
import numpy as np

SIZE = 12  # pixels a tile

# The hues are those of Okabe and Ito (2008), which people with any colour vision tell apart; the rest differ in
# lightness.
PALETTE = {
    "black": "#1b1b22",
    "slate": "#434a5c",
    "stone": "#646d82",
    "pale": "#a9b2c4",
    "white": "#ffffff",
    "sky": "#d9ecf8",
    "haze": "#f4f9fc",
    "blue": "#0072b2",
    "light blue": "#56b4e9",
    "green": "#009e73",
    "mint": "#4fc9a4",
    "orange": "#e69f00",
    "yellow": "#f6d743",
    "vermillion": "#d55e00",
    "purple": "#cc79a7",
    "plum": "#8a3f6b",
}


def colour(name: str) -> tuple[int, int, int]:
    """Red, green, blue in 0..255 of a colour of the palette."""
    red, green, blue = bytes.fromhex(PALETTE[name][1:])
    return red, green, blue


def sprite(art: str, **colours: str) -> np.ndarray:
    """uint8[SIZE, SIZE, 4] of SIZE lines of SIZE marks: `colours` names a mark's colour, other marks are clear."""
    rows = [line.strip() for line in art.strip().splitlines()]
    assert [len(row) for row in rows] == [SIZE] * SIZE, "a sprite has SIZE lines of SIZE marks"
    inks = {mark: (*colour(name), 255) for mark, name in colours.items()}
    return np.array([[inks.get(mark, (0, 0, 0, 0)) for mark in row] for row in rows], np.uint8)


def sky(rows: int, columns: int, top: str = "sky", bottom: str = "haze") -> np.ndarray:
    """Tiles of a background that shades from one colour into another, uint8[rows, columns, SIZE, SIZE, 3]."""
    shade = np.linspace(0, 1, rows * SIZE)[:, None]
    lines = (1 - shade) * np.array(colour(top)) + shade * np.array(colour(bottom))
    lines = lines.round().astype(np.uint8).reshape(rows, 1, SIZE, 1, 3)
    return np.broadcast_to(lines, (rows, columns, SIZE, SIZE, 3))


def over(image, picture):
    """`picture` uint8[..., SIZE, SIZE, 4] laid over tiles uint8[..., SIZE, SIZE, 3]."""
    return jnp.where(picture[..., 3:] > 0, picture[..., :3], image)


def stamp(image, picture, row, column, where=True):
    """The tiles with `picture` uint8[SIZE, SIZE, 4] laid over one of them, if `where`."""
    here = image[row, column]
    return image.at[row, column].set(jnp.where(where, over(here, picture), here))


def join(image):
    """uint8[rows * SIZE, columns * SIZE, 3] of tiles uint8[rows, columns, SIZE, SIZE, 3]."""
    rows, columns = image.shape[:2]
    return jnp.asarray(image).swapaxes(1, 2).reshape(rows * SIZE, columns * SIZE, 3)
