"""One JSON object a line for each seed at each moment: logs/log.jsonl. Numbers that are not finite are null."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from rewardlab.loggers import Logger, appended, file_name, numbers

if TYPE_CHECKING:
    from rewardlab.running.chunks import Moment


class Lines:
    """Appends to the file that is there."""

    def __init__(self, folder: Path, process: str):
        self.file = appended(folder / file_name(process, ".jsonl"))

    def write(self, moment: Moment) -> None:
        named = {name: values.tolist() for name, values in numbers(moment).items()}
        for i, (seed, steps) in enumerate(zip(moment.seeds, moment.steps.tolist(), strict=True)):
            values = {name: x[i] if math.isfinite(x[i]) else None for name, x in named.items()}
            about = {"rule": moment.rule, "condition": moment.condition, "seed": seed, "steps": steps}
            print(json.dumps(about | {"point": moment.point, "values": values}, allow_nan=False), file=self.file)
        self.file.flush()

    def close(self) -> None:
        self.file.close()


logger = Logger(Lines)
