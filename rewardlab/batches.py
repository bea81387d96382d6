"""Seeds in batches of a fixed width, sharded over all devices: how the pure functions of one seed become compiled programs.

The width is part of a run's identity: it changes the bits of floating-point sums, while the batch a seed is in, its slot,
the number of batches and of devices do not.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from rewardlab import training
from rewardlab.probes.outcomes import outcomes
from rewardlab.types import Rule

SEEDS, EVERYWHERE = PartitionSpec("seeds"), PartitionSpec()


class Programs(NamedTuple):
    """The compiled programs of one rule; leading axis of carries and results: the seeds of one batch.

    begin(rule, params, run_keys) -> carry
    advance(rule, params, run_keys, carry, target) -> carry; the given carry is consumed
    evaluate(rule, params, overrides, carry, key) -> Outcomes with a second axis, the evaluations
    compile_seconds: float, tracing included.
    """

    begin: Any
    advance: Any
    evaluate: Any
    compile_seconds: float


def mesh() -> jax.sharding.Mesh:
    """All devices along one axis of seeds."""
    return jax.make_mesh((jax.device_count(),), ("seeds",), axis_types=(AxisType.Auto,))


def split(seeds: list[int], width: int) -> list[np.ndarray]:
    """Batches of `width` seeds per device; the last one is padded with repeats of its last seed."""
    size = width * jax.device_count()
    batches = [seeds[i : i + size] for i in range(0, len(seeds), size)]
    return [np.array(batch + batch[-1:] * (size - len(batch)), np.int32) for batch in batches]


def run_keys(root: int, seeds: np.ndarray) -> jax.Array:
    """Each seed's own key, key[S]: a function of the root and the seed's number alone."""
    keys = jax.vmap(partial(jax.random.fold_in, jax.random.key(root)))(seeds)
    return jax.device_put(keys, NamedSharding(mesh(), SEEDS))


def everywhere(tree):
    """A copy of a pytree on every device."""
    return jax.device_put(tree, NamedSharding(mesh(), EVERYWHERE))


def compile_programs(
    s: training.Setting, rule: Rule, params, overrides: dict[str, jax.Array], width: int, episodes: int
) -> Programs:
    """Compiles everything that one rule needs, for batches of `width` seeds per device, before anything runs.

    overrides: {field of params: [E]}, one value per evaluation.
    """
    head = next(iter(rule.heads(s.env.num_actions)))

    def begin(rule, params, keys):
        return jax.vmap(lambda key: training.begin(s, rule, params, key))(keys)

    def advance(rule, params, keys, carry, target):
        return jax.vmap(lambda key, c: training.advance(s, rule, params, key, c, target))(keys, carry)

    def evaluate(rule, params, overrides, carry, key):
        def one(state, override):
            policy = rule.policy(s.agent, state)
            return outcomes(s.env, params.replace(**override), s.agent, policy, head, key, episodes)

        return jax.vmap(lambda state: jax.vmap(lambda override: one(state, override))(overrides))(carry.state)

    def sharded(function, *specs):
        # Each device runs the program of one device: a seed's bits cannot depend on how many devices there are.
        return jax.shard_map(function, mesh=mesh(), in_specs=specs, out_specs=SEEDS, check_vma=False)

    started = time.perf_counter()
    rule, params, overrides, target = everywhere((rule, params, overrides, jnp.int32(0)))
    keys, key = run_keys(0, np.zeros(width * jax.device_count(), np.int32)), everywhere(jax.random.key(0))
    begin = jax.jit(sharded(begin, EVERYWHERE, EVERYWHERE, SEEDS)).lower(rule, params, keys).compile()
    carry = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=NamedSharding(mesh(), SEEDS)), begin.out_info)
    advance = jax.jit(sharded(advance, EVERYWHERE, EVERYWHERE, SEEDS, SEEDS, EVERYWHERE), donate_argnums=3)
    advance = advance.lower(rule, params, keys, carry, target).compile()
    evaluate = jax.jit(sharded(evaluate, EVERYWHERE, EVERYWHERE, EVERYWHERE, SEEDS, EVERYWHERE))
    evaluate = evaluate.lower(rule, params, overrides, carry, key).compile()
    return Programs(begin, advance, evaluate, time.perf_counter() - started)
