"""Experiment -> run directory: trains every rule under every condition, evaluates as it goes, and writes what it found."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab import batches, compare, devices, report, store, training
from rewardlab.auditing import audit
from rewardlab.envs.adapter import set_params, stack_params
from rewardlab.experiment import Experiment
from rewardlab.probes.replay import camera
from rewardlab.progress import Progress, Silent
from rewardlab.report import replays
from rewardlab.results import Measured, dataset

# Folded into the root key for what is not a seed's; seeds are numbered from 0 and never reach them.
EVALUATION, REPLAY, TUNING = 1_000_000_007, 1_000_000_009, 1_000_000_021


def run(experiment: Experiment, out: str | Path | None = None, progress: Progress | bool = True) -> store.Run:
    """Runs an experiment and writes its run directory, report included.

    out: the directory, `runs/<name>` by default. A finished run of the same experiment is not repeated.
    Raises InputError, before anything compiles, for a directory that holds another run or cannot be written.
    """
    devices.check_randomness()
    devices.remember_compiled()
    store.check_out(out, experiment)
    env = experiment.world()
    directory = store.create(out, experiment)
    if directory.finished:
        return directory
    if isinstance(progress, bool):
        progress = Progress(total_steps(experiment)) if progress else Silent()
    store.write_environment(directory.path, experiment)
    reached = [asdict(row) for row in audit(experiment.rules, agent=experiment.agent, env=env)]
    measured, films = measure(experiment, env, progress)
    for name, frames in films.items():
        replays.write(directory.path, name, frames)
    results = dataset(experiment, env, measured, evaluation_key(experiment)).assign_attrs(audit=json.dumps(reached))
    store.write_results(directory.path, results)
    store.write_summary(directory.path, compare.summarise(results))
    progress.note("Writing the report ...")
    report.write(directory.path)
    return store.open_run(directory.path)


def total_steps(experiment: Experiment) -> int:
    """Environment steps that the whole experiment will live, padding left out."""
    return len(experiment.rules) * experiment.steps * sum(map(experiment.seeds_of, experiment.conditions))


def evaluation_key(experiment: Experiment) -> jax.Array:
    """One key for every evaluation: all policies are compared on the same levels."""
    return jax.random.fold_in(jax.random.key(experiment.seed), EVALUATION)


class Job(NamedTuple):
    """What training one rule needs: its programs and its evaluation by device, how it is filmed, and the seconds of compiling."""

    rule: Any
    setting: training.Setting
    head: str
    programs: dict
    evaluate: dict
    film: Any
    compile_seconds: float


def measure(experiment: Experiment, env, progress: Progress):
    """Trains and evaluates: ({(rule, condition): Measured}, {"rule--evaluation": films of the first seed})."""
    default = env.default_params
    main = next(iter(experiment.conditions))
    measured, films = {}, {}
    with batches.Workers() as workers:
        jobs = compile_all(experiment, env, workers)
        progress.note(f"Compiled {len(jobs)} rules in {sum(j.compile_seconds for j in jobs.values()):.0f} s of work")
        waiting = {
            (name, condition): [
                workers.on_any(train_batch, experiment, job, condition, batch, progress, f"{name}, {condition}")
                for batch in batches.split(range(experiment.seeds_of(condition)), experiment.width)
            ]
            for name, job in jobs.items()
            for condition in experiment.conditions
        }
        for (name, condition), parts in waiting.items():
            done = [part.result() for part in parts]
            job, seeds = jobs[name], experiment.seeds_of(condition)
            arrays = [np.concatenate(x)[:seeds] for x in zip(*(d.arrays for d in done), strict=True)]
            seconds = sum(d.seconds for d in done) / workers.count
            measured[name, condition] = Measured(*arrays, seconds, job.compile_seconds)
            progress.note(f"{name}, {condition}: {seeds} seeds in {seconds:.1f} s")
            if condition == main and hasattr(env, "render_rgb"):
                policy = jax.tree.map(lambda x: x[0], done[0].policies)
                key = jax.random.fold_in(jax.random.key(experiment.seed), REPLAY)
                for evaluation, override in experiment.evaluations.items():
                    films[f"{name}--{evaluation}"] = job.film(set_params(default, override), policy, key)
    return measured, films


def compile_all(experiment: Experiment, env, workers: batches.Workers) -> dict[str, Job]:
    """Compiles every rule for every device, several at a time. Rules with the same heads share one evaluation."""
    default = set_params(env.default_params, {})
    overrides = stack_params(default, list(experiment.evaluations.values()))
    settings = {name: training.setting(env, rule, experiment.agent) for name, rule in experiment.rules.items()}

    def timed(compile_it, *arguments):
        started = time.perf_counter()
        return compile_it(*arguments), time.perf_counter() - started

    train = {
        (name, device): workers.on(
            device, timed, batches.compile_training, settings[name], strong_rule(rule), default, experiment.width
        )
        for name, rule in experiment.rules.items()
        for device in workers.devices
    }
    heads = {name: tuple(rule.heads(env.num_actions).items()) for name, rule in experiment.rules.items()}
    test, film = {}, {}
    for name in experiment.rules:
        film.setdefault(heads[name], camera(env, settings[name].agent, heads[name][0][0]))
        for device in workers.devices:
            if (heads[name], device) not in test:
                programs, _ = train[name, device].result()
                test[heads[name], device] = workers.on(
                    device, timed, batches.compile_evaluation,
                    settings[name], heads[name][0][0], programs, default, overrides, experiment.episodes,
                )  # fmt: skip
    return {
        name: Job(
            rule=strong_rule(rule),
            setting=settings[name],
            head=heads[name][0][0],
            programs={device: train[name, device].result()[0] for device in workers.devices},
            evaluate={device: test[heads[name], device].result()[0] for device in workers.devices},
            film=film[heads[name]],
            compile_seconds=sum(train[name, device].result()[1] for device in workers.devices),
        )
        for name, rule in experiment.rules.items()
    }


def strong_rule(rule):
    """A rule whose hyperparameters are float32 arrays."""
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), rule)


class Trained(NamedTuple):
    """A batch of seeds: the first four arrays of `Measured`, the final policies, and the seconds it took."""

    arrays: list[np.ndarray]
    policies: Any
    seconds: float


def train_batch(
    device, experiment: Experiment, job: Job, condition: str, batch: np.ndarray, progress, label: str
) -> Trained:
    """Trains one batch of seeds of one rule under one condition, evaluating at every point."""
    started = time.perf_counter()
    put = partial(jax.device_put, device=device)
    env, programs, evaluate = job.setting.env, job.programs[device], job.evaluate[device]
    rule, params = put((job.rule, set_params(env.default_params, experiment.conditions[condition].params)))
    default = put(set_params(env.default_params, {}))
    overrides = put(stack_params(env.default_params, list(experiment.evaluations.values())))
    keys, key = put((batches.run_keys(experiment.seed, batch), evaluation_key(experiment)))
    targets = np.linspace(0, experiment.steps, experiment.points + 1).round().astype(np.int32)
    carry, points, before = programs.begin(rule, params, keys), [], 0
    for target in targets:
        if target:
            carry = programs.advance(rule, params, keys, carry, put(jnp.int32(target)))
        policies = programs.policy(rule, carry)
        evaluated = evaluate(default, overrides, policies, key)
        steps = np.broadcast_to(np.asarray(carry.steps, np.float64), batch.shape)
        points.append((*map(np.asarray, evaluated), steps))
        progress.advance(int(target - before) * len(set(batch.tolist())), label)
        before = target
    arrays = [np.stack(x, axis=1) for x in zip(*points, strict=True)]
    return Trained(arrays, jax.device_put(policies, jax.local_devices()[0]), time.perf_counter() - started)
