"""Agents: networks built from the heads that a rule needs, and ways to turn their outputs into actions."""

from rewardlab.agents.feed_forward import MLP, make
from rewardlab.agents.gaussian import Gaussian
from rewardlab.agents.select import epsilon_greedy, greedy, sample

__all__ = ["MLP", "Gaussian", "epsilon_greedy", "greedy", "make", "sample"]
