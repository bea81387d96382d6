"""Hyperparameters for every rule of an experiment, by random search with successive halving, at one and the same budget.

The budget counts every environment step of every setting, seed and rung, those of evaluations and of finalists included.
Settings are trained as the experiment's main condition trains, and carried on from rung to rung, never trained again. They
are scored by success, the share of episodes with the world's first outcome, or by the return where a world names none. All
of it is on seeds that no run has, whose keys are folded from the root apart from theirs, and on the levels of the training
pool where the world has held-out ones, so that those stay unseen.
"""

from __future__ import annotations

import datetime
import json
import zlib
from collections.abc import Generator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab import batches, config, devices, halving, runner, space, stats, store, training, tuned
from rewardlab.envs import adapter
from rewardlab.errors import InputError, show
from rewardlab.experiment import Experiment
from rewardlab.fields import coerce
from rewardlab.progress import Progress, Silent

EPISODES = 64  # of one evaluation, at most


def tune(
    experiment: Experiment | str | Path, budget: int, out: str | Path | None = None, progress: Progress | bool = True
) -> dict[str, Any]:
    """Tunes every rule with `budget` environment steps, writes the file of tuned settings and returns what it holds.

    out: the file, tuned/<name>.json beside the config by default. A rule whose own fields declare nothing to search, as
    `shuffled`, is left out. Raises InputError, before anything compiles, for what can't be used, a file that is there
    already, and a budget that is too small.
    """
    devices.check_randomness()
    given, experiment = experiment, config.load(experiment)
    path = tuned.check_out(tuned.place(given, experiment) if out is None else out)
    jobs = prepare(experiment, coerce(budget, int, "budget", (1, 10**15)))
    if isinstance(progress, bool):
        progress = Progress(sum(job.plan.cost for job in jobs.values())) if progress else Silent()
    left_out = [name for name in experiment.rules if name not in jobs]
    if left_out:
        progress.note(f"Left out, because they declare nothing to search: {', '.join(left_out)}")
    with batches.Workers() as workers:
        found = together({name: search(job, workers, progress) for name, job in jobs.items()})
    return tuned.write(path, record(experiment, budget, jobs, found))


class Job(NamedTuple):
    """What tuning one rule needs. candidates: settings {field: value}, the config's own first. params: those of training."""

    name: str
    rule: Any
    space: dict[str, space.Interval]
    candidates: list[dict[str, float]]
    plan: halving.Plan
    setting: training.Setting
    params: Any
    width: int
    episodes: int
    root: jax.Array

    def seed_keys(self, seeds: np.ndarray) -> jax.Array:
        """Each seed's own key, key[S]. The same seed serves every setting, so that luck does not decide between them."""
        return batches.run_keys(jax.random.fold_in(self.root, 0), seeds)

    def evaluation_key(self, rung: int) -> jax.Array:
        """The key of every evaluation of one rung."""
        return jax.random.fold_in(jax.random.fold_in(self.root, 1), rung)


def prepare(experiment: Experiment, budget: int) -> dict[str, Job]:
    """{rule: Job} of the rules that have something to search. Raises InputError; compiles nothing."""
    env = experiment.world()
    spaces = {name: space.intervals(rule, f"rules.{name}") for name, rule in experiment.rules.items()}
    spaces = {name: searched for name, searched in spaces.items() if searched}
    if not spaces:
        raise InputError("none of the rules declares a hyperparameter to search; allowed: one with `search` metadata")
    main, episodes = next(iter(experiment.conditions.values())), min(experiment.episodes, EPISODES)
    training_pool = {"held_out": 0} if hasattr(env.default_params, "held_out") else {}
    params = adapter.set_params(env.default_params, main.params | training_pool)
    root = jax.random.fold_in(jax.random.key(experiment.seed), runner.TUNING)
    jobs = {}
    for name, searched in spaces.items():
        rule, evaluation = experiment.rules[name], episodes * adapter.time_limit(env)
        plan = halving.plan(budget, experiment.steps, rule.lanes * rule.steps, evaluation, f"rules.{name}")
        own = {field: float(getattr(rule, field)) for field in searched}
        random = np.random.default_rng([experiment.seed, runner.TUNING, zlib.crc32(name.encode())])
        candidates = [own, *space.draw(searched, plan.rungs[0].settings - 1, random)]
        setting = training.setting(env, rule, experiment.agent)
        strong, width = runner.strong_rule(rule), experiment.width
        jobs[name] = Job(name, strong, searched, candidates, plan, setting, params, width, episodes, root)
    return jobs


Search = Generator[list[Future], list[Any], dict[str, Any]]


def together(searches: dict[str, Search]) -> dict[str, Any]:
    """Runs searches side by side: each yields the work that it waits for, is sent the results, and returns what it found."""
    waiting, found = {name: next(one) for name, one in searches.items()}, {}
    while waiting:
        for name, work in list(waiting.items()):
            try:
                waiting[name] = searches[name].send([part.result() for part in work])
            except StopIteration as end:
                found[name] = end.value
                del waiting[name]
    return found


def search(job: Job, workers: batches.Workers, progress: Progress) -> Search:
    """Successive halving of one rule's candidates, then the finalists on fresh seeds; returns what the file says of it."""
    programs = dict(
        zip(workers.devices, (yield [workers.on(d, compile_job, job) for d in workers.devices]), strict=True)
    )
    train = partial(start, job, programs, workers, progress)
    alive, carry, spent, rungs = np.arange(len(job.candidates)), None, 0, []
    for i, rung in enumerate(job.plan.rungs):
        alive = alive[: rung.settings]
        done = yield train(alive, np.arange(halving.SEEDS), rung.steps, i, carry)
        scores, steps = collected(done, len(alive), halving.SEEDS)
        order = np.argsort(-scored(scores), kind="stable")
        if i + 1 < len(job.plan.rungs):
            kept = order[: job.plan.rungs[i + 1].settings]
            lanes = kept[:, None] * halving.SEEDS + np.arange(halving.SEEDS)
            carry = take(job.rule, [part.carry for part in done], lanes.reshape(-1))
        alive, best, spent = alive[order], float(scored(scores).max()), spent + steps
        rungs.append({**rung._asdict(), "best": best})
        progress.note(f"{job.name}: {rung.settings} settings, {rung.steps:,} steps each, the best scores {best:.3g}")
    finalists = list(dict.fromkeys([0, *alive[: halving.FINALISTS - 1].tolist()]))  # the config's own wins ties
    fresh = halving.SEEDS + np.arange(job.plan.final_seeds)
    done = yield train(np.array(finalists), fresh, job.plan.rungs[-1].steps, len(rungs), None)
    scores, steps = collected(done, len(finalists), len(fresh))
    best = finalists[int(np.argmax(scored(scores)))]
    progress.note(f"{job.name}: {show(job.candidates[best])}")
    return {
        "setting": job.candidates[best],
        "spent": round(spent + steps),
        "searched": {field: list(interval) for field, interval in job.space.items()},
        "rungs": rungs,
        "finalists": [
            {"setting": job.candidates[i], "own": i == 0, "chosen": i == best}
            | stats.figure(row) | {"seeds": row.tolist()}
            for i, row in zip(finalists, scores, strict=True)
        ],
    }  # fmt: skip


def compile_job(job: Job) -> tuple[batches.Programs, Any]:
    """What trains and what evaluates a batch of lanes, each of which has its own setting, on jax's default device."""
    each = job.rule.replace(**{field: jnp.zeros(job.width) for field in job.space})
    programs = batches.compile_training(job.setting, each, job.params, job.width)
    head, nothing = next(iter(job.rule.heads(job.setting.env.num_actions))), adapter.stack_params(job.params, [{}])
    return programs, batches.compile_evaluation(job.setting, head, programs, job.params, nothing, job.episodes)


class Batch(NamedTuple):
    """What a batch of lanes came to: scores and environment steps spent, float64[lanes]."""

    carry: training.Carry
    scores: np.ndarray
    spent: np.ndarray


def start(job, programs, workers, progress, settings, seeds, steps: int, rung: int, carry) -> list[Future]:
    """Starts to train each of the settings on each of the seeds, in batches of lanes [settings × seeds]."""
    lane_setting, lane_seed = (x.reshape(-1) for x in np.meshgrid(settings, seeds, indexing="ij"))
    work = []
    for batch in batches.split(range(len(lane_setting)), job.width):
        chosen = [job.candidates[i] for i in lane_setting[batch]]
        values = {field: np.array([setting[field] for setting in chosen], np.float32) for field in job.space}
        so_far = None if carry is None else take(job.rule, [carry], batch)
        keys = job.seed_keys(lane_seed[batch]), job.evaluation_key(rung)
        label, count = f"{job.name}, rung {rung + 1}", len(set(batch.tolist()))
        work.append(
            workers.on_any(
                train_batch, job, programs, values, keys, so_far, steps, partial(tell, progress, label, count)
            )
        )
    return work


def train_batch(device, job: Job, programs, values, keys, carry, steps: int, tell) -> Batch:
    """Trains a batch of lanes on, or from the start where there is no carry, until they lived `steps`, and scores them."""
    (run_keys, key), (compiled, evaluate) = jax.device_put(keys, device), programs[device]
    rule, params, nothing = jax.device_put(
        (job.rule.replace(**values), job.params, adapter.stack_params(job.params, [{}])), device
    )
    before = 0 if carry is None else np.asarray(carry.steps, np.float64)
    carry = compiled.begin(rule, params, run_keys) if carry is None else jax.device_put(carry, device)
    carry = compiled.advance(rule, params, run_keys, carry, jax.device_put(jnp.int32(steps), device))
    seen = jax.tree.map(
        lambda x: np.asarray(x, np.float64), evaluate(params, nothing, compiled.policy(rule, carry), key)
    )
    scores = seen.share[:, 0, 0] if hasattr(job.setting.env, "outcomes") else seen.returns[:, 0]
    spent = np.asarray(carry.steps, np.float64) - before + np.round(seen.length[:, 0] * job.episodes)
    tell(spent)
    return Batch(carry, scores, spent)


def tell(progress: Progress, label: str, count: int, spent: np.ndarray) -> None:
    """Advances the progress by what the first `count` lanes spent; the others are padding."""
    progress.advance(int(spent[:count].sum()), label)


def collected(done: list[Batch], settings: int, seeds: int) -> tuple[np.ndarray, float]:
    """Scores float64[settings, seeds] of batches, and the environment steps that they took in all, padding left out."""
    scores, spent = (np.concatenate(x)[: settings * seeds] for x in list(zip(*done, strict=True))[1:])
    return scores.reshape(settings, seeds), spent.sum()


def scored(scores: np.ndarray) -> np.ndarray:
    """float64[settings, seeds] -> the interquartile mean of each setting, -inf where a seed's score is not finite."""
    finite = np.isfinite(scores).all(1)
    return np.where(finite, stats.iqm(np.where(finite[:, None], scores, 0.0), axis=1), -np.inf)


def take(rule, carries: list[training.Carry], lanes: np.ndarray) -> training.Carry:
    """The carry of some lanes int[L], numbered through those of several batches."""

    def chosen(axis, *parts):
        return parts[0] if axis is None else jax.tree.map(lambda *x: _joined(x)[lanes], *parts)

    return training.Carry(*(chosen(*part) for part in zip(batches.axes(rule), *carries, strict=True)))


def _joined(parts):
    if jax.dtypes.issubdtype(parts[0].dtype, jax.dtypes.prng_key):
        return jnp.concatenate(parts)
    return np.concatenate(parts)


def record(experiment: Experiment, budget: int, jobs: dict[str, Job], found: dict[str, Any]) -> dict[str, Any]:
    """What the file of tuned settings says: the settings, and how they were found."""
    job = next(iter(jobs.values()))
    condition = next(iter(experiment.conditions))
    names_outcomes, pools = hasattr(job.setting.env, "outcomes"), hasattr(job.params, "held_out")
    return {
        "settings": {name: one["setting"] for name, one in found.items()},
        "how": {
            "budget": budget,
            "eta": halving.ETA,
            "steps": experiment.steps,
            "condition": condition,
            "score": f"share of {job.setting.env.outcomes[0]}" if names_outcomes else "return",
            "episodes": job.episodes,
            "levels": "the training pool" if pools else "drawn by keys that no run has",
            "root": [experiment.seed, runner.TUNING],
            "seeds": list(range(halving.SEEDS)),
            "fresh seeds": {name: [halving.SEEDS, halving.SEEDS + j.plan.final_seeds - 1] for name, j in jobs.items()},
        },
        "rules": found,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "environment": store.environment(),
        "config": json.loads(experiment.to_json()),
    }
