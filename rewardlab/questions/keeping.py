"""The evidence of `power`, and its tables: what policies keep beside optimal, untrained and random ones, seed by seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.probes.power import BINS
from rewardlab.questions import Contrast, Evidence, Found, Table
from rewardlab.questions.options import SURE, Options, alike_far, by_bin, mean, options, share, told, untrained

HEAD = [
    "Rule",
    "POWER kept",
    "Less optimal",
    "As much",
    "Dead end",
    "Hub",
    "Falls short by",
    "Less random, as far short",
]


def evidence(found: Found) -> Evidence:
    """The POWER kept, by rule; and contrasts in pairs of seeds, each of which has rewards of its own."""
    results, runs, of = found.results, found.runs, options(found.results)
    there = runs.trained[:, 0] & ~runs.failed[:, 0] & np.isfinite(of.kept[:, :, -1])
    fixed, blind = untrained(results, runs)
    number = {rule: i for i, rule in enumerate(runs.rules)}
    learners = [rule for rule in runs.rules if not is_control(found.rules[rule])]

    def pair(a: str, b: str) -> Contrast:
        """Two rules, or the optimal policies and a rule, on the seeds that both have."""
        both = np.logical_and.reduce([there[number[r]] for r in (a, b) if r in number])
        return _pair(a, b, *(_last(of, number.get(r), both) for r in (a, b)))

    tables = {
        "optimal": [pair(rule, "optimal") for rule in learners],
        "untrained": [pair(rule, fixed) for rule in learners if fixed],
        "as_far": [_pair(rule, "random", *alike_far(of, number[rule], there[number[rule]])) for rule in learners],
        "controls": [pair(what, fixed) for what in ("optimal", *blind) if fixed],
    }
    some = there.any(0)
    best = {k: share(of.best[k][some] > 0.5) for k in ("dead", "hub")} | {"kept": mean(of.best["kept"][some])}
    chance = [mean(x[np.isfinite(x)]) for x in of.chance[some].T]
    about = {"untrained": fixed, "blind": blind, "optimal": best, "chance": chance}
    rules = {rule: {"power": _figures(of, i, there[i])} for rule, i in number.items()}
    return Evidence(rules, {name: rows for name, rows in tables.items() if rows}, {"power": about})


def _last(of: Options, rule: int | None, seeds: np.ndarray) -> np.ndarray:
    """POWER kept at the last point, or, of None, by the optimal policies; to a tenth of SURE, so that ties are ties."""
    kept = of.best["kept"] if rule is None else of.kept[rule, :, -1]
    return np.round(kept[seeds] / (SURE / 10)) * (SURE / 10)


def _pair(a: str, b: str, one: np.ndarray, other: np.ndarray) -> Contrast:
    return Contrast([{"a": a, "b": b}], one[:, None], other[:, None], paired=True)


def _figures(of: Options, rule: int, seeds: np.ndarray) -> dict[str, Any]:
    """What the summary says of a rule at its last point, and on the way."""
    kept, best = of.kept[rule, seeds, -1], of.best["kept"][seeds]
    trained, chance = alike_far(of, rule, seeds)
    return {
        "kept": mean(kept),
        "apart": mean(kept - best),
        "as_much": share(kept >= best - SURE),
        "dead": share(of.dead[rule, seeds] > 0.5),
        "hub": share(of.hub[rule, seeds] > 0.5),
        "short": mean(of.short[rule, seeds, -1]),
        "far": mean(trained - chance),
        "bins": by_bin(of, rule, seeds),
    }


def tables(summary: dict[str, Any]) -> tuple[Table, Table]:
    """POWER kept, dead ends and hub, by rule; and by how far policies fall short."""
    said, best = words_of(summary), summary["power"]["optimal"]
    ends = [told(best["dead"]), told(best["hub"])]
    rows = [["optimal policies", told(best["kept"], "return"), "–", "–", *ends, "0", "–"]]
    bins = [["random policies", *(told(x, "return") for x in summary["power"]["chance"])]]
    for rule, entry in summary["rules"].items():
        of = entry["power"]
        kept, apart, short, far = (told(of[k], "return") for k in ("kept", "apart", "short", "far"))
        shares = [told(of[k]) for k in ("as_much", "dead", "hub")]
        rows.append([said.rule(rule), kept, apart, *shares, short, far])
        bins.append([said.rule(rule), *(told(x, "return") for x in of["bins"])])
    note = "Means and shares over draws of rewards [95 % interval]. Falls short by: 0 is the best, 1 random actions."
    more = "POWER kept at evaluations after the first: means over draws [95 % interval]."
    return Table(HEAD, rows, note), Table(["Falls short by", *BINS], bins, more)
