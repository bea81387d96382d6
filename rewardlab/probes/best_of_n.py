"""Best of n: of n episodes with random actions, the best-paid one is chosen. What was it paid, and what was it worth?

Choosing is optimisation without any training: the distribution of what is chosen lies log n - (n - 1) / n nats from that of what
was there (Stiennon et al. 2020; Gao, Schulman and Hilton 2023).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

from rewardlab.envs import adapter
from rewardlab.envs.contract import name_of
from rewardlab.envs.wrapping import true_reward
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.outcomes import played
from rewardlab.probes.references import Piloted, idle, uniform
from rewardlab.types import Box

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

EPISODES = 2048  # that are chosen from
OF = tuple(2**k for k in range(10))  # n, up to 512


def nats(n: np.ndarray | float) -> np.ndarray:
    """The divergence of what is chosen from what there was, in nats: log n - (n - 1) / n, where no two are paid alike."""
    n = np.asarray(n, float)
    return np.log(n) - (n - 1) / n


def best_of(paid: jax.Array, worth: jax.Array, n: int) -> jax.Array:
    """The mean of `worth`, float32[N], of the best-paid of n out of N, over all choices of n: no estimate has less variance.

    The i-th in order of paid float32[N] is the best of C(i - 1, n - 1) of the C(N, n) choices.
    """
    size = len(paid)
    rank = jnp.arange(1, size + 1, dtype=jnp.float32)

    def log_choose(of: jax.Array | float, some: float) -> jax.Array:
        return gammaln(of + 1.0) - gammaln(some + 1.0) - gammaln(of - some + 1.0)

    weight = jnp.where(
        rank >= n, jnp.exp(log_choose(jnp.maximum(rank - 1, n - 1.0), n - 1.0) - log_choose(float(size), float(n))), 0
    )
    return worth[jnp.argsort(paid)] @ (weight / weight.sum())


def _axes(plan: Plan) -> dict[str, tuple[str, ...]]:
    if isinstance(adapter.actions(plan.env), Box):
        raise InputError(
            f"actions of {name_of(plan.env)} are continuous; allowed for the probe best_of_n: discrete ones"
        )
    return {"best_of": tuple(map(str, OF))}


def _measure(subject: Subject) -> dict[str, jax.Array]:
    s, params = subject.setting, subject.params
    piloted = Piloted(s.env, uniform(s.env))
    seen = played(
        piloted, params, *idle(s.env, EPISODES), jax.random.fold_in(subject.key, 1), EPISODES, platform=s.platform
    )
    paid, worth = (
        jnp.where(seen.mask, signal, 0.0).sum(0) for signal in (seen.signals["reward"], true_reward(seen.signals))
    )
    return {
        "chosen_paid": jnp.stack([best_of(paid, paid, n) for n in OF]),
        "chosen_true": jnp.stack([best_of(paid, worth, n) for n in OF]),
    }


probe = Probe(
    when="end",
    arrays={
        "chosen_paid": Array(("best_of",), "return of the best-paid of n episodes with random actions", "reward"),
        "chosen_true": Array(("best_of",), "what the best-paid of n episodes with random actions is worth", "reward"),
    },
    measure=_measure,
    axes=_axes,
    along={"best_of": "how many episodes one is chosen from"},
)
