"""What the same parameters do in each way in which they may be deployed (`Policy.ways`), on every evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.envs import adapter
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.outcomes import counted, played

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

USUAL = "usual"  # the way in which a policy is evaluated, filmed and kept
REWARD = "reward"


def ways(plan: Plan) -> tuple[str, ...]:
    """The usual way, then all others of the rules, in order."""
    return tuple(dict.fromkeys((USUAL, *(name for kind in plan.kinds() for name, _ in kind.ways))))


def paid(plan: Plan) -> tuple[str, ...]:
    """Reward, and what rules are told beside it."""
    return tuple(dict.fromkeys((REWARD, *(name for rule in plan.experiment.rules.values() for name in rule.told))))


def _measure(subject: Subject) -> dict[str, jax.Array]:
    s, policy, along, names = subject.setting, subject.policy, subject.axes["way"], subject.axes["paid"]
    assert subject.seen is not None and not isinstance(along, int) and not isinstance(names, int)
    episodes = subject.seen.mask.shape[1]
    found = []
    for way in along:
        if way != USUAL and way not in policy.ways:
            nothing = jnp.float32(jnp.nan)
            found.append((jnp.full(len(names), nothing), jnp.full(len(adapter.outcomes(s.env)), nothing)))
            continue
        seen = subject.seen
        if way != USUAL:
            act = policy._replace(act=policy.ways[way])
            again = jax.random.clone(subject.key)  # all ways on the same levels
            seen = played(s.env, subject.params, s.agent, act, again, episodes, platform=s.platform)
        own = [jnp.where(seen.mask, seen.signals[name].astype(jnp.float32), 0.0).sum(0).mean() for name in names]
        found.append((jnp.stack(own), counted(s.env, seen).share))
    earned, shares = zip(*found, strict=True)
    return {"way_return": jnp.stack(earned), "way_outcome_share": jnp.stack(shares)}


def made_up(plan: Plan, shape: tuple[int, ...], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Numbers such as a run might find, for the rehearsal of its report."""
    each = (*shape, len(ways(plan)))
    share = random.dirichlet(np.ones(len(adapter.outcomes(plan.env))), each)
    return {"way_return": random.uniform(size=(*each, len(paid(plan)))), "way_outcome_share": share}


probe = Probe(
    when="end",
    arrays={
        "way_return": Array(("way", "paid"), "mean return by reward, and by what rules are told beside it", "reward"),
        "way_outcome_share": Array(("way", "outcome"), "share of the episodes that ended in each outcome", "share"),
    },
    measure=_measure,
    axes=lambda plan: {"way": ways(plan), "paid": paid(plan), "outcome": adapter.outcomes(plan.env)},
    made_up=made_up,
    along={
        "way": "a way in which a policy is deployed",
        "paid": "reward, or what rules are told beside it",
        "outcome": "how an episode ended",
    },
)
