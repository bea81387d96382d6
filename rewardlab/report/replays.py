"""Films of agents as small animated GIFs, and files as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rewardlab.inputs.files import read_bytes
from rewardlab.inputs.files import write as write_file

FRAME, HOLD = 90, 900  # milliseconds that a frame, and the last frame of a film, stay
KINDS = {".gif": "image/gif", ".png": "image/png"}


def write(directory: Path, name: str, films: np.ndarray | Sequence[np.ndarray]) -> Path:
    """Writes `directory`/replays/`name`.gif: see `save`."""
    path = directory / "replays" / f"{name}.gif"
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(path, films)


def save(path: Path, films: np.ndarray | Sequence[np.ndarray]) -> Path:
    """Writes a GIF that shows the films one after the other, in a loop.

    films: one or several uint8[T, H, W, 3], all of one height and width. Raises ValueError for any other array.
    """
    from PIL import Image

    films = [np.asarray(film) for film in ([films] if isinstance(films, np.ndarray) else films)]
    if not films or any(
        f.ndim != 4 or f.shape[0] < 1 or f.shape[1:] != (*films[0].shape[1:3], 3) or f.dtype != np.uint8 for f in films
    ):
        raise ValueError(
            f"films: uint8[T, H, W, 3] of one height and width expected, got {[(f.dtype.name, f.shape) for f in films]}"
        )
    frames = np.concatenate(films)
    count, height, width, _ = frames.shape
    # One palette for all frames: exact where 256 colours are enough, which is so for the drawings of grid worlds.
    mosaic = Image.fromarray(frames.reshape(count * height, width, 3))
    colours = mosaic.getcolors(256)
    if colours is None:
        quantised = mosaic.quantize(256, dither=Image.Dither.NONE)
        palette, indices = quantised.getpalette() or [], np.asarray(quantised)
    else:
        table = np.array(sorted(colour for _, colour in colours), np.uint8)
        palette = table.ravel().tolist()
        indices = np.searchsorted(_packed(table), _packed(frames)).astype(np.uint8)
    images = [Image.frombytes("P", (width, height), frame.tobytes()) for frame in indices.reshape(count, height, width)]
    for image in images:
        image.putpalette(palette)
    durations = [HOLD if t == len(film) - 1 else FRAME for film in films for t in range(len(film))]
    film = io.BytesIO()
    images[0].save(
        film, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=False
    )
    write_file(path.parent, path.name, film.getvalue())
    return path


def _packed(colours: np.ndarray) -> np.ndarray:
    """uint8[..., 3] -> one uint32 per colour, in the order of (red, green, blue)."""
    red, green, blue = np.moveaxis(colours.astype(np.uint32), -1, 0)
    return red << 16 | green << 8 | blue


def data_uri(path: Path) -> str:
    """A PNG or GIF file as a data URI."""
    return f"data:{KINDS[path.suffix]};base64,{base64.b64encode(read_bytes(path)).decode('ascii')}"
