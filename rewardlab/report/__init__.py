"""Run directory -> figures and one self-contained page."""

from __future__ import annotations

import json
from pathlib import Path

from rewardlab.errors import InputError


def write(run_dir: str | Path) -> Path:
    """Draws figures/*.png and writes report.html into a run directory. Returns the page's path.

    Needs results.nc there; summary.json, config.json, environment.json and replays/*.gif are used where present.
    Raises InputError when there are no readable results.
    """
    import xarray  # these are slow to import, and only a report needs them

    from rewardlab.report import figures, numbers, page, replays

    directory = Path(run_dir)
    file = directory / "results.nc"
    if not file.is_file():
        raise InputError(f"no results at {str(file)!r}: give the directory of a finished run")
    try:
        results = xarray.load_dataset(file, engine="h5netcdf")
    except Exception as error:  # h5py raises many kinds for a damaged file
        raise InputError(f"can't read {str(file)!r}: {error}") from error
    summary, config, environment = (_json(directory / f"{name}.json") for name in ("summary", "config", "environment"))
    drawn = figures.write(results, directory / "figures", numbers.no_claim(results, summary))
    html = page.render(results, summary, config, environment, drawn, replays.stored(directory))
    path = directory / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


def _json(path: Path) -> dict:
    """A JSON object, {} where there is no such file."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{str(path)!r} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{str(path)!r} holds no JSON object")
    return content
