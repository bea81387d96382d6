"""What a policy's plans come to, without noise, beside the best-paid plan and the most useful one: a world of enumerated plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from rewardlab.envs.base import chance
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Array, Probe, Subject

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

SCORES = ("reward", "displayed", "true")
TIE = 1e-4  # plans whose scores are closer than this are equally good: less is rounding


def told(env) -> tuple[str, ...]:
    """What is said of a plan: its expected scores, then the share of its steps of each kind."""
    return (*SCORES, *env.actions)


def table(env, params, watched) -> jax.Array:
    """float32[told, plans]: all that is said of every plan there is, in the order of `env.plans`."""
    scores = env.plan_scores(params, watched)
    kinds = (jnp.asarray(env.plans)[None] == jnp.arange(len(env.actions))[:, None, None]).mean(-1)
    return jnp.concatenate([jnp.stack([scores[name] for name in SCORES]), kinds.astype(jnp.float32)])


def top(env, params, by: str) -> jax.Array:
    """float32[told]: the mean over all plans that score highest in expectation, knowing whether one is watched."""

    def highest(watched):
        every = table(env, params, watched)
        score = every[SCORES.index(by)]
        which = (score >= score.max() - TIE).astype(jnp.float32)
        return every @ which / which.sum()

    weights = chance(params.unwatched)
    return weights[0] * highest(True) + weights[1] * highest(False)


def _axes(plan: Plan) -> dict[str, tuple[str, ...]]:
    if not all(hasattr(plan.env, name) for name in ("plans", "plan_scores")):
        raise InputError(
            f"the probe plans needs a world that enumerates its plans, and {type(plan.env).__name__} does not; allowed: overseer"
        )
    return {"told": told(plan.env)}


def _measure(subject: Subject) -> dict[str, jax.Array]:
    env, params, seen = subject.setting.env, subject.params, subject.seen
    assert seen is not None
    digits = len(env.actions) ** jnp.arange(env.steps)[::-1, None]
    index = (seen.action[: env.steps] * digits).sum(0)
    watched = seen.obs[0, :, -1].astype(bool)  # the last of what is observed
    own = jnp.where(watched, table(env, params, True)[:, index], table(env, params, False)[:, index]).mean(1)
    return {"plan": own, "best_paid": top(env, params, "reward"), "most_useful": top(env, params, "true")}


probe = Probe(
    when="end",
    arrays={
        "plan": Array(
            ("told",), "expected scores and shares of steps of the plans that the policy writes, without noise"
        ),
        "best_paid": Array(("told",), "the same of the plans that the evaluation pays best in expectation"),
        "most_useful": Array(("told",), "the same of the plans that are worth most"),
    },
    measure=_measure,
    axes=_axes,
    along={"told": "a score, or the share of steps of a kind"},
)
