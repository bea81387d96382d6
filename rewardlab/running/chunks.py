"""One batch of seeds from first to last step, in chunks: between two of them the host looks around, and may save and stop.

Where a run is cut does not change its bits: a chunk ends at the first update that reaches its target, and updates depend
on the carry and on the number of the update alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab import training
from rewardlab.envs.tasks import tasked
from rewardlab.experiment import Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.fields import fits
from rewardlab.rundir import checkpoints
from rewardlab.rundir.parts import Batch
from rewardlab.rundir.stopping import Stop
from rewardlab.running import batches, recording
from rewardlab.terminal.progress import EVALUATION, Progress

CHUNK = 2.0  # seconds that a chunk is meant to take: a signal waits for that long
PERIOD = 15.0  # seconds between two checkpoints of a batch, or more (`pause`)
ABOUT = {"config": str, "seconds": float, "computed_with": list[dict[str, Any]]}  # what a checkpoint says of itself


class Compiled(NamedTuple):
    """What training one rule needs: its programs and its evaluations by device, and the seconds of compiling.

    evaluate: {device: {when: program}}, at every point and, where a probe asks for it, at the end.
    first: seconds that the first updates of a batch took, and the environment steps lived in them by all of its seeds.
    """

    rule: Any
    setting: training.Setting
    programs: dict
    evaluate: dict
    compile_seconds: float
    first: tuple[float, int] = (0.0, 0)


class Saved(NamedTuple):
    """Where a batch keeps its checkpoints, and what it was computed with: identities, its own the last."""

    directory: Path
    config: str
    identity: dict[str, Any]
    note: Any
    period: float

    def fits(self, about: dict[str, Any]) -> str:
        """What speaks against going on from a checkpoint, or ""."""
        if not fits(about, ABOUT):
            return "it says other things than it should"
        return "" if about["config"] == self.config else "it is of another experiment"


class Trained(NamedTuple):
    """A batch of seeds, padding included: the arrays of `layout.Layout` by name, the parameters of the policies as `parts.Part`
    keeps them, the seconds it took, and the identities it was computed with, if it was saved on the way."""

    arrays: dict[str, np.ndarray]
    policies: dict[str, np.ndarray]
    seconds: float
    computed_with: list[dict[str, Any]]


class Moment(NamedTuple):
    """Where a batch stands, as a callback is told between two chunks and after every evaluation. No array can be written to.

    rule, condition; seeds: their numbers. steps: int64[seeds], environment steps lived. log: {name: float32[seeds]}, what the rule
    said of its last update. point: the number of the evaluation that was just made, or None. measured: {array: [seeds,
    evaluations, own axes]} that it found, float32, by the names of the results, steps int32[seeds] and finite bool[seeds] among
    them; {} where there was none. names: {array: the names along each of its axes behind that of seeds}, of those measured.
    """

    rule: str
    condition: str
    seeds: tuple[int, ...]
    steps: np.ndarray
    log: dict[str, np.ndarray]
    point: int | None
    measured: dict[str, np.ndarray]
    names: Mapping[str, tuple[tuple[str, ...], ...]] = {}


def train_batch(
    device,
    plan: Plan,
    job: Compiled,
    batch: Batch,
    progress: Progress,
    stop: Stop,
    saved: Saved | None = None,
    callback: Callable[[Moment], Any] | None = None,
) -> Trained:
    """Trains one batch of seeds, evaluating at every point; goes on from its newest checkpoint where there is one.

    callback: is told how far it is (`Moment`). Once `stop` is requested it commits what it has and raises Interrupted.
    """
    started = last = time.perf_counter()
    took_to_save = 0.0
    put = partial(jax.device_put, device=device)
    experiment, kept = plan.experiment, plan.layout
    programs, evaluate = job.programs[device], job.evaluate[device]
    width, seeds = experiment.width, len(batch.seeds)
    rule, stretches = put(job.rule), experiment.stretches(batch.rule, batch.condition)
    whole, key = experiment.conditions[batch.condition].forks, put(batches.evaluation_key(experiment.seed))
    own = partial(tasked, plan.env, number=batch.padded(width) // whole)
    told = [plan.stretch(stretch) for stretch in stretches]
    given = [put((own(params), weights)) for params, weights in told]
    default, overrides = put(own(plan.params)), put(plan.overrides)
    keys = [put(batches.run_keys(experiment.seed, batch.padded(width), s.forks, whole)) for s in stretches]
    targets = experiment.targets(batch.rule)
    names = kept.names("point", {"evaluation": tuple(experiment.evaluations)})

    points = kept.blank("point", width)
    every = experiment.policies == "points"
    policies = blank(programs.policy.out_info, len(targets) if every else 1)
    # What the world has been revised to, as the phase of that number began.
    revised = (
        {"phase": np.int64(0), "fields": jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), programs.revise.out_info)}
        if programs.revise
        else {}
    )
    like = {"carry": programs.begin.out_info, "points": points, "policies": policies, "position": np.int64(0)}
    like |= {"revised": revised} if revised else {}
    found = saved and checkpoints.newest(saved.directory, like, saved.fits, saved.note)
    computed_with = [saved.identity] if saved else []
    if saved and found and 0 <= int(found[1]["position"]) < len(targets):
        _, tree, about = found
        carry, position = put(tree["carry"]), int(tree["position"])
        points, policies = ({k: np.array(x) for k, x in tree[group].items()} for group in ("points", "policies"))
        revised = tree.get("revised", {})
        started -= about["seconds"]
        computed_with = [one for one in about["computed_with"] if one != saved.identity] + computed_with
        reached = int(np.min(carry.steps))
        progress.skip(min(reached, int(targets[-1])) * seeds, batch.name, batch.rule)
        progress.skip(position, batch.name, EVALUATION)
    else:
        params, weights = given[0]
        carry, position, reached = programs.begin(rule, params, keys[0], *weights), 0, 0
    ahead = max(job.rule.num_envs * job.rule.unroll_length, 1)  # steps of the next chunk: at first one update's

    def commit():
        if saved and reached:
            about = {"config": saved.config, "seconds": time.perf_counter() - started, "computed_with": computed_with}
            tree = {"carry": carry, "points": points, "policies": policies, "position": np.int64(position)}
            tree |= {"revised": revised} if revised else {}
            checkpoints.save(saved.directory, reached + position, tree, about)  # either grows

    def tell(point=None, measured=None):
        if callback:
            ours = lambda x: np.broadcast_to(x, (width, *np.shape(x)[1:]))[:seeds]  # counts may be one for all  # noqa: E731
            log, found = ({k: ours(x) for k, x in named.items()} for named in (carry.log, measured or {}))
            steps = ours(np.asarray(carry.steps, np.int64))
            callback(Moment(batch.rule, batch.condition, batch.seeds, steps, log, point, found, names if found else {}))

    def look_around():
        nonlocal last, took_to_save
        if stop.requested:
            commit()
            stop.check()
        begun = time.perf_counter()
        if saved and begun - last >= pause(saved.period, took_to_save):
            commit()
            last = time.perf_counter()
            took_to_save = last - begun

    for position in range(position, len(targets)):  # noqa: B020
        look_around()
        while reached < targets[position]:
            phase = sum(stretch.start <= reached for stretch in stretches) - 1
            ends = [stretch.start for stretch in stretches[phase + 1 :]]  # no chunk is of two phases
            goal, begun, before = min(targets[position], reached + ahead, *ends), time.perf_counter(), reached
            params, weights = given[phase]
            if revised and phase:
                if revised["phase"] < phase:
                    known = params.replace(**put(revised["fields"])) if revised["phase"] else params
                    fields = programs.revise(rule, known, keys[phase], carry)
                    revised = {"phase": np.int64(phase), "fields": jax.tree.map(np.asarray, fields)}
                params = params.replace(**put(revised["fields"]))
            carry = programs.advance(rule, params, keys[phase], carry, put(jnp.int32(goal)), *weights)
            reached = int(np.min(carry.steps))  # waits for the chunk
            took = time.perf_counter() - begun
            ahead = max(int(ahead * min(max(CHUNK / max(took, 1e-6), 0.25), 8.0)), 1)
            lived = int(min(reached, targets[position]) - min(before, targets[position])) * seeds
            progress.advance(lived, batch.name, batch.rule, took)
            tell()
            if reached < targets[position]:
                look_around()
        begun = time.perf_counter()
        now = programs.policy(rule, carry)
        evaluated = evaluate["point"](default, overrides, now, key) if "point" in evaluate else {}
        measured = {**evaluated, "steps": carry.steps, "finite": finite(now, carry)}
        for name, value in measured.items():
            points[name][:, position] = np.asarray(value)
        if every or position == len(targets) - 1:
            for name, (value, _) in checkpoints.flat(now).items():
                policies[name][:, position if every else 0] = value
        progress.advance(1, batch.name, EVALUATION, time.perf_counter() - begun)
        tell(position, measured)
    last = evaluate["end"](default, overrides, now, key) if "end" in evaluate else {}
    arrays = points | {name: np.asarray(value) for name, value in last.items()}
    arrays |= recording.arrays(carry.records) if carry.records else {}
    return Trained({name: arrays[name] for name in kept.arrays}, policies, time.perf_counter() - started, computed_with)


def pause(period: float, took: float) -> float:
    """Seconds to the next checkpoint, where the last one took so many: as many periods, as a large replay is written, read back
    and compared for seconds, and no less than one.
    """
    return period * max(took, 1.0)


def blank(shapes: Any, times: int) -> dict[str, np.ndarray]:
    """Room for the parameters of policies [width, ...] at so many times, {path: [width, times, ...]}."""
    named = jax.tree_util.tree_leaves_with_path(shapes)
    return {jax.tree_util.keystr(path): np.zeros((x.shape[0], times, *x.shape[1:]), x.dtype) for path, x in named}


def expected(experiment: Experiment, batch: Batch) -> dict[str, int]:
    """The work in a batch, as `Progress` counts it: environment steps of its rule, and evaluations."""
    targets = experiment.targets(batch.rule)
    return {batch.rule: int(targets[-1]) * len(batch.seeds), EVALUATION: len(targets)}


def finite(policies: Any, carry: training.Carry) -> np.ndarray:
    """bool[width], whether all parameters of a seed, and all rewards that it was paid, are finite numbers."""
    paid = np.asarray(carry.finite)
    leaves = [np.isfinite(np.asarray(leaf)).reshape(paid.size, -1).all(1) for leaf in jax.tree.leaves(policies)]
    return np.logical_and.reduce([paid, *leaves])
