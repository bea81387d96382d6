"""Results -> one HTML page that needs nothing else: images as data URIs, no network. All text is escaped by the template engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import xarray as xr

from rewardlab.errors import InputError
from rewardlab.report import numbers
from rewardlab.report.figures import colours, decimal, outcome_colour, plain, short_steps, words
from rewardlab.report.replays import data_uri

LEVELS = {
    0: "nothing", 1: "whether the return clears a bar", 2: "the order of returns", 3: "the return of an episode",
    4: "which step paid", 5: "a learned predictor of reward", 6: "reward as a percept",
}


def render(results: xr.Dataset, summary: dict, config: dict, environment: dict, figures: dict[str, Path], replays: dict[str, Path]) -> str:
    """The page's HTML. figures: {name: PNG}; replays: {"rule--evaluation": GIF}. Sections whose data are missing are left out."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    engine = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    rules, evaluations = [str(r) for r in results.rule.values], [str(e) for e in results.evaluation.values]
    experiment = config or _experiment(results)
    return engine.get_template("page.html").render(
        name=plain(results.attrs.get("name", "")),
        question=str(results.attrs.get("question", "")),
        facts=facts(results, experiment),
        verdict=_sentences(summary.get("verdict")),
        by_rule=by_rule(results, summary),
        warnings=_sentences(summary.get("warnings")),
        capability_table=capability_table(results),
        shift_tables=[shift_table(results, summary, name) for name in evaluations[1:]],
        pairwise=pairwise(summary),
        figures={name: data_uri(path) for name, path in figures.items()},
        evaluations=[plain(e) for e in evaluations],
        outcomes=[(words(o), outcome_colour(k)) for k, o in enumerate(results.outcome.values)],
        films=films(rules, evaluations, replays),
        is_share=numbers.scores_success(results),
        n=numbers.count(results),
        capability=decimal(float(results.attrs["capability"])),
        control_capability=decimal(float(results.attrs.get("control_capability", np.nan))),
        main=plain(numbers.main_condition(results)),
        control=plain(results.attrs.get("control", "")),
        experiment=experiment,
        config=json.dumps(experiment, indent=2, ensure_ascii=False),
        environment=json.dumps(environment, indent=2, ensure_ascii=False) if environment else "",
        versions=versions(environment),
    )


def _experiment(results: xr.Dataset) -> dict:
    try:
        return dict(json.loads(results.attrs["experiment"]))
    except (KeyError, TypeError, ValueError):
        return {}


def _sentences(value: object) -> list[str]:
    return [] if not value else [value] if isinstance(value, str) else [str(sentence) for sentence in value]


def _cell(values: np.ndarray) -> str:
    """Interquartile mean and interval of a sample of seeds."""
    if not len(values):
        return "–"
    curve = numbers.summarise(0.0, values[:, None])
    centre, low, high = (decimal(float(x[0])) for x in (curve.centre, curve.low, curve.high))
    return f"{centre} [{low}, {high}]"


def facts(results: xr.Dataset, experiment: dict) -> list[str]:
    """Short phrases under the title: how much was run."""
    steps = float(np.nanmax(results.steps))
    seeds = [(plain(c), numbers.count(results, str(c))) for c in results.condition.values]
    found = [f"world {plain(results.attrs.get('env', ''))}", f"{results.sizes['rule']} update rule{'s' * (results.sizes['rule'] > 1)}"]
    found.append(", ".join(f"{n} seeds trained with “{c}”" for c, n in seeds) if len(seeds) < 4 else f"{len(seeds)} training conditions of {min(n for _, n in seeds)} or more seeds")
    found.append(f"{short_steps(steps)} environment steps a seed")
    if "episodes" in experiment:
        found.append(f"{experiment['episodes']} episodes an evaluation")
    return found


def levels(results: xr.Dataset) -> dict[str, int]:
    """{rule: what it can read of reward, 0 to 6}, for the rules that this installation knows."""
    from rewardlab.experiment import Experiment

    try:
        return {name: int(rule.level) for name, rule in Experiment.from_json(results.attrs["experiment"]).rules.items()}
    except (InputError, KeyError):
        return {}


def by_rule(results: xr.Dataset, summary: dict) -> list[dict]:
    """The verdict on every rule for which the summary has one."""
    found = summary.get("rules", {})
    return [
        {"rule": words(rule), "colour": colour, "verdict": found[rule]["verdict"], "claim": found[rule].get("claim") is not False}
        for rule, colour in colours(results).items() if found.get(rule, {}).get("verdict")
    ]


def capability_table(results: xr.Dataset) -> list[dict]:
    """One row a rule: what it reads, what it reached on the training distribution, and how fast."""
    main, level = numbers.main_condition(results), levels(results)
    rows = []
    for rule, colour in colours(results).items():
        last = numbers.per_seed(results["return"].sel(rule=rule, condition=main).isel(evaluation=0, point=-1))
        steps = numbers.steps_to_capability(results, rule)
        seconds = float(results.seconds.sel(rule=rule).sum()) if "seconds" in results else np.nan
        rows.append({
            "rule": words(rule), "colour": colour, "level": level.get(rule), "reads": LEVELS.get(level.get(rule), ""),
            "final": _cell(last), "capable": f"{len(steps)} of {len(last)}",
            "steps": short_steps(round(float(np.median(steps)), -3)) if len(steps) else "–",
            "seconds": "–" if np.isnan(seconds) else f"{seconds:.0f}",
        })
    return rows


def shift_table(results: xr.Dataset, summary: dict, evaluation: str) -> dict:
    """Outcomes on one shift, a row a rule: all seeds, competent seeds, matched capability, control."""
    outcomes, control, excluded = [str(o) for o in results.outcome.values[:2]], results.attrs.get("control", ""), numbers.no_claim(results, summary)
    rows = []
    for rule, colour in colours(results).items():
        cells = []
        for outcome in outcomes:
            able, matched = numbers.competent(results, rule, evaluation, outcome), numbers.matched(results, rule, evaluation, outcome)
            last = results.outcome_share.sel(rule=rule, condition=numbers.main_condition(results), evaluation=evaluation, outcome=outcome).isel(point=-1)
            cells.append([(_cell(numbers.per_seed(last)), None), (_cell(able), len(able)), (_cell(matched), len(matched))])
        reached = _cell(numbers.final_success(results, rule, control, evaluation)) if control in results.condition.values else None
        rows.append({"rule": words(rule), "colour": colour, "cells": cells, "control": reached, "claim": rule not in excluded})
    return {"name": plain(evaluation), "outcomes": [words(o) for o in outcomes], "rows": rows, "control": control in results.condition.values}


def pairwise(summary: dict) -> list[dict]:
    """The pairwise comparisons of the summary, in reading order: at equal steps, at matched capability."""
    tables = summary.get("pairwise") or {}
    titles = {"final": "At equal environment steps", "matched": "At matched capability"}
    return [{"title": title, "rows": [_pair(row) for row in tables[key]]} for key, title in titles.items() if tables.get(key)]


def _pair(row: dict) -> dict:
    def show(key):
        return "–" if row.get(key) is None else decimal(float(row[key])).replace("-", "−")

    return {
        "a": words(row["a"]), "b": words(row["b"]), "evaluation": plain(row["evaluation"]), "difference": show("difference"),
        "interval": f"[{show('low')}, {show('high')}]", "effect": show("effect"),
        "p": "–" if row.get("p_holm") is None else f"{row['p_holm']:.2g}", "significant": bool(row.get("significant")),
    }


def films(rules: list[str], evaluations: list[str], replays: dict[str, Path]) -> list[dict]:
    """One row a rule that has a replay: its name and, per evaluation, a data URI or None."""
    rows = [(rule, [replays.get(f"{rule}--{evaluation}") for evaluation in evaluations]) for rule in rules]
    return [{"rule": words(rule), "films": [path and data_uri(path) for path in row]} for rule, row in rows if any(row)]


def versions(environment: dict) -> str:
    """"jax 0.10.2, flax 0.12.8", or an empty string."""
    found = environment.get("versions") or environment.get("packages")
    return ", ".join(f"{name} {version}" for name, version in found.items()) if isinstance(found, dict) else ""
