"""Conditions: the ways in which agents are trained, the phases that a way may have, and what a rule gets of its own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from rewardlab.inputs.errors import InputError, show, wrong_type
from rewardlab.inputs.fields import LARGEST_SIZE, coerce, hints, reads_old_names, whole

USUAL_REWARD = {"reward": 1.0}  # the world's own


@dataclass(frozen=True)
class Phase:
    """A part of training, from `start` on until the next one begins.

    start: share of the steps of each rule. Training enters the phase with the first update that begins at that many steps or more.
    params: values of the world's params from then on, in place of the condition's own, {name: number}.
    reward: what is paid from then on, {signal of the world: weight}: {"reward": 1.0} is its own reward, {} nothing at all,
        {"reward": -1.0} the reverse, and any other signal is a proxy.
    forks: in how many runs each goes on from then on, with random numbers of their own. Runs that have parted
        are seeds of the condition, one after the other; the first of them goes on as if nothing had parted. Those that part at
        a start of 0 share what training begins with, the initial parameters among it, and nothing else.
    """

    start: float = field(default=0.0, metadata={"range": (0.0, 1.0)})
    params: dict[str, bool | int | float] = field(default_factory=dict)
    reward: dict[str, float] = field(default_factory=USUAL_REWARD.copy)
    forks: int = whole(1, 1, 2**15)


@dataclass(frozen=True)
class Condition:
    """One way of training.

    params: values of the world's params while training, {name: number}; the rest at their defaults.
    seeds: how many seeds are trained so, at most the experiment's; None: all of them. Where phases fork, these are the runs
        at the end.
    phases: what changes on the way, in order; before the first one, and without any, the world pays its own reward.
    """

    params: dict[str, bool | int | float] = field(default_factory=dict)
    seeds: int | None = None
    phases: tuple[Phase, ...] = ()

    @property
    def forks(self) -> int:
        """In how many runs each that begins ends."""
        return math.prod(phase.forks for phase in self.phases)


@reads_old_names
@dataclass(frozen=True)
class Budget:
    """What one rule gets in place of what the experiment says, since rules need experience in very different amounts.

    total_steps: environment steps that each of its seeds lives. seeds: how many it has at most. None: as the experiment.
    """

    was: ClassVar = {"steps": "total_steps"}

    total_steps: int | None = None
    seeds: int | None = None


class Stretch(NamedTuple):
    """A phase, worked out. start: steps lived before it. params: the world's that are no default. weights: {signal: weight}.

    forks: of this phase and of each before it.
    """

    start: int
    params: dict[str, bool | int | float]
    weights: dict[str, float]
    forks: tuple[int, ...] = ()


def check_condition(where: str, value: Any) -> Condition:
    """A condition, checked: `where` begins messages. Raises InputError."""
    if not isinstance(value, Condition):
        raise wrong_type(where, value, "a Condition")
    seeds = coerce(value.seeds, int | None, f"{where}.seeds", (1, LARGEST_SIZE))
    phases = coerce(value.phases, hints(Condition)["phases"], f"{where}.phases")
    phases = tuple(_phase(f"{where}.phases.{i}", phase) for i, phase in enumerate(phases))
    starts = [phase.start for phase in phases]
    if any(a >= b for a, b in itertools.pairwise(starts)) or 1.0 in starts:
        raise InputError(
            f"{where}.phases start at {show(starts)}; allowed: shares below 1, each larger than the one before"
        )
    return Condition(check_numbers(f"{where}.params", value.params), seeds, phases)


def _phase(where: str, phase: Phase) -> Phase:
    reward = {
        check_name(f"{where}.reward", k): coerce(v, float, f"{where}.reward.{k}") for k, v in phase.reward.items()
    }
    return Phase(phase.start, check_numbers(f"{where}.params", phase.params), reward, phase.forks)


def check_numbers(where: str, values: Any) -> dict[str, bool | int | float]:
    """Values of params of a world, {name: number}, checked but for what the world makes of them. Raises InputError."""
    if not isinstance(values, Mapping):
        raise wrong_type(where, values, "a dict {param of the world: number}")
    return {check_name(where, name): _number(f"{where}.{name}", value) for name, value in values.items()}


def check_name(where: str, name: Any) -> str:
    """A name. Raises InputError."""
    return coerce(name, str, f"a name in {where}")


def _number(where: str, value: Any) -> bool | int | float:
    if getattr(value, "ndim", None) == 0:  # a numpy or jax scalar
        value = value.item()
    if isinstance(value, (bool, int)):
        return value if abs(value) <= LARGEST_SIZE else coerce(value, int, where, (-LARGEST_SIZE, LARGEST_SIZE))
    if not isinstance(value, float):
        raise wrong_type(where, value, "a number, true or false")
    return coerce(value, float, where)
