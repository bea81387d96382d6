"""Agents: networks built from the heads that a rule needs, with or without a memory, and ways to turn their outputs into actions."""

from rewardlab.agents.feed_forward import MLP, make
from rewardlab.agents.gaussian import Gaussian
from rewardlab.agents.memory import memoryless, recurrent
from rewardlab.agents.select import by, epsilon_greedy, greedily, greedy, sample

__all__ = [
    "MLP",
    "Gaussian",
    "by",
    "epsilon_greedy",
    "greedily",
    "greedy",
    "make",
    "memoryless",
    "recurrent",
    "sample",
]
