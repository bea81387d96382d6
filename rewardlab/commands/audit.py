"""`rewardlab audit`: read from the traced programs what reward can reach."""

from __future__ import annotations

import dataclasses
import typing

from rewardlab.backend import devices
from rewardlab.cli import Parser, say
from rewardlab.inputs.errors import unknown
from rewardlab.inputs.fields import hints

GUIDE = """\
examples:
  rewardlab audit --rule ppo parallel_q truncation
  rewardlab audit --rule ppo --agent stop-gradient
  rewardlab audit --rule ppo --agent gru
  rewardlab audit --rule dqn --env lever --probe foresight
  rewardlab audit --rule my_rule.py --env my_world.py --agent.hidden 16

Every field of the agent can be set, as in `rewardlab run`.
"""


def main(words: list[str]) -> int:
    parser = Parser(
        "audit",
        description="Reads from the traced programs, by data dependence, what reward can reach. Nothing is trained.",
        epilog=GUIDE,
    )
    parser.add_argument("--rule", nargs="+", metavar="RULE", help="names or .py files (default: every rule)")
    parser.add_argument(
        "--agent",
        default="shared",
        metavar="AGENT",
        help="an MLP's trunk, shared (default), separate or stop-gradient, or a network by name or .py file",
    )
    parser.add_argument(
        "--probe",
        nargs="+",
        metavar="PROBE",
        default=[],
        help="names or .py files whose scripted policies get rows, too",
    )
    parser.add_argument("--env", default="coinrun", metavar="WORLD", help="a name or a .py file (default: coinrun)")
    given, changes = parser.read(words)

    devices.check_settings()
    devices.start()
    from rewardlab import agents, rules
    from rewardlab.agents import MLP
    from rewardlab.experiment import override
    from rewardlab.inputs import registry

    trunks = typing.get_args(hints(MLP)["trunk"])
    if not (given.agent in (*trunks, *agents.names()) or registry.is_path(given.agent)):
        raise unknown("agent", given.agent, [*trunks, *agents.names()], "or the path of a .py file")
    spec = override.agent(MLP(trunk=given.agent) if given.agent in trunks else agents.spec(given.agent), changes)
    from rewardlab.auditing import audit
    from rewardlab.terminal.table import audit_table

    found = [dataclasses.asdict(row) for row in audit(given.rule, agent=spec, env=given.env, probe=given.probe)]
    say(audit_table(found))
    left_out = [] if given.rule else [name for name in rules.names() if name not in {row["rule"] for row in found}]
    if left_out:
        say(f"Left out, because they do not take this agent in this world: {', '.join(left_out)}.")
    return 0
