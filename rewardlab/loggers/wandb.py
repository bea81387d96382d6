"""Weights & Biases, on line or, with WANDB_MODE=offline, for `wandb sync`. A curve for each batch of seeds, the mean over these."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from rewardlab.inputs.files import read_json, read_text
from rewardlab.loggers import Logger, means, series

if TYPE_CHECKING:
    from rewardlab.running.chunks import Moment


class WandbRun:
    """One run of wandb's for the whole run directory, which goes on where it was interrupted. Its config is the experiment.

    Its files lie where wandb puts them, in WANDB_DIR or ./wandb: some are links, which a run directory may not hold.
    Each batch has an axis of its own, "rule/condition/seeds/steps", the environment steps that its seeds have lived in the mean.
    """

    def __init__(self, folder: Path, process: str):
        import wandb

        config = folder.parent / "config.json"
        text = read_text(config) if config.is_file() else "{}"
        place = str(folder.resolve())
        self.run = wandb.init(
            project="rewardlab",
            name="-".join(filter(None, (folder.resolve().parent.name, process))),
            id=hashlib.sha256("\n".join((place, process, text)).encode()).hexdigest()[:16],
            resume="allow",
            config=read_json(text, str(config)),
        )
        self.known: set[str] = set()

    def write(self, moment: Moment) -> None:
        name = series(moment)
        axis = f"{name}/steps"
        if name not in self.known:
            self.known.add(name)
            self.run.define_metric(axis, hidden=True)
            self.run.define_metric(f"{name}/*", step_metric=axis)
        told = {f"{name}/{tag}": value for tag, value in means(moment).items()}
        self.run.log(told | {axis: float(moment.steps.mean())})

    def close(self) -> None:
        self.run.finish()


logger = Logger(WandbRun, needs="wandb", extra="wandb")
