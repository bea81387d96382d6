"""Experiment -> run directory: trains every rule under every condition, evaluates as it goes, and writes what it found."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab import batches, compare, devices, report, store, training
from rewardlab.envs import adapter
from rewardlab.experiment import Experiment
from rewardlab.probes.references import references
from rewardlab.probes.replay import replay
from rewardlab.progress import Progress, Silent
from rewardlab.report import replays


def run(experiment: Experiment, out: str | Path | None = None, progress: Progress | bool = True) -> store.Run:
    """Runs an experiment and writes its run directory, report included.

    out: the directory, `runs/<name>` by default. A finished run of the same experiment is not repeated.
    Raises InputError, before anything compiles, for a directory that holds another run or cannot be written.
    """
    devices.check_randomness()
    devices.use_all_cores()
    store.check_out(out, experiment)
    env = experiment.world()
    directory = store.create(out, experiment)
    if directory.finished:
        return directory
    if isinstance(progress, bool):
        progress = Progress(total_steps(experiment)) if progress else Silent()
    store.write_environment(directory.path, experiment)
    measured, films = measure(experiment, env, progress)
    for name, frames in films.items():
        replays.write(directory.path, name, frames)
    results = dataset(experiment, env, measured)
    store.write_results(directory.path, results)
    store.write_summary(directory.path, compare.summarise(results))
    progress.note("Writing the report ...")
    report.write(directory.path)
    return store.open_run(directory.path)


def total_steps(experiment: Experiment) -> int:
    """Environment steps that the whole experiment will live, padding left out."""
    return len(experiment.rules) * experiment.steps * sum(map(experiment.seeds_of, experiment.conditions))


def stacked(default: Any, overrides: list[dict]) -> dict[str, jax.Array]:
    """{field: [E]} over all fields that any of the E overrides names; the others take the default's value."""
    fields = sorted({field for override in overrides for field in override})
    kind = {field: jnp.asarray(getattr(default, field)).dtype for field in fields}
    return {f: jnp.asarray([o.get(f, getattr(default, f)) for o in overrides], kind[f]) for f in fields}


def apply(default: Any, override: dict) -> Any:
    """`default` with some fields set, in their own dtypes, so that every condition fits the same compiled program."""
    params = default.replace(**{f: jnp.asarray(v, jnp.asarray(getattr(default, f)).dtype) for f, v in override.items()})
    return jax.tree.map(jnp.asarray, params)


class Measured(NamedTuple):
    """One rule under one condition. share [seed, point, evaluation, outcome]; returns, length [seed, point, evaluation]; steps [seed, point]."""

    share: np.ndarray
    returns: np.ndarray
    length: np.ndarray
    steps: np.ndarray
    seconds: float
    compile_seconds: float


def measure(experiment: Experiment, env, progress: Progress):
    """Trains and evaluates: ({(rule, condition): Measured}, {"rule--evaluation": frames} of the first seed under the first condition)."""
    measured, films = {}, {}
    for name, rule in experiment.rules.items():
        s = training.setting(env, rule, experiment.agent)
        default = env.default_params
        overrides = stacked(default, list(experiment.evaluations.values()))
        programs = batches.compile_programs(s, rule, apply(default, {}), overrides, experiment.width, experiment.episodes)
        progress.note(f"{name}: compiled in {programs.compile_seconds:.1f} s")
        for condition in experiment.conditions:
            seeds = experiment.seeds_of(condition)
            started = time.perf_counter()
            params = apply(default, experiment.conditions[condition].params)
            arrays, carry = train_seeds(experiment, programs, rule, params, overrides, seeds, progress, f"{name}, {condition}")
            measured[name, condition] = Measured(*arrays, time.perf_counter() - started, programs.compile_seconds)
            progress.note(f"{name}, {condition}: {seeds} seeds in {measured[name, condition].seconds:.1f} s")
            if condition == next(iter(experiment.conditions)) and hasattr(env, "render_rgb"):
                policy = rule.policy(s.agent, jax.tree.map(lambda x: x[0], carry.state))
                for evaluation, override in experiment.evaluations.items():
                    key = jax.random.fold_in(jax.random.key(experiment.seed), REPLAY)
                    head = next(iter(rule.heads(env.num_actions)))
                    films[f"{name}--{evaluation}"] = replay(env, apply(default, override), s.agent, policy, head, key)
    return measured, films


EVALUATION, REPLAY = 1_000_000_007, 1_000_000_009  # folded into the root key, far from the seeds' numbers
REFERENCE_EPISODES = 1024


def train_seeds(experiment, programs, rule, params, overrides, seeds: int, progress, label):
    """All seeds of one rule under one condition: the arrays of `Measured`, and the first batch's last carry."""
    parts, first = [], None
    rule, params, overrides = batches.everywhere((rule, params, overrides))
    key = batches.everywhere(evaluation_key(experiment))
    targets = np.linspace(0, experiment.steps, experiment.points + 1).round().astype(np.int32)
    for batch in batches.split(list(range(seeds)), experiment.width):
        keys = batches.run_keys(experiment.seed, batch)
        carry = programs.begin(rule, params, keys)
        points = []
        for before, target in zip((0, *targets[:-1]), targets, strict=True):
            if target:
                carry = programs.advance(rule, params, keys, carry, batches.everywhere(jnp.int32(target)))
            evaluated = programs.evaluate(rule, params, overrides, carry, key)
            points.append((*map(np.asarray, evaluated), np.asarray(carry.steps).astype(np.float64)))
            done = min(len(batch), seeds - sum(len(p[0]) for p in parts))
            progress.advance(int(target - before) * done, label)
        parts.append([np.stack(x, axis=1) for x in zip(*points, strict=True)])
        first = carry if first is None else first
    return [np.concatenate(x)[:seeds] for x in zip(*parts, strict=True)], first


def evaluation_key(experiment: Experiment) -> jax.Array:
    """One key for every evaluation: all policies are compared on the same levels."""
    return jax.random.fold_in(jax.random.key(experiment.seed), EVALUATION)


def reference_lines(experiment: Experiment, env) -> dict[str, np.ndarray]:
    """{name: float32[evaluation, outcome]} of the world's scripted policies."""
    evaluations = [apply(env.default_params, override) for override in experiment.evaluations.values()]
    return references(env, evaluations, evaluation_key(experiment), REFERENCE_EPISODES)


def dataset(experiment: Experiment, env, measured: dict[tuple[str, str], Measured]):
    """The labelled arrays, every seed kept: an xarray Dataset."""
    import xarray

    count = {condition: experiment.seeds_of(condition) for condition in experiment.conditions}
    most = max(count.values())

    def cube(field):
        cells = [[getattr(measured[r, c], field) for c in count] for r in experiment.rules]
        full = np.full((len(experiment.rules), len(count), most, *cells[0][0].shape[1:]), np.nan, cells[0][0].dtype)
        for i, row in enumerate(cells):
            for j, cell in enumerate(row):
                full[i, j, : len(cell)] = cell
        return full

    where = ("rule", "condition", "seed", "point", "evaluation")
    shares = reference_lines(experiment, env)
    first = {r: measured[r, next(iter(count))] for r in experiment.rules}
    return xarray.Dataset(
        {
            "outcome_share": ((*where, "outcome"), cube("share")),
            "return": (where, cube("returns")),
            "length": (where, cube("length")),
            "steps": (where[:4], cube("steps")),
            "reference_share": (("reference", "evaluation", "outcome"), np.array(list(shares.values()), np.float32).reshape(
                len(shares), len(experiment.evaluations), len(adapter.outcomes(env)))),
            "level": (("rule",), np.array([rule.level for rule in experiment.rules.values()])),
            "seconds": (("rule", "condition"), np.array([[measured[r, c].seconds for c in count] for r in experiment.rules])),
            "compile_seconds": (("rule",), np.array([m.compile_seconds for m in first.values()])),
        },
        coords={
            "rule": list(experiment.rules),
            "condition": list(count),
            "seed": np.arange(most),
            "point": np.arange(experiment.points + 1),
            "evaluation": list(experiment.evaluations),
            "outcome": list(adapter.outcomes(env)),
            "reference": list(shares),
        },
        attrs={
            "name": experiment.name,
            "question": experiment.question,
            "experiment": experiment.to_json(),
            "capability": experiment.capability,
            "control_capability": experiment.control_capability,
            "control": experiment.control or "",
            "env": experiment.env if isinstance(experiment.env, str) else type(experiment.env).__name__,
        },
    )
