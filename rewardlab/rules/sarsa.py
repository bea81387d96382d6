"""SARSA (Rummery & Niranjan 1994), level 5: it acts on a learned prediction of reward."""

from __future__ import annotations

from flax import struct

from rewardlab.agents.select import chosen
from rewardlab.rules.temporal_difference import TemporalDifference


@struct.dataclass
class SARSA(TemporalDifference):
    """v(s') = q(s', a') of the action that was taken next: on-policy, it learns what the exploring policy earns."""

    title = "SARSA"

    def next_value(self, q, next_action):
        return chosen(q, next_action)


rule = SARSA
