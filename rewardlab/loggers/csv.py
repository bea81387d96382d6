"""One line for each number of each seed: logs/log.csv, with the columns rule, condition, seed, steps, point, name and value."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from rewardlab.loggers import Logger, appended, file_name, numbers

if TYPE_CHECKING:
    from rewardlab.running.chunks import Moment

COLUMNS = ("rule", "condition", "seed", "steps", "point", "name", "value")


class Table:
    """Appends to the file that is there. point: the number of the evaluation that measured it; empty for what the rule said."""

    def __init__(self, folder: Path, process: str):
        self.file = appended(folder / file_name(process, ".csv"))
        self.rows = csv.writer(self.file)
        if self.file.tell() == 0:
            self.rows.writerow(COLUMNS)

    def write(self, moment: Moment) -> None:
        for name, values in numbers(moment).items():
            point = "" if name.startswith("log/") or moment.point is None else moment.point
            for seed, steps, value in zip(moment.seeds, moment.steps.tolist(), values.tolist(), strict=True):
                self.rows.writerow((moment.rule, moment.condition, seed, steps, point, name, value))
        self.file.flush()

    def close(self) -> None:
        self.file.close()


logger = Logger(Table)
