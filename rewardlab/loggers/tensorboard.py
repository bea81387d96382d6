"""TensorBoard: `tensorboard --logdir runs/NAME/logs/tensorboard`. A curve for each batch of seeds, the mean over these."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardlab.loggers import Logger, means, series

if TYPE_CHECKING:
    from rewardlab.running.chunks import Moment


class Board:
    """An event file for each batch. Curves are drawn over the environment steps that its seeds have lived, in the mean.

    Tags hold no blanks.
    """

    def __init__(self, folder: Path, process: str):
        del process  # batches of two processes are never the same
        self.folder, self.writers = folder / "tensorboard", dict[str, Any]()

    def write(self, moment: Moment) -> None:
        from tensorboardX import SummaryWriter

        name, steps = series(moment), round(float(moment.steps.mean()))
        if name not in self.writers:
            self.writers[name] = SummaryWriter(str(self.folder / name))
        for tag, value in means(moment).items():
            self.writers[name].add_scalar(tag.replace(" ", "_"), value, steps)
        self.writers[name].flush()

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()


logger = Logger(Board, needs="tensorboardX", extra="tensorboard")
