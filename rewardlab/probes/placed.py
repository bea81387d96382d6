"""Where trained agents go when something is put elsewhere in a level: every placement, every seed, played through."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.backend import devices
from rewardlab.backend.randomness import fast
from rewardlab.collect import Lanes, blank, collect, start
from rewardlab.envs import adapter, contract
from rewardlab.envs.world import Placements, offers
from rewardlab.inputs.errors import returned, show
from rewardlab.probes.replay import Filmed
from rewardlab.types import Agent, Policy


class Paths(NamedTuple):
    """Where seeds went. S seeds, N placements, T the time limit.

    cells: int32[S, N, T + 1], the agent's cell at the start and after each step. length: int32[S, N], steps that were lived.
    outcome: int32[S, N], how the episode ended. last: the states in which episodes ended, leaves [S, N, ...].
    """

    cells: Any
    length: Any
    outcome: Any
    last: Any


def there(env) -> bool:
    """Whether a world has all that is needed to put its thing elsewhere and to draw that: for all seeds the same levels."""
    return not offers(env, "task") and all(
        offers(env, name) for name in ("placements", "observation", "render_rgb", "outcomes")
    )


def check(env, params) -> None:
    """Raises InputError where what `placements` gives is not what it has to be, as far as is seen without computing anything."""
    placements, world = env.placements(params), contract.name_of(env)
    if not isinstance(placements, Placements):
        raise returned(f"placements of {world}", f"is {show(placements)}", "a rewardlab.envs.world.Placements")
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = jax.eval_shape(lambda key: adapter.reset(env, fast(key), params)[1], key)
    cell = jax.ShapeDtypeStruct((), jnp.int32)
    with jax.numpy_dtype_promotion("standard"):  # as everywhere in worlds
        moved = jax.eval_shape(placements.put, state, cell)
    contract.same(f"put of placements of {world}", state, moved)
    for name in ("agent", "home"):
        found = jax.eval_shape(getattr(placements, name), state)
        if found.shape or not jnp.issubdtype(found.dtype, jnp.integer):
            raise returned(
                f"{name} of placements of {world}", f"is {found.dtype}{list(found.shape)}", "a cell, int32[]"
            )


def levels(env, params, key: jax.Array, count: int) -> list[Any]:
    """The states in which `count` episodes begin, those of a film with this key. Consumes the key."""
    lanes = start(env, params, jax.random.split(fast(key))[0], count)
    return [jax.tree.map(lambda x, i=i: x[i], lanes.env_state) for i in range(count)]


def cells(placements: Placements, state: Any) -> np.ndarray:
    """int32[N], the cells on which the thing can be put in this level. Raises InputError for a mask of another form."""
    mask, size = np.asarray(placements.free(state)), int(np.prod(placements.grid))
    if mask.dtype != bool or mask.shape != (size,):
        raise returned("free of placements", f"is {mask.dtype}{list(mask.shape)}", f"bool[{size}], one of each cell")
    return np.flatnonzero(mask).astype(np.int32)


def put(placements: Placements, state: Any, cell: jax.Array) -> Any:
    """The state with the thing on a cell, leaves strong and of the dtypes that they had."""
    with jax.numpy_dtype_promotion("standard"):  # as everywhere in worlds
        moved = placements.put(state, cell)
    return jax.tree.map(lambda x, like: jax.lax.convert_element_type(x, like.dtype), moved, state)


def player(env, agent: Agent, act, placements: Placements):
    """The jitted play(params, policies, state, cells int32[N], key) -> Paths, of one kind of policy.

    policies: their parameters, leaves [S, ...]. The episodes are those of an evaluation that begins in `state`, but for the thing.
    """

    @partial(jax.jit, compiler_options=devices.well())
    def play(params, policies, state, cells, key):
        states = jax.vmap(lambda cell: put(placements, state, cell))(cells)
        obs = jax.vmap(lambda state: adapter.observe(env, state, params))(states)
        begun = jax.vmap(placements.agent)(states)

        def one(policy):
            who = Policy(policy, act)
            lanes = Lanes(obs, states, jnp.ones(len(cells), bool), blank(agent, who, len(cells)))
            after, seen = collect(Filmed(env), params, agent, who, lanes, key, adapter.time_limit(env), whole=True)
            went = jax.vmap(jax.vmap(placements.agent))(seen.signals["state"])
            done = seen.terminated | seen.truncated
            outcome = jnp.where(done, seen.signals["outcome"], 0).sum(0)  # once a lane
            return Paths(jnp.concatenate([begun[None], went]).T, seen.mask.sum(0), outcome, after.env_state)

        return jax.lax.map(one, policies)

    return lambda params, policies, state, cells, key: play(
        params, policies, state, jnp.asarray(cells, jnp.int32), fast(key)
    )
