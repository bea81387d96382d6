"""What an experiment would need on TPUs that are not here: whether it compiles and fits, how long it would take, what that goes to.

The TPU's own compiler says it all (`backend/tpu.py`), and all of it is a prediction: nobody has seen the chip. A program's time is
that of its estimated cycles, or, where that is longer, the time that its products or the memory alone would take.
"""

from __future__ import annotations

import heapq
import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from rewardlab.backend import tpu
from rewardlab.backend.chips import Chip
from rewardlab.envs.tasks import tasked
from rewardlab.experiment import Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.running import account, batches, compiling
from rewardlab.running.predicted import Account, Asked
from rewardlab.terminal.progress import Progress, Silent

UPDATES = 3  # of one seed, from which it is known how many steps an update lives


class Forecast(NamedTuple):
    """What is predicted of one rule.

    problem: why it can't run, or "". bytes_per_seed: by a line through two widths, the larger one that of the run, if that is
    more than `account.TRIED`. fits: the largest width that the line promises. bytes: what a batch of the run's width needs.
    update_seconds, cycles: of one update of a batch. bound: "compute", "memory" or "latency". steps: environment steps that one
    seed lives in an update. steps_per_second: lived on one chip. batch_seconds: of one batch to its end, evaluations included.
    batches: how many there are. operations, open_loops: as of `Account`.
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
    open_loops: int = 0

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
        """Of the whole run: each chip takes the next batch as soon as it is free."""
        busy = [0.0] * self.chips  # seconds until each chip is free
        for one in self.rules:
            for _ in range(one.batches):
                heapq.heapreplace(busy, busy[0] + one.batch_seconds)
        return max(busy) / 3600


def preflight(
    experiment: Experiment, chip: Chip, chips: int = 1, progress: Progress | None = None, quick: bool = False
) -> Preflight:
    """What this experiment would need on so many chips, one batch of seeds on each at a time.

    Raises InputError where the TPU's compiler is missing, and for what the experiment can't be in any case. What the compiler said
    is remembered in the directory of jax's cache of programs. quick: a rough estimate by the compiler of the CPU that is here.
    """
    if not quick:
        tpu.check()
    asked, names = Asked(Plan(experiment, "tpu"), chip, progress or Silent(), quick), list(experiment.rules)
    asked.all((name, width) for width in account.TRIED for name in names)
    both = {name: [asked(name, width) for width in account.TRIED] for name in names}
    problems = {name: next((one.problem for one in said if one.problem), "") for name, said in both.items()}
    lines = {
        name: account.line(*((one.width, one.most) for one in said))
        for name, said in both.items()
        if not problems[name] and not any(one.too_large for one in said)
    }
    limit = account.SHARE * chip.memory
    whole = [name for name in names if not problems[name]]
    rooms = [account.room([(one.width, one.most) for one in both[name]], limit) for name in whole]
    most = min([account.enough(experiment.seeds, chips), *rooms])
    width = confirmed(asked, whole, experiment.width or most, 0.0 if experiment.width else limit)
    found = []
    for name in names:
        if problems[name]:
            found.append(Forecast(name, problems[name]))
            continue
        said = asked(name, max(width, 1))
        if said.most > limit:
            has = f"a {chip.name} has {chip.memory / 2**30:.0f}, of which {account.SHARE:.0%} are used"
            needed = "more than there is" if said.too_large else f"{said.most / 2**30:.1f} GiB"
            found.append(Forecast(name, f"{said.width} at a time need {needed}; {has}"))
        elif said.problem or not width:
            found.append(Forecast(name, said.problem or "another rule does not fit"))
        else:
            line, before = lines.get(name) or account.Line(0.0, said.most / width), both[name][-1]
            if (
                width > before.width and not before.too_large
            ):  # small arrays may lie beside the processor, and take no memory
                line = account.line((before.width, before.most), (width, said.most))
            found.append(forecast(experiment, name, said, line, limit, quick))
    return Preflight(chip.name, chips, experiment.seeds, width, tuple(found))


def confirmed(asked: Asked, names: list[str], width: int, limit: float) -> int:
    """The width, or as much less as it takes, by halves, until no rule needs more than `limit` bytes; without a limit, as it is."""
    while width:
        asked.all((name, width) for name in names)
        if not limit or all(asked(name, width).most <= limit for name in names):
            break
        width //= 2
    return width


def forecast(
    experiment: Experiment, name: str, said: Account, line: account.Line, limit: float, quick: bool = False
) -> Forecast:
    """What is predicted of a rule whose programs compile and fit. quick: every lane counts as living throughout."""
    rule = experiment.rules[name]
    steps = float(rule.num_envs * rule.unroll_length) if quick else lived(Plan(experiment), name)
    updates = math.ceil(experiment.steps_of(name) / steps)
    return Forecast(
        rule=name,
        problem=said.problem,
        bytes_per_seed=line.each,
        fits=line.fits(limit),
        bytes=max(said.training, said.evaluation),
        update_seconds=said.update,
        cycles=said.cycles,
        bound=said.bound,
        steps=steps,
        steps_per_second=steps * min(said.width, experiment.seeds) / said.update,
        batch_seconds=updates * said.update + len(experiment.targets(name)) * said.point + said.end,
        batches=sum(-(-experiment.seeds_of(name, condition) // said.width) for condition in experiment.conditions),
        operations=said.operations,
        open_loops=said.open_loops,
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
    params = tasked(plan.env, plan.params, np.zeros(1))
    carry = programs.begin(strong, params, keys, *given)
    for _ in range(UPDATES):
        carry = programs.advance(strong, params, keys, carry, jnp.int32(np.max(carry.steps) + 1), *given)
    return max(float(np.max(carry.steps)) / float(np.max(carry.updates)), 1.0)
