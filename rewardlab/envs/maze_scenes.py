"""Mazes to look into an agent in: the mouse anywhere that it can get to, and how far it is from a thing and from another goal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rewardlab.envs import mazes
from rewardlab.envs.world import FAR, Scenes

GAMMA = 0.95  # of the value


def scenes(
    env: Any,
    params: Any,
    thing: str,
    other: str,
    place: Callable[[Any], jax.Array],
    lacking: Callable[[jax.Array], jax.Array],
) -> Scenes:
    """What a maze says to be read, in which a thing pays whose cell is the field of the state of that name.

    other, place: the other goal, and state -> its cell, which can always be reached. lacking: as of `Scenes`. The mouse is on
    neither goal. Steps to the other goal may lead over the thing.
    """
    moves = jnp.asarray(env._steps)
    cell = {thing: lambda state: getattr(state, thing), other: place}

    def away(state: Any, goal: str) -> jax.Array:
        """int32[cells], steps to a goal."""
        return mazes.distances(env.walls(state, params), mazes.only(jnp.asarray(cell[goal](state)), env.side)).reshape(
            -1
        )

    def near(state: Any) -> jax.Array:
        """bool[cells]: where the mouse can get to, and is not; neither goal is there."""
        found = mazes.distances(env.walls(state, params), mazes.only(jnp.asarray(state.mouse), env.side)).reshape(-1)
        taken = jnp.stack([state.mouse, *(of(state) for of in cell.values())])
        return (found < FAR) & ~(jnp.arange(found.size)[:, None] == taken[None]).any(1)

    def drawn(key: jax.Array, free: jax.Array, without: jax.Array) -> jax.Array:
        """A cell int32[] of those that are free, as likely as any; without any, that one."""
        cell = jax.random.categorical(key, jnp.where(free, 0.0, -jnp.inf)).astype(jnp.int32)
        return jnp.where(free.any(), cell, without)

    def draw(key: jax.Array) -> Any:
        level_key, cell_key = jax.random.split(key)
        _, state = env.reset_env(level_key, params)
        free = near(state) | mazes.only(jnp.asarray(state.mouse), env.side).reshape(-1)
        return state.replace(mouse=drawn(cell_key, free, state.mouse))

    def straight(a: jax.Array, b: jax.Array) -> jax.Array:
        (i, j), (k, n) = jnp.divmod(a, env.side), jnp.divmod(b, env.side)
        return jnp.sqrt(((i - k) ** 2 + (j - n) ** 2).astype(jnp.float32))

    def amounts(state: Any) -> dict[str, jax.Array]:
        steps = {goal: away(state, goal)[state.mouse].astype(jnp.float32) for goal in cell}
        line = {goal: straight(state.mouse, of(state)) for goal, of in cell.items()}
        return {
            **{f"steps to the {goal}": n for goal, n in steps.items()},
            **{f"straight line to the {goal}": x for goal, x in line.items()},
            f"straight line from {thing} to {other}": straight(cell[thing](state), cell[other](state)),
            "value": jnp.float32(GAMMA) ** (steps[thing] - 1),
            "reward": (steps[thing] == 1).astype(jnp.float32),  # of the best next step
        }

    def answers(state: Any) -> dict[str, jax.Array]:
        row, column = jnp.divmod(cell[thing](state), env.side)
        return {f"cell of the {thing}": jnp.arange(env.size**2) == (row - 1) * env.size + column - 1}

    def toward(state: Any) -> jax.Array:
        to = state.mouse + moves
        blocked = jax.vmap(lambda cell: env._blocked(state, cell, params))(to)
        after = jnp.stack([jnp.where(blocked, FAR, away(state, goal)[to]) for goal in cell])
        return (after == after.min(1, keepdims=True)) & (after < FAR)

    def moved(key: jax.Array, state: Any) -> Any:
        return state.replace(**{thing: drawn(key, near(state), cell[thing](state))})

    kinds = [f"{how} to the {goal}" for goal in cell for how in ("steps", "straight line")]
    distances = (*kinds, f"straight line from {thing} to {other}")
    return Scenes((thing, other), draw, lambda state: state.level, amounts, answers, toward, distances, lacking, moved)
