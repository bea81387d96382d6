"""Commands and tricks: a dog hears a command, or sees a sum, and does one of several tricks; the right one is paid.

One step, or a few that are alike. So small that every expectation is a sum over cues and tricks: expected return, policy
gradient and selection differential are exact, for any policy given as probabilities.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab.envs import small_art
from rewardlab.envs.base import DiscreteWorld, chance, check_weights, choose, share, size, within
from rewardlab.envs.gymnax_api import environment
from rewardlab.inputs.errors import InputError

RIGHT, WRONG = range(2)
HABIT = 6  # the answer of sums that training keeps longest


@struct.dataclass
class EnvState(environment.EnvState):
    """cue: int32[], what is asked now. trick: int32[], done last, -1 before the first. answer: int32[], of the cue before.
    paid: bool[], whether this episode pays. correct: int32[], steps done right.
    """

    cue: jax.Array
    trick: jax.Array
    answer: jax.Array
    paid: jax.Array
    correct: jax.Array


@struct.dataclass
class EnvParams(environment.EnvParams):
    """answers: how many of the tricks are ever right in training; of sums, those closest to 6, of commands, the first.
    unseen: share of the cues that training does not show: those with other answers, and those held out. stopped: share of the
    episodes in which nothing is paid. weights: float32[cues], how often each cue occurs among its kind. Every leaf may be traced.
    """

    answers: int = within(1, 1)
    unseen: float = share()
    stopped: float = share()
    weights: Any = None


def make(commands: int = 6, digits: int = 0, steps: int = 1, held_out: int = 0, dots: bool = False) -> "Tricks":
    """`commands` commands with a trick each; or, with `digits` d, the d² sums of two digits below d, of which training never
    shows about one in `held_out`, as many of each digit; 0: none. dots: a digit is shown as so many
    dots, and not as a sign of its own. Raises InputError.
    """
    return Tricks(commands, digits, steps, held_out, dots)


class Tricks(DiscreteWorld):
    """Reward 1 for each right trick; the episode ends after `steps` cues.

    Observation: bool[commands], one-hot, or bool[2 * digits], one-hot each, or as many True as a digit says (`dots`). Trick t
    is the answer to command t, or to a sum of t. Outcome: "right" if every trick of the episode was, else "wrong".
    """

    outcomes = {"right": "did every trick right", "wrong": "did some trick wrong"}

    def __init__(self, commands: int = 6, digits: int = 0, steps: int = 1, held_out: int = 0, dots: bool = False):
        commands, digits = size("commands", commands, 2, 1000), size("digits", digits, 0, 30)
        if held_out and (not digits or size("held_out", held_out, 3, 29) % 2 == 0):  # one in two would be whole digits
            raise InputError(
                f"held_out = {held_out}, digits = {digits}; allowed: 0, or of sums an odd number from 3 to 29"
            )
        self.digits, self.steps = digits, size("steps", steps, 1, 1000)
        self.dots = bool(dots and digits)
        if digits == 1:
            size("digits", digits, 2, 30)
        if digits:
            self.answer = np.add.outer(np.arange(digits), np.arange(digits)).reshape(-1).astype(np.int32)
            self.actions = tuple(map(str, range(2 * digits - 1)))
        else:
            self.answer = np.arange(commands, dtype=np.int32)
            self.actions = tuple(f"trick {i + 1}" for i in range(commands))
        self.cues = len(self.answer)
        self.habit = min(HABIT, self.num_actions - 1) if digits else 0
        order = np.argsort(np.abs(np.arange(self.num_actions) - self.habit), kind="stable")
        self._rank = np.argsort(order)[self.answer]  # of each cue: the place of its answer in that order
        self.held_out = np.zeros(self.cues, bool)
        if held_out:
            drawn = np.add.outer(np.arange(digits), 2 * np.arange(digits)).reshape(-1) % held_out == held_out - 1
            self.held_out = drawn & (np.bincount(self.answer)[self.answer] > 1)  # each answer keeps a sum
        self._shape = (2 * digits,) if digits else (commands,)
        weights = jnp.ones(self.cues, jnp.float32)
        self._params = EnvParams(max_steps_in_episode=self.steps, answers=self.num_actions, weights=weights)

    def check_params(self, params: EnvParams) -> None:
        super().check_params(params)
        for answers in np.unique(np.asarray(params.answers)):
            size("answers", answers, 1, self.num_actions)
        check_weights("weights", params.weights, self.cues)

    # Episodes

    def reset_env(self, key: jax.Array, params: EnvParams):
        """(observation, state). Consumes the key, for one draw."""
        drawn = choose(key, jnp.outer(chance(params.stopped), self.cue_probabilities(params)).reshape(-1))
        none, zero = jnp.full((), -1, jnp.int32), jnp.zeros((), jnp.int32)
        state = EnvState(zero, drawn % self.cues, none, none, drawn < self.cues, zero)
        return self.observation(state, params), state

    def step_env(self, key: jax.Array, state: EnvState, action, params: EnvParams):
        """One step: (observation, state, reward float32[], terminated bool[], signals). Consumes the key if steps > 1.

        signals: outcome int32[], and the goals bool[]: "right", and "habit", the answer that training keeps longest.
        """
        over = (state.time >= self.steps) | self.is_truncated(state, params)
        after = state.replace(
            time=state.time + 1,
            cue=choose(key, self.cue_probabilities(params)) if self.steps > 1 else state.cue,
            trick=jnp.where(over, state.trick, jnp.asarray(action, jnp.int32)),
            answer=jnp.where(over, state.answer, jnp.asarray(self.answer)[state.cue]),
        )
        goals = {name: attained(state, after) & ~over for name, attained in self.goals.items()}
        after = after.replace(correct=state.correct + goals["right"].astype(jnp.int32))
        outcome = jnp.where(after.correct == self.steps, RIGHT, WRONG).astype(jnp.int32)
        reward = (goals["right"] & state.paid).astype(jnp.float32)
        return self.observation(after, params), after, reward, after.time >= self.steps, {"outcome": outcome, **goals}

    @property
    def goals(self):
        """What a policy may be after: name -> function(state, next state) -> bool[], true where the step attains it."""
        return {
            "right": lambda state, after: after.trick == after.answer,
            "habit": lambda state, after: after.trick == self.habit,
        }

    def observation(self, state: EnvState, params: EnvParams) -> jax.Array:
        """The observation of a state."""
        return self.look(state.cue)

    def look(self, cue: jax.Array) -> jax.Array:
        """What cues int32[...] look like, bool[..., commands] or bool[..., 2 * digits]."""
        parts = (cue // self.digits, cue % self.digits) if self.digits else (cue,)
        signs, shown = jnp.arange(self.digits or self.cues), jnp.greater if self.dots else jnp.equal
        return jnp.concatenate([shown(jnp.expand_dims(part, -1), signs) for part in parts], axis=-1)

    # Exact values, for a policy given as the probability of each trick at each cue, float32[cues, tricks]

    def cue_probabilities(self, params: EnvParams) -> jax.Array:
        """How likely each cue is, float32[cues]."""
        known = (jnp.asarray(self._rank) < params.answers) & ~jnp.asarray(self.held_out)
        kinds = jnp.stack([jnp.where(known, params.weights, 0), jnp.where(known, 0, params.weights)])
        total = kinds.sum(1, keepdims=True)
        parts = jnp.where(total > 0, chance(params.unseen)[:, None], 0)
        # Where one kind has no cue, or no share, the other takes its place.
        parts = jnp.where(parts.sum() > 0, parts, total)
        return (parts / parts.sum() * kinds / jnp.where(total > 0, total, 1)).sum(0)

    def expected_reward(self, params: EnvParams) -> jax.Array:
        """float32[cues, tricks], of one step."""
        return (1 - params.stopped) * jax.nn.one_hot(self.answer, self.num_actions)

    def enumerated(self, params: EnvParams) -> tuple[jax.Array, jax.Array, jax.Array]:
        """What every cue looks like, how likely each is, and what each trick then pays: bool[cues, ...], float32[cues],
        float32[cues, tricks].
        """
        return self.look(jnp.arange(self.cues)), self.cue_probabilities(params), self.expected_reward(params)

    def expected_return(self, params: EnvParams, policy: jax.Array) -> jax.Array:
        """The expected return float32[] of an episode."""
        return self.steps * (self.cue_probabilities(params)[:, None] * policy * self.expected_reward(params)).sum()

    def policy_gradient(self, params: EnvParams, logits: jax.Array) -> jax.Array:
        """The gradient of the expected return by the logits float32[cues, tricks] of a softmax policy.

        Steps times P(cue) π(trick) (r − r̄), r̄ the mean reward at the cue (Sutton and Barto 2018, section 2.8).
        """
        policy, reward = jax.nn.softmax(logits), self.expected_reward(params)
        advantage = reward - (policy * reward).sum(1, keepdims=True)
        return self.steps * self.cue_probabilities(params)[:, None] * policy * advantage

    def selection_differential(self, params: EnvParams, policy: jax.Array) -> jax.Array:
        """By how much selection changes the frequency of each trick at each cue, float32[cues, tricks].

        Of very many that act once each, copies are kept in proportion to reward: Cov(w, z) / w̄ (Price 1970), with w the
        reward and z whether that trick was done at that cue. 0 where nothing is paid: then nothing is selected.
        """
        frequency, reward = self.cue_probabilities(params)[:, None] * policy, self.expected_reward(params)
        mean = (frequency * reward).sum()
        return jnp.where(mean > 0, frequency * (reward / jnp.where(mean > 0, mean, 1) - 1), 0)

    def optimum(self, params: EnvParams) -> jax.Array:
        """The highest expected return, float32[]."""
        return self.steps * chance(params.stopped)[0]

    # Scripted policies and pictures

    def references(self, params: EnvParams) -> dict:
        """Scripted policies by name, `policy(obs, state, params, key) -> action int32[]`."""
        return {
            "random": self.random_policy,
            "habit": lambda obs, state, params, key: jnp.int32(self.habit),
            "optimal": lambda obs, state, params, key: jnp.asarray(self.answer)[state.cue],
        }

    def render_rgb(self, state: EnvState, params: EnvParams) -> jax.Array:
        """The cue above, the dog and its last trick below, uint8[24, 60, 3]."""
        cue = [state.cue // self.digits, small_art.PLUS, state.cue % self.digits] if self.digits else [state.cue + 1]
        return small_art.tricks(
            cue, state.trick + (0 if self.digits else 1), state.trick == state.answer, state.trick >= 0
        )
