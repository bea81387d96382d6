"""The central types. Read this page first.

The training loop is three pure functions (`collect.py`, `judges.py`, a rule's `update`), scanned over updates (`training.py`):

    acting     = rule.behave(agent, state, key)              who acts: one shared policy, or one candidate per group of lanes
    trajectory = collect(env, params, agent, acting, key)    observations, actions, signals: no reward reaches `act`
    experience = judge(trajectory)                           the reward that trains; the signals stay behind
    state, log = rule.update(agent, state, experience, key)  gradient, temporal difference, or selection

Axes are always [time T, lanes N, ...]. A *lane* is one copy of the world. Where a rule has C candidates, lanes
[i * N // C, (i + 1) * N // C) belong to candidate i.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np

PyTree = Any
Select = Callable[[Mapping[str, jax.Array], jax.Array], tuple[jax.Array, Mapping[str, jax.Array]]]


@dataclass(frozen=True)
class Box:
    """Continuous actions float32[D]: what a world takes of each number. Where a world has this, others have a number of actions.

    low, high: one number a dimension, in the world's units; -inf and inf where there is no bound.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def size(self) -> int:
        """D."""
        return len(self.low)

    @property
    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        """(centre, half of the range), float32[D] each; 0 and 1 in a dimension without bounds."""
        low, high = np.array(self.low), np.array(self.high)
        # Some worlds write "without bounds" as the largest float32.
        bounded = high - low < np.finfo(np.float32).max
        low, high = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
        return ((high + low) / 2).astype(np.float32), ((high - low) / 2).astype(np.float32)


class Agent(NamedTuple):
    """A network as two pure functions.

    init: key -> params, one pytree of float32 arrays.
    apply: params, observations [B, ...] -> {head: float32[B, size of that head], or a Gaussian where the head is of a Box}.
    obs: shape and dtype of one observation, for the rules that remember observations.
    """

    init: Callable[[jax.Array], PyTree]
    apply: Callable[[PyTree, jax.Array], Mapping[str, jax.Array]]
    obs: jax.ShapeDtypeStruct | None = None


class Acting(NamedTuple):
    """Who acts, and how the outputs of the network become an action.

    params: shared by all lanes, or with a leading axis [C] when the rule has candidates.
    select: (outputs {head: [B, size]}, key) -> (actions, extras {name: [B]} kept with the step), for any B, 1 included.
        Actions are int32[B], or float32[B, D] where they are continuous.
    """

    params: PyTree
    select: Select


class Trajectory(NamedTuple):
    """What happened in T steps of N lanes, before anyone judged it.

    action: what was selected, int32[T, N] or float32[T, N, D]; of continuous ones, the world took what is within its bounds.
    lived: bool[T, N], False where a lane had already stopped; such a step was never taken and nothing may read it.
    next_obs: the observation that the action led to, before any reset.
    terminated, truncated: bool[T, N], the episode ended with this step, for good / by the clock; both may be true.
    signals: {name: [T, N]}, the world's own reward ("reward") and its events. Probes read them, rules never do.
    extras: what `Acting.select` kept: {"log_prob": ...}.
    """

    obs: jax.Array
    action: jax.Array
    next_obs: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    lived: jax.Array
    extras: Mapping[str, jax.Array]
    signals: Mapping[str, jax.Array]


class Experience(NamedTuple):
    """A judged trajectory: what an update rule is told. As `Trajectory`, with reward float32[T, N] in place of the signals."""

    obs: jax.Array
    action: jax.Array
    next_obs: jax.Array
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    lived: jax.Array
    extras: Mapping[str, jax.Array]

    @property
    def done(self) -> jax.Array:
        """bool[T, N], the episode ended with this step."""
        return self.terminated | self.truncated


class Rule:
    """An update rule. Its float fields are traced hyperparameters: `vmap` over a rule is a sweep in one compile.

    Subclasses are `flax.struct.dataclass`es, pytrees of their hyperparameters. Every method is a pure function of its arguments.

    title: what reports call the rule, its file's name by default. A subclass that is another rule has a title of its own.
    level: what the rule can read of reward: 0 nothing, 1 a bar, 2 the order of episode returns, 3 episode returns,
        4 which step paid, 5 a learned predictor of reward that is consulted to act.
    continuous: whether worlds with continuous actions are taken, too; rules that tell actions apart by number take none.
    whole: True: every update sees whole episodes from fresh resets. False: lanes carry on across updates.
    candidates: number of parameter vectors that act at once, or 0 for one that all lanes share.
    lanes, steps: N and T of one update's trajectory.
    episodes: whole episodes that each candidate lives in an update, its lanes taking the next one as they finish; 0: a lane
        begins another one as long as it would surely end within `steps`. A rule around another one passes this on.
    """

    title: ClassVar[str] = ""
    level: ClassVar[int]
    continuous: ClassVar[bool] = False
    whole: ClassVar[bool]
    candidates: int = 0
    lanes: int
    steps: int
    episodes: int = 0

    def heads(self, actions: int | Box) -> dict[str, int | Box]:
        """The network outputs that this rule needs, {head: size}. The first one decides on the action.

        actions: how many there are, or the Box of continuous ones. A head of that size ranks them, softmax or values; a head
        of that Box gives a Gaussian over them.
        """
        raise TypeError(f"{type(self).__name__} does not say which heads it needs")

    def init(self, agent: Agent, key: jax.Array) -> PyTree:
        """Initial state: whatever the rule carries from update to update. Consumes the key."""
        raise TypeError(f"{type(self).__name__} has no init")

    def behave(self, agent: Agent, state: PyTree, key: jax.Array) -> Acting:
        """Who acts while this update's experience is collected. Consumes the key."""
        raise TypeError(f"{type(self).__name__} has no behave")

    def update(
        self, agent: Agent, state: PyTree, experience: Experience, key: jax.Array
    ) -> tuple[PyTree, dict[str, jax.Array]]:
        """The next state, and a log of float32 scalars under fixed names. Consumes the key."""
        raise TypeError(f"{type(self).__name__} has no update")

    def policy(self, agent: Agent, state: PyTree) -> PyTree:
        """The parameters that the rule would hand over now: what is evaluated, greedily."""
        raise TypeError(f"{type(self).__name__} has no policy")
