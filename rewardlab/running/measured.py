"""What an experiment's programs take on the device that is here, in the words of `preflight`, which predicts it."""

from __future__ import annotations

import math
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.envs.tasks import tasked
from rewardlab.experiment import Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.running import account, batches, compiling, widths
from rewardlab.running.preflight import Forecast, Preflight
from rewardlab.terminal.progress import Progress, Silent

SECONDS = 2.0  # of updates, at least, after one that is not counted


def measured(experiment: Experiment, progress: Progress | None = None) -> Preflight:
    """The same figures as `preflight`, measured: one batch of every rule on jax's default device, whose updates are timed.

    Batches have the experiment's width, or what suits the device. Raises InputError as a run of the experiment does.
    """
    progress, device = progress or Silent(), jax.local_devices()[0]
    plan = widths.decided(Plan(experiment))
    found = []
    for name in experiment.rules:
        progress.note(f"Measuring {name} on {device.device_kind} ...")
        found.append(measure(plan, name))
    return Preflight(
        device.device_kind, jax.local_device_count(), experiment.seeds, plan.experiment.width, tuple(found)
    )


def measure(plan: Plan, name: str) -> Forecast:
    """One rule's figures."""
    experiment, rule, given = (
        plan.experiment,
        compiling.strong_rule(plan.experiment.rules[name]),
        compiling.weights(plan),
    )
    programs = compiling.training_of(plan, name)
    evaluation = compiling.evaluations_of(plan, name, programs.policy.out_info)
    need = account.need(account.Programs(programs.advance, evaluation), experiment.width)
    keys = batches.run_keys(experiment.seed, np.arange(experiment.width, dtype=np.int32))
    params = tasked(plan.env, plan.params, np.arange(experiment.width))
    carry = programs.begin(rule, params, keys, *given)

    def advanced(carry: Any) -> Any:
        target = jnp.int32(np.max(carry.steps) + 1)
        return jax.block_until_ready(programs.advance(rule, params, keys, carry, target, *given))

    carry = advanced(carry)
    before, started, times = float(np.mean(carry.steps)), time.perf_counter(), 0
    while not times or time.perf_counter() - started < SECONDS:
        carry, times = advanced(carry), times + 1
    update = (time.perf_counter() - started) / times
    steps = (float(np.mean(carry.steps)) - before) / times
    policies, key = programs.policy(rule, carry), batches.evaluation_key(experiment.seed)
    tested = {when: timed(one, params, plan.overrides, policies, key) for when, one in evaluation.items()}
    updates = math.ceil(experiment.steps_of(name) / max(steps, 1.0))
    return Forecast(
        rule=name,
        problem="",
        bytes=need.most,
        update_seconds=update,
        bound="measured",
        steps=steps,
        steps_per_second=steps * min(experiment.width, experiment.seeds) / update,
        batch_seconds=updates * update
        + len(experiment.targets(name)) * tested.get("point", 0.0)
        + tested.get("end", 0.0),
        batches=sum(-(-experiment.seeds_of(name, c) // experiment.width) for c in experiment.conditions),
    )


def timed(program: Any, *given: Any) -> float:
    """Seconds that a program takes, the second time."""
    jax.block_until_ready(program(*given))
    started = time.perf_counter()
    jax.block_until_ready(program(*given))
    return time.perf_counter() - started
