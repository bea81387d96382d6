"""Whether the moves that a policy will make can be read in what its network has inside as an episode begins.

A linear map, held out by level (`analysis/readout.py`), says the action k steps later from: the observation; the observation and
the action of now, from which who only reacts has no more to tell; each layer; and the same layers of `UNTRAINED` untrained networks
of the same kind that see the same. Episodes that are over by then don't count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from rewardlab.agents import activations
from rewardlab.agents.spec import flat
from rewardlab.backend.randomness import fast
from rewardlab.collect import blank, collect, start
from rewardlab.envs import adapter
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.course import signals
from rewardlab.probes.readouts import OBSERVATION, scored
from rewardlab.probes.scenes import along, inside, layers
from rewardlab.types import Box

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan

STATES = 2048
AHEAD = 6  # steps, of which the first is now
UNTRAINED = 4
AND_MOVE = "observation and move"


def _axes(plan: Plan) -> dict[str, tuple[str, ...]]:
    if isinstance(adapter.actions(plan.env), Box) or "level" not in signals(plan.env):
        raise InputError(
            f"the probe moves_ahead needs a world with discrete actions whose signals number its levels (`level`), and "
            f"{type(plan.env).__name__} is none; allowed: detour, for one"
        )
    return {"source": (OBSERVATION, AND_MOVE, *layers(plan)), "ahead": tuple(map(str, range(AHEAD)))}


def half(level: jax.Array) -> jax.Array:
    """bool[N]: one half of all levels, int32[N], that goes with nothing that is seen of them."""
    mixed = level.astype(jnp.uint32) * jnp.uint32(2654435761)
    mixed = (mixed ^ (mixed >> 15)) * jnp.uint32(2246822519)
    return ((mixed >> 13) & 1) == 0


def _measure(subject: Subject) -> dict[str, jax.Array]:
    s, policy, params = subject.setting, subject.policy, subject.params
    start_key, key, fresh = jax.random.split(fast(jax.random.fold_in(subject.key, 6)), 3)
    lanes = start(s.env, params, start_key, STATES, memory=blank(s.agent, policy, STATES))
    seen = collect(s.env, params, s.agent, policy, lanes, key, AHEAD, platform=s.platform)[1]
    over = jnp.cumsum((seen.terminated | seen.truncated).astype(jnp.int32), 0)
    lives = jnp.concatenate([jnp.ones((1, STATES), bool), over[:-1] == 0])
    actions = adapter.actions(s.env)
    assert isinstance(actions, int)
    moves = (seen.action[..., None] == jnp.arange(actions)) & lives[..., None]
    fitted, obs = half(seen.signals["level"][0]), lanes.obs

    first = flat(obs).astype(jnp.float32)
    found = {OBSERVATION: first, AND_MOVE: jnp.concatenate([first, moves[0].astype(jnp.float32)], 1)}
    found |= inside(subject, obs)
    others = [found]
    for one in jax.random.split(fresh, UNTRAINED):
        bare = s.agent.init(one)
        others.append(activations.opened(s.agent, bare, s.agent.start(bare, STATES), obs)[2])
    features = [(i, name, flat(x).astype(jnp.float32)) for i, of in enumerate(others) for name, x in of.items()]
    wide = max(x.shape[1] for _, _, x in features)
    every = jnp.stack(
        [jnp.pad(x, ((0, 0), (0, wide - x.shape[1]))) for _, _, x in features]
    )  # constant ones say nothing
    nobody = jnp.zeros((STATES, 0), jnp.float32)
    scores = jax.vmap(lambda x: scored(x, nobody, [*moves], fitted))(every)
    told: dict[tuple[str, bool], list[jax.Array]] = {}
    for (i, name, _), score in zip(features, scores, strict=True):
        told.setdefault((name, i > 0), []).append(score)
    nothing = [jnp.full(AHEAD, jnp.nan, jnp.float32)]
    return {
        array: jnp.stack([jnp.stack(told.get((name, bare), nothing)).mean(0) for name in along(subject, "source")])
        for array, bare in (("ahead_told", False), ("ahead_told_untrained", True))
    }


probe = Probe(
    when="end",
    arrays={
        "ahead_told": Array(
            ("source", "ahead"), "held-out accuracy of a linear read-out of the action so many steps later", "share"
        ),
        "ahead_told_untrained": Array(
            ("source", "ahead"), "the same, read in layers of untrained networks: the mean over them", "share"
        ),
    },
    measure=_measure,
    axes=_axes,
    along={"source": "what is read: the observation, or the activations of a layer", "ahead": "steps later"},
)
