"""Q-learning (Watkins & Dayan 1992), level 5: it acts on a learned prediction of reward."""

from __future__ import annotations

from flax import struct

from rewardlab.rules.temporal_difference import TemporalDifference


@struct.dataclass
class QLearning(TemporalDifference):
    """v(s') = max_a q(s', a): off-policy, it learns what the greedy policy would earn while exploring."""

    title = "Q-learning"

    def next_value(self, q, next_action):
        return q.max()


rule = QLearning
