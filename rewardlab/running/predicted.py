"""What a compiler says of an experiment's programs: bytes, time, and where the time goes; asked once, remembered on disk.

The chip's own compiler is asked, or, for a *quick* estimate, that of the CPU that is here. The latter knows what a program does and
not what this costs on the chip, which is then told by two figures (`RUN`, `SPREAD`).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.sharding import SingleDeviceSharding

import rewardlab
from rewardlab.analysis.wording import count
from rewardlab.backend import devices, hlo, tpu
from rewardlab.backend.chips import Chip
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError, one_line
from rewardlab.inputs.files import read_json, read_text, write
from rewardlab.rundir import identity
from rewardlab.running import account, batches
from rewardlab.terminal.progress import Progress

COSTLIEST = 5  # operations that are named
UPDATE = "update"
# Of quick estimates: seconds that an operation takes however small it is, and how often the bytes that it touches are moved.
RUN, SPREAD = 1.5e-6, 2.4


class Account(NamedTuple):
    """What the compiler says of the programs of one rule, in one width. problem: why they do not compile, or "".

    training, evaluation: bytes that a batch needs meanwhile. update, point, end: `Time` of one update of the batch, and of one
    evaluation at a point and at the end. operations: the costliest of an update, (source function, kind, share of its cycles).
    open_loops: how many loops of an update, of which nothing says how often they turn, were counted as one turn. too_large: the
    compiler found no way to fit them into the chip's memory; nothing else is then known.
    """

    width: int
    problem: str = ""
    training: int = 0
    evaluation: int = 0
    update: float = 0.0
    bound: str = ""
    cycles: float = 0.0
    point: float = 0.0
    end: float = 0.0
    operations: tuple[tuple[str, str, float], ...] = ()
    open_loops: int = 0
    too_large: bool = False

    @property
    def most(self) -> float:
        return math.inf if self.too_large else max(self.training, self.evaluation)


class Weighed(NamedTuple):
    """What a compiler says of one program. held, whole: bytes, as of `account.size`. cost: of one update, or of one evaluation."""

    held: int
    whole: int
    cost: hlo.Cost


class Asked:
    """What the compiler said of each rule and width: asked once, several at a time, and remembered on disk.

    Programs that are the same, as of rules that differ in numbers alone, are compiled once. quick: asks the CPU's compiler, of the
    smallest width; what it says holds in proportion for others.
    """

    def __init__(self, plan: Plan, chip: Chip, progress: Progress, quick: bool = False):
        self.plan, self.chip, self.progress, self.quick = plan, chip, progress, quick
        self.place = SingleDeviceSharding(jax.local_devices(backend="cpu")[0]) if quick else tpu.one(chip)
        self.known, self.programs = dict[tuple[str, int], Account](), dict[str, Future[Weighed]]()
        cache = devices.remember_compiled()
        self.folder = cache / "preflight" if cache else None
        flags = os.environ.get("LIBTPU_INIT_ARGS", "")
        compiler = f"jax {jax.__version__}" if quick else tpu.version()
        self.mark = _digest(package(), identity.of(plan), plan.digest, chip._asdict(), compiler, flags)

    def __call__(self, name: str, width: int) -> Account:
        self.all([(name, width)])
        return self.known[name, width]

    def all(self, wanted: Iterable[tuple[str, int]]) -> None:
        """Asks for these, as many at a time as there are cores."""
        left = [key for key in dict.fromkeys(wanted) if key not in self.known]
        for key in left:
            if remembered := self._read(key):
                self.known[key] = remembered
        left = [key for key in left if key not in self.known]
        with tpu.uncached(), ThreadPoolExecutor(devices.cores()) as pool:
            begun = {key: tried(key[1], partial(self._begun, pool, *key)) for key in left}
            for key, found in begun.items():
                said = found if isinstance(found, Account) else tried(key[1], partial(self._said, found, key[1]))
                self.known[key] = said
                self._write(key, said)

    def _begun(self, pool: ThreadPoolExecutor, name: str, width: int) -> dict[str, Future[Weighed]]:
        """{what for: its program}, being compiled."""
        jobs, found = account.jobs(self.plan.of(width=account.TRIED[0] if self.quick else width), name), {}
        for what, job in ({UPDATE: jobs.advance} | jobs.evaluation).items():
            lowered, platform = job.lowered(self.place)
            same = _digest(what == UPDATE, lowered.as_text())
            if same not in self.programs:
                self.progress.note(
                    f"Compiling {name} for a {self.chip.name}, {count(width, 'seed')} at a time: {what} ..."
                )
                self.programs[same] = pool.submit(weighed, lowered, platform, what == UPDATE)
            found[what] = self.programs[same]
        return found

    def _said(self, begun: dict[str, Future[Weighed]], width: int) -> Account:
        times = width / account.TRIED[0] if self.quick else 1.0
        every = {what: one.result() for what, one in begun.items()}
        if self.quick:
            every = {what: one._replace(cost=rough(one.cost, self.chip, times)) for what, one in every.items()}
        train, cost = every[UPDATE], every[UPDATE].cost
        tested = {what: one for what, one in every.items() if what != UPDATE}
        shares: dict[tuple[str, str], float] = {}
        for one in cost.operations:
            key = (one.function or "?", one.kind)
            shares[key] = shares.get(key, 0.0) + one.cycles / max(cost.cycles, 1.0)
        dearest = sorted(shares.items(), key=lambda item: -item[1])[:COSTLIEST]
        update, bound = seconds(cost, self.chip)
        took = {what: seconds(one.cost, self.chip)[0] for what, one in tested.items()}
        needed = train.held + max((one.whole for one in tested.values()), default=0)
        return Account(
            width, "", round(times * train.whole), round(times * needed), update, bound, cost.cycles,
            took.get("point", 0.0), took.get("end", 0.0), tuple((*key, share) for key, share in dearest),
            len(cost.open_loops),
        )  # fmt: skip

    def _file(self, key: tuple[str, int]) -> Path | None:
        return self.folder and self.folder / f"{_digest(self.mark, key)}.json"

    def _read(self, key: tuple[str, int]) -> Account | None:
        try:
            file = self._file(key)
            told = read_json(read_text(file), "a remembered prediction") if file and file.is_file() else None
            return told and Account(**told | {"operations": tuple(map(tuple, told["operations"]))})
        except (InputError, TypeError, KeyError, OSError):
            return None

    def _write(self, key: tuple[str, int], said: Account) -> None:
        file = self._file(key)
        if file and not said.problem:
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                write(file.parent, file.name, json.dumps(said._asdict()).encode())
            except OSError:
                return


def tried(width: int, work: Callable[[], Any]) -> Any:
    """What `work` returns; where it can't be compiled, an `Account` that says why."""
    try:
        return work()
    except account.TooLarge:
        return Account(width, too_large=True)
    except InputError:
        raise
    except Exception as error:  # whatever XLA, jax or a world of the user's raises
        said = (str(error).strip().splitlines() or [""])[0]
        return Account(width, one_line(f"{type(error).__name__}: {said}")[:300])


def weighed(lowered: Any, platform: str, loops: bool) -> Weighed:
    """Compiles a program, and weighs one turn of its outermost loop, if it loops, or all of it. Raises `account.TooLarge`."""
    program = account.fit(lambda: batches.compile_lowered(lowered, platform))
    return Weighed(*account.size(program), (hlo.turn if loops else hlo.cost)(program.as_text()))


def rough(cost: hlo.Cost, chip: Chip, times: float) -> hlo.Cost:
    """The cost of a program compiled for a CPU, as it may be on a chip, for so many times as many seeds: an operation takes `RUN`,
    and the time to move its bytes `SPREAD` times.
    """
    operations = tuple(
        one._replace(
            cycles=chip.clock
            * (RUN * one.runs * (one.kind not in hlo.FREE) + SPREAD * times * one.bytes / chip.bandwidth),
            bytes=times * one.bytes,
            flops=times * one.flops,
        )
        for one in cost.operations
    )
    total = {x: sum(getattr(one, x) for one in operations) for x in ("cycles", "bytes", "flops")}
    return cost._replace(**total, operations=operations)


def seconds(cost: hlo.Cost, chip: Chip) -> tuple[float, str]:
    """How long a program takes once, and what bounds it: "compute" or "memory", or "latency" where neither explains half of it."""
    by = {"compute": cost.flops / chip.flops, "memory": cost.bytes / chip.bandwidth}
    whole = max(cost.cycles / chip.clock, *by.values())
    bound = max(by, key=lambda name: by[name])
    return whole, bound if by[bound] >= whole / 2 else "latency"


def package() -> str:
    """The digest of this package's own files."""
    root = Path(rewardlab.__file__).parent
    return _digest(*((str(file.relative_to(root)), file.read_bytes()) for file in sorted(root.rglob("*.py"))))


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
