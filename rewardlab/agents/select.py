"""From network outputs to actions. Each maker gives a `select(outputs, key) -> (actions, extras)`, `by` a policy's `act` from it.

A head's output is float32[B, A], the logits or values of A actions, which are int32[B], or a `Gaussian` over continuous
actions float32[B, D].
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from rewardlab.agents.gaussian import Gaussian
from rewardlab.backend.randomness import key_for
from rewardlab.envs.contract import form
from rewardlab.inputs.errors import returned


def by(select, ask=lambda agent, *given: agent.step(*given)):
    """The `Policy.act` of who asks the network once and selects by its outputs.

    select: (outputs {head: [B, size]}, key) -> (actions, extras {name: [B, ...]}), for any B, 1 included.
    ask: (agent, params, memory, observations [N, ...]) -> (what to select by, leaves [N, ...], memory), its `step` by default.
    """

    def act(agent, params, memory, obs, key):
        outputs, memory = ask(agent, params, memory, obs)
        if not key.ndim:
            return (*_pair(select(outputs, key_for(select, key))), memory)

        def one(outputs, key):  # each lane draws by its own key
            chosen = _pair(select(jax.tree.map(lambda x: x[None], outputs), key_for(select, key)))
            return jax.tree.map(lambda x: x[0], chosen)

        return (*jax.vmap(one)(outputs, key), memory)

    return act


def _pair(given):
    if not isinstance(given, tuple) or len(given) != 2:
        raise returned(
            "a policy's select", f"returned {form(given)}", "(actions, a dict of what is kept with the step)"
        )
    return given


@functools.cache
def greedily(head: str):
    """The `Policy.act` of who takes the action that the head ranks highest: one and the same function for one head."""
    return by(greedy(head))


def greedy(head: str):
    """The action that the head ranks highest; ties go to the lowest index. Of a Gaussian, the mean. Draws nothing."""

    def select(outputs, key):
        return best(outputs[head]), {}

    return select


def sample(head: str = "logits"):
    """Draws from the policy. Keeps each action's "log_prob".

    The softmax is sampled with one uniform number per lane (inverse distribution function), a Gaussian with D normal ones.
    """

    def select(outputs, key):
        if isinstance(outputs[head], Gaussian):
            action = outputs[head].sample(key)
            return action, {"log_prob": log_prob(outputs[head], action)}
        log_probs = jax.nn.log_softmax(outputs[head])
        cdf = jnp.cumsum(jnp.exp(log_probs), axis=-1)
        u = jax.random.uniform(key, (*cdf.shape[:-1], 1)) * cdf[..., -1:]
        action = jnp.minimum((cdf <= u).sum(-1), cdf.shape[-1] - 1).astype(jnp.int32)
        return action, {"log_prob": log_prob(outputs[head], action)}

    return select


def warm(head: str, temperature):
    """Draws from the softmax of a head's output divided by `temperature`, or from a Gaussian with its spread times
    `temperature`. No extras.
    """

    def select(outputs, key):
        output = outputs[head]
        if isinstance(output, Gaussian):
            return output.mean + temperature * (output.sample(key) - output.mean), {}
        return sample(head)({head: output / temperature}, key)[0], {}

    return select


def warm_or_greedy(head: str, temperature: jax.Array):
    """As `warm` where the temperature float32[] is above 0, else as `greedy`: for programs that serve both."""

    def select(outputs, key):
        drawn, _ = warm(head, jnp.maximum(temperature, 1e-6))(outputs, key)
        return jnp.where(temperature > 0, drawn, best(outputs[head])), {}

    return select


def epsilon_greedy(head: str, epsilon):
    """The greedy action, or with probability `epsilon` any action, uniformly; of continuous ones, anywhere in the box."""

    def select(outputs, key):
        explore_key, action_key = jax.random.split(key)
        values = outputs[head]
        if isinstance(values, Gaussian):
            explore = jax.random.uniform(explore_key, values.mean.shape[:-1]) < epsilon
            return jnp.where(explore[..., None], values.uniform(action_key), best(values)), {}
        explore = jax.random.uniform(explore_key, values.shape[:-1]) < epsilon
        anything = jax.random.randint(action_key, values.shape[:-1], 0, values.shape[-1])
        return jnp.where(explore, anything, jnp.argmax(values, axis=-1)).astype(jnp.int32), {}

    return select


def best(output: jax.Array | Gaussian) -> jax.Array:
    """The greedy action of a head's output: int32[...], or float32[..., D]."""
    return output.mean if isinstance(output, Gaussian) else jnp.argmax(output, axis=-1).astype(jnp.int32)


def annealed(epsilon, updates: jax.Array, over) -> jax.Array:
    """An exploration rate that falls linearly from 1 to `epsilon` while int32[] `updates` grow from 0 to `over`: float32[]."""
    progress = jnp.clip(updates.astype(jnp.float32) / jnp.maximum(over, 1.0), 0.0, 1.0)
    return 1.0 + (epsilon - 1.0) * progress


def log_prob(logits: jax.Array | Gaussian, action: jax.Array) -> jax.Array:
    """log π(a|s): logits float32[..., A], actions int32[...] -> float32[...]; of a Gaussian, the logarithm of its density."""
    if isinstance(logits, Gaussian):
        return logits.log_prob(action)
    return chosen(jax.nn.log_softmax(logits), action)


def chosen(values: jax.Array, action: jax.Array) -> jax.Array:
    """The value of each action taken: float32[..., A], int32[...] -> float32[...]."""
    # A sum over the few actions: a gather under vmap is slower on every backend.
    return (values * jax.nn.one_hot(action, values.shape[-1], dtype=values.dtype)).sum(-1)


def entropy(logits: jax.Array | Gaussian) -> jax.Array:
    """Entropy of the softmax policy in nats: float32[..., A] -> float32[...]; of a Gaussian, its differential entropy."""
    if isinstance(logits, Gaussian):
        return logits.entropy()
    log_probs = jax.nn.log_softmax(logits)
    return -(jnp.exp(log_probs) * log_probs).sum(-1)
