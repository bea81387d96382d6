"""Cross's learning rule (Cross 1973; Börgers & Sarin 1997), level 3: for bandits, a policy over actions held directly."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.heads import blind
from rewardlab.agents.select import by, greedily, sample
from rewardlab.rules.losses import masked_mean
from rewardlab.rules.returns import whole_returns
from rewardlab.types import Policy, Rule


@struct.dataclass
class CrossLearning(Rule):
    """Each action taken pulls the policy towards itself by α R: π ← π + α R (e_a − π), the state being π, float32[A], first
    uniform.

    Its expectation is the replicator equation exactly: E[Δπ_i] = α π_i (q_i − q̄). Returns R are meant to lie between 0 and 1 / α:
    α R is clipped to [0, 1], so that π stays a distribution. The pulls of all lanes are averaged.

    It makes sense in bandits, where an episode is one decision and the observation tells nothing: the policy is blind. So
    `unroll_length` is 1, and a world with longer episodes is refused as one that does not fit; set to more, every step of an
    episode is credited with its return. Raises InputError for an agent that can't hold a blind policy.
    """

    title = "Cross learning"
    level = 3
    whole = True

    learning_rate: float = struct.field(default=0.1, metadata={"range": (0.0, 1.0), "search": (1e-3, 1.0, "log")})
    num_envs: int = struct.field(default=16, pytree_node=False)
    unroll_length: int = struct.field(default=1, pytree_node=False)

    def heads(self, num_actions):
        return {"logits": num_actions}

    def init(self, agent, key):
        actions, _ = blind(agent, "logits")
        return jnp.full(actions, 1.0 / actions, jnp.float32)

    def behave(self, agent, state, key):
        return self.deploy(agent, state)._replace(act=by(sample("logits")))

    def update(self, agent, state, experience, key):
        pull = jnp.clip(self.learning_rate * whole_returns(experience.reward, experience.done), 0.0, 1.0)
        towards = jax.nn.one_hot(experience.action, state.size, dtype=state.dtype) - state
        mean = jax.vmap(masked_mean, (-1, None))
        moved = state + mean(pull[..., None] * towards, experience.mask)
        return moved / moved.sum(), {"reward": experience.reward.mean()}

    def deploy(self, agent, state):
        _, params = blind(agent, "logits")
        return Policy(params(jnp.log(jnp.maximum(state, jnp.finfo(state.dtype).tiny))), greedily("logits"))


rule = CrossLearning
