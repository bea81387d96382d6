"""Results -> one HTML page that needs nothing else: images are data URIs, the template engine escapes all text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from rewardlab import questions
from rewardlab.analysis import naming, reading, stats
from rewardlab.analysis.wording import AUDIT, Words, audit_cells, count, listed, percent, plain, sentence
from rewardlab.questions import Question
from rewardlab.report import ends, numbers, tables
from rewardlab.report.figures import reference_lines
from rewardlab.report.replays import data_uri
from rewardlab.report.style import colours, outcome_colour
from rewardlab.report.templates import engine


def render(
    results: xr.Dataset,
    summary: dict,
    config: dict,
    environment: dict,
    figures: dict[str, Path],
    stage: dict | None = None,
    reel: dict | None = None,
    question: Question | None = None,
) -> str:
    """The page's HTML; sections whose data are missing are left out.

    figures: {name: PNG}. stage: as of `placements.of`; reel: as of `reel.stored`. question: whose sections are in it; None: that of
    the results.
    """
    evaluations = [str(e) for e in results.evaluation.values]
    shifts, said = reading.shifts(results), naming.read(results)
    experiment, control = config or _experiment(results), results.attrs.get("control", "")
    verdict, silent = _sentences(summary.get("verdict")), numbers.no_claim(results, summary)
    return (
        engine()
        .get_template("page.html")
        .render(
            name=plain(results.attrs.get("name", "")),
            question=str(results.attrs.get("question", "")),
            asked=asked(results, said),
            answer=" ".join(_sentences(summary.get("answer")))
            or shortened(verdict, [said.place(name) for name in shifts]),
            facts=tables.facts(results, experiment),
            verdict=verdict,
            by_rule=tables.by_rule(results, summary),
            warnings=_sentences(summary.get("warnings")),
            capability_table=tables.capability_table(results, summary, environment),
            shift_tables=[tables.shift_table(results, summary, name) for name in shifts if reading.has_goals(results)],
            audit=[[said.rule(row["rule"]), *audit_cells(row)[1:]] for row in summary.get("audit", [])],
            audit_columns=AUDIT,
            pairwise=tables.pairwise(summary, said),
            power=tables.finds(summary),
            paired=any(row.get("paired") for rows in summary.get("pairwise", {}).values() for row in rows),
            figures={name: data_uri(path) for name, path in figures.items()},
            evaluations=[plain(e) for e in evaluations],
            places=[said.place(e) for e in evaluations],
            outcomes=[(said.ended(o), outcome_colour(k)) for k, o in enumerate(results.outcome.values)],
            no_claims=listed(dict.fromkeys(said.rule(rule) for rules in silent.values() for rule in rules)),
            sections=(question or questions.of(results)).sections(results, summary, {*figures}),
            dots=ends.plain(results, colours(results), [outcome_colour(k) for k in range(2)])
            if "outcomes" in figures
            else {},
            world=world(results, reel or {}, said),
            ways=", or ".join(said.ended(o) for o in results.outcome.values) if reading.has_goals(results) else "",
            stage=stage or {},
            films=films(results, reel or {}, said),
            is_share=reading.scores_success(results),
            seeds=numbers.seeds(results),
            steps=tables.lived(results),
            evaluated=results.sizes["point"],
            alike=summary.get("alike", True),
            min_seeds=stats.MIN_SEEDS,
            capability=percent(results.attrs["capability"]) + " %"
            if reading.scores_success(results)
            else f"{results.attrs['capability']:g}",
            control_capability=percent(results.attrs.get("control_capability", np.nan)) + " %",
            control_seeds=numbers.seeds(results, control) if control in results.condition.values else "",
            way=results.attrs.get("capability_share") and percent(results.attrs["capability_share"]),
            references="reference" in results.coords,
            lines=list(reference_lines(results, evaluations[0])),
            networks=len(numbers.networks(results)),
            ordered=bool(reading.sweep(results)[0]),
            main=plain(numbers.main_condition(results)),
            control=plain(control),
            experiment=experiment,
            shifts=[said.place(name) for name in shifts],
            held_out=[plain(name) for name, p in experiment.get("evaluations", {}).items() if p.get("held_out")],
            config=json.dumps(experiment, indent=2, ensure_ascii=False),
            environment=json.dumps(environment, indent=2, ensure_ascii=False) if environment else "",
            versions=versions(environment),
        )
    )


def _experiment(results: xr.Dataset) -> dict:
    try:
        return dict(json.loads(results.attrs["experiment"]))
    except (KeyError, TypeError, ValueError):
        return {}


def _sentences(value: Any) -> list[str]:
    return [] if not value else [value] if isinstance(value, str) else [str(sentence) for sentence in value]


def asked(results: xr.Dataset, said: Words) -> str:
    """What was done to answer the question, in a sentence."""
    places = [said.place(str(e)) for e in results.evaluation.values]
    where = listed(places) if len(places) <= 4 else f"in {len(places)} evaluations"
    rules = count(results.sizes["rule"], "update rule")
    seeds = f"from {numbers.seeds(results)} random starts" + " each" * (results.sizes["rule"] > 1)
    return f"{sentence(rules)} trained agents, {seeds}; then every agent was tested with its parameters fixed, {where}."


def shortened(verdict: list[str], shifts: list[str]) -> str:
    """Of a question that names no answer: two sentences of the verdict, the first of them of a shift if there is one, without
    what is in brackets or follows a semicolon: all of it stands in full below.
    """
    of_shifts = [text for text in verdict if any(text.startswith(sentence(place)) for place in shifts if place)]
    chosen = [*of_shifts[:1], *(text for text in verdict if text not in of_shifts[:1])][:2]
    short = [re.sub(r"\s*(\([^()]*\)|\[[^][]*\])", "", text).split(";")[0].rstrip(". ") + "." for text in chosen]
    return " ".join(short)


def world(results: xr.Dataset, reel: dict, said: Words) -> dict:
    """What the world is, in a sentence if it comes with the package, and how each evaluation begins, drawn by the world itself."""
    from rewardlab import envs
    from rewardlab.inputs.registry import outline

    name, shifts = str(results.attrs.get("env", "")), reading.shifts(results)
    files = envs.FAMILY.names()
    pictures = [
        {
            "png": reel["first"][evaluation],
            "title": "A shift:" if evaluation in shifts else "As in training:",
            "place": said.place(evaluation),
            "alt": f"How an episode begins {said.place(evaluation)}",
        }
        for evaluation in map(str, results.evaluation.values)
        if evaluation in reel.get("first", {})
    ]
    return {"about": outline(files[name]).doc if name in files else "", "pictures": pictures}


def films(results: xr.Dataset, reel: dict, said: Words) -> dict:
    """The replays that the page shows: {} without any. rows: of each rule, its films by evaluation."""
    if not reel or not reel["names"]:
        return {}
    names, palette = {*reel["names"]}, colours(results)
    rows = [
        {
            "rule": said.rule(rule),
            "colour": palette[rule],
            "films": [
                {"key": f"{rule}--{evaluation}", "place": said.place(evaluation)}
                for evaluation in map(str, results.evaluation.values)
                if f"{rule}--{evaluation}" in names
            ],
        }
        for rule in palette
    ]
    return {"rows": [row for row in rows if row["films"]], "size": reel["size"], **reel["most"], "reel": reel}


def versions(environment: dict) -> str:
    """ "jax 0.10.2, flax 0.12.8", or an empty string."""
    found = environment.get("versions") or environment.get("packages")
    return ", ".join(f"{name} {version}" for name, version in found.items()) if isinstance(found, dict) else ""
