"""All that a policy does in a world whose cues can be enumerated: each action at each cue, exactly, and what it pays there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import numpy as np

from rewardlab.collect import act, blank
from rewardlab.envs import adapter
from rewardlab.envs.world import offers
from rewardlab.inputs.errors import InputError
from rewardlab.probes import Array, Probe, Subject

if TYPE_CHECKING:
    from rewardlab.experiment.plan import Plan


def _axes(plan: Plan) -> dict[str, tuple[str, ...] | int]:
    if not offers(plan.env, "enumerated"):
        raise InputError(
            f"the probe repertoire needs a world that enumerates what can be seen in it, and {type(plan.env).__name__} does not; "
            "allowed: tricks, for one"
        )
    seen = jax.eval_shape(plan.env.enumerated, plan.params)[1]
    return {"cue": seen.shape[0], "action": adapter.action_names(plan.env)}


def _measure(subject: Subject) -> dict[str, jax.Array]:
    s, policy = subject.setting, subject.policy
    look, asked, pays = s.env.enumerated(subject.params)
    memory = blank(s.agent, policy, len(asked))
    action, _, _ = act(s.agent, policy, memory, look, jax.random.fold_in(subject.key, 0))
    return {"asked": asked, "done": jax.nn.one_hot(action, pays.shape[1]), "pays": pays}


def made_up(plan: Plan, shape: tuple[int, ...], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Any actions at the world's own cues, for the rehearsal of a report."""
    told = [plan.env.enumerated(params)[1:] for params in plan.evaluations.values()]
    asked, pays = (np.stack([np.asarray(x) for x in each]) for each in zip(*told, strict=True))
    drawn = random.integers(pays.shape[2], size=(*shape, pays.shape[1]))
    alike = {name: np.broadcast_to(x, (*shape, *x.shape[1:])) for name, x in (("asked", asked), ("pays", pays))}
    return alike | {"done": np.eye(pays.shape[2], dtype=np.float32)[drawn]}


probe = Probe(
    when="end",
    arrays={
        "asked": Array(("cue",), "how likely each cue is", "share"),
        "done": Array(
            ("cue", "action"), "1 for the action that the policy takes at each cue, as the first in an episode"
        ),
        "pays": Array(("cue", "action"), "the expected reward of each action at each cue", "reward"),
    },
    measure=_measure,
    axes=_axes,
    along={"cue": "what can be seen first in an episode", "action": "an action of the world"},
    made_up=made_up,
)
