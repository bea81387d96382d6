"""What a page needs of a thing that its reader may put elsewhere: kept as one file of a run, made by `running/staging.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from rewardlab.analysis import naming, reading
from rewardlab.inputs.errors import InputError, show
from rewardlab.inputs.files import read_sealed, sealed
from rewardlab.inputs.files import write as write_file
from rewardlab.report.style import colours, outcome_colour

FILE = "placements.json"


def write(directory: Path, stage: dict[str, Any]) -> None:
    """Writes it into a run's directory."""
    (directory / "replays").mkdir(parents=True, exist_ok=True)
    write_file(directory / "replays", FILE, sealed(stage))


def of(directory: Path, results: xr.Dataset) -> dict[str, Any]:
    """The page's data, with names, colours and who is competent; {} where the run has none, or one of other rules.

    Raises InputError for a file that is damaged.
    """
    file = directory / "replays" / FILE
    if not file.exists():
        return {}
    stage, said, palette = read_sealed(file), naming.read(results), colours(results)
    played = stage.get("rules")
    if not stage:
        return {}
    if not isinstance(played, dict) or not {*played} <= {*palette}:
        raise InputError(
            f"{show(str(file))} has rules {show(played)}; allowed: those of the results, {', '.join(palette)}"
        )
    able = reading.competent(results)
    rules = [
        {
            "key": rule,
            "name": said.rule(rule),
            "colour": palette[rule],
            "competent": [bool(x) for x in able.sel(rule=rule).values[:seeds]],
        }
        for rule, seeds in played.items()
    ]
    outcomes = [{"name": said.ended(o), "colour": outcome_colour(k)} for k, o in enumerate(results.outcome.values)]
    episodes = sum(played.values()) * sum(len(level["cells"]) for level in stage["levels"])
    told = {"place": said.place(stage["evaluation"]), "played": f"{episodes:,}", "seeds": max(played.values())}
    return {**stage, "rules": rules, "outcomes": outcomes, "told": told}
