"""What update rules say of their own updates (losses, fitness, entropy, ...): each rule's log, strided to a bounded size."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from rewardlab import training
from rewardlab.backend.memory import Memory
from rewardlab.envs.adapter import set_params
from rewardlab.probes import Array, Probe, Subject

_known = Memory()


def entries(setting: training.Setting, rule: Any) -> tuple[str, ...]:
    """The names in a rule's log. Traced once for each kind of rule, nothing is computed."""
    known, kind = _known.of(setting.env), (jax.tree.structure(rule), setting.agent.obs)
    if kind not in known:
        one = jax.tree.map(lambda x: jax.ShapeDtypeStruct((), jnp.float32), rule)
        params = set_params(setting.env.default_params, {})
        key = jax.eval_shape(lambda: jax.random.key(0))
        known[kind] = tuple(jax.eval_shape(partial(training.begin, setting), one, params, key).log)
    return known[kind]


def _axes(plan) -> dict[str, tuple[str, ...]]:
    found = [entries(plan.setting(name), rule) for name, rule in plan.experiment.rules.items()]
    return {"entry": tuple(sorted({name for names in found for name in names}))}


def _measure(subject: Subject) -> dict[str, jax.Array]:
    names = subject.axes["entry"]
    assert subject.carry is not None and not isinstance(names, int)  # after updates there is one
    log, nothing = subject.carry.log, jnp.float32(jnp.nan)
    return {"log": jnp.stack([log.get(name, nothing) for name in names])}


probe = Probe(
    when="update",
    arrays={
        "log": Array(("entry",), "what the rule says of an update; nothing where it has no such entry", "of the entry")
    },
    measure=_measure,
    axes=_axes,
    along={"entry": "an entry in the rule's log"},
)
