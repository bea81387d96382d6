"""Films of many episodes as one small piece of data, from which a page can show any frame of any of them.

Pictures of worlds are made of few different tiles, and little changes from frame to frame: a sheet holds each tile once, and
a frame is the list of the blocks that changed. Nothing is lost.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from rewardlab.inputs.files import read_sealed, sealed
from rewardlab.inputs.files import write as write_file

FILE = "films.json"
BLOCK = 12  # pixels, the size of most worlds' tiles
COLUMNS = 64  # tiles side by side in the sheet
MOST = 2**21  # bytes of all films, packed: a third more in the page


class Reel:
    """Films put together one by one."""

    def __init__(self) -> None:
        self.size: tuple[int, int] = (0, 0)
        self._tiles: dict[bytes, int] = {}
        self._films: dict[str, dict[str, list[Any]]] = {}  # {"rule--evaluation": {seed: [episodes][frames][changes]}}
        self._bytes = 0
        self._first: dict[str, np.ndarray] = {}  # {evaluation: how its first episode begins}, the same for all

    def add(self, rule: str, evaluation: str, seed: int, episodes: list[np.ndarray]) -> None:
        """One seed's episodes, uint8[T, H, W, 3] each, all films of one H and W. Left out where they would be more than `MOST`."""
        if self._bytes > MOST:
            return
        self.size = episodes[0].shape[1:3]
        self._first.setdefault(evaluation, episodes[0][0])
        before, films = len(self._tiles), [self._changes(film) for film in episodes]
        new = b"".join(itertools.islice(self._tiles, before, None))
        self._bytes += sum(len(zlib.compress(x, 1)) for x in (new, json.dumps(films).encode()))
        if self._bytes <= MOST:
            self._films.setdefault(f"{rule}--{evaluation}", {})[str(seed)] = films
            return
        for _ in range(len(self._tiles) - before):
            self._tiles.popitem()  # the newest

    def _changes(self, film: np.ndarray) -> list[list[int]]:
        """Of each frame, [block, tile, block, tile, ...] of what differs from the frame before."""
        count, height, width, _ = film.shape
        film = np.pad(film, ((0, 0), (0, -height % BLOCK), (0, -width % BLOCK), (0, 0)))
        rows, columns = film.shape[1] // BLOCK, film.shape[2] // BLOCK
        blocks = film.reshape(count, rows, BLOCK, columns, BLOCK, 3).swapaxes(2, 3).reshape(count, rows * columns, -1)
        changed = np.ones(blocks.shape[:2], bool)
        changed[1:] = (blocks[1:] != blocks[:-1]).any(-1)
        frames: list[list[int]] = [[] for _ in range(count)]
        for t, block in np.argwhere(changed).tolist():
            tile = self._tiles.setdefault(blocks[t, block].tobytes(), len(self._tiles))
            frames[t] += [block, tile]
        return frames

    def plain(self) -> dict[str, Any]:
        """Plain data: size, the height and width of a frame; sheet, PNG; films, packed JSON; first, {evaluation: PNG}; names of the
        films; most, {seeds, levels} of any film. PNGs and packed JSON are in base 64.
        """
        text = json.dumps(self._films, separators=(",", ":")).encode()
        films = base64.b64encode(zlib.compress(text, 9)).decode("ascii")
        seeds = max(map(len, self._films.values()), default=0)
        levels = max((len(levels) for of in self._films.values() for levels in of.values()), default=0)
        return {
            "size": [int(x) for x in self.size],
            "block": BLOCK,
            "columns": COLUMNS,
            "sheet": png(self._sheet()) if self._tiles else "",
            "films": films,
            "first": {name: png(picture) for name, picture in self._first.items()},
            "names": list(self._films),
            "most": {"seeds": seeds, "levels": levels},
        }

    def _sheet(self) -> np.ndarray:
        tiles = np.frombuffer(b"".join(self._tiles), np.uint8).reshape(-1, BLOCK, BLOCK, 3)
        tiles = np.pad(tiles, ((0, -len(tiles) % COLUMNS), (0, 0), (0, 0), (0, 0)))
        sheet = tiles.reshape(-1, COLUMNS, BLOCK, BLOCK, 3).swapaxes(1, 2).reshape(-1, COLUMNS * BLOCK, 3)
        return np.ascontiguousarray(sheet)


def png(picture: np.ndarray) -> str:
    """A picture uint8[H, W, 3 or 4] as a PNG, nothing lost, in base 64."""
    from PIL import Image

    image, file = Image.fromarray(picture), io.BytesIO()
    if image.mode == "RGB" and image.getcolors(256):  # a palette holds them all
        image = image.quantize(256, dither=Image.Dither.NONE)
    image.save(file, format="PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def write(directory: Path, reel: Reel) -> None:
    """Writes it into a run's directory."""
    (directory / "replays").mkdir(parents=True, exist_ok=True)
    write_file(directory / "replays", FILE, sealed(reel.plain()))


def stored(directory: Path) -> dict[str, Any]:
    """What `write` wrote; {} where there is none. Raises InputError where it is damaged."""
    file = directory / "replays" / FILE
    return read_sealed(file) if file.exists() else {}
