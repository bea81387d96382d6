"""Results and their summary -> the rows of the page's tables, and its short phrases, as texts; templates lay them out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from rewardlab.analysis import naming, reading, stats
from rewardlab.analysis.cautions import is_control
from rewardlab.analysis.wording import LEVELS, Words, count, mind, percent, plain, readings
from rewardlab.report import numbers
from rewardlab.report.style import colours, estimate, short_steps


def _cell(values: np.ndarray, share: bool = True) -> str:
    """Interquartile mean and interval of a sample of seeds."""
    return estimate(numbers.summarise(0.0, values[:, None]), share) if len(values) else "–"


def facts(results: xr.Dataset, experiment: dict) -> list[str]:
    """Short phrases under the title: how much was run."""
    names = list(map(str, results.condition.values))
    fewest = min(numbers.each(results, c).min() for c in names)
    found = [
        f"world {plain(Path(results.attrs.get('env', '')).stem)}",  # of a user's file: its name
        count(results.sizes["rule"], "update rule"),
    ]
    found.append(
        ", ".join(f"{_seeds(results, c)} trained with “{plain(c)}”" for c in names)
        if len(names) < 4
        else f"{len(names)} training conditions of {fewest} seeds or more"
    )
    found.append(f"{lived(results)} environment steps a seed")
    if "episodes" in experiment:
        found.append(f"{count(experiment['episodes'], 'episode')} an evaluation")
    return found


def _seeds(results: xr.Dataset, condition: str) -> str:
    found = numbers.seeds(results, condition)
    return f"{found} seed{'s' * (found != '1')}"


def lived(results: xr.Dataset) -> str:
    """ "0.9M", or "0.9M to 12M" where rules differ: what a seed lived."""
    steps = np.nanmax(results.steps.transpose("rule", ...).values.reshape(results.sizes["rule"], -1), axis=1)
    return " to ".join(dict.fromkeys((short_steps(float(steps.min())), short_steps(float(steps.max())))))


def by_rule(results: xr.Dataset, summary: dict) -> list[dict]:
    """The verdict on every rule for which the summary has one."""
    found, said = summary.get("rules", {}), naming.read(results)
    return [
        {
            "index": i,
            "rule": said.rule(rule),
            "colour": colour,
            "verdict": found[rule]["verdict"],
            "short": found[rule].get("short", ""),
            "competent": f"{found[rule].get('competent_seeds', 0)} of {count(found[rule].get('seeds', 0), 'seed')}",
        }
        for i, (rule, colour) in enumerate(colours(results).items())
        if found.get(rule, {}).get("verdict")
    ]


def capability_table(results: xr.Dataset, summary: dict, environment: dict) -> list[dict]:
    """One row a rule: what it reads, what it reached on the training distribution, and how fast."""
    main, share, said = numbers.main_condition(results), reading.scores_success(results), naming.read(results)
    rows = []
    for rule, colour in colours(results).items():
        last = numbers.per_seed(results["return"].sel(rule=rule, condition=main).isel(evaluation=0, point=-1))
        steps = numbers.steps_to_capability(results, rule)
        entry = summary.get("rules", {}).get(rule, {})
        level, audited = entry.get("level"), [row for row in summary.get("audit", []) if row["rule"] == rule]
        seconds = environment.get("seconds", {}).get(rule)
        rows.append(
            {
                "rule": said.rule(rule),
                "colour": colour,
                "level": level,
                "reads": LEVELS.get(level, ""),
                "mind": mind(audited[0]) if audited else "",
                "is_control": is_control(entry),
                "final": _cell(last, share),
                "capable": f"{len(steps)} of {len(last)}",
                "steps": (short_steps(float(stats.iqm(steps))) if steps.any() else "untrained") if len(steps) else "–",
                "seconds": f"{sum(seconds.values()):.0f}" if seconds else "–",
            }
        )
    return rows


def shift_table(results: xr.Dataset, summary: dict, evaluation: str) -> dict:
    """Outcomes on one shift, a row a rule: all seeds, competent seeds, matched capability, control."""
    outcomes, control, excluded = (
        [str(o) for o in results.outcome.values[:2]],
        results.attrs.get("control", ""),
        numbers.no_claim(results, summary)[evaluation],
    )
    said = naming.read(results)
    rows = []
    for rule, colour in colours(results).items():
        cells = []
        for outcome in outcomes:
            able, matched = (
                numbers.competent(results, rule, evaluation, outcome),
                numbers.matched(results, rule, evaluation, outcome),
            )
            last = results.outcome_share.sel(
                rule=rule, condition=numbers.main_condition(results), evaluation=evaluation, outcome=outcome
            ).isel(point=-1)
            cells.append(
                [(_cell(numbers.per_seed(last)), None), (_cell(able), len(able)), (_cell(matched), len(matched))]
            )
        reached = (
            _cell(numbers.final_success(results, rule, control, evaluation))
            if control in results.condition.values
            else None
        )
        rows.append(
            {
                "rule": said.rule(rule),
                "colour": colour,
                "cells": cells,
                "control": reached,
                "claim": rule not in excluded,
            }
        )
    return {
        "place": said.place(evaluation),
        "outcomes": [said.ended(o) for o in outcomes],
        "rows": rows,
        "control": control in results.condition.values,
    }


def pairwise(summary: dict, said: Words) -> list[dict]:
    """The pairwise comparisons of the summary: at equal environment steps, and at matched capability."""
    tables = summary.get("pairwise") or {}
    kept = {
        key: [_pair(row, said) for row in tables.get(key, []) if row["difference"] is not None]
        for key in readings(summary)
    }
    return [
        {
            "title": title,
            "matched": key == "matched",
            "rows": kept[key],
            "left_out": _left_out(len(tables[key]) - len(kept[key])),
        }
        for key, title in readings(summary).items()
        if kept[key]
    ]


def finds(summary: dict) -> str:
    """How small a difference this size finds, in a sentence; "" where nothing is compared."""
    rows = [row for table in summary.get("pairwise", {}).values() for row in table if row.get("p") is not None]
    if not rows:
        return ""
    found = sorted(row["smallest"] for row in rows if row.get("smallest"))
    by = f"Corrected for {count(len(rows), 'comparison')}, this number of seeds finds, with a power of {percent(stats.POWER)} %, "
    if not found:
        return by + "no difference, however large."
    least = "–".join(dict.fromkeys(percent(x) for x in (found[0], found[-1])))
    rest = f"; in {len(rows) - len(found)} of them none, however large" * (len(found) < len(rows))
    return f"{by}differences in which a seed of the one lies above a seed of the other in {least} % of pairs or more{rest}."


def _left_out(number: int) -> str:
    few = f"{count(number, 'comparison')} {'is' if number == 1 else 'are'} left out"
    return f"{few}, because a rule has fewer than two seeds to compare." if number else ""


def _pair(row: dict, said: Words) -> dict:
    share = row["outcome"] != "return"

    def points(value):
        return "–" if value is None else (f"{100 * value:.1f}" if share else f"{value:.3g}").replace("-", "−")

    return {
        "a": said.rule(row["a"]),
        "b": said.rule(row["b"]),
        "outcome": said.ended(row["outcome"]) if share else "return",
        "evaluation": plain(row["evaluation"]),
        "difference": points(row["difference"]),
        "interval": "–" if row["low"] is None else f"[{points(row['low'])}, {points(row['high'])}]",
        "effect": "–" if row["effect"] is None else f"{row['effect']:.2f}",
        "p": "–" if row["p_holm"] is None else f"{row['p_holm']:.2g}",
        "significant": row["significant"],
        "n": f"{row['n_a']}, {row['n_b']}",
    }
