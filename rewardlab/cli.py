"""The command line: reads arguments, and calls the functions that a notebook would call."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import typing
from collections.abc import Sequence

from rewardlab import devices
from rewardlab.errors import InputError, nearest, one_line, unknown
from rewardlab.fields import hints

GUIDE = """\
RewardLab trains many agents under several update rules in a world, changes the world, and says what each had learned.

  rewardlab list                      the questions, worlds and rules that there are
  rewardlab run coinrun               train, evaluate, compare, write a report
  rewardlab run coinrun --smoke       the same path at tiny sizes, to see that it works
  rewardlab run coinrun --help        every field of that experiment, with its value and what is allowed
  rewardlab report runs/coinrun       write the figures and the page of a finished run again
  rewardlab tune coinrun --budget N   choose each rule's hyperparameters, with N environment steps for each rule
  rewardlab watch corner              a film of a scripted policy in a world, as a GIF
  rewardlab audit                     what reward can reach under each rule, read from the traced programs

A run is a directory, runs/NAME unless --out says otherwise:

  report.html       the verdict in sentences, learning curves, outcomes per rule, replays: one page, no network needed
  summary.json      each rule's figures with intervals, pairwise tests, verdicts
  results.nc        labelled arrays with every seed (xarray)
  figures/, replays/, config.json (to run it again), environment.json (versions, devices)

From Python: rewardlab.run(rewardlab.load("coinrun")).results
"""

RUN_GUIDE = """\
examples:
  rewardlab run coinrun --seeds 64 --out runs/more
  rewardlab run coinrun --steps 2e6 --rules ppo truncation --rules.ppo.learning-rate 3e-4 --agent.hidden 64 64
  rewardlab run coinrun --conditions.half.seeds 8 --evaluations.detour.moved 0.5
  rewardlab run my_question.py        a file that defines `experiment`
  rewardlab run runs/coinrun --out runs/again     what that run ran, once more

`rewardlab run NAME --help` lists every field of NAME that can be changed so.
"""


AUDIT_GUIDE = """\
examples:
  rewardlab audit --rule ppo parallel_q truncation
  rewardlab audit --rule ppo --agent stop-gradient
  rewardlab audit --rule my_rule.py --env my_world.py --agent.hidden 16

Every field of the agent can be set, as in `rewardlab run`.
"""

TUNE_GUIDE = """\
examples:
  rewardlab tune coinrun --budget 3e7
  rewardlab tune coinrun --budget 3e7 --rules ppo truncation --steps 400000 --out tuned.json

Random search with successive halving, on seeds that no run has. Every field of the experiment can be set, as in
`rewardlab run`. Finalists live --steps; a config reads the file by rewardlab.tuned.settings("coinrun").
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise InputError(f"{message}; see {self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command. Returns the exit code: 0, 2 for bad input (one line on stderr), 130 after Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _command(words)
    except InputError as error:
        print(f"rewardlab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rewardlab: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _command(words: list[str]) -> int:
    commands = {"run": _run, "report": _report, "tune": _tune, "watch": _watch, "audit": _audit, "list": _list}
    if not words or words[0] in ("-h", "--help", "help"):
        print(GUIDE, end="")
        return 0
    if words[0] == "--version":
        from importlib.metadata import version

        print(version("rewardlab"))
        return 0
    if words[0] not in commands:
        raise unknown("command", words[0], commands)
    return commands[words[0]](words[1:])


def _run(words: list[str]) -> int:
    parser = _Parser(
        "rewardlab run",
        usage="rewardlab run NAME_OR_FILE [--seeds N] [--out DIR] [--smoke] [--FIELD VALUE ...]",
        description="Runs an experiment and writes its report.",
        epilog=RUN_GUIDE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument(
        "experiment", nargs="?", metavar="NAME_OR_FILE", help="a config's name, a .py file, or a run's directory"
    )
    parser.add_argument("--out", metavar="DIR", help="the run's directory (default: runs/NAME)")
    parser.add_argument("--smoke", action="store_true", help="the same path at tiny sizes")
    parser.add_argument("-h", "--help", action="store_true")
    own, changes = split(words, flags={"--out", "--smoke", "--help", "-h"})
    given = parser.parse_args(own)
    if given.experiment is None:
        if not given.help:
            raise InputError("an experiment is missing: rewardlab run NAME_OR_FILE; `rewardlab list` shows the names")
        parser.print_help()
        return 0

    devices.check_randomness()
    from rewardlab import config, override, store

    experiment = config.load(given.experiment)
    if given.help:
        _describe(given.experiment, experiment, override)
        return 0
    fields = {name: None for name in override.paths(experiment)}
    for flag in changes:
        if (
            "." not in flag
            and flag.replace("-", "_") not in fields
            and nearest(flag, [*fields, "out", "smoke"]) in ("out", "smoke")
        ):
            raise unknown("option", f"--{flag}", ["--out", "--smoke", "--help", "--FIELD"])
    experiment = config.smoke(experiment) if given.smoke else experiment
    experiment = override.override(experiment, changes)
    if given.smoke and given.out is None:
        given.out = f"runs/{experiment.name}-smoke"

    path = store.check_out(given.out, experiment)  # before the slower imports
    if store.Run(path).finished:
        print(f"{path} is finished: nothing is trained, its report is written again", file=sys.stderr)
        return _report([str(path)])
    from rewardlab.runner import run
    from rewardlab.table import summary_table

    done = run(experiment, out=given.out)
    print(summary_table(done.summary))
    print(f"\n{done.path / 'report.html'}")
    return 0


def split(words: Sequence[str], flags: set[str]) -> tuple[list[str], dict[str, list[str]]]:
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


def _describe(name: str, experiment, override) -> None:
    print(f"{experiment.name}: {experiment.question}\n\nFields, their values, and what is allowed:\n")
    for path, value, allowed in override.leaves(experiment):
        print(f"  --{path.replace('_', '-')} {value}".ljust(52) + f"  {allowed}")
    print(
        "\n  --rules, --conditions and --evaluations take names, too: those that stay,"
        f" e.g. --rules {next(iter(experiment.rules))}"
    )


def _report(words: list[str]) -> int:
    parser = _Parser(
        "rewardlab report",
        description="Writes the summary, the figures and the page of a finished run again.",
        allow_abbrev=False,
    )
    parser.add_argument("directory", metavar="DIR", help="a run's directory")
    given = parser.parse_args(words)

    from rewardlab import store

    run = store.open_run(given.directory)
    results = run.results
    from rewardlab import compare, report
    from rewardlab.table import summary_table

    store.write_summary(run.path, compare.summarise(results))
    print(summary_table(run.summary))
    print(f"\n{report.write(run.path)}")
    return 0


def _tune(words: list[str]) -> int:
    parser = _Parser(
        "rewardlab tune",
        usage="rewardlab tune NAME_OR_FILE --budget N [--out FILE] [--FIELD VALUE ...]",
        description="Chooses the hyperparameters of every rule of an experiment at one and the same budget.",
        epilog=TUNE_GUIDE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("experiment", metavar="NAME_OR_FILE", help="a config's name, a .py file, or a run's directory")
    parser.add_argument("--budget", metavar="N", required=True, help="environment steps for each rule, all in all")
    parser.add_argument("--out", metavar="FILE", help="a new .json file (default: tuned/NAME.json beside the config)")
    own, changes = split(words, flags={"--budget", "--out", "--help", "-h"})
    given = parser.parse_args(own)

    devices.check_randomness()
    from rewardlab import config, override, tuned
    from rewardlab.fields import parse

    experiment = override.override(config.load(given.experiment), changes)
    budget = parse([given.budget], int, "budget")
    out = tuned.check_out(given.out or tuned.place(given.experiment, experiment))  # before the slower imports
    from rewardlab import tuning
    from rewardlab.table import tuned_table

    print(tuned_table(tuning.tune(experiment, budget, out)))
    print(f"\n{out}")
    return 0


def _watch(words: list[str]) -> int:
    parser = _Parser(
        "rewardlab watch",
        usage="rewardlab watch WORLD [--agent POLICY] [--out FILE] [--seed N] [--PARAM VALUE ...]",
        description="Writes a film of one episode under one of the world's scripted policies. Every param can be set.",
        allow_abbrev=False,
    )
    parser.add_argument("world", metavar="WORLD", help="a name or a .py file that draws its states")
    parser.add_argument("--agent", default="random", metavar="POLICY", help="a scripted policy (default: random)")
    parser.add_argument("--out", metavar="FILE", help="a GIF (default: WORLD.gif)")
    parser.add_argument("--seed", default="0", help="a whole number (default: 0)")
    own, changes = split(words, flags={"--agent", "--out", "--seed", "--help", "-h"})
    given = parser.parse_args(own)

    devices.check_randomness()
    from pathlib import Path

    from rewardlab import envs
    from rewardlab.fields import coerce, parse

    seed = coerce(parse([given.seed], int, "seed"), int, "seed", (0, 2**31 - 1))
    path = Path(given.out or f"{Path(given.world).stem}.gif")
    if path.suffix != ".gif" or not path.parent.is_dir():
        raise InputError(f"--out {path}; allowed: a .gif file in a directory that there is")
    env = envs.make(given.world)
    kinds, changes = envs.params_kinds(env), {name.replace("-", "_"): words for name, words in changes.items()}
    for name in changes:
        if name not in kinds:
            raise unknown("param", name, kinds)
    params = envs.params(env, **{name: parse(words, kinds[name], name) for name, words in changes.items()})
    if not hasattr(env, "render_rgb") or not hasattr(env, "references"):
        raise InputError(
            f"world {given.world} has no drawing or no scripted policies; allowed: {', '.join(envs.names())}"
        )
    policies = env.references(params)
    if given.agent not in policies:
        raise unknown("scripted policy", given.agent, policies)  # runs keep films of their agents, not the agents

    import jax

    from rewardlab.envs.adapter import set_params
    from rewardlab.probes.replay import scripted
    from rewardlab.report.replays import save

    print(save(path, scripted(env, set_params(params, {}), policies[given.agent], jax.random.key(seed))))
    return 0


def _audit(words: list[str]) -> int:
    parser = _Parser(
        "rewardlab audit",
        description="Reads from the traced programs, by data dependence, what reward can reach. Nothing is trained.",
        epilog=AUDIT_GUIDE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--rule", nargs="+", metavar="RULE", help="names or .py files (default: every rule)")
    parser.add_argument("--agent", default="shared", metavar="TRUNK", help="shared, separate or stop-gradient trunk")
    parser.add_argument("--env", default="coinrun", metavar="WORLD", help="a name or a .py file (default: coinrun)")
    own, changes = split(words, flags={"--rule", "--agent", "--env", "--help", "-h"})
    given = parser.parse_args(own)

    devices.check_randomness()
    from rewardlab import override, rules
    from rewardlab.agents import MLP

    trunks = typing.get_args(hints(MLP)["trunk"])
    if given.agent not in trunks:
        raise unknown("agent", given.agent, trunks)
    spec = override.agent(MLP(trunk=given.agent), changes)
    from rewardlab.auditing import audit
    from rewardlab.table import audit_table

    found = [dataclasses.asdict(row) for row in audit(given.rule, agent=spec, env=given.env)]
    print(audit_table(found))
    left_out = [] if given.rule else [name for name in rules.names() if name not in {row["rule"] for row in found}]
    if left_out:
        print(f"Left out, because they do not take this agent in this world: {', '.join(left_out)}.")
    return 0


def _list(words: list[str]) -> int:
    _Parser(
        "rewardlab list", description="Lists the questions, worlds and rules that there are.", allow_abbrev=False
    ).parse_args(words)
    from rewardlab import config, envs, registry, rules
    from rewardlab.table import grid

    def docs(files) -> list[list[str]]:
        return [[name, registry.outline(path).doc] for name, path in files.items()]

    levels = [[name, str(rules.load(name).level), doc] for name, doc in docs(rules.FAMILY.names())]
    print("\n".join(grid([["QUESTION", ""]], docs(config.names()))), end="\n\n")
    print("\n".join(grid([["WORLD", ""]], docs(envs.FAMILY.names()))))
    print(f"and gymnax's: {', '.join(envs.catalogue.names())}", end="\n\n")
    print("\n".join(grid([["RULE", "LEVEL", ""]], levels)))
    print(
        "Level: what of reward it can read. 0 nothing, 1 a bar, 2 order, 3 return, 4 which step paid, "
        "5 a predictor consulted to act."
    )
    return 0
