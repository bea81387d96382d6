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
from pathlib import Path

import jax
import numpy as np

from rewardlab import assembly, store
from rewardlab.assembly import Fixed
from rewardlab.envs import adapter
from rewardlab.errors import InputError, show
from rewardlab.experiment import Experiment
from rewardlab.probes.replay import EPISODES, check_size, filming
from rewardlab.report import replays
from rewardlab.results import Measured

SEEDS = 12  # enough for intervals


def rehearse(experiment: Experiment, say: Callable[[str], None] = lambda text: None) -> Fixed:
    """What no seed changes. Raises InputError where something that follows training would fail. Compiles the reference lines.

    say: is told what begins.
    """
    env = experiment.world()
    with failing("its audit and its reference lines can't be worked out"):
        fixed = assembly.fixed(experiment, env, say)
    with failing("there is no place for temporary files"), tempfile.TemporaryDirectory(prefix="rewardlab-") as folder:
        say("Trying out the films")
        with failing("films of its policies can't be made"):
            film(experiment, env, Path(folder))
        say("Trying out the report")
        with failing("its report can't be written"):
            write(experiment, env, fixed, Path(folder))
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


def film(experiment: Experiment, env, folder: Path) -> None:
    """Traces one film for each kind of policy and writes a blank one of its size."""
    if not hasattr(env, "render_rgb"):
        return
    key = jax.eval_shape(lambda: jax.random.key(0))
    params = adapter.set_params(env.default_params, next(iter(experiment.evaluations.values())))
    kinds = {experiment.kind(env, name): name for name in experiment.rules}
    for kind, name in kinds.items():
        rule, agent = experiment.rules[name], experiment.setting(env, name).agent
        policy = jax.eval_shape(lambda key, r=rule, a=agent: r.deploy(a, r.init(a, key)).params, key)
        frames, _ = filming(env, agent, kind.act, EPISODES).eval_shape(params, policy, key)
        check_size(frames, EPISODES)
        replays.write(folder, "blank", np.zeros((2, *frames.shape[2:]), frames.dtype))


def write(experiment: Experiment, env, fixed: Fixed, folder: Path) -> None:
    """Writes results and report of made-up numbers."""
    small = replace(experiment, seeds=min(experiment.seeds, SEEDS), width=experiment.width or 1)
    random = np.random.default_rng(0)
    measured = {
        (rule, name): made_up(small, env, rule, name, random) for rule in small.rules for name in small.conditions
    }
    run = store.create(folder / "run", small)
    store.write_results(run.path, assembly.assemble(small, env, measured, fixed))
    assembly.write_report(run.path)


def made_up(experiment: Experiment, env, rule: str, condition: str, random: np.random.Generator) -> Measured:
    """What a rule might have come to under a condition."""
    seeds, targets = experiment.seeds_of(rule, condition), experiment.targets(rule)
    shape = (seeds, len(targets), len(experiment.evaluations))
    share = random.dirichlet(np.ones(len(adapter.outcomes(env))), shape).astype(np.float32)
    steps = np.tile(targets.astype(float), (seeds, 1))
    return Measured(share, share[..., 0], np.ones(shape, np.float32), steps, np.ones(shape[:2], np.float32))
