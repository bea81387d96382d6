"""What an experiment's rules are trained and evaluated by: programs compiled for the devices that are here, or for others."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.analysis import naming
from rewardlab.envs.tasks import tasked
from rewardlab.experiment.plan import Plan
from rewardlab.running import batches, recording
from rewardlab.running.chunks import Compiled
from rewardlab.terminal.progress import Progress, Silent
from rewardlab.types import Rule

# Of `first_updates`: seconds of the very first update that say enough by themselves, and of several that do.
LONG, ENOUGH = 0.5, 0.1


def training_of(plan: Plan, name: str, make: Callable[..., batches.Programs] | None = None):
    """What trains one rule in batches of the plan's width, compiled; or, by `batches.training_jobs`, to be compiled elsewhere."""
    rule, given = strong_rule(plan.experiment.rules[name]), weights(plan)
    recorder, width = recording.of(plan, name), plan.experiment.width
    make = make or batches.compile_training
    return make(plan.setting(name), rule, plan.params, width, recorder, given[0] if given else None)


def evaluations_of(plan: Plan, name: str, policies: Any, make: Callable[..., Any] | None = None) -> dict[str, Any]:
    """What evaluates one rule's policies, {when: program}, as the probes ask for it: at every "point", and at the "end".

    policies: the shapes of the parameters of a batch. make: `batches.evaluation_job` for what is to be compiled elsewhere.
    """
    experiment, kind = plan.experiment, plan.kind(name)
    make = make or batches.compile_evaluation
    found = {}
    for when in ("point", "end"):
        if there := {probe: one for probe, one in plan.probes.items() if one.when == when}:
            found[when] = make(
                plan.setting(name), kind.policy(), kind.head, policies, plan.params, plan.overrides,
                experiment.episodes, experiment.warmth, there, plan.layout.by_probe,
            )  # fmt: skip
    return found


def weights(plan: Plan) -> tuple[Any, ...]:
    """The weights of signals that programs are given, (weights,), or () where the world's own reward is paid throughout."""
    experiment = plan.experiment
    rule, main = next(iter(experiment.rules)), next(iter(experiment.conditions))
    return plan.stretch(experiment.stretches(rule, main)[0])[1]


def compile_all(
    plan: Plan, names: list[str], workers: batches.Workers, progress: Progress | None = None
) -> dict[str, Compiled]:
    """Compiles these rules for every device, several at a time. Rules with policies of one kind share an evaluation.

    Each rule's first updates are done once more than needed, to know how fast the rule is before any time left is told.
    """
    progress, begun, ended = progress or Silent(), itertools.count(1), itertools.count(1)
    experiment = plan.experiment
    own = tasked(plan.env, plan.params, np.arange(experiment.width))
    rules = {name: strong_rule(experiment.rules[name]) for name in names}
    for name in names:
        plan.setting(name)  # before the threads, which would each make it
    given = weights(plan)
    total = len(rules) * len(workers.devices)
    titles = naming.of(experiment, plan.env).rules

    def timed(name: str, device: jax.Device) -> tuple[batches.Programs, float, tuple[float, int]]:
        progress.stage(f"Compiling {next(begun)} of {total}: {titles.get(name, name)}")
        started = time.perf_counter()
        programs = training_of(plan, name)
        seconds, first = time.perf_counter() - started, (0.0, 0)
        if device == workers.devices[0]:
            keys = batches.run_keys(experiment.seed, np.arange(experiment.width, dtype=np.int32))
            first = first_updates(programs, rules[name], own, keys, experiment.steps_of(name), given)
        progress.note(f"Compiled {next(ended)} of {total}: {titles.get(name, name)}, in {seconds:.0f} s")
        return programs, seconds, first

    def evaluation(name: str, programs: batches.Programs) -> Any:
        progress.stage(f"Compiling how {titles.get(name, name)} is evaluated")
        return evaluations_of(plan, name, programs.policy.out_info)

    train = {(name, device): workers.on(device, timed, name, device) for name in rules for device in workers.devices}
    kinds = {name: plan.kind(name) for name in names}
    test = {}
    for name in names:
        for device in workers.devices:
            if (kinds[name], device) not in test:
                programs = train[name, device].result()[0]
                test[kinds[name], device] = workers.on(device, evaluation, name, programs)
    return {
        name: Compiled(
            rule=rule,
            setting=plan.setting(name),
            programs={device: train[name, device].result()[0] for device in workers.devices},
            evaluate={device: test[kinds[name], device].result() for device in workers.devices},
            compile_seconds=sum(train[name, device].result()[1] for device in workers.devices),
            first=train[name, workers.devices[0]].result()[2],
        )
        for name, rule in rules.items()
    }


def first_updates(
    programs: batches.Programs, rule: Rule, params: Any, keys: jax.Array, most: int, weights: tuple[Any, ...] = ()
) -> tuple[float, int]:
    """Seconds that some of a batch's first updates take on jax's default device, and the environment steps lived in these.

    Each call does twice as many as the one before, until one takes long enough to tell or seeds have lived `most` steps: where
    updates are short, a call of one tells what a call costs. The very first call takes several times as long as others, and tells
    nothing unless it is long.
    """
    carry = programs.begin(rule, params, keys, *weights)
    jax.block_until_ready(carry.state)
    lived, aim, call = np.zeros(1), 1.0, 0
    while True:
        before, started = lived, time.perf_counter()
        target = min(before.max() + aim, most)
        carry = programs.advance(rule, params, keys, carry, jnp.int32(target), *weights)
        lived = np.asarray(carry.steps, np.float64)  # waits for it
        took, steps = time.perf_counter() - started, float(lived.mean() - before.mean())
        if took >= (ENOUGH if call else LONG) or (call and lived.max() >= most) or not steps:
            return took, round(steps * keys.size)
        aim, call = 2 * (lived.max() - before.max()), call + 1
        if lived.max() >= most:  # as much as all that will be done, and the first call: once more
            del carry  # two of them may not fit
            carry, lived, aim = programs.begin(rule, params, keys, *weights), np.zeros(1), 1.0


def strong_rule(rule: Rule) -> Rule:
    """A rule whose hyperparameters are float32 arrays."""
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), rule)
