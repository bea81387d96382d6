"""What an experiment measured, as labelled arrays: every seed is kept."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from rewardlab import probes, questions
from rewardlab.analysis import naming
from rewardlab.experiment import Experiment, layout
from rewardlab.experiment.layout import SEED
from rewardlab.experiment.plan import Plan
from rewardlab.experiment.text import todays_names
from rewardlab.inputs.errors import InputError, show
from rewardlab.inputs.fields import expect
from rewardlab.inputs.files import read_json
from rewardlab.probes import Array
from rewardlab.probes.outcomes import Outcomes, named
from rewardlab.questions import Question

NAMED = ("rule", "condition", "evaluation")  # the dimensions whose coordinates are names, whatever is measured
REFERENCE = ("reference", "evaluation")
COUNTS = {"shared_point": ("rule",), "level": ("rule",), "shown": ("rule",)}
OF_RULES = {
    "shared_point": Array(
        (), "the last point at which a rule has lived no more steps than every rule lives in all", "number"
    ),
    "level": Array(
        (), "what a rule can read of reward, from 0, nothing, to 5, a predictor of it that it consults to act", "level"
    ),
    "shown": Array(
        (), "whether a rule is shown what a scripted policy would do at every step: 1 yes, 0 no", "yes or no"
    ),
}
ATTRIBUTES: dict[str, type] = dict.fromkeys(
    ("name", "question", "experiment", "control", "env", "audit", "mixed", "words"), str
)
ATTRIBUTES |= {"capability": float, "control_capability": float}
NUMBERS = dict[str, bool | int | float]
PLANNED = {
    "conditions": dict[str, dict[str, NUMBERS | int | list[dict[str, float | NUMBERS]] | None]],
    "evaluations": dict[str, NUMBERS],
    "published": dict[str, float],
    "rules": dict[str, dict[str, Any]],
    "agent": dict[str, Any],
    "agents": dict[str, dict[str, Any]],
    "asks": str,
    "claim": str,
    "source": str,
    "total_steps": int,
    "budgets": dict[str, dict[str, int | None]],
}
PHASE = {"start": float, "params": NUMBERS, "reward": dict[str, float]}
FORKS = {"forks": int}
AUDITED = {
    "rule": str,
    "level": int | None,
    "enters": str,
    "gradient": dict[str, list[str]],
    "derivative": bool,
    "act": list[str],
    "reads": list[str],
    "fitted": list[str],
}


Measured = dict[str, np.ndarray]  # of one rule under one condition, {array: [seed, ...]}, as `layout.Kept` says


def dataset(plan: Plan, measured: dict[tuple[str, str], Measured], references: dict[str, Outcomes]):
    """An xarray Dataset over all rules and conditions; where a rule has fewer seeds under one, it is filled up with NaN.

    Every variable says what it is (attribute `description`) and in what it is counted (`units`, "1" for a number without a unit).
    The coordinate `env_steps` has the steps at which each point is due, to draw curves over: `steps`, those that each seed has
    lived, differ a little from seed to seed.
    references: {scripted policy: Outcomes [E]}, how its episodes ended on each evaluation.
    """
    import xarray

    experiment, kept = plan.experiment, plan.layout
    names, conditions = list(experiment.rules), list(experiment.conditions)
    most = max(experiment.seeds_of(name, condition) for name in names for condition in conditions)

    def cube(array):
        cells = [[measured[name, condition][array] for condition in conditions] for name in names]
        full = np.full((len(names), len(conditions), most, *cells[0][0].shape[1:]), np.nan, cells[0][0].dtype)
        for i, row in enumerate(cells):
            for j, cell in enumerate(row):
                full[i, j, : len(cell)] = cell
        return full

    def scripted(array):
        found = np.array([named(one)[array] for one in references.values()], np.float32)
        return found.reshape(len(references), *kept.arrays[array].shape[1:])

    def about(array):
        return {"description": array.description, "units": array.unit or "1"}

    def coordinate(name, values, dims=()):
        return (dims or (name,)), values, about(kept.along[name])

    compared = {name: one.about for name, one in kept.arrays.items() if one.about.reference}
    return xarray.Dataset(
        {
            **{name: ((*SEED, *one.dims), cube(name), about(one.about)) for name, one in kept.arrays.items()},
            **{one.reference: ((*REFERENCE, *one.axes), scripted(name), about(one)) for name, one in compared.items()},
            "shared_point": (
                ("rule",),
                np.array([experiment.shared_point(name) for name in names]),
                about(OF_RULES["shared_point"]),
            ),
            "level": (
                ("rule",),
                np.array([rule.level for rule in experiment.rules.values()]),
                about(OF_RULES["level"]),
            ),
            "shown": (
                ("rule",),
                np.array([int(bool(rule.shown)) for rule in experiment.rules.values()]),
                about(OF_RULES["shown"]),
            ),
            **founders(experiment, most),
        },
        coords={
            "rule": coordinate("rule", names),
            "condition": coordinate("condition", conditions),
            "seed": coordinate("seed", np.arange(most)),
            "point": coordinate("point", np.arange(len(experiment.targets(names[0])))),
            "evaluation": coordinate("evaluation", list(experiment.evaluations)),
            "reference": coordinate("reference", list(references)),
            **{
                axis: coordinate(axis, np.arange(along) if isinstance(along, int) else list(along))
                for axis, along in kept.axes.items()
            },
            "env_steps": coordinate("env_steps", np.array([*map(experiment.targets, names)], float), ("rule", "point")),
            **(
                {"record_env_steps": coordinate("record_env_steps", ends(experiment), ("rule", "record"))}
                if "record_steps" in kept.arrays
                else {}
            ),
        },
        attrs={
            "name": experiment.name,
            "question": experiment.question,
            "experiment": experiment.to_json(),
            "capability": threshold(experiment, references),
            **({} if experiment.capable_return is not None else {"capability_share": experiment.capability}),
            "control_capability": experiment.control_capability,
            "control": experiment.control or "",
            "words": json.dumps(naming.of(experiment, plan.env)._asdict(), ensure_ascii=False),
            "env": experiment.env if isinstance(experiment.env, str) else type(experiment.env).__name__,
        },
    )


def ends(experiment: Experiment) -> np.ndarray:
    """The steps by which each record is made, float64[rules, records], as `recording.py` divides them."""
    lived = np.array([experiment.steps_of(name) for name in experiment.rules], float)[:, None]
    return np.minimum(np.ceil(lived / layout.RECORDS) * np.arange(1, layout.RECORDS + 1), lived)


def founders(experiment: Experiment, seeds: int) -> dict[str, Any]:
    """For each seed, the number of the run that it was before any phase forked, int[condition, seed]; nothing where none does."""
    forks = [condition.forks for condition in experiment.conditions.values()]
    if max(forks) == 1:
        return {}
    about = {"description": "the run that a seed was before it parted", "units": "number"}
    return {"founder": (("condition", "seed"), np.arange(seeds) // np.array(forks)[:, None], about)}


def threshold(experiment: Experiment, references: dict[str, Outcomes]) -> float:
    """The return on the first evaluation that counts as having learned: as the experiment says it, or so much of the way from
    the random policy's return to the optimal one's, both measured there.
    """
    if experiment.capable_return is not None:
        return experiment.capable_return
    random, optimal = (float(references[name].returns[0]) for name in ("random", "optimal"))
    return random + experiment.capability * (optimal - random)


def declared(question: Question) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """{array: its dimensions} of what results hold for a question, and of what they may hold beside it."""
    needed: dict[str, tuple[str, ...]] = {"steps": (*SEED, "point")}
    also: dict[str, tuple[str, ...]] = {"finite": (*SEED, "point")}
    for probe in map(probes.load, dict.fromkeys((*questions.ALWAYS, *question.probes))):
        if probe.when == "update":
            needed |= {name: (*SEED, "record") for name in layout.RECORDED}
        needed |= {name: (*SEED, *probes.WHEN[probe.when], *one.axes) for name, one in probe.arrays.items()}
        also |= {one.reference: (*REFERENCE, *one.axes) for one in probe.arrays.values() if one.reference}
    return needed, also


def checked(results: Any, question: Question | None = None) -> Any:
    """The Dataset, if it is of the form that `dataset` gives it, so that it can be summarised. Raises InputError.

    question: whose arrays are needed; None: the one that their experiment says. Its digest says that nothing happened to it,
    not that RewardLab made it.
    """

    def need(right: Any, what: str) -> None:
        if not right:
            raise InputError(f"these are not the results of a run: {what}")

    def array(name: str, dims: tuple[str, ...], kinds: str) -> np.ndarray:
        found = results[name]
        need(set(found.dims) == {*dims}, f"{name} has the dimensions {show(found.dims)}; allowed: {', '.join(dims)}")
        need(found.dtype.kind in kinds, f"{name} is of type {show(found.dtype)}; allowed: numbers")
        return found.transpose(*dims).values

    expect(results.attrs, "the attributes of the results", {"capability": float}, ATTRIBUTES)
    told = read_json(results.attrs.get("experiment") or "{}", "the results' experiment")
    plan = expect(todays_names(told) if isinstance(told, dict) else told, "it", {}, PLANNED)
    for name, condition in plan.get("conditions", {}).items():
        phases = condition.get("phases") or []
        need(isinstance(phases, list), f"phases of {show(name)} are no list")
        for phase in phases:
            expect(phase, f"a phase of {show(name)}", PHASE, FORKS)
            need(phase.get("forks", 1) > 0, f"a phase of {show(name)} parts runs into {show(phase.get('forks'))}")
        forks = math.prod(phase.get("forks", 1) for phase in phases)
        need(
            forks <= results.sizes.get("seed", 0),
            f"runs of {show(name)} part into {show(forks)}, and there are fewer seeds",
        )
    question = question or questions.of(results)
    needed, also = declared(question)
    missing = [name for name in (*needed, *NAMED) if name not in results.variables]
    need(not missing, f"{', '.join(missing)} missing")
    own = {dim for dims in needed.values() for dim in dims} - {"seed", "point", "record"}
    for name in dict.fromkeys((*NAMED, *sorted(own))):
        texts = results[name].values
        if name not in NAMED and texts.dtype.kind in "iu":  # an axis of a probe's that has a length, and no names
            need((texts == np.arange(len(texts))).all(), f"{name} does not count from 0")
            continue
        need(texts.ndim == 1 and all(isinstance(text, str) for text in texts), f"{name} does not hold names")
        need(len({*texts}) == len(texts), f"names in {name} are repeated")
    numbers = {name: array(name, dims, "f") for name, dims in (needed | also).items() if name in results}
    for name in results.data_vars:
        if name not in numbers and results[name].dims[:3] == SEED:  # of a probe that is not of this package
            array(name, results[name].dims, "f")
    steps, points = numbers["steps"], results.sizes["point"]
    need(steps.size, "they have no seeds or points")
    need(points and results.sizes["evaluation"], "they have no points or no evaluations")
    there = np.isfinite(steps)
    need((there | np.isnan(steps)).all() and (there.all(-1) == there.any(-1)).all(), "steps are not numbers of steps")
    need((steps[there] >= 0).all() and there.any((2, 3)).all(), "a rule has no seeds, or fewer than no steps")
    counts = {name: array(name, dims, "iu") for name, dims in COUNTS.items() if name in results}
    shared = counts.get("shared_point", np.zeros(1, int))
    need(((shared >= 0) & (shared < points)).all(), "shared_point is none of the points")
    rows = {name: read_json(results.attrs.get(name) or "[]", f"the results' {name}") for name in ("audit", "mixed")}
    for name, entries in (("audit", AUDITED), ("mixed", dict[str, Any]())):
        need(isinstance(rows[name], list), f"{name} is no list")
        for row in rows[name]:
            expect(row, f"the results' {name}", entries)
    return results
