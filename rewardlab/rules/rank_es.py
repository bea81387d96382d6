"""Evolution strategy on ranks: OpenAI's (Salimans et al. 2017) with its fitness shaping, level 2."""

from __future__ import annotations

from flax import struct
from jax.scipy.stats import rankdata

from rewardlab.rules.openai_es import OpenAIES


@struct.dataclass
class RankES(OpenAIES):
    """As `openai_es`, on centred ranks from −½ to ½ in place of returns (ties share their mean rank): only their order counts."""

    title = "rank-based ES"
    level = 2

    def utility(self, score):
        return (rankdata(score) - 1.0) / (self.candidates - 1) - 0.5


rule = RankES
