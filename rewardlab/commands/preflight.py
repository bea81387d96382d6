"""`rewardlab preflight`: what an experiment would need on a TPU, before one is paid for."""

from __future__ import annotations

import json
from pathlib import Path

from rewardlab.backend import devices
from rewardlab.cli import Parser, say
from rewardlab.inputs.errors import InputError, show

GUIDE = """\
examples:
  rewardlab preflight coinrun --chip v5e
  rewardlab preflight coinrun --full --chip v5e --slice 2x4
  rewardlab preflight coinrun --type v5litepod-8          a slice, as Google Cloud calls it
  rewardlab preflight my_question.py --chip v6e --rules ppo truncation
  rewardlab preflight coinrun --full --chip v5e --quick   rough figures, without the TPU's compiler
  rewardlab preflight coinrun --full --seeds 1024 --here  the same figures, measured on the device that is here

Nothing is trained, and no TPU is needed: its own compiler runs here, which takes 10 to 90 s a program, and is remembered. With
--quick the CPU's compiler is asked instead, which takes some seconds a program; times may then be twice or half of what the
TPU's compiler would say. All figures are predictions, but for those of --here. Every field of the experiment can be set, as in
`rewardlab run`.

Exit codes: 0 every rule compiles and fits; 1 one does not; 2 bad input, or the TPU's compiler is not installed:
pip install "rewardlab[preflight]", or --quick
"""


def main(words: list[str]) -> int:
    parser = Parser(
        "preflight",
        usage="rewardlab preflight NAME_OR_FILE --chip CHIP [--slice SHAPE] [--full] [--FIELD VALUE ...]",
        description="Compiles an experiment for a TPU that is not here: what fits, how long it would take, what costs most.",
        epilog=GUIDE,
    )
    parser.add_argument("experiment", metavar="NAME_OR_FILE", help="a config's name, a .py file, or a run's directory")
    parser.add_argument("--chip", metavar="CHIP", help="v4, v5e, v5p or v6e")
    parser.add_argument("--slice", metavar="SHAPE", help="of several chips, 2x4 for one (default: one chip alone)")
    parser.add_argument("--type", metavar="TYPE", help="chip and slice in one, as the cloud names them: v5litepod-8")
    parser.add_argument("--quick", action="store_true", help="a rough estimate, which needs no compiler for TPUs")
    parser.add_argument("--here", action="store_true", help="measured, on the device that is here")
    parser.add_argument("--smoke", action="store_true", help="the same at tiny sizes")
    parser.add_argument("--small", action="store_true", help="the config's small size")
    parser.add_argument("--full", action="store_true", help="the config's size for accelerators")
    parser.add_argument("--json", metavar="FILE", help="writes the figures there, too")
    given, changes = parser.read(words)

    from rewardlab.backend import chips, tpu

    ways = [f"--{name}" for name in ("chip", "type", "here") if getattr(given, name)]
    if len(ways) != 1:
        names, there = ", ".join(chips.CHIPS), " and ".join(ways) or "nothing"
        raise InputError(
            f"{there} {'are' if ways else 'is'} given; allowed: --chip, one of {names}, or --type, or --here"
        )
    if given.slice and not given.chip:
        raise InputError(
            f"--slice and {ways[0]} are given; allowed: --slice with --chip, which does not say how many there are"
        )
    if given.quick and given.here:
        raise InputError("--quick and --here are given; allowed: --quick with --chip or --type")
    chip, count = None, 1
    if not given.here:
        chip, count = chips.of_type(given.type) if given.type else (chips.chip(given.chip), 0)
        count = count or chips.slice_of(chip, given.slice)
    if given.json and not Path(given.json).absolute().parent.is_dir():
        raise InputError(f"--json {given.json}: there is no such directory; allowed: a file in one that exists")
    if given.json is not None and (not given.json or Path(given.json).is_dir()):
        raise InputError(f"--json {show(given.json)} is no file; allowed: a file in a directory that exists")
    from rewardlab.experiment import config, override

    sizes = [name for name in config.SIZES if getattr(given, name)]
    if len(sizes) + given.smoke > 1:
        raise InputError(f"--{' and --'.join([*sizes, *['smoke'] * given.smoke])} are given; allowed: one size")
    if chip and not given.quick:
        tpu.check()
    devices.prepare()
    from rewardlab.running.measured import measured
    from rewardlab.running.preflight import preflight
    from rewardlab.terminal.progress import Progress
    from rewardlab.terminal.table import preflight_table

    experiment = config.load(given.experiment, *sizes)
    experiment = override.override(config.smoke(experiment) if given.smoke else experiment, changes)
    by, progress = "measured" if given.here else "quick" if given.quick else "compiler", Progress(1)
    found = preflight(experiment, chip, count, progress, given.quick) if chip else measured(experiment, progress)
    say(preflight_table(found, by))  # first: it stays, even if the file can't be written
    if given.json:
        rules = [one._asdict() | {"hours": one.hours} for one in found.rules]
        told = found._asdict() | {
            "rules": rules,
            "hours": found.hours,
            "compiler": tpu.version() if by == "compiler" else None,
        }
        Path(given.json).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0 if found.flies else 1
