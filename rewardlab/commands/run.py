"""`rewardlab run`: train, evaluate, compare, write a report."""

from __future__ import annotations

import sys

from rewardlab.backend import devices
from rewardlab.cli import Parser, say
from rewardlab.commands import report
from rewardlab.inputs.errors import InputError, nearest, show, unknown
from rewardlab.rundir.stopping import Signals, Stop
from rewardlab.running.processes import Share
from rewardlab.terminal.progress import Progress

GUIDE = """\
examples:
  rewardlab run coinrun --seeds 64 --out runs/more
  rewardlab run coinrun --steps 2M --rules ppo truncation --rules.ppo.learning-rate 3e-4 --agent.hidden 64 64
  rewardlab run coinrun --conditions.half.seeds 8 --evaluations.detour.moved 0.5
  rewardlab run my_question.py        a file that defines `experiment`
  rewardlab run runs/coinrun --out runs/again     what that run ran, once more
  rewardlab run coinrun --log csv --log tensorboard   logged while it goes on, in runs/coinrun/logs
  rewardlab run coinrun --process 0 --processes 2     the first of two processes that share the work
  rewardlab run --all --small         every experiment that argues about a claim, and then `atlas.html`

`rewardlab run NAME --help` lists every field of NAME that can be changed so.

A run that was interrupted goes on where it stood when it is started again, and a finished one grows by `--seeds`.
SIGTERM, SIGUSR1, SIGUSR2 and Ctrl-C commit what is under way and end with exit code 75: start it again.
"""


def main(words: list[str]) -> int:
    stop = Stop()
    with Signals(stop) as signals:
        return _main(words, stop, signals)


def _main(words: list[str], stop: Stop, signals: Signals) -> int:
    parser = Parser(
        "run",
        usage="rewardlab run NAME_OR_FILE|--all [--seeds N] [--out DIR] [--smoke | --small | --full] [--FIELD VALUE ...]",
        description="Runs an experiment and writes its report.",
        epilog=GUIDE,
        add_help=False,
    )
    parser.add_argument(
        "experiment", nargs="?", metavar="NAME_OR_FILE", help="a config's name, a .py file, or a run's directory"
    )
    parser.add_argument("--all", action="store_true", help="all experiments that state a claim, one after another")
    parser.add_argument(
        "--out", metavar="DIR", help="the run's directory (default: runs/NAME); with --all, their folder (runs)"
    )
    parser.add_argument("--smoke", action="store_true", help="the same path at tiny sizes")
    parser.add_argument("--small", action="store_true", help="the same question in minutes, where the config says how")
    parser.add_argument("--full", action="store_true", help="the same question at a size for accelerators, likewise")
    parser.add_argument("--process", metavar="I", help="which of several processes this is, counted from 0")
    parser.add_argument("--processes", metavar="N", help="how many processes share the work")
    parser.add_argument(
        "--coordinator", metavar="HOST:PORT", help="address of process 0, for jax's distributed runtime"
    )
    parser.add_argument("--distributed", action="store_true", help="as a TPU pod or SLURM says it")
    parser.add_argument(
        "--resume-anyway", action="store_true", help="go on from what other versions or devices computed"
    )
    parser.add_argument(
        "--log", action="append", default=[], metavar="LOGGER", help="csv, jsonl, tensorboard or wandb; may be repeated"
    )
    parser.add_argument("-h", "--help", action="store_true")
    given, changes = parser.read(words)
    if given.all and given.experiment is not None:
        raise InputError(f"{show(given.experiment)} and --all are given; allowed: one of them")
    if given.experiment is None and not (given.all and not given.help):
        if not given.help:
            raise InputError("an experiment is missing: rewardlab run NAME_OR_FILE; `rewardlab list` shows the names")
        parser.print_help()
        return 0

    began = "jax" in sys.modules  # not by this command, whose process it is not
    devices.check_settings()
    if given.smoke and not began:
        devices.compile_quickly()
    from rewardlab.experiment import config, override
    from rewardlab.running import processes

    if given.all:
        if given.process or given.processes or given.coordinator or given.distributed:
            raise InputError(
                "--all takes one process; allowed: no --process, --processes, --coordinator or --distributed"
            )
        return _run_all(given, changes, parser, stop)
    if given.help:
        _describe(given.experiment, config.load(given.experiment), override)
        return 0
    with processes.joined(processes.read(given), stop) as share:  # before anything that starts jax
        signals.install()  # jax's distributed runtime sets its own
        return _run(given, changes, parser, share, stop)


def _run(given, changes, parser: Parser, share: Share, stop: Stop) -> int:
    from rewardlab import loggers
    from rewardlab.experiment import config, override
    from rewardlab.rundir import parts, store

    progress = Progress()
    if progress.live:  # elsewhere bad input is told in one line, and nothing else
        progress.stage("Reading the experiment")
    size = _size(given)
    experiment = config.load(given.experiment, size if size in config.SIZES else "experiment")
    _check_options(changes, parser, experiment)
    experiment = config.smoke(experiment) if given.smoke else experiment
    experiment = override.override(experiment, changes)
    if size and given.out is None:
        given.out = f"runs/{experiment.name}-{size}"

    path = store.check_out(given.out, experiment, given.resume_anyway)  # before the slower imports
    from rewardlab.running.runner import run
    from rewardlab.terminal.table import summary_table

    if share.of == 1 and store.Run(path).finished:
        progress.note(f"{path} is finished: nothing is trained, its report is written again")
        if not (path / parts.FOLDER).is_dir():
            return report.main([str(path)])
    with loggers.opened(given.log, path, str(share.process) if share.of > 1 else "") as log:
        done = run(
            experiment,
            given.out,
            share=share,
            stop=stop,
            resume_anyway=given.resume_anyway,
            callback=log,
            rehearse=not given.smoke,
        )
    if done.finished and done.reported:
        say(summary_table(done.summary))
        say(f"\n{done.path / store.PAGE}")
    return 0


def _check_options(changes, parser: Parser, experiment) -> None:
    """Raises InputError for a field that is none, and looks more like one of the command's own options."""
    from rewardlab.experiment import override

    fields = {name: None for name in override.paths(experiment)}
    options = [name.removeprefix("--") for name in parser.options if name.startswith("--")]
    for flag in changes:
        if "." not in flag and flag.replace("-", "_") not in fields and nearest(flag, [*fields, *options]) in options:
            raise unknown("option", f"--{flag}", [*sorted(f"--{name}" for name in options), "--FIELD"])


def _size(given) -> str:
    from rewardlab.experiment import config

    sizes = [name for name in ("smoke", *config.SIZES) if getattr(given, name)]
    if len(sizes) > 1:
        raise InputError(f"--{' and --'.join(sizes)} are given; allowed: one size")
    return sizes[0] if sizes else ""


def _run_all(given, changes, parser: Parser, stop: Stop) -> int:
    from rewardlab import loggers
    from rewardlab.analysis import findings
    from rewardlab.experiment import config
    from rewardlab.running import every

    def note(text: str) -> None:
        say(text, stream=sys.stderr)

    _check_options(changes, parser, config.load(next(iter(config.names()))))
    with loggers.opened(given.log, ""):  # what can't be used is told before anything runs
        pass
    folder = given.out or every.FOLDER
    wanted = every.jobs(_size(given), changes, folder, given.resume_anyway)
    note(every.forecast(wanted, findings.read()))
    page, failed = every.run_all(wanted, stop, note, folder, given.log)
    if page:
        say(page)
    for name, why in failed.items():
        note(f"{name} failed: {why}")
    return 1 if failed else 0


def _describe(name: str, experiment, override) -> None:
    say(f"{experiment.name}: {experiment.question}\n\nFields, their values, and what is allowed:\n")
    for path, value, allowed in override.leaves(experiment):
        say(f"  --{path.replace('_', '-').replace(' ', '-')} {value}".ljust(52) + f"  {allowed}")
    say(
        "\n  --rules, --conditions and --evaluations take names, too: those that stay,"
        f" e.g. --rules {next(iter(experiment.rules))}"
    )
