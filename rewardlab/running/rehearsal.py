"""Tries, before anything is trained, what is worked out only after training, so that no run trains for hours and fails at the end.

What no seed changes is worked out here for good: the audit and the reference lines. Films are traced, one for each kind of
policy: what fails only when it runs, a callback say, is not noticed. Results, summary, figures and page are written once from
made-up numbers, into a directory that is removed again.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import numpy as np

from rewardlab import probes, training
from rewardlab.analysis.results import Measured
from rewardlab.envs.world import offers
from rewardlab.experiment import layout
from rewardlab.experiment.plan import Plan
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError, show
from rewardlab.probes import Subject, measured, placed
from rewardlab.probes.outcomes import played
from rewardlab.probes.replay import EPISODES, check_size, filming
from rewardlab.report import replays
from rewardlab.rundir import store
from rewardlab.running import assembly
from rewardlab.running.assembly import Fixed

SEEDS = 12  # enough for intervals


def rehearse(plan: Plan, say: Callable[[str], None] = lambda text: None, report: bool = True) -> Fixed:
    """What no seed changes. Raises InputError where something that follows training would fail. Compiles the reference lines.

    say: is told what begins. report: whether films and report are tried out, too.
    """
    with failing("its audit and its reference lines can't be worked out"):
        fixed = assembly.fixed(plan, say)
    with failing("its probes can't measure"):
        trace_probes(plan)
    if not report:
        return fixed
    with failing("there is no place for temporary files"), tempfile.TemporaryDirectory(prefix="rewardlab-") as folder:
        say("Trying out the films")
        with failing("films of its policies can't be made"):
            film(plan, Path(folder))
        if placed.there(plan.env):
            with failing("what can be put elsewhere in its world can't be"):
                placed.check(plan.env, plan.params)
        say("Trying out the report")
        with failing("its report can't be written"):
            write(plan, fixed, Path(folder))
    return fixed


@contextlib.contextmanager
def failing(what: str):
    """Turns whatever is raised inside into one line that says what could not be done."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"nothing was trained, because {what}: {type(error).__name__}: {show(str(error), 300)}"
        ) from error


def trace_probes(plan: Plan) -> None:
    """Traces the user's own probes, on the policies of each rule. Raises InputError for one that gives what it does not keep."""
    asked = {name: probe for name, probe in plan.probes.items() if registry.is_path(name)}
    if not asked:
        return
    axes, key = plan.layout.by_probe, jax.eval_shape(lambda: jax.random.key(0))
    env, params, rules = plan.env, plan.params, plan.experiment.rules

    updates = {name: probe for name, probe in asked.items() if probe.when == "update"}
    played_out = {name: probe for name, probe in asked.items() if probe.when != "update"}

    def after_an_update(s, rule, key):
        carry = training.begin(s, rule, params, key)
        subject = Subject(s, rule.deploy(s.agent, carry.state), params, {}, key, rule=rule, carry=carry)
        return measured(updates, axes, subject)

    def at_a_point(s, rule, key):
        policy = rule.deploy(s.agent, rule.init(s.agent, jax.random.fold_in(key, 0)))
        seen = played(env, params, s.agent, policy, jax.random.fold_in(key, 1), plan.experiment.episodes)
        return measured(played_out, axes, Subject(s, policy, params, {}, key, seen=seen))

    for name in plan.kinds().values() if played_out else ():
        jax.eval_shape(partial(at_a_point, plan.setting(name), rules[name]), key)
    for name, rule in rules.items() if updates else ():
        jax.eval_shape(partial(after_an_update, plan.setting(name), rule), key)


def film(plan: Plan, folder: Path) -> None:
    """Traces one film for each kind of policy and writes a blank one of its size."""
    if not offers(plan.env, "render_rgb"):
        return
    key = jax.eval_shape(lambda: jax.random.key(0))
    params = next(iter(plan.evaluations.values()))
    for kind, name in plan.kinds().items():
        rule, agent = plan.experiment.rules[name], plan.setting(name).agent
        policy = jax.eval_shape(lambda key, r=rule, a=agent: r.deploy(a, r.init(a, key)).params, key)
        frames, _ = filming(plan.env, agent, kind.act, EPISODES).eval_shape(params, policy, key)
        check_size(frames, EPISODES)
        replays.write(folder, "blank", np.zeros((2, *frames.shape[2:]), frames.dtype))


def write(plan: Plan, fixed: Fixed, folder: Path) -> None:
    """Writes results and report of made-up numbers."""
    experiment = plan.experiment
    whole = {  # made-up numbers need no runs that part
        name: replace(c, phases=tuple(replace(phase, forks=1) for phase in c.phases))
        for name, c in experiment.conditions.items()
    }
    small = plan.of(conditions=whole, seeds=min(experiment.seeds, SEEDS), width=experiment.width or 1)
    random = np.random.default_rng(0)
    measured = {
        (rule, name): made_up(small, rule, name, random) for rule in experiment.rules for name in experiment.conditions
    }
    run = store.create(folder / "run", small.experiment)
    store.write_results(run.path, assembly.assemble(small, measured, fixed))
    assembly.write_report(run.path, experiment.question_asked, papers=False)


def made_up(plan: Plan, rule: str, condition: str, random: np.random.Generator) -> Measured:
    """What a rule might have come to under a condition."""
    seeds, targets = plan.experiment.seeds_of(rule, condition), plan.experiment.targets(rule)
    kept = plan.layout
    found: Measured = {}
    for probe in plan.probes.values():
        dims = kept.arrays[next(iter(probe.arrays))].shape[: len(probes.WHEN[probe.when])]
        if probe.made_up:
            found |= probe.made_up(plan, (seeds, *dims), random)
        else:
            shapes = {array: (seeds, *kept.arrays[array].shape) for array in probe.arrays}
            found |= {array: random.random(shape, np.float32) for array, shape in shapes.items()}
    found |= {"steps": np.tile(targets.astype(float), (seeds, 1)), "finite": np.ones((seeds, len(targets)), np.float32)}
    counts = np.arange(1.0, layout.RECORDS + 1)
    return {name: found[name] if name in found else np.tile(counts, (seeds, 1)) for name in kept.arrays}
