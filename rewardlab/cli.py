"""The command line: finds the command, a file of commands/, and turns its InputErrors into one line and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from rewardlab.inputs.errors import InputError, one_line, unknown, visible
from rewardlab.rundir import stopping
from rewardlab.terminal import output
from rewardlab.terminal.progress import CLEAR

GUIDE = """\
RewardLab trains many agents under several update rules in a world, changes the world, and says what each had learned.

  rewardlab list                      the questions, worlds and rules that there are
  rewardlab run coinrun               train, evaluate, compare, write a report
  rewardlab run coinrun --smoke       the same path at tiny sizes, to see that it works
  rewardlab run coinrun --help        every field of that experiment, with its value and what is allowed
  rewardlab report runs/coinrun       write the figures and the page of a finished run again
  rewardlab run --all --small         every experiment that states a claim, one after another, and the atlas
  rewardlab atlas runs                the verdicts of all finished runs in a folder on one page
  rewardlab tune my.py --budget N     choose each rule's hyperparameters, with N environment steps for each rule
  rewardlab preflight coinrun --chip v5e    what it would need on a TPU that is not here
  rewardlab watch corner              a film of a scripted policy in a world, as a GIF
  rewardlab bench                     how fast it is, beside its peers
  rewardlab audit                     what reward can reach under each rule, read from the traced programs
  rewardlab doctor                    what there is to compute with, and what will be slow or will not work here
  rewardlab --version                 which version this is

A run is a directory, runs/NAME unless --out says otherwise:

  report.html       the verdict in sentences, learning curves, outcomes per rule, replays: one page, no network needed
  summary.json      each rule's figures with intervals, pairwise tests, verdicts
  results.nc        labelled arrays with every seed (xarray)
  figures/, replays/, config.json (to run it again), environment.json (versions, devices)

Exit codes: 0 this process did what it was asked (one of several: its own share, while others may still train theirs);
2 bad input, nothing was written; 1 failure, a full disk for one; 75 interrupted, and resumable by the same command; 130
stopped at once by a second Ctrl-C. A reader that leaves (`| head -1`) stops nothing, and changes no exit code.

From Python: rewardlab.run(rewardlab.load("coinrun")).results
"""


def say(text: object, end: str = "\n", stream: TextIO | None = None) -> None:
    """Prints what a command has to say: names and texts in it may come from a file that someone else wrote."""
    print(visible(text), end=end, file=stream or sys.stdout, flush=stream is not None)


class Parser(argparse.ArgumentParser):
    """The parser of one command. Its errors are InputErrors; beside its own options it can read fields of anything."""

    def __init__(self, command: str, **keywords):
        self.options: set[str] = set()
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(f"rewardlab {command}", formatter_class=formatter, allow_abbrev=False, **keywords)

    def add_argument(self, *names: str, **keywords):
        self.options.update(name for name in names if name.startswith("-"))
        return super().add_argument(*names, **keywords)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")

    def read(self, words: Sequence[str]) -> tuple[argparse.Namespace, dict[str, list[str]]]:
        """(the command's own arguments, {field: values} of every other `--field`)."""
        own, changes = sorted_out(words, self.options)
        return self.parse_args(own), changes


def sorted_out(words: Sequence[str], flags: set[str]) -> tuple[list[str], dict[str, list[str]]]:
    """(the command's own words, {field: values}): a `--field` not in `flags` takes the words up to the next."""
    own: list[str] = []
    changes: dict[str, list[str]] = {}
    field = None
    for word in words:
        name, equals, value = word.partition("=")
        if word.startswith("--") and name not in flags:
            field = name[2:]
            if not field:
                raise InputError("a field's name is missing after --; see rewardlab run --help")
            if field.replace("-", "_") in (other.replace("-", "_") for other in changes):
                raise InputError(f"--{one_line(field)} is given twice; allowed: once")
            changes[field] = [value] if equals else []
            field = None if equals else field
        elif word.startswith("--") or field is None:
            field = None
            own.append(word)
        else:
            changes[field].append(word)
    return own, changes


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command. Returns the exit code, as the guide has them; what went wrong is one line on stderr."""
    with output.lenient():
        return _main(list(sys.argv[1:] if arguments is None else arguments))


def _main(words: list[str]) -> int:
    try:
        code = _command(words)
        sys.stdout.flush()
        return code
    except InputError as error:
        tell(f"rewardlab: {error}")
        return error.code
    except stopping.Interrupted as interrupted:
        print(f"\nrewardlab: stopped ({interrupted}); the same command goes on from here", file=sys.stderr)
        return stopping.leave(stopping.RESUMABLE)
    except KeyboardInterrupt:
        tell("rewardlab: stopped")
        return 130
    except OSError as error:
        tell(f"rewardlab: {error}")
        return 1


def tell(text: str) -> None:
    """A line on stderr; on a terminal it takes the place of a line that says how far a run is."""
    print(f"{CLEAR if sys.stderr.isatty() else ''}{text}", file=sys.stderr)


def _command(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(GUIDE, end="")
        return 0
    if words[0] == "--version":
        from rewardlab.backend.environment import version

        print(f"rewardlab {version() or 'not installed'}")
        return 0
    commands = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent / "commands")])]
    if words[0] not in commands:
        raise unknown("command", words[0], commands)
    return importlib.import_module(f"rewardlab.commands.{words[0]}").main(words[1:])
