"""What agents do at an end wall that can be walked through, and what their critics value there and beyond it.

After Langosco et al. 2022, section 3.3. Levels are those of `World.passable`, with the params of the evaluation else; NaN in a
world without such a wall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.envs.world import offers
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.outcomes import played
from rewardlab.probes.replay import Filmed
from rewardlab.probes.values import average, worth

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

WHERE = ("start", "wall", "beyond")


def passed(place: jax.Array, values: jax.Array, mask: jax.Array) -> dict[str, jax.Array]:
    """What became of N episodes of T steps.

    place: int32[T, N], how far the agent is beyond the wall's column when it acts, negative before it; values: float32[T, N], of
    the same states; mask: bool[T, N], the steps that were lived. An episode *comes to the wall* where the agent is right before
    it, and *passes* where it is beyond it, too. The value at the wall is that of the first step there, that beyond the mean of all.
    """
    at, behind = mask & (place == -1), mask & (place > 0)
    came, through = at.any(0), behind.any(0) & at.any(0)
    wall = jnp.take_along_axis(values, at.argmax(0)[None], axis=0)[0]
    beyond = jnp.where(behind, values, 0.0).sum(0) / jnp.maximum(behind.sum(0), 1).astype(jnp.float32)

    return {
        "wall_reached": came.mean(dtype=jnp.float32),
        "wall_passed": average(through.astype(jnp.float32), came),
        "wall_left": average((wall > beyond).astype(jnp.float32), through),
        "wall_value": jnp.stack([average(values[0], through), average(wall, through), average(beyond, through)]),
    }


def _measure(subject: Subject) -> dict[str, jax.Array]:
    s, policy = subject.setting, subject.policy
    assert subject.seen is not None
    nan = jnp.float32(jnp.nan)
    nothing = dict.fromkeys(("wall_reached", "wall_passed", "wall_left"), nan) | {
        "wall_value": jnp.full(len(WHERE), nan)
    }
    if not offers(s.env, "passable"):
        return nothing
    params, beyond = s.env.passable(subject.params)
    key = jax.random.fold_in(subject.key, 1)
    seen = played(Filmed(s.env), params, s.agent, policy, key, subject.seen.mask.shape[1], platform=s.platform)
    first = jnp.concatenate([jnp.zeros((1, seen.mask.shape[1]), bool), (seen.terminated | seen.truncated)[:-1]])
    memory = s.agent.start(policy.params, seen.mask.shape[1])
    outputs = s.agent.unroll(policy.params, memory, seen.obs, first)[0]
    value = worth(jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), outputs))
    if value is None:
        return nothing
    after = jax.vmap(jax.vmap(beyond))(
        seen.signals["state"]
    )  # where each step led to: one step later it is where the agent acts
    place = jnp.concatenate([jnp.full_like(after[:1], -(2**15)), after[:-1]])
    return passed(place, value.reshape(seen.mask.shape), seen.mask)


def made_up(plan: Plan, shape: tuple[int, ...], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Numbers such as a run might find, for the rehearsal of its report."""
    shares = {name: random.uniform(size=shape) for name in ("wall_reached", "wall_passed", "wall_left")}
    return {**shares, "wall_value": random.uniform(size=(*shape, len(WHERE)))}


probe = Probe(
    when="end",
    arrays={
        "wall_reached": Array(
            (), "share of the episodes, with an end wall to walk through, that come to the wall", "share"
        ),
        "wall_passed": Array((), "of these, the share that walk through it", "share"),
        "wall_left": Array(
            (), "of those that do, the share in which the critic values the wall more than beyond", "share"
        ),
        "wall_value": Array(("where",), "mean value, of the episodes that walk through the wall", "reward"),
    },
    measure=_measure,
    made_up=made_up,
    along={"where": "at the start, right before the end wall, and beyond it"},
    axes=lambda plan: {"where": WHERE},
)
