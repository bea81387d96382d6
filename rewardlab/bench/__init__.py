"""How fast RewardLab is, beside what else there is: the same work in the same minutes on the same machine.

A *suite* is a file of `suites/`, a list of `Row`s: one workload at one size, and who does it. A *contender* is a file of
`contenders/`, one for RewardLab and one for each peer, behind which the peer's API stays: a function for each workload,
which returns a `Case`. Every measurement has a process of its own (`measuring.py`), and contenders take turns
(`turns.py`). A contender that does not learn what the workload teaches is shown as failed, however fast it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from rewardlab.inputs import registry

OURS = "rewardlab"
SUITES = registry.Family("suite", "rewardlab.bench.suites", "rows")
CONTENDERS = registry.Family("contender", "rewardlab.bench.contenders", "PACKAGE")

Who = dict[str, tuple[str, dict[str, Any]]]  # {label: (contender, further arguments)}


class Case(NamedTuple):
    """One workload of one contender.

    prepare: () -> run; traces and compiles everything that run needs.
    run: int -> what came out; the number is the root of its randomness. It returns when everything is computed.
    steps: environment steps of one run. Where a contender lives fewer, those that its schedule asks for.
    figure: what came out -> float, to be held against the row's `allowed`.
    """

    prepare: Callable[[], Callable[[int], Any]]
    steps: int
    figure: Callable[[Any], float]


class Row(NamedTuple):
    """One workload at one size, and who does it.

    workload: the function of the contenders' files. arguments: its arguments.
    who: {label: (contender, further arguments)}; the first is what the others are compared with.
    measure: what `figure` is, in words. allowed: its lowest and highest value for a contender that does the work.
    cores: of the CPU, how many it may use; 0: all.
    """

    name: str
    workload: str
    arguments: dict[str, Any]
    who: Who
    measure: str
    allowed: tuple[float, float]
    cores: int = 0


def jitted(function: Callable[[Any], Any]) -> Callable[[], Callable[[int], Any]]:
    """`Case.prepare` of a contender whose whole run is one program of a key."""

    def prepare():
        import jax

        program = jax.jit(function).lower(jax.random.key(0)).compile()
        return lambda root: jax.block_until_ready(program(jax.random.key(root)))

    return prepare
