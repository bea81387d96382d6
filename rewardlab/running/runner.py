"""Experiment -> run directory: trains every rule under every condition, evaluates as it goes, and writes what it found.

What is written when: a finished batch as a part, at once; a batch under way as a checkpoint, now and then; everything
else from the parts, at the end. So a run that was cut off, wherever, goes on from what is there.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from rewardlab.analysis.wording import count
from rewardlab.backend import devices
from rewardlab.experiment import Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError, show
from rewardlab.inputs.fields import fits
from rewardlab.rundir import checkpoints, identity, lease, parts, provenance, store
from rewardlab.rundir.parts import Batch, Part
from rewardlab.rundir.stopping import Stop
from rewardlab.running import assembly, batches, chunks, rehearsal, widths
from rewardlab.running.chunks import Compiled, Moment, Saved
from rewardlab.running.compiling import compile_all
from rewardlab.running.processes import Share
from rewardlab.terminal.progress import Progress, Silent, clock

POLICIES = 2**30  # bytes that the policies of one rule may take, all seeds and conditions together


def run(
    experiment: Experiment,
    out: str | Path | None = None,
    progress: Progress | bool = True,
    *,
    share: Share = Share(),
    stop: Stop | None = None,
    resume_anyway: bool = False,
    callback: Callable[[Moment], Any] | None = None,
    rehearse: bool = True,
) -> store.Run:
    """Runs an experiment and writes its run directory, report included.

    out: the directory, `runs/<name>` by default. Results that are already there are kept; only the missing ones are computed.
    share: of several processes that write to one directory, the one that finds everything there writes the results.
    stop: once requested, what is under way is committed, and Interrupted is raised.
    resume_anyway: goes on from what was computed with other versions or devices, or in another width; the results say so.
    callback: is told how far each batch is, a `chunks.Moment` at a time, between chunks of about 2 s and after every
        evaluation, to log it elsewhere; what it raises ends the run, which can be resumed.
    rehearse: whether films and report are tried out before the training; where that takes a minute, they come soon enough.
    Raises InputError, before anything is trained or written, for a directory that holds another run, that another process
    is writing, or that cannot be written, and for what could not be audited or reported afterwards (`rehearsal.py`).
    """
    if callback is not None and not callable(callback):
        raise InputError(
            f"callback = {show(callback)} can't be called; allowed: a function of a `chunks.Moment`, or None"
        )
    since = provenance.now()
    devices.prepare()
    path, stop = store.check_out(out, experiment, resume_anyway), stop or Stop()
    if isinstance(progress, bool):
        progress = Progress(1) if progress else Silent()
    progress.stage("Making the world")
    plan = Plan(experiment)
    _ = plan.env  # what is wrong with the world is said first
    known = None
    if not store.holds(path, experiment):
        more = ", films, report" if rehearse else ""
        progress.note(f"Trying out what follows training: audit, reference lines{more} ...")
        known = rehearsal.rehearse(plan, progress.stage, rehearse)
    plan = widths.decided(plan, path)
    experiment = plan.experiment
    store.create(path, experiment, resume_anyway)
    with lease.Lease(path, f"{share.process}", share.of, stop):
        mine = identity.of(plan)
        found = parts.scan(path, plan, progress.note)
        check_identity(path, plan, found, mine, resume_anyway)  # before anything there is made the experiment's
        missing = parts.missing(experiment, found)
        store.renew(path, experiment, progress.note)
        finished = store.Run(path).finished
        if finished and (not found or (share.of > 1 and store.Run(path).reported)):
            return store.Run(path, plan)  # nothing to do; or the parts, which its results need no more, were removed
        abouts = [part.about for part in found] + [{"computed_with": [mine]}] * bool(missing)
        store.amend_environment(path, computed_with=parts.identities(abouts))
        wanted = [batch for number, batch in missing if number % share.of == share.process]
        with contextlib.nullcontext() if finished else store.timed(path, since):
            if wanted and found:
                there = f"{count(len(found), 'batch')} {'is' if len(found) == 1 else 'are'} there"
                progress.note(f"{path}: going on; {there}, {len(wanted)} to be trained")
            if wanted:
                found += train_all(path, plan, wanted, mine, progress, stop, callback)
            finish(path, plan, found, progress, stop, known)
        return store.Run(path, plan)


def finish(
    path: Path,
    plan: Plan,
    mine: list[Part],
    progress: Progress,
    stop: Stop,
    known: assembly.Fixed | None,
) -> None:
    """Writes the results if all parts are there and no other process is doing so. mine: parts that this process has in memory."""
    found = parts.scan(path, plan, progress.note, known=mine)
    lacking = parts.missing(plan.experiment, found)
    if lacking:
        progress.note(f"{path}: other processes have yet to train {assembly.missing_text(lacking)}")
        return
    try:
        with lease.Lease(path, "results", 1, stop):
            assembly.finish(path, plan, found, progress.note, known, progress.stage)
    except lease.Held as held:
        progress.note(f"{path}: its results are being written by {held.holder}")


def check_identity(path: Path, plan: Plan, found: list[Part], mine: dict[str, Any], anyway: bool) -> None:
    """Raises InputError where what is there was computed with something else than what is here."""
    abouts = [part.about for part in found]
    for batch in (path / checkpoints.FOLDER).glob("*--*"):
        said = [about for about in checkpoints.abouts(batch) if fits(about, chunks.ABOUT)]
        abouts += [about for about in said if about["config"] == plan.digest]
    others = [one for one in parts.identities(abouts) if one != mine]
    if others and not anyway:
        raise InputError(
            f"{show(str(path))} was computed with something else: {identity.differences(others[0], mine)}; "
            "allowed: the same again, another --out, or --resume-anyway, which the results will say"
        )


def train_all(
    path: Path,
    plan: Plan,
    wanted: list[Batch],
    mine: dict[str, Any],
    progress: Progress,
    stop: Stop,
    callback: Callable[[Moment], Any] | None = None,
) -> list[Part]:
    """Trains and evaluates batches, and returns their parts; each is written as soon as it is done.

    Raises Interrupted once all are committed.
    """
    experiment, written, turn = plan.experiment, list[Part](), threading.Lock()
    main = next(iter(experiment.conditions))

    def tell(moment: Any) -> None:
        assert callback is not None  # else nothing is told
        with turn:  # batches are trained side by side
            callback(moment)

    def train(device: jax.Device, job: Compiled, batch: Batch) -> float:
        stop.check()
        directory = path / checkpoints.FOLDER / batch.name
        checkpoints.tidy(directory)
        saved = Saved(directory, plan.digest, mine, progress.note, chunks.PERIOD)
        done = chunks.train_batch(
            device, plan, job, batch, progress, stop, saved, tell if callback is not None else None
        )
        kept = slice(len(batch.seeds))
        first = batch.condition == main and 0 in batch.seeds  # which is filmed
        policies = {name: array[kept] for name, array in done.policies.items() if first or batch.rule in keep}
        about = {
            "seconds": done.seconds / workers.count,
            "compile_seconds": job.compile_seconds,
            "computed_with": done.computed_with,
        }
        arrays = {name: np.ascontiguousarray(array[kept]) for name, array in done.arrays.items()}
        done_with = parts.save(path, Part(batch, arrays, policies, about), plan)
        shown = batch.condition == main and min(batch.seeds) < assembly.SHOWN
        written.append(done_with if shown else done_with._replace(policies={}))  # no others are needed at the end
        checkpoints.clear(directory)
        return done.seconds

    with batches.Workers() as workers:
        jobs = compile_all(plan, list(dict.fromkeys(batch.rule for batch in wanted)), workers, progress)
        keep = keepers(experiment, jobs, progress.note)
        pieces = {batch.name: chunks.expected(experiment, batch) for batch in wanted}
        progress.expect(pieces, workers.count, {name: job.first for name, job in jobs.items()})
        left = {key: [b for b in wanted if b[:2] == key] for key in dict.fromkeys(b[:2] for b in wanted)}
        spent = dict.fromkeys(left, 0.0)
        try:
            waiting = {workers.on_any(train, jobs[batch.rule], batch): batch for batch in wanted}
            for future in batches.finished(waiting):
                batch, key = waiting[future], waiting[future][:2]
                spent[key] += future.result() / workers.count
                left[key].remove(batch)
                if not left[key]:
                    seeds, more = sum(len(b.seeds) for b in wanted if b[:2] == key), progress.time_left()
                    then = f"; {clock(more)} of training left" if more else ""
                    told = f"{count(seeds, 'seed')} in {spent[key]:.1f} s{then}"
                    progress.note(f"{batch.rule}, {batch.condition}: {told}")
        except BaseException as problem:
            stop.request(str(problem) or type(problem).__name__)
            workers.settle()  # what is under way is committed
            raise
    return written


def keepers(experiment: Experiment, jobs: dict[str, Compiled], note: Callable[[str], None]) -> set[str]:
    """The rules of which the policies of all seeds are kept: those that were asked for, and are no more than `POLICIES` bytes."""
    found = set()
    for name, job in jobs.items() if experiment.policies != "none" else ():
        shapes = jax.tree.leaves(next(iter(job.programs.values())).policy.out_info)
        one = sum(x.size * x.dtype.itemsize for x in shapes) // experiment.width
        times = len(experiment.targets(name)) if experiment.policies == "points" else 1
        total = one * times * sum(experiment.seeds_of(name, condition) for condition in experiment.conditions)
        if total <= POLICIES:
            found.add(name)
        else:
            note(f"Policies of {name} are kept of its first batch alone: all would take {total / 2**30:.1f} GB")
    return found
