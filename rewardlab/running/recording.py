"""What probes of updates find while a seed is trained: a bounded number of records, evenly spaced by the steps that it lived.

Record r is of the last update that ended in part r of `RECORDS` equal parts of the seed's steps. So rules that live equally many
steps have records that go together, however many updates they make, and where chunks end changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab.experiment.layout import RECORDS
from rewardlab.experiment.plan import Plan
from rewardlab.probes import Subject, measured


class Records(NamedTuple):
    """Of one seed: steps, updates int32[RECORDS], -1 where there is none; arrays {name: float32[RECORDS, own axes]}."""

    steps: jax.Array
    updates: jax.Array
    arrays: dict[str, jax.Array]


class Recorder(NamedTuple):
    """measure: (rule, params, run key, carry) -> {array: float32[own axes]}. every: steps between two records."""

    measure: Callable[..., dict[str, jax.Array]]
    every: int

    def blank(self, rule, params, key, carry) -> Records:
        """No record yet."""
        shapes = jax.eval_shape(self.measure, rule, params, key, carry)
        arrays = {name: jnp.full((RECORDS, *x.shape), jnp.nan, x.dtype) for name, x in shapes.items()}
        return Records(jnp.full(RECORDS, -1, jnp.int32), jnp.full(RECORDS, -1, jnp.int32), arrays)

    def note(self, rule, params, key, records: Records, carry) -> Records:
        """The records after one more update, which left `carry`."""
        at = jnp.minimum((carry.steps - 1) // self.every, RECORDS - 1)
        new = Records(carry.steps, carry.updates, self.measure(rule, params, key, carry))

        def put(old, new):  # a scatter takes longer on a CPU
            here = (jnp.arange(RECORDS) == at).reshape(-1, *[1] * new.ndim)
            return jnp.where(here, new, old)

        return jax.tree.map(put, records, new)


def of(plan: Plan, rule: str) -> Recorder | None:
    """A rule's recorder, or None where no probe measures updates."""
    asked = {name: probe for name, probe in plan.probes.items() if probe.when == "update"}
    if not asked:
        return None
    setting, axes = plan.setting(rule), plan.layout.by_probe

    def measure(rule, params, key, carry):
        policy = rule.deploy(setting.agent, carry.state)
        carry = carry._replace(records=())
        subject = Subject(setting, policy, params, {}, key, rule=rule, carry=carry)
        return measured(asked, axes, subject)

    return Recorder(measure, -(-plan.experiment.steps_of(rule) // RECORDS))


def arrays(records: Records) -> dict[str, np.ndarray]:
    """Records [S, RECORDS, ...] of several seeds, by the names of the arrays that are kept."""
    steps, updates = (np.asarray(x).astype(np.float64) for x in (records.steps, records.updates))
    counts = {"record_steps": steps, "record_updates": updates}
    counts = {name: np.where(x < 0, np.nan, x) for name, x in counts.items()}
    return counts | {name: np.asarray(x) for name, x in records.arrays.items()}
