"""Run directories: written whole or not at all, and every damage named.

config.json       the experiment, complete: `rewardlab run config.json` repeats the run
environment.json  versions, devices, flags, all identities that the seeds were computed with, and the digest of config.json
parts/            finished batches of seeds, each with its digests: everything below is made from them
checkpoints/      batches under way
results.nc        labelled arrays with every seed, and the digest of their content
summary.json      figures and verdicts, made from the results
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rewardlab.analysis.results import ATTRIBUTES, PLANNED
from rewardlab.backend.environment import environment
from rewardlab.experiment import Experiment, text
from rewardlab.experiment.plan import Plan
from rewardlab.experiment.text import todays_names
from rewardlab.inputs.errors import InputError, show
from rewardlab.inputs.fields import coerce, expect
from rewardlab.inputs.files import cannot_write, claim, kind, read_json, read_sealed, read_text, sealed, sha256, write
from rewardlab.rundir import netcdf, provenance
from rewardlab.terminal import notebook

CONFIG, ENVIRONMENT, RESULTS, SUMMARY = "config.json", "environment.json", "results.nc", "summary.json"
PAGE = "report.html"
FILES = (CONFIG, ENVIRONMENT, RESULTS, SUMMARY, PAGE)
FOLDERS = ("parts", "checkpoints", "replays", "figures")
FLAT = ("parts", "replays", "figures")  # those that hold files only

# What is used of environment.json, and of which types it is.
RECORDED = {
    "config_sha256": str,
    "width": int,
    "versions": dict[str, str | None],
    "replays": dict[str, str],
    "seconds": dict[str, dict[str, float]],
    "compile_seconds": dict[str, float],
    "pieces": list[Any],
}


class Run:
    """A run directory. Its files are read when first asked for; InputError names the one that is missing or damaged.

    plan: of whoever has just run it, who has the worlds and rules of their own files loaded already. files: whether
    Python files that the config names may be run to load them; else they are refused.
    """

    def __init__(self, path: str | Path, plan: Plan | None = None, files: bool = False):
        self.path, self._files = Path(path), files
        if plan is not None:
            self.plan, self.experiment = plan, plan.experiment

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_html_(self) -> str:
        return notebook.of_run(self)

    @property
    def finished(self) -> bool:
        """Whether the results are there, intact and of this very config: everything else can be made from them."""
        try:
            return text.same(self.results.attrs.get("experiment", ""), read_text(self.path / CONFIG))
        except InputError:
            return False

    @property
    def reported(self) -> bool:
        """Whether summary and page are there, too."""
        return all((self.path / name).is_file() for name in (SUMMARY, PAGE))

    @functools.cached_property
    def results(self) -> Any:
        """Labelled arrays with every seed: an xarray Dataset."""
        return read_results(self.path)

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        """Figures and verdicts."""
        return read_sealed(self.path / SUMMARY)

    @functools.cached_property
    def environment(self) -> dict[str, Any]:
        """Versions, devices and flags of the run."""
        return expect(read_sealed(self.path / ENVIRONMENT), show(str(self.path / ENVIRONMENT)), {}, RECORDED)

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """The experiment as plain data; runs nothing."""
        text = read_text(self.path / CONFIG)
        if (self.path / ENVIRONMENT).exists() and self.environment.get("config_sha256") != sha256(text.encode()):
            raise InputError(
                f"{self.path / CONFIG} is damaged or was changed: it is not the one that this run started with"
            )
        plain = read_json(text, show(str(self.path / CONFIG)))
        plain = todays_names(plain) if isinstance(plain, dict) else plain
        return expect(
            plain, show(str(self.path / CONFIG)), {}, {"episodes": int, "points": int, "width": int} | PLANNED
        )

    @functools.cached_property
    def experiment(self) -> Experiment:
        """The experiment. Worlds and rules in a user's Python file are refused, unless `files` says that they may be run."""
        return Experiment.from_json(json.dumps(self.config), self._files, show(str(self.path / CONFIG)))

    @functools.cached_property
    def plan(self) -> Plan:
        """The experiment, resolved: its world, made, its settings, and what is kept of every seed."""
        return Plan(self.experiment)

    def params(self, rule: str, seed: int | None = None, *, condition: str | None = None, point: int = -1) -> Any:
        """Trained parameters: a pytree of float32 numpy arrays, of one seed; or of all, each leaf [seeds, ...], in order.

        condition: the main one by default. point: which evaluation they are of, the last by default; others are kept where
        `Experiment.policies` is "points". Raises InputError for what is not kept.
        """
        from rewardlab import policies

        if seed is not None:
            return self.policy(rule, seed, condition=condition, point=point).params
        return policies.read(self.path, self.plan, rule, condition, point)

    def policy(self, rule: str, seed: int = 0, *, condition: str | None = None, point: int = -1) -> Any:
        """A trained policy, as a `policies.TrainedPolicy`, for `rewardlab.rollout` and `rewardlab.evaluate`. Arguments as of
        `params`.
        """
        from rewardlab import policies

        return policies.kept(self.path, self.plan, rule, condition, seed, point)


def open_run(directory: str | Path, files: bool = False) -> Run:
    """An existing run directory. Raises InputError when there is none.

    files: whether Python files of yours that its config names may be run, to make its worlds, rules and policies again; nothing
    else of a run is ever run.
    """
    files, path = coerce(files, bool, "files"), _its_own(_directory(directory))
    try:
        there = (path / CONFIG).is_file()
    except OSError:  # a name that no file can have
        there = False
    if not there:
        raise InputError(f"{show(str(directory))} is no run directory: it has no {CONFIG}")
    return Run(path, files=files)


def holds(path: Path, experiment: Experiment) -> bool:
    """Whether a directory has intact results of every seed that the experiment asks for, at whatever width."""
    return text.grows(experiment.to_json(), _config_text(path), width=True) and Run(path).finished


def check_out(out: str | Path | None, experiment: Experiment, anyway: bool = False) -> Path:
    """The directory that a run would use: `runs/<name>` by default. Leaves nothing there.

    A run of the same experiment is gone on with, and so is one with fewer seeds; `anyway`: one of another width, too.
    Raises InputError where another run or other files are, or nothing can be written.
    """
    path = _its_own(_directory(out if out is not None else Path("runs") / experiment.name))
    try:
        present = sorted(os.listdir(path)) if path.exists() else []
    except OSError as error:
        raise cannot_write(path, error) from error
    if any(not name.startswith(".") for name in present):
        _check_config(path, experiment, anyway)
    nearest = next(parent for parent in (path, *path.absolute().parents) if os.path.lexists(parent))
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".rewardlab-", dir=nearest))  # permissions say less: /proc has them, too
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def _check_config(path: Path, experiment: Experiment, anyway: bool) -> None:
    old, new = _config_text(path), experiment.to_json()
    if text.grows(old, new, width=anyway or not experiment.width):
        return
    recorded = _recorded_digest(path)
    if (not old or sha256(old.encode()) != recorded) and _is_of(path, Plan(experiment), recorded):
        return  # it is damaged, and `renew` repairs it
    if not (path / CONFIG).exists():
        raise InputError(
            f"{show(str(path))} is no run directory and not empty; allowed: --out with a new or empty directory"
        )
    if text.grows(old, new, width=True):
        raise InputError(
            f"{show(str(path))} holds a run of another width, which rounds differently{_difference(old, new)}; "
            "allowed: the same width, another --out, or --resume-anyway, which the results will say"
        )
    raise InputError(
        f"{show(str(path))} holds another run{_difference(old, new)}; "
        "allowed: --out with another directory, or remove that one"
    )


def _config_text(path: Path) -> str:
    try:
        return read_text(path / CONFIG)
    except InputError:
        return ""


def _recorded_digest(path: Path) -> str:
    """What the environment says of the config, or ""."""
    try:
        return str(read_sealed(path / ENVIRONMENT).get("config_sha256"))
    except InputError:
        return ""


def _is_of(path: Path, plan: Plan, recorded: str) -> bool:
    """Whether a directory whose config is damaged is of this experiment, by the environment or by any part of it."""
    from rewardlab.rundir import parts

    now = plan.experiment.to_json()

    return recorded in {sha256(x.encode()) for x in text.texts(now)} or bool(parts.scan(path, plan, lambda _: None))


def create(out: str | Path | None, experiment: Experiment, anyway: bool = False) -> Run:
    """The directory to run an experiment in, made with its config.json; one of the same experiment is used again.

    Raises InputError as `check_out` does and where nothing can be written, and then leaves nothing behind.
    """
    path = check_out(out, experiment, anyway)
    made = [parent for parent in (path, *path.parents) if not parent.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not (path / CONFIG).exists() and not claim(path, CONFIG, experiment.to_json().encode()):
            check_out(path, experiment, anyway)
    except (OSError, InputError) as error:
        for parent in made:
            with contextlib.suppress(OSError):  # another process may have begun to use it
                parent.rmdir()
        raise error if isinstance(error, InputError) else cannot_write(path, error) from error
    return Run(path)


def renew(path: Path, experiment: Experiment, note: Callable[[str], None]) -> None:
    """Makes config.json and environment.json the experiment's: it may have grown, and they may be damaged. Needs the lease."""
    new = experiment.to_json()
    old = _config_text(path)
    if old != new:
        if not text.grows(old, new, width=True):
            note(f"{path / CONFIG} is damaged; it is written again")
        write(path, CONFIG, new.encode())
    for folder in ("parts", "checkpoints"):
        (path / folder).mkdir(exist_ok=True)
    if _recorded_digest(path) != sha256(new.encode()):
        if old == new and (path / ENVIRONMENT).exists():
            note(f"{path / ENVIRONMENT} is damaged; it is written again")
        write_environment(path, experiment)


def write_environment(path: Path, experiment: Experiment, **more: Any) -> None:
    """Records what the run computes with, and whatever `more` there is to say; in which pieces it was made stays. Starts jax's
    backends.
    """
    pieces = {"pieces": pieces_of(path)}
    plain = environment() | {"width": experiment.width, "config_sha256": sha256(experiment.to_json().encode())} | more
    write(path, ENVIRONMENT, sealed(plain | pieces))


def pieces_of(path: Path) -> list[dict[str, Any]]:
    """In which pieces a run was made, each with the fields of `provenance.PIECE`, or `UNKNOWN`: one such where environment.json
    should say, and does not.
    """
    try:
        return list(Run(path).environment.get("pieces", [provenance.UNKNOWN]))
    except InputError:
        begun = (path / ENVIRONMENT).exists() or any((path / "parts").glob("*"))
        return [provenance.UNKNOWN] * begun


@contextlib.contextmanager
def timed(path: Path, since: tuple[float, float]) -> Iterator[None]:
    """Records what was done since and in the block, finished or not, as a piece of the run that is made there. One that is killed
    stays `UNKNOWN`.
    """
    _add_piece(path, provenance.UNKNOWN)
    try:
        yield
    finally:
        _add_piece(path, provenance.piece(since), in_place=True)


def _add_piece(path: Path, piece: dict[str, Any], in_place: bool = False) -> None:
    """Records a piece; in_place: of the last one that is `UNKNOWN`."""
    with contextlib.suppress(InputError, OSError):  # there may be no room for it
        known = pieces_of(path)
        if in_place and provenance.UNKNOWN in known:
            del known[-1 - known[::-1].index(provenance.UNKNOWN)]
        amend_environment(path, pieces=[*known, piece])


def amend_environment(path: Path, **more: Any) -> None:
    """Records `more` beside what environment.json says of a run, unless it does say so."""
    known = read_sealed(path / ENVIRONMENT)
    if known | more != known:
        write(path, ENVIRONMENT, sealed(known | more))


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """Writes summary.json, with its digest."""
    write(path, SUMMARY, sealed(summary))


def write_results(path: Path, results: Any) -> None:
    """Writes an xarray Dataset as results.nc, and reads it back to check it."""
    netcdf.save(path / RESULTS, results)


def read_results(path: Path) -> Any:
    """The results as an xarray Dataset, in memory. Raises InputError when missing or not as written."""
    results = netcdf.load(Path(path) / RESULTS)
    expect(results.attrs, show(str(Path(path) / RESULTS)), {}, ATTRIBUTES)
    return results


def _directory(given: str | Path) -> Path:
    text = os.fspath(given) if isinstance(given, (str, Path)) else ""
    if not text or not text.isprintable():
        raise InputError(f"directory = {show(given)}; allowed: the path of a directory, of printable characters")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError(
            f"directory = {show(given)} is in the home of nobody; allowed: the path of a directory"
        ) from error


def _its_own(path: Path) -> Path:
    """The path, where all in that directory are files and folders of its own, and links between them.

    Through a link that leads out, something outside would be written; what is no file may never end, or never answer.
    """
    home = os.path.realpath(path)
    for folder, folders, files in os.walk(path):
        at = os.path.relpath(folder, path)
        for name in (*folders, *files):
            entry = os.path.join(folder, name)
            if os.path.islink(entry) and not os.path.realpath(entry).startswith(home + os.sep):
                raise InputError(
                    f"{show(entry)} is a link that leads out of the run's directory; allowed: files of its own"
                )
            try:
                mode = os.stat(entry).st_mode
            except OSError:  # a link to nothing, or a file that another process has just removed
                continue
            if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
                raise InputError(f"{show(entry)} is {kind(mode)}; allowed: files and folders")
            if at == "." and name in FOLDERS and not stat.S_ISDIR(mode):
                raise InputError(f"{show(entry)} is {kind(mode) or 'a file'}; allowed: a directory")
            ours = at in FLAT or (at == "." and (name in FILES or name.startswith(".lease-")))
            if ours and not stat.S_ISREG(mode):
                raise InputError(f"{show(entry)} is {kind(mode)}; allowed: a file")
    return path


def _difference(old: str, new: str) -> str:
    """Where two configs part, for a message."""
    try:
        read_json(old, CONFIG), read_json(new, CONFIG)  # of a size that can be read
        before, after = (todays_names(json.loads(text.first_text(x))) for x in (old, new))
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    except (InputError, AttributeError, TypeError, KeyError):  # what is there is no config
        return ""
    return f" (other {', '.join(names)})" if names else ""
