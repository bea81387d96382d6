"""Monte Carlo tree search in any model, by mctx. The only file that touches it.

The search is that of Gumbel MuZero (Danihelka et al. 2022): at the root, sequential halving over the actions; deeper, whichever
action is visited less than the improved policy says. What comes out is a better policy than the prior that went in.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import mctx


class Node(NamedTuple):
    """What a model says of N states. prior: float32[N, A], logits of a policy; value: float32[N]; state: pytree [N, ...]."""

    prior: jax.Array
    value: jax.Array
    state: Any


class Edge(NamedTuple):
    """What N actions lead to. reward, discount: float32[N], paid by the step, and of what follows, 0 where nothing does."""

    reward: jax.Array
    discount: jax.Array
    after: Node


class Plan(NamedTuple):
    """action: int32[N], the best one found. weights: float32[N, A], the improved policy, to learn the prior from."""

    action: jax.Array
    weights: jax.Array


def search(
    root: Node,
    step: Callable[[Any, jax.Array], Edge],
    key: jax.Array,
    simulations: int,
    noise: float = 0.0,
    value_scale: float = 0.0,
) -> Plan:
    """`simulations` steps of imagination from each of N states. step: (state [N, ...], actions int32[N]) -> Edge.

    noise: scale of the Gumbel noise at the root, by which actions are explored; with 0 nothing is drawn. value_scale: how much
    values weigh against the prior: the improved policy's logits are the prior's plus value_scale times 50 and the most visits of
    an action, times what actions are worth. With 0 that is first stretched to [0, 1] in each state, by 0.1, so that the best and
    the worst action are as far apart where they are almost alike as anywhere. Consumes the key.
    """

    def recurrent(_, __, action, state):
        edge = step(state, action.astype(jnp.int32))
        said = mctx.RecurrentFnOutput(
            reward=edge.reward, discount=edge.discount, prior_logits=edge.after.prior, value=edge.after.value
        )
        return said, edge.after.state

    weighed = {"value_scale": value_scale, "rescale_values": False} if value_scale else {}
    begun = mctx.RootFnOutput(prior_logits=root.prior, value=root.value, embedding=root.state)
    # mctx mixes integers and floats. Its loops copy keys that they have split, which jax's check of typed keys takes for a reuse.
    with jax.numpy_dtype_promotion("standard"), jax.default_prng_impl("threefry2x32"):
        found = mctx.gumbel_muzero_policy(
            (), jax.random.key_data(key), begun, recurrent, simulations,
            max_num_considered_actions=root.prior.shape[-1], gumbel_scale=noise,
            qtransform=functools.partial(mctx.qtransform_completed_by_mix_value, **weighed),
        )  # fmt: skip
    return Plan(found.action.astype(jnp.int32), found.action_weights)
