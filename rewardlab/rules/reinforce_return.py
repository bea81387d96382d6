"""REINFORCE (Williams 1992) on the return of the whole episode, level 3: no step is told from another by what it paid."""

from __future__ import annotations

from typing import ClassVar

from flax import struct

from rewardlab.rules.reinforce import Reinforce
from rewardlab.rules.returns import whole_returns


@struct.dataclass
class ReinforceReturn(Reinforce):
    """As `reinforce`, with R, the undiscounted return of the episode, in place of the reward-to-go:
    Σ_t (R − b(s_t)) ∇log π(a_t|s_t).

    Its expectation is that of `reinforce` with γ = 1, since what was paid before an action does not depend on it; its variance
    is larger. The baseline is fitted to R.
    """

    title = "REINFORCE on returns"
    level = 3

    gamma: ClassVar[float] = 1.0  # type: ignore[misc]  # no hyperparameter: a discount would tell early reward from late

    def returns(self, experience):
        return whole_returns(experience.reward, experience.done)


rule = ReinforceReturn
