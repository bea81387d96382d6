"""`rewardlab tune`: choose the hyperparameters of every rule at one and the same budget."""

from __future__ import annotations

from rewardlab.backend import devices
from rewardlab.cli import Parser, say

GUIDE = """\
examples:
  rewardlab tune coinrun --budget 3e7 --out tuned.json
  rewardlab tune coinrun --budget 3e7 --rules ppo truncation --total-steps 400000 --out some.json

Random search with successive halving, on seeds that no run has. Every field of the experiment can be set, as in
`rewardlab run`. Finalists live --total-steps; a config reads the file by rewardlab.tuned.settings("tuned.json"), and that
of a config that comes with RewardLab by its name. A file that is there is never overwritten.
"""


def main(words: list[str]) -> int:
    parser = Parser(
        "tune",
        usage="rewardlab tune NAME_OR_FILE --budget N [--out FILE] [--FIELD VALUE ...]",
        description="Chooses the hyperparameters of every rule of an experiment at one and the same budget.",
        epilog=GUIDE,
    )
    parser.add_argument("experiment", metavar="NAME_OR_FILE", help="a config's name, a .py file, or a run's directory")
    parser.add_argument("--budget", metavar="N", required=True, help="environment steps for each rule, all in all")
    parser.add_argument("--out", metavar="FILE", help="a new .json file (default: tuned/NAME.json beside the config)")
    given, changes = parser.read(words)

    devices.check_settings()
    from rewardlab import tuned
    from rewardlab.experiment import config, override
    from rewardlab.inputs.fields import parse

    experiment = override.override(config.load(given.experiment), changes)
    budget = parse([given.budget], int, "budget")
    out = tuned.check_out(given.out or tuned.place(given.experiment, experiment))  # before the slower imports
    from rewardlab import tuning
    from rewardlab.terminal.table import tuned_table

    say(tuned_table(tuning.tune(experiment, budget, out)))
    say(f"\n{out}")
    return 0
