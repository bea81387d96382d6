"""One rule's search by successive halving: batches of lanes, each of which has its own setting and its own seed.

All settings of a rule go through one compiled program, and are carried on from rung to rung, never trained again.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab import training
from rewardlab.analysis import stats
from rewardlab.envs import adapter
from rewardlab.envs.tasks import tasked
from rewardlab.running import batches
from rewardlab.running.chunks import finite
from rewardlab.terminal.progress import Progress
from rewardlab.tuning import halving
from rewardlab.tuning.space import Interval

Search = Generator[list[Future], list[Any], dict[str, Any]]


class Task(NamedTuple):
    """What the search for one rule needs. candidates: settings {field: value}, the config's own first.

    params: the world's, of training and of evaluation. root: the key that all others are folded from.
    """

    name: str
    rule: Any
    space: dict[str, Interval]
    candidates: list[dict[str, float]]
    plan: halving.Plan
    budget: int
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


class Scored(NamedTuple):
    """What a batch of lanes came to: scores and environment steps spent, float64[lanes]."""

    carry: training.Carry
    scores: np.ndarray
    spent: np.ndarray


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
    return {name: found[name] for name in searches}


def search(job: Task, workers: batches.Workers, progress: Progress) -> Search:
    """Halves one rule's candidates, then trains the finalists on fresh seeds, as many as the rest of the budget pays."""
    programs = dict(zip(workers.devices, (yield [workers.on(d, compiled, job) for d in workers.devices]), strict=True))
    train = partial(start, job, programs, workers, progress)
    seeds, rungs, length = np.arange(halving.SEEDS), job.plan.rungs, job.plan.rungs[-1].steps
    alive, carry, spent, told = np.arange(len(job.candidates)), None, 0, list[Any]()
    for i, rung in enumerate(rungs):
        done = yield train(alive, seeds, rung.steps, i, carry)
        scores, steps = collected(done, len(alive), len(seeds))
        kept = best_first(scores)[: rungs[i + 1].settings if i + 1 < len(rungs) else halving.FINALISTS - 1]
        lanes = kept[:, None] * len(seeds) + np.arange(len(seeds))
        carry = take(job.rule, [part.carry for part in done], lanes.reshape(-1)) if i + 1 < len(rungs) else None
        best, spent = iqm(scores)[kept[0]], spent + steps
        alive, told = alive[kept], [*told, rung._asdict() | {"best": best}]
        progress.note(f"{job.name}: {rung.settings} settings for {rung.steps:,} steps, the best scores {best:.3g}")

    finalists = list(dict.fromkeys([0, *alive.tolist()]))  # the config's own comes first, and wins ties
    fresh = len(seeds) + np.arange((job.budget - spent) // (len(finalists) * job.plan.final))
    done = yield train(np.array(finalists), fresh, length, len(rungs), None)
    scores, steps = collected(done, len(finalists), len(fresh))
    chosen, spent = int(best_first(scores)[0]), spent + steps
    return {
        "setting": job.candidates[finalists[chosen]],
        "spent": spent,
        "searched": {field: list(interval) for field, interval in job.space.items()},
        "rungs": told,
        "finalists": [
            {"setting": job.candidates[which], "own": which == 0, "chosen": i == chosen}
            | stats.figure(scores[i])
            | {"scores": scores[i].tolist()}
            for i, which in enumerate(finalists)
        ],
    }


def compiled(job: Task) -> tuple[batches.Programs, Any]:
    """What trains and what evaluates a batch of lanes, each with its own setting, on jax's default device."""
    each = job.rule.replace(**{field: jnp.zeros(job.width) for field in job.space})
    programs = batches.compile_training(job.setting, each, job.params, job.width)
    policy, once = training.deployed(job.setting, job.rule), adapter.stack_params(job.params, [{}])
    return programs, batches.compile_evaluation(
        job.setting, policy, "", programs.policy.out_info, job.params, once, job.episodes
    )


def start(job, programs, workers, progress, settings, seeds, steps: int, rung: int, carry) -> list[Future]:
    """Starts to train each of the settings on each of the seeds; lanes are [settings × seeds], one seed after the other."""
    lane_setting, lane_seed = np.repeat(settings, len(seeds)), np.tile(seeds, len(settings))
    label, work = f"{job.name}, {'finalists' if rung == len(job.plan.rungs) else f'rung {rung + 1}'}", []
    for batch in batches.divided(range(len(lane_setting)), job.width):
        chosen = [job.candidates[i] for i in lane_setting[batch]]
        rule = job.rule.replace(**{f: np.array([c[f] for c in chosen], np.float32) for f in job.space})
        so_far = None if carry is None else take(job.rule, [carry], batch)
        keys, lanes = (job.seed_keys(lane_seed[batch]), job.evaluation_key(rung)), len(set(batch.tolist()))
        own = job._replace(params=tasked(job.setting.env, job.params, lane_seed[batch]))
        work.append(workers.on_any(train_batch, own, programs, rule, keys, so_far, steps, lanes, progress, label))
    return work


def train_batch(
    device, job: Task, programs, rule, keys, carry, steps: int, lanes: int, progress: Progress, label: str
) -> Scored:
    """Trains lanes until they lived `steps`, on from a carry or from the start, and scores them; those after `lanes` pad."""
    train, evaluate = programs[device]
    once, target = adapter.stack_params(job.params, [{}]), jnp.int32(steps)
    rule, params, (run_keys, key), once, target, carry = jax.device_put(
        (rule, job.params, keys, once, target, carry), device
    )
    before = 0 if carry is None else np.asarray(carry.steps, np.int64)
    carry = train.begin(rule, params, run_keys) if carry is None else carry
    carry = train.advance(rule, params, run_keys, carry, target)
    policies = train.policy(rule, carry)
    seen = {name: np.asarray(x)[:, 0] for name, x in evaluate(params, once, policies, key).items()}
    named = adapter.names_outcomes(job.setting.env)
    scores, failed = (seen["outcome_share"][:, 0], 0.0) if named else (seen["return"], np.nan)
    scores = np.where(finite(policies, carry), scores, failed)
    evaluated = np.round(seen["length"].astype(np.float64) * job.episodes).astype(np.int64)
    spent = np.asarray(carry.steps, np.int64) - before + evaluated
    progress.advance(int(spent[:lanes].sum()), label)
    return Scored(carry, scores.astype(np.float64), spent)


def collected(done: list[Scored], settings: int, seeds: int) -> tuple[np.ndarray, int]:
    """Scores float64[settings, seeds] of batches, and the environment steps that they took in all, padding left out.

    A return that is no finite number counts as the lowest of the others, or 0 without any.
    """
    scores, spent = (np.concatenate(x)[: settings * seeds] for x in list(zip(*done, strict=True))[1:])
    there = np.isfinite(scores)
    scores = np.where(there, scores, scores[there].min() if there.any() else 0.0)
    return scores.reshape(settings, seeds), int(spent.sum())


def iqm(scores: np.ndarray) -> np.ndarray:
    """Each setting's interquartile mean over seeds, float64[settings, seeds] -> float64[settings]."""
    return stats.iqm(scores, axis=1)


def best_first(scores: np.ndarray) -> np.ndarray:
    """Settings in the order of their interquartile mean over seeds, of their mean where it is equal: int[settings]."""
    return np.lexsort((-scores.mean(1), -iqm(scores)))


def take(rule, carries: list[training.Carry], lanes: np.ndarray) -> training.Carry:
    """The carry of some lanes int[L], numbered through those of several batches: a copy, as training consumes its carry."""

    def joined(*parts):
        keys = jax.dtypes.issubdtype(parts[0].dtype, jax.dtypes.prng_key)
        return (jnp if keys else np).concatenate(parts)[lanes]

    parts = zip(batches.axes(rule), *carries, strict=True)
    return training.Carry(
        *(jax.tree.map(np.array, x[0]) if axis is None else jax.tree.map(joined, *x) for axis, *x in parts)
    )
