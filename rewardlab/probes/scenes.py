"""What probes of the inside of a network share: states to look at, the layers there are, and one step from any of these states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from rewardlab.agents import activations
from rewardlab.agents.activations import Edit
from rewardlab.backend.randomness import fast
from rewardlab.collect import act
from rewardlab.envs import adapter
from rewardlab.envs.world import Scenes, offers
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Subject
from rewardlab.types import Box

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan


class Looked(NamedTuple):
    """N states, the same for all seeds. scenes: of the world; states: [N]; obs: [N, ...]; fitted: bool[N], whether it is one of
    those that something is fitted to, the others are for tests; right: bool[N, 2, actions], the first steps to each goal.
    """

    scenes: Scenes
    states: Any
    obs: jax.Array
    fitted: jax.Array
    right: jax.Array

    @property
    def apart(self) -> jax.Array:
        """bool[N]: no first step is one to both goals, and there is one to each: it takes a decision."""
        return decision(self.right[:, 0], self.right[:, 1])


def decision(one: jax.Array, other: jax.Array) -> jax.Array:
    """bool[N], whether there are first steps to either, bool[N, actions] each, and none to both."""
    return one.any(-1) & other.any(-1) & ~(one & other).any(-1)


def standard(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a world, mapped over a leading axis, under the promotion of dtypes that worlds are written for."""

    def mapped(*given: Any) -> Any:
        with jax.numpy_dtype_promotion("standard"):
            return jax.vmap(function)(*given)

    return mapped


def look(subject: Subject, count: int) -> Looked:
    """`count` states of the subject's evaluation. Its key is folded, not consumed."""
    env, params = subject.setting.env, subject.params
    scenes = env.scenes(params)
    states = standard(scenes.draw)(jax.random.split(fast(jax.random.fold_in(subject.key, 3)), count))
    obs = observed(subject, states)
    return Looked(scenes, states, obs, jax.vmap(scenes.level)(states) % 2 == 0, standard(scenes.toward)(states))


def observed(subject: Subject, states: Any) -> jax.Array:
    """What is observed in states [N]: [N, ...]."""
    env = subject.setting.env
    return standard(lambda state: adapter.observe(env, state, subject.params))(states)


def inside(subject: Subject, obs: jax.Array) -> dict[str, jax.Array]:
    """{layer: float32[N, ...]} of the first step of episodes that begin with these observations."""
    agent, params = subject.setting.agent, subject.policy.params
    return activations.opened(agent, params, agent.start(params, len(obs)), obs)[2]


def taken(subject: Subject, obs: jax.Array, edits: Mapping[str, Edit] | None = None) -> jax.Array:
    """int32[N], what the policy does first, its activations edited. Its key is folded, not consumed."""
    agent, policy = subject.setting.agent, subject.policy
    agent = activations.edited(agent, edits) if edits else agent
    key = fast(jax.random.fold_in(subject.key, 4))
    return act(agent, policy, agent.start(policy.params, len(obs)), obs, key)[0]


def share(hit: jax.Array, counts: jax.Array) -> jax.Array:
    """float32[], of those that count, bool[N], the share that is hit, bool[N]; NaN where none counts."""
    n = counts.sum(dtype=jnp.float32)
    return jnp.where(n > 0, (hit & counts).sum(dtype=jnp.float32) / jnp.maximum(n, 1.0), jnp.nan)


def does(right: jax.Array, action: jax.Array) -> jax.Array:
    """bool[N], whether an action is right, bool[N, actions]."""
    return jnp.take_along_axis(right, action[:, None], -1)[:, 0]


def along(subject: Subject, axis: str) -> tuple[str, ...]:
    """The names along an axis that has names."""
    found = subject.axes[axis]
    assert not isinstance(found, int)
    return tuple(found)


def layers(plan: Plan) -> tuple[str, ...]:
    """The layers of the networks of all rules. Raises InputError where one names none."""
    found: dict[str, None] = {}
    for rule in plan.experiment.rules:
        found |= dict.fromkeys(activations.shapes(plan.setting(rule).agent))
    return tuple(found)


def needed(plan: Plan, probe: str) -> Scenes:
    """The scenes of the plan's world. Raises InputError for a world that has none."""
    if not offers(plan.env, "scenes") or isinstance(adapter.actions(plan.env), Box):
        raise InputError(
            f"the probe {probe} needs a world with discrete actions that says in which states to look into an agent (`scenes`), "
            f"and {type(plan.env).__name__} does not; allowed: corner, for one"
        )
    return plan.env.scenes(plan.params)


def told(plan: Plan, scenes: Scenes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of amounts and of answers."""

    def names(key: jax.Array) -> Any:
        state = scenes.draw(fast(key))
        return {name: None for name in scenes.amounts(state)}, {name: None for name in scenes.answers(state)}

    found: list[Any] = []
    with jax.numpy_dtype_promotion("standard"):
        jax.eval_shape(lambda key: found.append(names(key)), jax.eval_shape(lambda: jax.random.key(0)))
    amounts, answers = found[0]
    return tuple(amounts), tuple(answers)
