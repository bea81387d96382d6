"""`python -m rewardlab.bench.page FILE.json ... PAGE.md`: writes what was measured into a page, between its two marks.

Where the growth suite was measured, its figure is drawn as figures/growth.png beside the page.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rewardlab.bench import tables
from rewardlab.report import drawing

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PANELS = {"seeds": "PPO, seeds", "population": "OpenAI-ES, candidates", "limit": "PPO, 64 seeds, cores"}


def write(page: Path, found: list[dict[str, Any]]) -> None:
    """Puts the tables of files of `rewardlab bench --out` into a page, and draws the figure."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    told = "\n\n".join(tables.markdown(measured) for measured in found)
    page.write_text(f"{before}{BEGIN}\n\n{told}\n\n{END}{after}", encoding="utf-8")
    grown = [row for measured in found for row in measured["rows"] if row["suite"] == "growth" and not row["failed"]]
    if grown:
        drawing.import_matplotlib()
        from rewardlab.report.style import STYLE

        with drawing.styled(STYLE):
            growth(grown).savefig(page.parent / "figures" / "growth.png", dpi=200)


def growth(rows: list[dict[str, Any]]):
    """A panel each for seeds, candidates and cores: million steps a second, by wall clock and of one core."""
    from matplotlib.figure import Figure

    from rewardlab.report import style

    points: dict[str, list] = {name: [] for name in PANELS}
    for row in rows:
        size = row["arguments"]
        kind = "population" if "population" in size else "limit" if row["row"].endswith("cores") else "seeds"
        at = int(row["row"].split(", ")[1].split()[0]) if kind == "limit" else size[kind]
        if "width" not in size:
            points[kind].append((at, row))
    figure = Figure(figsize=(style.WIDTH, 2.3), layout="constrained")
    for axis, (kind, title) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        at = [x for x, _ in points[kind]]
        for label, name, colour in (("wall clock", "rate", 0), ("CPU time", "rate_per_cpu_second", 3)):
            y = [row[name] / 1e6 for _, row in points[kind]]
            axis.plot(at, y, "o-", color=style.RULE_COLOURS[colour], markersize=3.5, linewidth=1.2, label=label)
        axis.set_xscale("log", base=2)
        axis.set_xticks(at, [f"{x:,}" for x in at])
        axis.tick_params(axis="x", which="minor", bottom=False)
        axis.set_ylim(0, None)
        axis.set_title(title, loc="left", fontweight="bold")
    figure.axes[0].set_ylabel("million steps a second")
    figure.axes[0].legend(loc="lower right")
    return figure


if __name__ == "__main__":
    *files, page = map(Path, sys.argv[1:])
    write(page, [json.loads(file.read_text(encoding="utf-8")) for file in files])
