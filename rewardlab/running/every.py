"""Every experiment that states a claim, one after another: finished ones are skipped, and one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rewardlab import loggers
from rewardlab.analysis import findings
from rewardlab.analysis.findings import SMOKE, Finding
from rewardlab.analysis.wording import count
from rewardlab.experiment import Experiment, config, override
from rewardlab.inputs.errors import InputError, one_line
from rewardlab.report import atlas
from rewardlab.rundir import store
from rewardlab.rundir.stopping import Stop

FOLDER = Path("runs")
# Fields that have to fit one another.
FITTED = ("env", "env_kwargs", "rules", "agent", "agents", "conditions", "evaluations")


class Job(NamedTuple):
    """One experiment to run. key: what its finding is recorded under. anyway: as `runner.run` has it."""

    key: str
    experiment: Experiment
    path: Path
    anyway: bool = False

    @property
    def done(self) -> bool:
        """Whether it is finished and reported."""
        return store.holds(self.path, self.experiment) and store.Run(self.path).reported


def jobs(size: str, changes: Mapping[str, Any], folder: str | Path = FOLDER, anyway: bool = False) -> list[Job]:
    """All experiments that state a claim, each in a folder of its own, as it is found by `rewardlab run NAME`.

    size: "smoke"; or one of `config.SIZES`, of those that have it, the others being of their default size; or "". changes: fields,
    as `override.override` takes them. Raises InputError, which names the experiment, for what can't be used by any of them.
    """
    found = []
    for name in config.names():
        experiment = config.load(name)
        if not experiment.claim:
            continue
        mine = size if size in (SMOKE, "") or size in config.sizes(name) else ""
        try:
            experiment = config.smoke(experiment) if mine == SMOKE else config.load(name, mine or "experiment")
            experiment = override.override(experiment, changes) if changes else experiment
            if any(path.partition(".")[0].replace("-", "_") in FITTED for path in changes):
                _ = experiment.world()  # as it is, every config fits its world, which takes seconds to make
            key = name + f"-{mine}" * bool(mine)
            found.append(Job(key, experiment, store.check_out(Path(folder) / key, experiment, anyway), anyway))
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return found


def forecast(wanted: Iterable[Job], known: Mapping[str, Finding]) -> str:
    """What is there, what is to be run, and how long that took by the record, in a line or two."""
    wanted = list(wanted)
    left = [job for job in wanted if not job.done]
    told = f"{count(len(wanted), 'experiment')}, one after another: {len(wanted) - len(left)} finished, {len(left)} to run."
    timed = [known[job.key] for job in left if job.key in known and known[job.key]["seconds"]]
    if timed:
        most = max(one["cores"] for one in timed)
        total = findings.clock(sum(one["seconds"]["wall"] for one in timed))
        told += f" {len(timed)} of these took {total} when they were recorded, on {count(most, 'core')} at most."
    if len(left) > len(timed):
        told += f" Of {'these' if not timed else f'the other {len(left) - len(timed)}'} no time is recorded."
    return told


def run_all(
    wanted: Iterable[Job],
    stop: Stop,
    note: Callable[[str], None],
    folder: str | Path = FOLDER,
    logged: Sequence[str] = (),
) -> tuple[Path | None, dict[str, str]]:
    """(the atlas of all that are finished, or None of none; {key: why it failed}). logged: loggers. Raises Interrupted."""
    import jax

    from rewardlab.running import runner

    wanted, failed = list(wanted), dict[str, str]()
    for number, job in enumerate(wanted, 1):
        if job.done:
            note(f"{job.key} ({number} of {len(wanted)}) is finished: {job.path}")
            continue
        note(f"{job.key} ({number} of {len(wanted)})")
        try:
            with loggers.opened(logged, job.path) as log:
                runner.run(job.experiment, job.path, stop=stop, resume_anyway=job.anyway, callback=log)
        except Exception as problem:  # whatever it is, the others are other experiments
            said = str(problem) if isinstance(problem, InputError) else f"{type(problem).__name__}: {problem}"
            failed[job.key] = one_line(said, 300)
            note(f"{job.key} failed: {failed[job.key]}")
        jax.clear_caches()  # programs of one experiment are of no use to the next
    return write_atlas(wanted, note, folder), failed


def write_atlas(wanted: Iterable[Job], note: Callable[[str], None], folder: str | Path = FOLDER) -> Path | None:
    """The atlas of those that are finished, beside their folders; None where none is."""
    found: dict[str, Finding] = {}
    runs: dict[str, Path] = {}
    for job in wanted:
        if not job.done:
            continue
        try:
            one = findings.of_run(job.path)
        except InputError as error:
            note(f"{job.key} is left out of the atlas: {error}")
            continue
        found[findings.key(one)], runs[findings.key(one)] = one, job.path
    return atlas.write(Path(folder) / atlas.PAGE, found.values(), runs) if found else None
