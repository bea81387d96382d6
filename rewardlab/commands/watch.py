"""`rewardlab watch`: film a policy in a world, or play the world."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

from rewardlab.backend import devices
from rewardlab.cli import Parser, say
from rewardlab.envs.world import offers
from rewardlab.inputs.errors import InputError, show, unknown


def main(words: list[str]) -> int:
    parser = Parser(
        "watch",
        usage="rewardlab watch WORLD [--agent POLICY | --agent RUN [--rule RULE] | --play] [--out FILE] [--seed N] "
        "[--PARAM VALUE ...]",
        description="Writes a film of one episode, played by one of the world's scripted policies or by what a run has trained. "
        "Every param can be set.",
    )
    parser.add_argument("world", metavar="WORLD", help="a name or a .py file that draws its states")
    parser.add_argument(
        "--agent", default="random", metavar="POLICY", help="a scripted policy (default: random), or a run's directory"
    )
    parser.add_argument("--rule", metavar="RULE", help="which of the run's rules (default: the first)")
    parser.add_argument("--play", action="store_true", help="play the world yourself, in this terminal")
    parser.add_argument("--out", metavar="FILE", help="a GIF (default: WORLD.gif)")
    parser.add_argument("--seed", default="0", help="a whole number (default: 0)")
    given, changes = parser.read(words)

    devices.check_settings()
    devices.start()
    import jax

    from rewardlab import envs
    from rewardlab.envs.adapter import set_params
    from rewardlab.inputs.fields import coerce, parse

    seed = coerce(parse([given.seed], int, "seed"), int, "seed", (0, 2**31 - 1))
    run = _run(given.agent, given.world)
    env = run.plan.env if run else envs.make(given.world)
    path = Path(given.out or f"{Path(given.world).stem}.gif")
    if path.suffix != ".gif" or not str(path).isprintable() or not _can_be_written(path):
        raise InputError(f"--out {show(str(path))}; allowed: a .gif file, in a directory that there is, and no link")
    kinds, changes = envs.params_kinds(env) or {}, {name.replace("-", "_"): words for name, words in changes.items()}
    for name in changes:
        if name not in kinds:
            raise unknown("param", name, kinds)
    params = envs.params(env, **{name: parse(words, kinds[name], name) for name, words in changes.items()})
    if given.play:
        from rewardlab.terminal import play

        with play.keyboard() as keys:
            total = play.play(env, set_params(params, {}), jax.random.key(seed), keys, sys.stdout.write)
        say(f"\nreward in all: {total:g}")
        return 0
    if not offers(env, "render_rgb") or not (run or offers(env, "references")):
        raise InputError(
            f"world {given.world} has no drawing or no scripted policies; allowed: {', '.join(envs.names())}"
        )
    if run:
        from rewardlab.report.replays import save
        from rewardlab.running.assembly import filmed

        rule = given.rule or next(iter(run.experiment.rules))
        say(save(path, filmed(run, rule, {name: getattr(params, name) for name in changes}, jax.random.key(seed))))
        return 0
    if given.rule:
        raise InputError("--rule goes with --agent RUN, the directory of a run")
    policies = env.references(params)
    if given.agent not in policies:
        raise unknown("scripted policy", given.agent, [*policies, "the directory of a run"])

    from rewardlab.probes.replay import scripted
    from rewardlab.report.replays import save

    say(save(path, scripted(env, set_params(params, {}), policies[given.agent], jax.random.key(seed))))
    return 0


def _run(agent: str, world: str):
    """The run that --agent names, or None. Raises InputError if it is of another world."""
    from rewardlab.experiment import config
    from rewardlab.rundir import store

    if not config.is_run(agent):  # there may be a directory of a policy's name
        return None
    run = store.open_run(agent)
    if run.experiment.env != world:
        raise InputError(f"{show(agent)} is a run in {show(str(run.experiment.env))}, not in {show(world)}")
    return run


def _can_be_written(path: Path) -> bool:
    try:
        return os.access(path.parent, os.W_OK | os.X_OK) and stat.S_ISREG(os.lstat(path).st_mode)
    except OSError as error:
        return error.errno == errno.ENOENT
