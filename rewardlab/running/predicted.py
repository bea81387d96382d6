"""What a chip's compiler says of an experiment's programs: bytes, time, and where the time goes; asked once, remembered on disk."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import rewardlab
from rewardlab.analysis.wording import count
from rewardlab.backend import devices, hlo, tpu
from rewardlab.backend.chips import Chip
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError, one_line
from rewardlab.inputs.files import read_json, read_text, write
from rewardlab.rundir import identity
from rewardlab.running import account
from rewardlab.terminal.progress import Progress

COSTLIEST = 5  # operations that are named


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


class Asked:
    """What the compiler said of each rule and width: asked once, several at a time, and remembered on disk."""

    def __init__(self, plan: Plan, chip: Chip, progress: Progress):
        self.plan, self.chip, self.progress = plan, chip, progress
        self.place, self.known = tpu.one(chip), dict[tuple[str, int], Account]()
        cache = devices.remember_compiled()
        self.folder = cache / "preflight" if cache else None
        flags = os.environ.get("LIBTPU_INIT_ARGS", "")
        self.mark = _digest(package(), identity.of(plan), plan.digest, chip._asdict(), tpu.version(), flags)

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
        for name, _ in left:
            self.plan.kind(name)  # before the threads, which would each make it
        with tpu.uncached(), ThreadPoolExecutor(devices.cores()) as pool:
            for key, said in zip(left, pool.map(lambda key: self._ask(*key), left), strict=True):
                self.known[key] = said
                self._write(key, said)

    def _ask(self, name: str, width: int) -> Account:
        self.progress.note(f"Compiling {name} for a {self.chip.name}, {count(width, 'seed')} at a time ...")
        try:
            return self._said(account.compiled(self.plan.of(width=width), name, self.place), width)
        except account.TooLarge:
            return Account(width, too_large=True)
        except InputError:
            raise
        except Exception as error:  # whatever XLA, jax or a world of the user's raises
            said = (str(error).strip().splitlines() or [""])[0]
            return Account(width, one_line(f"{type(error).__name__}: {said}")[:300])

    def _said(self, programs: account.Programs, width: int) -> Account:
        need, cost = account.need(programs, width), hlo.turn(programs.advance.as_text())
        tested = {when: seconds(hlo.cost(one.as_text()), self.chip)[0] for when, one in programs.evaluation.items()}
        shares: dict[tuple[str, str], float] = {}
        for one in cost.operations:
            key = (one.function or "?", one.kind)
            shares[key] = shares.get(key, 0.0) + one.cycles / max(cost.cycles, 1.0)
        dearest = sorted(shares.items(), key=lambda item: -item[1])[:COSTLIEST]
        update, bound = seconds(cost, self.chip)
        return Account(
            width, "", need.training, need.evaluation, update, bound, cost.cycles,
            tested.get("point", 0.0), tested.get("end", 0.0), tuple((*key, share) for key, share in dearest),
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
