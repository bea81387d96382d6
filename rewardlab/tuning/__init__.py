"""Hyperparameters for every rule of an experiment, by random search with successive halving, at one and the same budget.

The budget counts every environment step of every setting, seed and rung, those of evaluations and of finalists included.
Settings are trained as the experiment's main condition trains, and scored by success, the share of episodes with the world's
first outcome, or by the return where a world names none. All of it is on seeds that no run has, as their keys are folded
from the root apart from those of runs, and on the training pool of levels where the world holds others out, which stay unseen.
"""

from __future__ import annotations

import datetime
import json
import zlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from rewardlab import tuned
from rewardlab.backend import devices
from rewardlab.backend.environment import environment
from rewardlab.envs import adapter
from rewardlab.experiment import Experiment, config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.inputs.fields import coerce
from rewardlab.probes.references import references
from rewardlab.running import batches, compiling, widths
from rewardlab.terminal.progress import Progress, Silent
from rewardlab.tuning import halving, space
from rewardlab.tuning.searching import Task, search, together

EPISODES = 64  # of one evaluation, at most
LARGEST = 10**15


def tune(
    experiment: Experiment | str | Path, budget: int, out: str | Path | None = None, progress: Progress | bool = True
) -> dict[str, Any]:
    """Tunes every rule with `budget` environment steps, writes the file of tuned settings and returns what it holds.

    out: the file, tuned/<name>.json beside the config by default. A rule whose own fields declare nothing to search, as
    `yoked`, is left out. Raises InputError, before anything compiles, for what can't be used, a file that is there
    already, and a budget that is too small.
    """
    devices.prepare()
    given, experiment = experiment, config.load(experiment)
    path = tuned.check_out(tuned.place(given, experiment) if out is None else out)
    plan = widths.decided(Plan(experiment))
    experiment = plan.experiment
    jobs = prepare(plan, coerce(budget, int, "budget", (1, LARGEST)))
    job = next(iter(jobs.values()))
    references(job.setting.env, [job.params], job.root, job.episodes)  # for the faults that only a world's numbers show
    if isinstance(progress, bool):
        progress = Progress(budget * len(jobs)) if progress else Silent()
    left_out = [name for name in experiment.rules if name not in jobs]
    if left_out:
        progress.note(f"Left out, because they declare nothing to search: {', '.join(left_out)}")
    with batches.Workers() as workers:
        found = together({name: search(job, workers, progress) for name, job in jobs.items()})
    return tuned.write(path, record(experiment, jobs, found))


def prepare(plan: Plan, budget: int) -> dict[str, Task]:
    """{rule: Task} of the rules that have something to search. Raises InputError; compiles nothing."""
    experiment, env = plan.experiment, plan.env
    spaces = {name: space.intervals(rule, f"rules.{name}") for name, rule in experiment.rules.items()}
    spaces = {name: searched for name, searched in spaces.items() if searched}
    if not spaces:
        raise InputError("none of the rules declares a hyperparameter to search; allowed: one with `search` metadata")
    episodes = min(experiment.episodes, EPISODES)
    evaluation = episodes * adapter.time_limit(env)
    rules = {name: experiment.rules[name] for name in spaces}
    plans = {
        n: halving.plan(budget, experiment.steps_of(n), rule, evaluation, f"rules.{n}") for n, rule in rules.items()
    }
    main = next(iter(experiment.conditions.values()))
    training_pool = {"held_out": 0} if hasattr(env.default_params, "held_out") else {}
    shared = {
        "budget": budget,
        "params": adapter.set_params(env.default_params, main.params | training_pool),
        "width": experiment.width,
        "episodes": episodes,
        "root": jax.random.fold_in(jax.random.key(experiment.seed), batches.TUNING),
    }
    jobs = {}
    for name, rule in rules.items():
        # Seeded by the rule's name, too: what is drawn for it does not depend on which rules are beside it.
        random = np.random.default_rng([experiment.seed, batches.TUNING, zlib.crc32(name.encode())])
        own = {field: getattr(rule, field) for field in spaces[name]}
        jobs[name] = Task(
            name=name,
            rule=compiling.strong_rule(rule),
            space=spaces[name],
            candidates=[own, *space.draw(spaces[name], plans[name].rungs[0].settings - 1, random)],
            plan=plans[name],
            setting=plan.setting(name),
            **shared,
        )
    return jobs


def record(experiment: Experiment, jobs: dict[str, Task], found: dict[str, Any]) -> dict[str, Any]:
    """What the file of tuned settings says: the settings, and how they were found."""
    job = next(iter(jobs.values()))
    env = job.setting.env
    how = {
        "budget": job.budget,
        "eta": halving.ETA,
        "steps": {name: experiment.steps_of(name) for name in jobs},
        "condition": next(iter(experiment.conditions)),
        "score": f"share of {adapter.outcomes(env)[0]}" if adapter.names_outcomes(env) else "return",
        "episodes": job.episodes,
        "levels": "of the training pool" if hasattr(job.params, "held_out") else "drawn by keys that no run has",
        "root": [experiment.seed, batches.TUNING],
        "seeds": f"0 to {halving.SEEDS - 1} in the search, from {halving.SEEDS} on for the finalists",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    return {
        "settings": {name: rule["setting"] for name, rule in found.items()},
        "how": how,
        "rules": found,
        "environment": environment(),
        "config": json.loads(experiment.to_json()),
    }
