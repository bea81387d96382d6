"""A world: what it has to have, as gymnax 1.x says it, and what it may have. The one page to read before writing one.

`contract.py` checks what a world gives, `adapter.py` is the one place through which it is asked, and `base.py` has a base class for
worlds with discrete actions. A world need not inherit from any of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from rewardlab.inputs.errors import calling


class Placements(NamedTuple):
    """What can be put elsewhere in a world's levels, so that readers of a report may try: a coin, a cheese, a bowl.

    thing: its name. grid: (rows, columns) of the cells that `render_rgb` draws; cell row * columns + column.
    agent, home: state -> int32[], the cell of the agent, and that of the thing.
    put: (state, cell int32[]) -> the state with the thing on that cell. All three are pure, to `jit` and `vmap`.
    free: state at the start of an episode -> bool[rows * columns], the cells from which the thing can be fetched. Host only.
    """

    thing: str
    grid: tuple[int, int]
    agent: Callable[[Any], jax.Array]
    home: Callable[[Any], jax.Array]
    put: Callable[[Any, jax.Array], Any]
    free: Callable[[Any], np.ndarray]


class Parted(NamedTuple):
    """A level in which the first two goals of a world lie apart, which coincide in training, and where the agent is put in it.

    beside: states with a leading axis [2], alike but for the agent, which is one step short of the first goal, and of the second.
    home: int32[], the cell of the second goal, as `Placements.put` takes it: with the thing there, both goals are one again.
    apart: bool[], whether each of these states is more than three steps away from the other goal.
    """

    beside: Any
    home: jax.Array
    apart: jax.Array


class Candidates(NamedTuple):
    """Goals that a policy may turn out to have, G of them, each with its exact solution: to attain it once, as soon as possible.

    names: of the goals; what training pays for comes first, then what may have been learned in its place.
    chart: the state at the start of an episode -> a pytree, what is worked out once an episode.
    ahead: (chart, state) -> int32[G, actions], the fewest steps after which each goal is attained if that action is taken now:
        1 for at once, 0 for all where the state has it attained, `FAR` or more where it can't be. Both pure, to `jit` and `vmap`.
    """

    names: tuple[str, ...]
    chart: Callable[[Any], Any]
    ahead: Callable[[Any, Any], jax.Array]


class Scenes(NamedTuple):
    """States in which to look into an agent, and what is true of them. All functions are pure, to `jit` and `vmap`.

    goals: the names of two: what training pays for, which is a thing that can be moved, and what may have been learned instead.
    draw: key -> a state of a level that is met with these params, the agent anywhere that it can get to. Consumes the key.
    level: state -> int32[], the number of its level: what is fitted on even ones is tested on odd ones.
    amounts: state -> {name: float32[]}; answers: state -> {name: bool[K], which of K answers are right}: what there is to be read.
    toward: state -> bool[2, actions], the first actions of the shortest ways to each goal.
    distances: names of the amounts by which an agent may decide between the goals.
    lacking: observation -> [2, ...], the same without each goal: the thing is not there, the other one can't be reached.
    moved: (key, state) -> the state with the thing elsewhere, drawn from where the agent can get to. Consumes the key.
    """

    goals: tuple[str, str]
    draw: Callable[[jax.Array], Any]
    level: Callable[[Any], jax.Array]
    amounts: Callable[[Any], Mapping[str, jax.Array]]
    answers: Callable[[Any], Mapping[str, jax.Array]]
    toward: Callable[[Any], jax.Array]
    distances: tuple[str, ...]
    lacking: Callable[[jax.Array], jax.Array]
    moved: Callable[[jax.Array, Any], Any]


FAR = 1 << 20  # steps: what cannot be reached is so far away


class Environment(Protocol):
    """What every world has. gymnax's base class gives `is_truncated` where the state counts its steps as `time`."""

    @property
    def default_params(self) -> Any:
        """A flax.struct.dataclass of numbers. `max_steps_in_episode`: the longest episode that there is, in steps."""

    def reset_env(self, key: jax.Array, params: Any) -> tuple[Any, Any]:
        """(observation, state) of a fresh episode: a real array, or a pytree of them, and a pytree of arrays."""

    def step_env(self, key: jax.Array, state: Any, action: jax.Array, params: Any) -> tuple[Any, ...]:
        """(observation, state, reward, terminated, info): reward a real [], terminated bool[], info a dict of arrays.

        Observation and state have the shapes and dtypes that they had before; numbers of a reset may be less wide.
        info: the world's signals; info["outcome"], int[], is the number of one of `outcomes`, where the world names any.
        """

    def is_truncated(self, state: Any, params: Any) -> jax.Array:
        """bool[], whether the clock ends the episode in this state."""

    def action_space(self, params: Any) -> Any:
        """A Discrete space, or a Box of floats with low < high."""


class World(Environment, Protocol):
    """What a world may have besides; `offers` says whether it does, and what is done where it does not stands with each."""

    @property
    def name(self) -> str:
        """What messages call it; without it, its class's name."""

    @property
    def outcomes(self) -> Mapping[str, str] | tuple[str, ...]:
        """The ways an episode ends: success, then the proxy, then others; {name: what the agent did, in words}. Without them the
        world is compared by its return, and nothing is said of goals.
        """

    @property
    def num_actions(self) -> int:
        """The number of discrete actions; without it, that of `action_space`."""

    @property
    def actions(self) -> tuple[str, ...]:
        """Their names; without them, their numbers."""

    def observation(self, state: Any, params: Any) -> Any:
        """What `reset_env` and `step_env` return beside a state. With it, observations are worked out once a step."""

    def packed(self, state: Any, params: Any) -> jax.Array:
        """`observation` of bits in a row, 32 to a word, uint32[words], the lowest bit of the first word first (`packing.unpack`).
        With it, a device other than a CPU keeps observations so until a network reads them; without it, a byte for each bit.
        """

    def observation_channels(self, params: Any) -> np.ndarray:
        """int[shape of an observation], the channel of each entry; without it, the last axis has the channels."""

    def asking(self, obs: jax.Array, asked: jax.Array) -> jax.Array:
        """An observation as it would have been, had its episode been asked for the return float32[] `asked`; without it, the world
        asks for none, and rules that are conditioned on a return refuse it.
        """

    @property
    def reward_in_view(self) -> bool:
        """Whether every observation ends with the reward of the last step, the last action, one-hot, and whether an episode ended;
        without it, not, and agents that have to be shown these refuse the world.
        """

    def check_params(self, params: Any) -> None:
        """Raises InputError on values that make no sense; without it, any are taken. Host only."""

    def task(self, params: Any, number: jax.Array) -> Any:
        """The params of the seed of that number, int32[], of the same shapes: its own task, in training and when it is evaluated.
        With it, every seed has one, whatever the rule; without it, all seeds have the params that conditions and evaluations say.
        """

    def place(self, **changes: Any) -> str:
        """Where an evaluation with such params takes place, in a report's words; without it, evaluations go by their names."""

    def references(self, params: Any) -> Mapping[str, Callable[..., jax.Array]]:
        """Scripted policies, {name: (obs, state, params, key) -> action}. With "random" and "optimal" among them, they say what is
        capable; without, the experiment has to.
        """

    @property
    def goals(self) -> Mapping[str, Callable[..., jax.Array]]:
        """What a policy may be after, {name: (state, next state) -> bool[], whether the step attains it}."""

    def goal_candidates(self, params: Any) -> Candidates:
        """What a policy may behave as if it were after, solved exactly, to be held against what it does; without it, the probe
        `goal_fit` refuses the world.
        """

    def scenes(self, params: Any) -> Scenes:
        """States in which to look into an agent; without it, the probes `readouts`, `steered`, `patched` and `drives` refuse the
        world.
        """

    def enumerated(self, params: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Of a world in which what is seen now says all that matters: everything that can be seen [K, ...], how likely each is
        to be met, float32[K], and the expected reward of each action there, float32[K, actions].
        """

    def optimum(self, *given: Any) -> jax.Array:
        """The best expected return, float32[], which tests hold policies against: of (params), or, in mazes and platforms, from a
        state on, of (state, params, gamma).
        """

    def render_rgb(self, state: Any, params: Any) -> jax.Array:
        """A picture, uint8[H, W, 3]; without it, nothing is filmed."""

    def placements(self, params: Any) -> Placements:
        """What readers of a report may put elsewhere. Needs `observation`, `render_rgb` and `outcomes`, the first of which is
        fetching the thing; without it, reports have no level to play with.
        """

    def parted(self, state: Any, params: Any) -> Parted:
        """Where the agent may be put in the level that an episode begins in, for what its critic values there. Pure, to `jit` and
        `vmap`. Needs `goals` and `placements`; without it, nothing is said about what critics value.
        """

    def passable(self, params: Any) -> tuple[Any, Callable[[Any], jax.Array]]:
        """(params in whose levels the end wall can be walked through, state -> int32[], how far the agent is beyond it: 0 in the
        wall's column); without it, there is no such wall.
        """


REQUIRED = tuple(name for name in vars(Environment) if not name.startswith("_"))
OPTIONAL = tuple(name for name in vars(World) if not name.startswith("_"))
# A world around another one that passes these on unchanged would pass on what knows nothing of its own states.
OWN = (
    "observation",
    "packed",
    "observation_channels",
    "asking",
    "placements",
    "parted",
    "passable",
    "goal_candidates",
    "scenes",
)


def offers(env: Any, name: str) -> bool:
    """Whether an object has a member of the protocol. A method in OWN counts only where it is not that of a world inside it."""
    assert name in REQUIRED or name in OPTIONAL, f"{name} is no member of the protocol"
    if not hasattr(env, name):
        return False
    if name not in OWN:
        return True
    return getattr(getattr(env, name), "__self__", None) is env or any(
        isinstance(vars(cls).get(name), staticmethod) for cls in type(env).__mro__
    )


def asking(env: Any) -> Callable[..., jax.Array] | None:
    """A world's `asking`, None where it asks for no return."""
    return env.asking if offers(env, "asking") else None


def reward_in_view(env: Any) -> bool:
    """Whether a world says that its observations end with the reward of the last step."""
    return bool(offers(env, "reward_in_view") and env.reward_in_view)


def lacks(env: Any) -> list[str]:
    """What an object does not have of that which every world has. Raises InputError where asking for it fails."""
    missing = []
    for name in REQUIRED:
        with calling(f"{name} of {type(env).__name__}"):
            missing += [] if offers(env, name) else [name]
    return missing
