"""The central types. Read this page first.

The training loop is three pure functions (`collect.py`, `judges.py`, a rule's `update`), scanned over updates (`training.py`):

    policy     = rule.behave(agent, state, key)              who acts: one shared policy, or one candidate per group of lanes
    trajectory = collect(env, params, agent, policy, key)    observations, actions, signals: no reward reaches `act`
    experience = judge(trajectory)                           the reward that trains; the signals stay behind
    state, log = rule.update(agent, state, experience, key)  gradient, temporal difference, or selection

Axes are always [time T, lanes N, ...]. A *lane* is one copy of the world. Where a rule has C candidates, lanes
[i * N // C, (i + 1) * N // C) belong to candidate i.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import jax
import numpy as np

PyTree = Any
Act = Callable[..., tuple[Any, Mapping[str, Any], PyTree]]  # as `Policy` says
Outputs = Mapping[str, Any]  # {head: float32[B, size of that head], or a Gaussian where the head is of a Box}


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


class Model(NamedTuple):
    """A learned model of the world, as pure functions: what an agent needs to look ahead in its own imagination. B may be any.

    represent: (params, observations [B, ...]) -> latent states float32[B, Z].
    predict: (params, latent) -> outputs, those of the agent's `step` where it is.
    advance: (params, latent, actions int32[B]) -> the latent states that these lead to.
    """

    represent: Callable[[PyTree, jax.Array], jax.Array]
    predict: Callable[[PyTree, jax.Array], Outputs]
    advance: Callable[[PyTree, jax.Array, jax.Array], jax.Array]


class Agent(NamedTuple):
    """A network, which may have a memory, as pure functions. `agents.memoryless` makes one without.

    init: key -> params, one pytree of float32 arrays.
    start: (params, N) -> memory, a pytree of arrays [N, ...], of N lanes whose episodes begin; () without a memory.
    step: (params, memory, observations [N, ...]) -> (outputs, memory after them).
    unroll: (params, memory, observations [T, N, ...], first bool[T, N]) -> (outputs [T, N, ...], memories [T, N, ...]),
        what T steps come to; before a step that is `first`, the memory starts anew. memories: those after each step.
    obs: shape and dtype of one observation, for the rules that remember observations.
    model: what it imagines the world by, with the same parameters; None for most.
    asking: the world's own, (observation, return float32[]) -> the observation as it would have been, had its episode been asked
        for that return; None where the world asks for none.
    """

    init: Callable[[jax.Array], PyTree]
    start: Callable[[PyTree, int], PyTree]
    step: Callable[[PyTree, PyTree, jax.Array], tuple[Outputs, PyTree]]
    unroll: Callable[[PyTree, PyTree, jax.Array, jax.Array], tuple[Outputs, PyTree]]
    obs: jax.ShapeDtypeStruct | None = None
    model: Model | None = None
    asking: Callable[[jax.Array, jax.Array], jax.Array] | None = None

    @property
    def remembers(self) -> bool:
        """Whether it has a memory."""
        return bool(jax.tree.leaves(jax.eval_shape(lambda key: self.start(self.init(key), 1), _key())))

    def apply(self, params: PyTree, obs: jax.Array) -> Outputs:
        """The outputs for observations [B, ...], of an agent without a memory."""
        return self.step(params, (), obs)[0]


class Policy(NamedTuple):
    """Who acts, and how.

    params: what it acts by, shared by all lanes, or with a leading axis [C] when the rule has candidates.
    act: (agent, params, memory, observations [N, ...], key) -> (actions, extras {name: [N, ...]} kept with the step, memory), for
        any N, 1 included. Actions are int32[N], or float32[N, D] where they are continuous. The key is one for all lanes, or
        one for each, key[N]: `agents.by` makes an `act` that serves both. What it depends on stands in `params`.
    ways: {name: another `act` on the same parameters}, of a rule whose parameters may be deployed in several ways.
    demonstrates: float32[], how likely each step of training is taken by the demonstrator that the rule is shown (`Rule.shown`), in
        place of what `act` chose.
    """

    params: PyTree
    act: Act
    ways: Mapping[str, Act] = {}
    demonstrates: Any = 0.0


class Trajectory(NamedTuple):
    """What happened in T steps of N lanes, before anyone judged it.

    action: what was selected, int32[T, N] or float32[T, N, D]; of continuous ones, the world took what is within its bounds.
    mask: bool[T, N], False where a lane had already stopped; such a step was never taken and nothing may read it.
    next_obs: the observation that the action led to, before any reset.
    terminated, truncated: bool[T, N], the episode ended with this step, for good / by the clock; both may be true.
    signals: {name: [T, N]}, the world's own reward ("reward") and its events. Probes read them; rules do not, but for those that
        a rule says it is told.
    extras: what `Policy.act` kept: {"log_prob": ...}.
    memory: the agent's before the first step, [1, N, ...]; () where it has none.
    shown: what the demonstrator would do at each step, as `action`, whoever took it; () for a rule that is shown none.
    """

    obs: jax.Array
    action: jax.Array
    next_obs: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    mask: jax.Array
    extras: Mapping[str, jax.Array]
    signals: Mapping[str, jax.Array]
    memory: PyTree = ()
    shown: Any = ()

    @property
    def lived(self) -> jax.Array:
        """The old name of `mask`, which files of users may read."""
        return self.mask


class Experience(NamedTuple):
    """A judged trajectory: what an update rule is told. As `Trajectory`, with reward float32[T, N] in place of the signals.

    told: {name: float32[T, N]}, the signals that `Rule.told` names.
    """

    obs: jax.Array
    action: jax.Array
    next_obs: jax.Array
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    mask: jax.Array
    extras: Mapping[str, jax.Array]
    memory: PyTree = ()
    told: Mapping[str, jax.Array] = {}
    shown: Any = ()

    @property
    def done(self) -> jax.Array:
        """bool[T, N], the episode ended with this step."""
        return self.terminated | self.truncated

    @property
    def lived(self) -> jax.Array:
        """The old name of `mask`, which files of users may read."""
        return self.mask


class Rule:
    """An update rule. Its float fields are traced hyperparameters: `vmap` over a rule is a sweep in one compile.

    Subclasses are `flax.struct.dataclass`es, pytrees of their hyperparameters. Every method is a pure function of its arguments.

    title: what reports call the rule, its file's name by default. A subclass that is another rule has a title of its own.
    level: what the rule can read of reward: 0 nothing, 1 a bar, 2 the order of episode returns, 3 episode returns,
        4 which step paid, 5 a learned predictor of reward that is consulted to act.
    continuous: whether worlds with continuous actions are taken, too; rules that tell actions apart by number take none.
    remembers: whether agents with a memory are taken, too.
    imagines: whether only agents with a model are taken.
    told: the world's signals that an update is told beside reward, for rules that learn to predict more than one; () for most.
    asks: whether it takes worlds alone that ask for a return, in view (`World.asking`).
    shown: the demonstrator: one of the world's scripted policies (`World.references`), of which the rule is told at every step what
        it would do there; "" for most. It may look at the state, which agents never do. Of rules without candidates.
    whole: True: every update sees whole episodes from fresh resets. False: lanes carry on across updates.
    candidates: number of parameter vectors that act at once, or 0 for one that all lanes share.
    num_envs, unroll_length: N and T of one update's trajectory.
    episodes: whole episodes that each candidate lives in an update, its lanes taking the next one as they finish; 0: a lane
        begins another one as long as it would surely end within `unroll_length`. A rule around another one passes this on.
    """

    title: ClassVar[str] = ""
    level: ClassVar[int]
    continuous: ClassVar[bool] = False
    remembers: ClassVar[bool] = False
    imagines: ClassVar[bool] = False
    asks: ClassVar[bool] = False
    whole: ClassVar[bool]
    candidates: int = 0
    num_envs: int
    unroll_length: int
    episodes: int = 0
    told: tuple[str, ...] = ()
    shown: str = ""

    was: ClassVar[Mapping[str, str]] = {
        "lanes": "num_envs",
        "steps": "unroll_length",
    }  # old names, which are still read

    if TYPE_CHECKING:  # that every rule is a dataclass
        __dataclass_fields__: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        for old, new in Rule.was.items():
            declared = old in vars(cls).get("__annotations__", {}) or old in vars(cls)
            theirs = any(
                old in vars(base) for base in cls.__mro__[1:] if base is not Rule
            )  # today's name reads the old one
            if declared and not hasattr(cls, new):  # a class of a user's that has the old name has today's, too
                setattr(cls, new, property(operator.attrgetter(old)))
            elif declared and not theirs:
                raise TypeError(f"{cls.__name__} declares {old}, the old name of {new}, which it has; allowed: {new}")

    def heads(self, actions: int | Box) -> dict[str, int | Box]:
        """The network outputs that this rule needs, {head: size}. The first one decides on the action.

        actions: how many there are, or the Box of continuous ones. A head of that size ranks them, softmax or values; a head
        of that Box gives a Gaussian over them.
        """
        raise TypeError(f"{type(self).__name__} does not say which heads it needs")

    def init(self, agent: Agent, key: jax.Array) -> PyTree:
        """Initial state: whatever the rule carries from update to update. Consumes the key."""
        raise TypeError(f"{type(self).__name__} has no init")

    def around(self, agent: Agent, params: PyTree, key: jax.Array) -> PyTree:
        """The state of a rule that begins at these parameters of the agent in place of drawn ones. Consumes the key.

        So what a rule does there can be asked of any rule. Candidates that vary are the rule's own variants of them.
        """
        return self.init(agent._replace(init=lambda key: params), key)

    def behave(self, agent: Agent, state: PyTree, key: jax.Array) -> Policy:
        """Who acts while this update's experience is collected. Consumes the key."""
        raise TypeError(f"{type(self).__name__} has no behave")

    def update(
        self, agent: Agent, state: PyTree, experience: Experience, key: jax.Array
    ) -> tuple[PyTree, dict[str, jax.Array]]:
        """The next state, and a log of float32 scalars under fixed names. Consumes the key."""
        raise TypeError(f"{type(self).__name__} has no update")

    def deploy(self, agent: Agent, state: PyTree) -> Policy:
        """The policy that the rule would hand over now: what is evaluated, filmed and kept."""
        raise TypeError(f"{type(self).__name__} has no deploy")


for _old, _new in Rule.was.items():  # to be read of any rule
    setattr(Rule, _old, property(operator.attrgetter(_new)))


def _key() -> jax.ShapeDtypeStruct:
    return jax.eval_shape(lambda: jax.random.key(0))
