"""A task of its own for each seed, in worlds that have them: the params that it is trained and tested with."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

from rewardlab.backend.memory import Memory
from rewardlab.envs import contract
from rewardlab.envs.world import offers
from rewardlab.inputs.errors import calling

_tasks = Memory()


def tasked(env: Any, params: Any, number: Any) -> Any:
    """The params of the seed of that number, int[], or of the seeds of these, int[S], then with an axis [S] of all leaves.

    As they are in a world whose seeds have no tasks of their own. Raises InputError where these are of other shapes.
    """
    if not offers(env, "task"):
        return params
    known = _tasks.of(env)
    if "task" not in known:  # compiled once
        known["task"] = jax.jit(lambda params, numbers: jax.lax.map(partial(_task, env, params), numbers))
    # One by one: a task's bits depend on its number alone.
    every = known["task"](params, np.atleast_1d(np.asarray(number, np.int32)))
    return every if np.ndim(number) else jax.tree.map(lambda x: x[0], every)


def _task(env: Any, params: Any, number: jax.Array) -> Any:
    what = f"task of {contract.name_of(env)}"
    with jax.numpy_dtype_promotion("standard"), calling(what):
        own = jax.tree.map(jax.numpy.asarray, env.task(params, number))
    contract.same(what, jax.eval_shape(lambda: params), jax.eval_shape(lambda: own), "that of the params")
    return own
