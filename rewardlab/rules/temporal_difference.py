"""One-step temporal-difference control (Sutton & Barto §6.4 to 6.6): what SARSA, expected SARSA and Q-learning share."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import by, chosen, epsilon_greedy, greedily
from rewardlab.rules.losses import flat
from rewardlab.types import Policy, Rule


@struct.dataclass
class TemporalDifference(Rule):
    """q(s, a) ← q(s, a) + α [r + γ v(s') − q(s, a)], one transition at a time; what v(s') is, `next_value` says.

    The step is plain semi-gradient descent of the network's Q head. With one-hot observations and `MLP(hidden=(), bias=False,
    head_scale=0)` that head is a table, and the step is exactly the textbook's. A terminated step has v(s') = 0, a truncated
    one bootstraps.

    Order: step 0 of lane 0, of lane 1, ..., then step 1; each transition meets the values that the ones before it left. What
    acts, ε-greedily, is renewed once per update, so with `unroll_length` = `num_envs` = 1 each step is learned from before
    the next. The state is the agent's parameters, nothing else.
    """

    level = 5
    whole = False

    learning_rate: float = struct.field(default=0.1, metadata={"range": (0.0, 1.0), "search": (1e-3, 1.0, "log")})
    gamma: float = struct.field(default=0.99, metadata={"range": (0.0, 1.0), "search": (0.8, 0.999, "log1m")})
    epsilon: float = struct.field(default=0.1, metadata={"range": (0.0, 1.0), "search": (0.01, 0.3, "log")})
    num_envs: int = struct.field(default=8, pytree_node=False)
    unroll_length: int = struct.field(default=8, pytree_node=False)

    def next_value(self, q: jax.Array, next_action: jax.Array) -> jax.Array:
        """v(s') of q(s', ·), float32[A], and a', int32[]: float32[]."""
        raise TypeError(f"{type(self).__name__} does not say what the next state is worth")

    def heads(self, num_actions):
        return {"q": num_actions}

    def init(self, agent, key):
        return agent.init(key)

    def behave(self, agent, state, key):
        return Policy(state, by(epsilon_greedy("q", self.epsilon)))

    def next_actions(self, agent, params, experience, key):
        """a', int32[T, N]: the action that the lane took next. Consumes the key.

        Where the trajectory does not go on from s' (the clock ended the episode, or the update's steps end), a' is drawn
        afresh from the policy that acted.
        """
        drawn, _ = epsilon_greedy("q", self.epsilon)(agent.apply(params, flat(experience.next_obs)), key)
        drawn = drawn.reshape(experience.action.shape)
        taken = jnp.concatenate([experience.action[1:], drawn[-1:]])
        return jnp.where(experience.done, drawn, taken)

    def update(self, agent, state, experience, key):
        def one(params, transition):
            told, next_action = transition
            after = agent.apply(params, told.next_obs[None])["q"][0]
            target = told.reward + self.gamma * jnp.where(told.terminated, 0.0, self.next_value(after, next_action))

            def loss(params):
                error = target - chosen(agent.apply(params, told.obs[None])["q"][0], told.action)
                return jnp.where(told.mask, 0.5 * error**2, 0.0)

            value, gradient = jax.value_and_grad(loss)(params)
            return jax.tree.map(lambda p, g: p - self.learning_rate * g, params, gradient), value

        next_action = self.next_actions(agent, state, experience, key)
        state, losses = jax.lax.scan(one, state, flat((experience._replace(extras={}), next_action)))
        return state, {"loss": losses.mean()}

    def deploy(self, agent, state):
        return Policy(state, greedily("q"))
