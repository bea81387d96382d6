"""What natural policy gradients share: the Fisher matrix as a product, the system that it makes, and a critic of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jax.flatten_util import ravel_pytree

from rewardlab.agents.gaussian import Gaussian
from rewardlab.agents.select import by, greedily, log_prob, sample
from rewardlab.inputs.fields import divides
from rewardlab.rules import optimisers
from rewardlab.rules.losses import descend, flat, masked_mean
from rewardlab.rules.returns import lambda_returns
from rewardlab.types import Policy, Rule


class State(NamedTuple):
    """params: the network whose "logits" act. critic: a second one, whose "value" predicts. opt_state: the critic's."""

    params: Any
    critic: Any
    opt_state: Any


class Objective(NamedTuple):
    """The policy's problem in one update, in its flat parameters θ float32[P], at θ₀.

    surrogate: θ -> float32[], mean of π_θ(a|s) / π_θ₀(a|s) · A(s, a). kl: θ -> float32[], mean of KL(π_θ₀ ‖ π_θ) in nats.
    gradient: float32[P], the surrogate's at θ₀. fisher: v -> F v, float32[P] each; F is also the Hessian of `kl` at θ₀.
    """

    surrogate: Any
    kl: Any
    gradient: jax.Array
    fisher: Any


def geometry(old: jax.Array | Gaussian):
    """How policies that differ in a head's output lie to `old`, the logits float32[B, A] of a softmax or a Gaussian.

    (new -> KL(old ‖ new) in nats, float32[B]; a change of the output -> the Fisher matrix at `old` times it, of the same shape).
    """
    if isinstance(old, Gaussian):
        return old.divergence, old.fisher
    pi, log_pi = jax.nn.softmax(old), jax.nn.log_softmax(old)

    def divergence(new):
        return (pi * (log_pi - jax.nn.log_softmax(new))).sum(-1)

    def fisher(moved):
        return pi * (moved - (pi * moved).sum(-1, keepdims=True))

    return divergence, fisher


def objective(output_of, theta: jax.Array, action: jax.Array, advantage: jax.Array, lived: jax.Array) -> Objective:
    """output_of: θ -> the head that acts, float32[B, A] or a Gaussian, at the states visited; action, advantage, lived: [B, ...].

    The Fisher matrix takes its expectation over actions exactly, and over states by those that were visited.
    """
    old, push = jax.linearize(output_of, theta)
    pull = jax.linear_transpose(push, theta)
    divergence, metric = geometry(old)
    log_prob_old = log_prob(old, action)
    weight = lived.astype(theta.dtype) / jnp.maximum(lived.astype(theta.dtype).sum(), 1.0)

    def surrogate(theta):
        return weight @ (jnp.exp(log_prob(output_of(theta), action) - log_prob_old) * advantage)

    def kl(theta):
        return weight @ divergence(output_of(theta))

    def fisher(v):
        return pull(jax.tree.map(lambda x: weight[:, None] * x, metric(push(v))))[0]

    return Objective(surrogate, kl, jax.grad(surrogate)(theta), fisher)


def conjugate_gradient(product, b: jax.Array, iterations: int) -> jax.Array:
    """x with A x = b for positive semidefinite A, `product` x -> A x: float32[P] (Hestenes & Stiefel 1952).

    It rests once the residual is below 1e-6 of b. (jax's own `cg` gave NaN for networks under `vmap`.)
    """

    def one(_, carry):
        x, r, p, rr = carry
        ap = product(p)
        curved = p @ ap
        going = (rr > 1e-12 * (b @ b)) & (curved > 0.0)
        alpha = jnp.where(going, rr / jnp.where(going, curved, 1.0), 0.0)
        x, r = x + alpha * p, r - alpha * ap
        beta = jnp.where(going, (r @ r) / jnp.where(going, rr, 1.0), 0.0)
        return x, r, r + beta * p, jnp.where(going, r @ r, 0.0)

    return jax.lax.fori_loop(0, iterations, one, (jnp.zeros_like(b), b, b, b @ b))[0]


@struct.dataclass
class NaturalPolicyGradient(Rule):
    """Moves the policy along x with (F + damping · I) x = g by conjugate gradient; how far, `move` says.

    Advantages are by GAE(λ). The critic is a second copy of the network, so that fitting values never moves the policy. It is
    fitted to the λ-returns with Adam. The γᵗ weight of the exact gradient is dropped from g and F alike, so that in a tabular
    softmax policy x is the advantage itself, whatever the weights of the states.
    """

    level = 4
    whole = False
    continuous = True

    gamma: float = struct.field(default=0.99, metadata={"range": (0.0, 1.0), "search": (0.8, 0.999, "log1m")})
    gae_lambda: float = struct.field(default=0.95, metadata={"range": (0.0, 1.0), "search": (0.8, 1.0, "linear")})
    damping: float = struct.field(default=0.1, metadata={"range": (0.0, 1e6), "search": (1e-3, 1.0, "log")})
    value_learning_rate: float = struct.field(
        default=1e-3, metadata={"range": (0.0, 1.0), "search": (1e-4, 1e-1, "log")}
    )
    optimiser: Any = optimisers.field()
    num_envs: int = struct.field(default=32, pytree_node=False)
    unroll_length: int = struct.field(default=64, pytree_node=False)
    cg_iterations: int = struct.field(default=10, pytree_node=False)
    epochs: int = struct.field(default=4, pytree_node=False)
    minibatches: int = struct.field(default=4, pytree_node=False)

    def check(self):
        divides("minibatches", self.minibatches, "num_envs", self.num_envs)

    def heads(self, actions):
        return {"logits": actions, "value": 1}

    def init(self, agent, key):
        params, critic = map(agent.init, jax.random.split(key))
        return State(params, critic, optimisers.make(self.optimiser, self.value_learning_rate).init(critic))

    def behave(self, agent, state, key):
        return Policy(state.params, by(sample("logits")))

    def move(self, theta: jax.Array, objective: Objective, direction: jax.Array) -> jax.Array:
        """The next parameters of the policy: float32[P], of `direction` = x."""
        raise TypeError(f"{type(self).__name__} does not say how far to move")

    def update(self, agent, state, experience, key):
        value, next_value = (
            agent.apply(state.critic, flat(obs))["value"].reshape(experience.reward.shape)
            for obs in (experience.obs, experience.next_obs)
        )
        target = lambda_returns(
            experience.reward, next_value, experience.terminated, experience.done, self.gamma, self.gae_lambda
        )
        obs, action, advantage, lived = flat((experience.obs, experience.action, target - value, experience.mask))
        theta, unravel = ravel_pytree(state.params)
        problem = objective(lambda x: agent.apply(unravel(x), obs)["logits"], theta, action, advantage, lived)
        damped = lambda v: problem.fisher(v) + self.damping * v  # noqa: E731
        direction = conjugate_gradient(damped, problem.gradient, self.cg_iterations)
        after = self.move(theta, problem, direction)

        def loss(critic, batch):
            obs, target, lived = flat(batch)
            return masked_mean(0.5 * (agent.apply(critic, obs)["value"][:, 0] - target) ** 2, lived)

        critic, opt_state, value_loss = descend(
            loss, state.critic, state.opt_state, optimisers.make(self.optimiser, self.value_learning_rate), key,
            (experience.obs, target, experience.mask), self.epochs, self.minibatches,
        )  # fmt: skip
        log = {"kl": problem.kl(after), "gain": problem.surrogate(after), "value_loss": value_loss}
        return State(unravel(after), critic, opt_state), log

    def deploy(self, agent, state):
        return Policy(state.params, greedily("logits"))
