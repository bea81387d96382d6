"""A fixed random policy, level 0: the initial network, never changed. A control: what an agent does before it learns anything."""

from __future__ import annotations

from flax import struct

from rewardlab.agents.select import by, epsilon_greedy, greedily
from rewardlab.types import Policy, Rule


@struct.dataclass
class Fixed(Rule):
    """The state is the parameters that were drawn first, for good. The network is random, and so is the policy.

    `epsilon` is the share of actions that are drawn uniformly while experience is collected: 1 visits what a uniformly random
    policy visits. What is evaluated is the network.
    """

    title = "untrained network"
    level = 0
    whole = False
    continuous = True
    remembers = True

    epsilon: float = struct.field(default=0.0, metadata={"range": (0.0, 1.0)})
    num_envs: int = struct.field(default=64, pytree_node=False)
    unroll_length: int = struct.field(default=32, pytree_node=False)

    def heads(self, actions):
        return {"logits": actions}

    def init(self, agent, key):
        return agent.init(key)

    def behave(self, agent, state, key):
        return Policy(state, by(epsilon_greedy("logits", self.epsilon)))

    def update(self, agent, state, experience, key):
        return state, {"reward": experience.reward.mean()}

    def deploy(self, agent, state):
        return Policy(state, greedily("logits"))


rule = Fixed
