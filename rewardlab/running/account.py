"""What a rule's compiled programs need of a device's memory, and how many seeds fit into it: by the compiler's own account.

The programs may be those of the devices here, or of a TPU that is not here (`backend/tpu.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from rewardlab.experiment.plan import Plan
from rewardlab.running import batches, compiling

LARGEST = 4096  # seeds of a batch
SHARE = 0.9  # of the memory: the device's own programs and buffers under way take some
TRIED = (8, 32)  # the widths of which the line is drawn


class Need(NamedTuple):
    """Bytes that a batch of `width` seeds needs while it is trained, and while it is evaluated, its training held meanwhile."""

    width: int
    training: int
    evaluation: int

    @property
    def most(self) -> int:
        return max(self.training, self.evaluation)


class Line(NamedTuple):
    """Bytes that a batch needs, as a line in its width: fixed, and for each seed."""

    fixed: float
    each: float

    def at(self, width: int) -> float:
        return self.fixed + self.each * width

    def fits(self, limit: float) -> int:
        """The largest power of two of seeds that needs no more than `limit` bytes; 0: not even one does."""
        room = int((limit - self.fixed) // self.each)
        return 0 if room < 1 else 1 << (min(room, LARGEST).bit_length() - 1)


class TooLarge(Exception):
    """The compiler found no way to fit a program into the device's memory."""


class Programs(NamedTuple):
    """What a rule's batches are updated by, and its policies evaluated, {when: program}; or the jobs of compiling these."""

    advance: Any
    evaluation: dict[str, Any]


def jobs(plan: Plan, name: str) -> Programs:
    """What is to be compiled for one rule, in the plan's width."""
    told = compiling.training_of(plan, name, batches.training_jobs)
    return Programs(told.advance, compiling.evaluations_of(plan, name, told.policy.out, batches.evaluation_job))


def compiled(plan: Plan, name: str) -> Programs:
    """The programs of one rule, in the plan's width, for jax's default device. Raises TooLarge."""
    wanted = jobs(plan, name)
    return Programs(fit(wanted.advance.compiled), {when: fit(job.compiled) for when, job in wanted.evaluation.items()})


def fit(compiles: Callable[[], Any]) -> Any:
    """What compiling returns. Raises TooLarge where the compiler says that it is."""
    try:
        return compiles()
    except Exception as error:
        if "RESOURCE_EXHAUSTED" in str(error) or "out of memory" in str(error).lower():
            raise TooLarge(str(error)) from error
        raise


def need(programs: Programs, width: int) -> Need:
    """What they need, by the compiler."""
    held, whole = size(programs.advance)
    tested = [size(program)[1] for program in programs.evaluation.values()]
    return Need(width, whole, held + max(tested, default=0))


def size(program: Any) -> tuple[int, int]:
    """Bytes of a compiled program: of what it is given, and of all that it needs."""
    found = program.memory_analysis()
    parts = (found.temp_size_in_bytes, found.argument_size_in_bytes, found.output_size_in_bytes)
    return found.argument_size_in_bytes, max(sum(parts) - found.alias_size_in_bytes, 1)


def line(a: tuple[int, float], b: tuple[int, float]) -> Line:
    """The line through what two widths need, (width, bytes) each."""
    each = max((b[1] - a[1]) / (b[0] - a[0]), 1.0)
    return Line(max(a[1] - each * a[0], 0.0), each)


def enough(seeds: int, chips: int) -> int:
    """The smallest power of two of seeds in a batch with which every chip gets one batch, or less."""
    return min(1 << (-(-seeds // chips) - 1).bit_length(), LARGEST)


def fitted(needed: Callable[[str, int], float], names: Iterable[str], most: int, limit: float) -> int:
    """The width of all rules: the largest power of two, `most` at most, with which none needs more than a share of `limit` bytes.

    needed: (rule, width) -> bytes; it is asked for two widths, through which a line is drawn, and for the width that this gives.
    0: not even one seed fits. `needed` may raise TooLarge.
    """

    def told(name: str, width: int) -> float:
        try:
            return needed(name, width)
        except TooLarge:
            return math.inf

    lines, rooms = {}, {}
    for name in names:
        said = [(width, told(name, width)) for width in TRIED]
        rooms[name] = room(said, SHARE * limit)
        if all(math.isfinite(x) for _, x in said):
            lines[name] = line(*said)
    width = min([most, *rooms.values()])
    unsure = [name for name in rooms if name not in lines]
    if lines:
        unsure.append(max(lines, key=lambda name: lines[name].at(width)))
    while width and not all(told(name, width) <= SHARE * limit for name in unsure):
        width //= 2
    return width


def room(said: Sequence[tuple[int, float]], limit: float) -> int:
    """The largest power of two of seeds that may fit, by what two widths need, (width, bytes); infinitely many bytes: the compiler
    found no way to fit it. It is then the next one below, as nothing is known of how much it would be.
    """
    for width, needed in said:
        if not math.isfinite(needed):
            return width // 2
    small, large = said
    return line(small, large).fits(limit)
