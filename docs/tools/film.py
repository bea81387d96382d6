"""Puts films of a run one below the other, each with a caption.

python docs/tools/film.py runs/coinrun ppo docs/figures/coin-missed.gif
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageSequence

from rewardlab.report import replays

CAPTIONS = {
    "held-out": "As in training: the coin is at the end of the level",
    "detour": "The coin is at a detour: the same agent runs past it",
    "behind": "The coin is behind the start: it runs the other way",
}
SCALE, CAPTION = 2, 26  # pixels drawn for one, and the height of a caption


def enlarged(frames: list[np.ndarray], caption: str) -> np.ndarray:
    """uint8[T, H, W, 3] with the caption above each frame."""
    film = np.stack(frames).repeat(SCALE, 1).repeat(SCALE, 2)
    strip = Image.new("RGB", (film.shape[2], CAPTION), "white")
    ImageDraw.Draw(strip).text((4, 4), caption, fill="black", font=ImageFont.load_default(15))
    return np.concatenate([np.broadcast_to(np.asarray(strip), (len(film), *np.asarray(strip).shape)), film], axis=1)


def rows(run: Path, rule: str) -> np.ndarray:
    """All films of a rule, side by side in time: uint8[T, H, W, 3]."""
    films = []
    for name, caption in CAPTIONS.items():
        opened = Image.open(run / "replays" / f"{rule}--{name}.gif")
        films.append(enlarged([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(opened)], caption))
    return np.concatenate(films, axis=1)


def levels(run: Path, rule: str) -> list[int]:
    """Where each level's film ends: the frames that stay longer."""
    opened = Image.open(run / "replays" / f"{rule}--{next(iter(CAPTIONS))}.gif")
    return [i + 1 for i, f in enumerate(ImageSequence.Iterator(opened)) if f.info["duration"] >= replays.HOLD]


if __name__ == "__main__":
    run, rule, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    print(replays.save(out, np.split(rows(run, rule), levels(run, rule))[:-1]))
