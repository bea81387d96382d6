"""`rewardlab list`: list the experiments, questions, worlds, rules and probes that there are."""

from __future__ import annotations

from rewardlab.backend import devices
from rewardlab.cli import Parser, say


def main(words: list[str]) -> int:
    Parser("list", description="Lists the experiments, questions, worlds, rules and probes that there are.").parse_args(
        words
    )
    devices.check_settings()
    from rewardlab import envs, probes, questions, rules
    from rewardlab.experiment import config
    from rewardlab.inputs import registry
    from rewardlab.terminal.table import grid

    def docs(files) -> list[list[str]]:
        return [[name, registry.outline(path).doc] for name, path in files.items()]

    levels = [[name, str(rules.load(name).level), doc] for name, doc in docs(rules.FAMILY.names())]
    measured = [[name, probes.load(name).when, doc] for name, doc in docs(probes.FAMILY.names())]
    say("\n".join(grid([["EXPERIMENT", ""]], docs(config.names()))), end="\n\n")
    say("\n".join(grid([["QUESTION", ""]], docs(questions.FAMILY.names()))), end="\n\n")
    say("\n".join(grid([["WORLD", ""]], docs(envs.FAMILY.names()))))
    say(f"and gymnax's: {', '.join(envs.catalogue.names())}", end="\n\n")
    say("\n".join(grid([["RULE", "LEVEL", ""]], levels)))
    say(
        "Level: what of reward it can read. 0 nothing, 1 a bar, 2 order, 3 return, 4 which step paid, "
        "5 a predictor consulted to act.",
        end="\n\n",
    )
    say("\n".join(grid([["PROBE", "WHEN", ""]], measured)))
    return 0
