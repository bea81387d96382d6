"""Several processes for one run: who trains what, and jax's distributed runtime where the hardware needs it.

Nothing is exchanged between them but files: each trains its share of the batches on its own devices.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import threading
from typing import Any, NamedTuple

from rewardlab.inputs.errors import InputError, show
from rewardlab.inputs.fields import coerce, parse
from rewardlab.rundir.stopping import Stop

GRACE = 5.0  # seconds that a process that was asked to stop waits for the others


class Share(NamedTuple):
    """Which of several processes this is, counted from 0: it trains every `of`-th batch, from the `process`-th on."""

    process: int = 0
    of: int = 1


class Division(NamedTuple):
    """How a run is divided: a share, and whether and where jax's distributed runtime is joined first."""

    share: Share
    coordinator: str | None
    automatic: bool


def read(given: argparse.Namespace) -> Division:
    """The division that --process, --processes, --coordinator and --distributed ask for. Raises InputError."""
    if given.distributed:
        if given.process or given.processes or given.coordinator:
            raise InputError(
                "--distributed finds processes by itself; allowed: without --process, --processes, --coordinator"
            )
        return Division(Share(), None, True)
    if (given.process is None) != (given.processes is None):
        raise InputError("--process I and --processes N go together; allowed: both or neither")
    if given.process is None:
        if given.coordinator:
            raise InputError("--coordinator HOST:PORT needs --process I and --processes N")
        return Division(Share(), None, False)
    count = coerce(parse([given.processes], int, "processes"), int, "processes", (1, 10**6))
    process = coerce(parse([given.process], int, "process"), int, "process", (0, count - 1))
    if given.coordinator and not re.fullmatch(r"\S+:\d{1,5}", given.coordinator):
        raise InputError(f"coordinator = {show(given.coordinator)}; allowed: HOST:PORT, e.g. 10.0.0.1:1234")
    return Division(Share(process, count), given.coordinator, False)


def _join(division: Division) -> Share:
    share, coordinator, automatic = division
    if not (coordinator or automatic):
        return share
    import jax

    # A process that dies takes no other one with it, and signals stay ours: nothing here waits for other processes.
    jax.config.update("jax_enable_recoverability", True)
    jax.config.update("jax_enable_preemption_service", False)
    try:
        if automatic:
            jax.distributed.initialize()
        else:
            jax.distributed.initialize(coordinator, num_processes=share.of, process_id=share.process)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"jax's distributed runtime can't be joined: {error}") from error
    return Share(jax.process_index(), jax.process_count())


@contextlib.contextmanager
def joined(division: Division, stop: Stop):
    """Joins jax's distributed runtime where that is asked for, before anything else starts jax, and leaves it at the end.

    Yields the share. Raises InputError.

    The first process serves the runtime, and the others are aborted with it. So it leaves last; once `stop` is requested,
    after GRACE seconds at the latest.
    """
    share = _join(division)
    try:
        yield share
    finally:
        if division.coordinator or division.automatic:
            _leave(share, stop)


def _leave(share: Share, stop: Stop) -> None:
    import jax
    from jax._src.distributed import global_state

    if share.process == 0:
        client: Any = global_state.client
        # Returns once every other process has died or left; none of them ever calls it.
        others = threading.Thread(target=client.get_live_nodes, args=[list(range(share.of))], daemon=True)
        others.start()
        others.join(GRACE)
        if others.is_alive():
            print("rewardlab: this process is through, and stays until the others are: it serves them", file=sys.stderr)
        while others.is_alive() and not stop.requested:
            others.join(0.2)
    jax.distributed.shutdown()
