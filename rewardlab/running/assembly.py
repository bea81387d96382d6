"""Parts -> a finished run directory: films, results.nc, summary.json, the report."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from rewardlab import policies, report
from rewardlab.analysis import compare
from rewardlab.analysis.results import Measured, checked, dataset
from rewardlab.auditing import audit, scripted
from rewardlab.envs.adapter import set_params
from rewardlab.envs.tasks import tasked
from rewardlab.envs.world import offers
from rewardlab.experiment import Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError, show, unknown
from rewardlab.inputs.files import read_bytes, sha256
from rewardlab.probes import placed
from rewardlab.probes.outcomes import Outcomes
from rewardlab.probes.references import references
from rewardlab.probes.replay import camera
from rewardlab.questions import Question
from rewardlab.report import placements, reel, replays
from rewardlab.rundir import parts, store
from rewardlab.rundir.parts import Part
from rewardlab.running import batches, staging

REFERENCE_EPISODES = 1024
FILMED = 3  # seeds of each rule whose replays are in the page
SHOWN = max(FILMED, staging.SEEDS)  # whose policies it needs


class Fixed(NamedTuple):
    """What the results say that no seed changes. audit: a row a rule; references: {scripted policy: Outcomes [E]}."""

    audit: list[dict[str, Any]]
    references: dict[str, Outcomes]


class Unreported(InputError):
    """The results are complete and written; the report is not."""

    code = 1


def fixed(plan: Plan, say: Callable[[str], None] = lambda text: None) -> Fixed:
    """The audit of every rule and of what probes play, and how the world's scripted policies fare on each evaluation. Raises
    InputError where nothing says what counts as having learned. say: is told what begins.
    """
    experiment, env = plan.experiment, plan.env
    experiment.check_capability(env)
    rows: list[dict[str, Any]] = []
    for i, (name, rule) in enumerate(experiment.rules.items(), 1):
        say(f"Auditing {name} ({i} of {len(experiment.rules)})")
        rows += map(asdict, audit({name: rule}, agent=experiment.agent_of(name), env=env))
    rows += [asdict(row) for probe in plan.probes.values() for row in scripted(probe)]
    say("Playing the reference policies")
    key = batches.evaluation_key(experiment.seed)  # so they play the levels that the agents play
    return Fixed(rows, references(env, list(plan.evaluations.values()), key, REFERENCE_EPISODES))


def finish(
    path: Path,
    plan: Plan,
    found: list[Part],
    note: Callable[[str], None],
    known: Fixed | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> store.Run:
    """Writes what follows from the parts. What is there and intact is not made again, and needs no parts.

    known: what no seed changes, where it has been worked out. say: is told what begins. Raises Unreported where all but the
    report could be made.
    """
    experiment, run = plan.experiment, store.Run(path)
    there = run.finished and whole(run, experiment.question_asked)
    if not there:
        if (path / store.RESULTS).exists():
            note(f"{path / store.RESULTS} is damaged or of fewer seeds; it is put together again")
        measured = {
            (rule, condition): parts.together(experiment, found, rule, condition)
            for rule in experiment.rules
            for condition in experiment.conditions
        }
        mixed = parts.identities([part.about for part in found])
        store.write_results(path, assemble(plan, measured, known or fixed(plan, say), mixed))
    try:
        if not parts.missing(experiment, found):
            films = write_films(path, plan, found, say)
            more = {"computed_with": parts.identities([part.about for part in found])} | seconds(experiment, found)
            store.write_environment(path, experiment, replays=films, **more)
        note("Writing the report ...")
        write_report(path, experiment.question_asked)
    except Exception as error:  # a disk that is full, a world whose drawing fails, a font that is not there
        said = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {show(str(error), 300)}"
        unreported = Unreported(
            f"{show(str(path))} has its results, every seed of them, but no report: {said}; once that is mended, "
            f"the same command finishes it, and so does `rewardlab report {shlex.quote(str(path))}`"
        )
        if there and isinstance(
            error, InputError
        ):  # nothing was computed; a file of the directory can't be used, or a disk
            unreported.code = error.code
        raise unreported from error
    return store.open_run(path)


def whole(run: store.Run, question: Question) -> bool:
    """Whether the results are of the form that a run's have that was asked this question."""
    try:
        checked(run.results, question)
    except InputError:
        return False
    return True


def write_report(path: Path, question: Question, papers: bool = True) -> None:
    """Writes summary, figures and page from the results, whatever was there before. papers: as of `report.write`."""
    store.write_summary(path, compare.summarise(store.open_run(path).results, question))
    report.write(path, question, papers)


def renew(run: store.Run, note: Callable[[str], None]) -> None:
    """Writes the report of a run that has its results again, with what is missing of its films and its times, if it can be made."""
    summary = compare.summarise(run.results)  # what it can't be made of is said before anything is written
    try:
        known, plan = run.environment, run.plan
        found = parts.scan(run.path, plan, lambda _: None)
        if not found:
            raise InputError(f"{show(str(run.path))} has none of its parts")
        more = {"replays": write_films(run.path, plan, found)}
        more |= {} if parts.missing(plan.experiment, found) else seconds(plan.experiment, found)
        if more != {name: known.get(name) for name in more}:
            store.amend_environment(run.path, **more)
    except InputError as error:
        note(f"Films are not made: {error}")
    store.write_summary(run.path, summary)
    report.write(run.path)


def merge(run: store.Run, note: Callable[[str], None]) -> store.Run:
    """Finishes a run whose parts are all there. Raises InputError that says which are missing, or do not go together."""
    found = parts.scan(run.path, run.plan, note)
    lacking = parts.missing(run.experiment, found)
    if lacking:
        raise InputError(f"{show(str(run.path))} is not finished; missing: {missing_text(lacking)}")
    store.renew(run.path, run.experiment, note)
    return finish(run.path, run.plan, found, note)


def assemble(plan: Plan, measured: dict[tuple[str, str], Measured], known: Fixed, mixed: Sequence[dict] = ()):
    """The results as an xarray Dataset, equal for the same seeds however and in how many pieces they were computed.

    mixed: the identities that they were computed with, named where they are several.
    """
    results = dataset(plan, measured, known.references).assign_attrs(audit=json.dumps(known.audit))
    return results.assign_attrs(mixed=json.dumps(mixed)) if len(mixed) > 1 else results


def seconds(experiment: Experiment, found: list[Part]) -> dict:
    """What the clock said: wall time of training and evaluation, by rule and condition, and of compiling, by rule."""
    trained = {rule: dict.fromkeys(experiment.conditions, 0.0) for rule in experiment.rules}
    compiled = dict.fromkeys(experiment.rules, 0.0)
    for part in found:
        trained[part.batch.rule][part.batch.condition] += part.about["seconds"]
        compiled[part.batch.rule] = max(compiled[part.batch.rule], part.about["compile_seconds"])
    return {"seconds": trained, "compile_seconds": compiled}


def write_films(
    path: Path, plan: Plan, found: list[Part], say: Callable[[str], None] = lambda text: None
) -> dict[str, str]:
    """Plays what the page shows of the first seeds of every rule under the main condition, unless it is there: replays of all
    evaluations, seed 0's as GIFs, too, and what its reader may put elsewhere. {file's name without ".gif": SHA-256}.
    """
    if not offers(plan.env, "render_rgb"):
        return {}
    try:
        known = store.Run(path).environment.get("replays", {})
    except InputError:
        known = {}
    rules = plan.experiment.rules
    names = [f"{rule}--{evaluation}" for rule in rules for evaluation in plan.evaluations]
    files = {name: path / "replays" / f"{name}.gif" for name in names} | {reel.FILE: path / "replays" / reel.FILE}
    if placed.there(plan.env):
        files[placements.FILE] = path / "replays" / placements.FILE
    main = next(iter(plan.experiment.conditions))
    seeds = {rule: plan.experiment.seeds_of(rule, main) for rule in rules}
    played = {"seeds": sha256(json.dumps(seeds).encode())}  # a run that grew is played again
    there = played | {name: _sha256(file) for name, file in files.items()}
    if all(there[name] and there[name] == known.get(name) for name in there):
        return there
    key = jax.random.fold_in(jax.random.key(plan.experiment.seed), batches.REPLAY)
    strip, cameras = reel.Reel(), {}
    counts = {rule: policies.first(path, plan, rule, min(FILMED, n), found) or 1 for rule, n in seeds.items()}
    kept = {rule: policies.read(path, plan, rule, None, -1, range(n), found) for rule, n in counts.items()}
    wanted = [(seed, rule) for seed in range(FILMED) for rule in rules if seed < counts[rule]]
    for number, (seed, rule) in enumerate(wanted, 1):
        say(f"Filming {number} of {len(wanted)}: {rule}, seed {seed}")
        kind, policy = plan.kind(rule), jax.tree.map(lambda x, seed=seed: x[seed], kept[rule])
        if kind not in cameras:
            cameras[kind] = camera(plan.env, plan.setting(rule).agent, kind.act)
        for evaluation, params in plan.evaluations.items():
            films = cameras[kind](tasked(plan.env, params, seed // plan.experiment.conditions[main].forks), policy, key)
            if not seed:
                replays.write(path, f"{rule}--{evaluation}", films)
            strip.add(rule, evaluation, seed, films)
    reel.write(path, strip)
    if placements.FILE in files:
        say("Playing out every placement")
        placements.write(path, staging.stage(plan, path, found, key))
    return played | {name: _sha256(file) for name, file in files.items()}


def filmed(run: store.Run, rule: str, params: dict, key: jax.Array) -> list[np.ndarray]:
    """Frames uint8[H, W, 3] of an episode that a finished run's rule plays: its seed 0 under the main condition, greedily.

    params: fields of the world's params that are not their defaults. Raises InputError where the run has no such rule or
    has not kept the policy.
    """
    plan = run.plan
    if rule not in plan.experiment.rules:
        raise unknown("rule", rule, plan.experiment.rules)
    policy = policies.kept(run.path, plan, rule).params
    film = camera(plan.env, plan.setting(rule).agent, plan.kind(rule).act, episodes=1)
    return film(tasked(plan.env, set_params(plan.env.default_params, params), 0), policy, key)[0]


def missing_text(lacking: list[tuple[int, parts.Batch]]) -> str:
    """ "ppo, end: seeds 8-15; ..."."""
    shown = [f"{b.rule}, {b.condition}: seeds {b.seeds[0]}-{b.seeds[-1]}" for _, b in lacking[:8]]
    return "; ".join(shown) + (f"; and {len(lacking) - 8} batches more" if len(lacking) > 8 else "")


def _sha256(file: Path) -> str:
    try:
        return sha256(read_bytes(file))
    except InputError:
        return ""
