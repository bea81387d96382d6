"""What an experiment would need on TPUs that are not here: whether it compiles and fits, how long it would take, what that goes to.

The TPU's own compiler says it all (`backend/tpu.py`), and all of it is a prediction: nobody has seen the chip. A program's time is
that of its estimated cycles, or, where that is longer, the time that its products or the memory alone would take.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from rewardlab.backend import tpu
from rewardlab.backend.chips import Chip
from rewardlab.experiment import Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.running import account, batches, compiling
from rewardlab.running.predicted import Asked, Programs
from rewardlab.terminal.progress import Progress, Silent

UPDATES = 3  # of one seed, from which it is known how many steps an update lives


class Forecast(NamedTuple):
    """What is predicted of one rule.

    problem: why it can't run, or "". bytes_per_seed: by a line through two widths, the larger one that of the run, if that is
    more than `account.TRIED`. fits: the largest width that the line promises. bytes: what a batch of the run's width needs.
    update_seconds, cycles: of one update of a batch. bound: "compute", "memory" or "latency". steps: environment steps that one
    seed lives in an update. steps_per_second: lived on one chip. batch_seconds: of one batch to its end, evaluations included.
    batches: how many there are. operations: as of `Programs`.
    """

    rule: str
    problem: str
    bytes_per_seed: float = 0.0
    fits: int = 0
    bytes: int = 0
    update_seconds: float = 0.0
    cycles: float = 0.0
    bound: str = ""
    steps: float = 0.0
    steps_per_second: float = 0.0
    batch_seconds: float = 0.0
    batches: int = 0
    operations: tuple[tuple[str, str, float], ...] = ()

    @property
    def hours(self) -> float:
        """Of one chip, for all of the rule's seeds under all conditions."""
        return self.batches * self.batch_seconds / 3600


class Preflight(NamedTuple):
    """The forecasts of an experiment's rules. chips: of the slice. width: seeds of a batch; 0: not even one fits."""

    chip: str
    chips: int
    seeds: int
    width: int
    rules: tuple[Forecast, ...]

    @property
    def flies(self) -> bool:
        """Whether every rule compiles and fits."""
        return not any(one.problem for one in self.rules)

    @property
    def hours(self) -> float:
        """Of the whole run: its batches evenly over the chips, and no less than the longest of them takes."""
        longest = max((one.batch_seconds for one in self.rules if one.batches), default=0.0)
        return max(sum(one.hours for one in self.rules) / self.chips, longest / 3600)


def preflight(experiment: Experiment, chip: Chip, chips: int = 1, progress: Progress | None = None) -> Preflight:
    """What this experiment would need on so many chips, one batch of seeds on each at a time.

    Raises InputError where the TPU's compiler is missing, and for what the experiment can't be in any case. What the compiler said
    is remembered beside jax's cache of programs.
    """
    tpu.check()
    asked, names = Asked(Plan(experiment, "tpu"), chip, progress or Silent()), list(experiment.rules)
    asked.all((name, width) for width in account.TRIED for name in names)
    both = {name: [asked(name, width) for width in account.TRIED] for name in names}
    problems = {name: next((one.problem for one in said if one.problem), "") for name, said in both.items()}
    lines = {
        name: account.line(*((one.width, one.most) for one in said))
        for name, said in both.items()
        if not problems[name]
    }
    limit = account.SHARE * chip.memory
    most = min([account.enough(experiment.seeds, chips), *(one.fits(limit) for one in lines.values())])
    width = confirmed(asked, list(lines), experiment.width or most, 0.0 if experiment.width else limit)
    found = []
    for name in names:
        problem, line = problems[name], lines.get(name)
        if line and (needed := asked(name, width).most if width else line.at(1)) > limit:
            has = f"a {chip.name} has {chip.memory / 2**30:.0f}, of which {account.SHARE:.0%} are used"
            problem = f"{max(width, 1)} at a time need {needed / 2**30:.1f} GiB; {has}"
        if problem or not line or not width:
            found.append(Forecast(name, problem or "another rule does not fit"))
        else:
            said, before = asked(name, width), both[name][-1]
            if width > before.width:  # small arrays may lie beside the processor, and take no memory
                line = account.line((before.width, before.most), (width, said.most))
            found.append(forecast(experiment, name, said, line, limit))
    return Preflight(chip.name, chips, experiment.seeds, width, tuple(found))


def confirmed(asked: Asked, names: list[str], width: int, limit: float) -> int:
    """The width, or as much less as it takes, by halves, until no rule needs more than `limit` bytes; without a limit, as it is."""
    while width:
        asked.all((name, width) for name in names)
        if not limit or all(asked(name, width).most <= limit for name in names):
            break
        width //= 2
    return width


def forecast(experiment: Experiment, name: str, said: Programs, line: account.Line, limit: float) -> Forecast:
    """What is predicted of a rule whose programs compile and fit."""
    steps = lived(Plan(experiment), name)
    updates = math.ceil(experiment.steps_of(name) / steps)
    return Forecast(
        rule=name,
        problem=said.problem,
        bytes_per_seed=line.each,
        fits=line.fits(limit),
        bytes=said.most,
        update_seconds=said.update,
        cycles=said.cycles,
        bound=said.bound,
        steps=steps,
        steps_per_second=steps * said.width / said.update,
        batch_seconds=updates * said.update + len(experiment.targets(name)) * said.point + said.end,
        batches=sum(-(-experiment.seeds_of(name, condition) // said.width) for condition in experiment.conditions),
        operations=said.operations,
    )


def lived(here: Plan, name: str) -> float:
    """Environment steps that one seed of a rule lives in an update: all that are computed, or, where lanes rest, what an untrained
    agent lives in its first updates, which are made here.
    """
    rule = here.experiment.rules[name]
    if not rule.whole:
        return float(rule.num_envs * rule.unroll_length)
    plan, strong = here.of(width=1), compiling.strong_rule(rule)
    programs, given = compiling.training_of(plan, name), compiling.weights(plan)
    keys = batches.run_keys(plan.experiment.seed, np.zeros(1, np.int32))
    carry = programs.begin(strong, plan.params, keys, *given)
    for _ in range(UPDATES):
        carry = programs.advance(strong, plan.params, keys, carry, jnp.int32(np.max(carry.steps) + 1), *given)
    return max(float(np.max(carry.steps)) / float(np.max(carry.updates)), 1.0)
