"""Expected SARSA (van Seijen et al. 2009), level 5: it acts on a learned prediction of reward."""

from __future__ import annotations

from flax import struct

from rewardlab.rules.temporal_difference import TemporalDifference


@struct.dataclass
class ExpectedSARSA(TemporalDifference):
    """v(s') = Σ_a π(a|s') q(s', a) of the ε-greedy policy of the current values: SARSA without the luck of the next draw."""

    title = "expected SARSA"

    def next_value(self, q, next_action):
        return self.epsilon * q.mean() + (1.0 - self.epsilon) * q.max()


rule = ExpectedSARSA
