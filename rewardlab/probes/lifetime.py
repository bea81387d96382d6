"""The return of each episode of a lifetime, in worlds whose lifetimes have several: those with a signal "episode"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from rewardlab.envs import adapter
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Array, Coordinates, Probe, Subject

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan


def _axes(plan: Plan) -> Coordinates:
    env = plan.env
    while not hasattr(env, "episodes") and hasattr(env, "inner"):
        env = env.inner
    if "episode" not in adapter.signature(plan.env).signals or not hasattr(env, "episodes"):
        raise InputError(
            'probe lifetime needs a world whose lifetimes have `episodes`, and a signal "episode", the one that a step is of; '
            "allowed: reward_in_view, for one"
        )
    return {"lifetime_episode": env.episodes}


def _measure(subject: Subject) -> dict[str, jax.Array]:
    seen, count = subject.seen, subject.axes["lifetime_episode"]
    assert seen is not None and isinstance(count, int)
    mine = seen.mask & (seen.signals["episode"] == jnp.arange(count)[:, None, None])  # [episodes, T, N]
    return {"lifetime_return": jnp.where(mine, seen.signals["reward"], 0.0).sum(1).mean(1)}


probe = Probe(
    when="point",
    arrays={
        "lifetime_return": Array(("lifetime_episode",), "mean return of each episode of a lifetime, in order", "reward")
    },
    measure=_measure,
    axes=_axes,
    along={"lifetime_episode": "an episode of a lifetime, in order"},
)
