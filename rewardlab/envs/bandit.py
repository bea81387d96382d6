"""Bernoulli bandits: arms that pay with probabilities drawn anew, and hidden, in each lifetime.

As in Wang et al. (2016) and Duan et al. (2016): two arms that pay with p and 1 − p, or several, each uniform. Wrap it in
`reward_in_view` for an agent that can learn within a lifetime.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab.envs import small_art
from rewardlab.envs.base import DiscreteWorld, share, size, within
from rewardlab.envs.gymnax_api import environment
from rewardlab.inputs.errors import out_of_range


@struct.dataclass
class EnvState(environment.EnvState):
    """chances: float32[arms], of each arm to pay now. wins, losses: int32[arms], of each arm so far. arm: int32[], pulled last, -1
    before the first. won: bool[], whether that pull was paid. switches: bool[], whether the arms trade places in this lifetime.
    """

    chances: jax.Array
    wins: jax.Array
    losses: jax.Array
    arm: jax.Array
    won: jax.Array
    switches: jax.Array


@struct.dataclass
class EnvParams(environment.EnvParams):
    """linked: share of the lifetimes in which the second of two arms pays with 1 − p. low, high: an arm's chance is uniform
    between them. switched: share of the lifetimes in which each arm's chance moves on to the next arm, once, after
    `switch_at` pulls. Every leaf may be traced.
    """

    linked: float = share(1.0)
    low: float = share(0.0)
    high: float = share(1.0)
    switched: float = share()
    switch_at: int = within(50, 0)


def make(arms: int = 2, pulls: int = 100) -> "Bandit":
    """A bandit with `arms` arms, two of them linked, more not; a lifetime has `pulls` pulls. Raises InputError."""
    return Bandit(arms, pulls)


class Bandit(DiscreteWorld):
    """Reward 1 or 0 for the arm pulled. A lifetime is one episode; it is truncated after its last pull.

    Observation bool[1], always true: there is nothing to see. Outcome: whether the last pull was of a best arm.
    """

    outcomes = {"best arm": "pulled a best arm last", "other arm": "pulled another arm last"}
    _shape = (1,)

    def __init__(self, arms: int = 2, pulls: int = 100):
        self.arms = size("arms", arms, 2, 100)
        self.actions = tuple(f"arm {i + 1}" for i in range(self.arms))
        limit = size("pulls", pulls, 1, 100_000)
        self._params = EnvParams(max_steps_in_episode=limit, linked=float(arms == 2), switch_at=limit // 2)

    def check_params(self, params: EnvParams) -> None:
        super().check_params(params)
        if self.arms != 2 and np.any(np.asarray(params.linked) > 0):
            raise out_of_range("linked", params.linked, f"0 for {self.arms} arms: two can be linked")
        for low, high in np.broadcast(np.asarray(params.low), np.asarray(params.high)):
            if low > high:
                raise out_of_range("low", low, f"at most high = {high}")

    def reset_env(self, key: jax.Array, params: EnvParams):
        """(observation, state). Consumes the key."""
        drawn = jax.random.uniform(key, (self.arms + 2,))
        fair, linked, switched = drawn[:-2], drawn[-2] < params.linked, drawn[-1] < params.switched
        chances = params.low + (params.high - params.low) * fair
        paired = jnp.where(jnp.arange(self.arms) == 1, 1 - chances[0], chances)
        none = jnp.zeros(self.arms, jnp.int32)
        chances = jnp.where(linked, paired, chances)
        arm, no = jnp.full((), -1, jnp.int32), jnp.zeros((), bool)
        state = EnvState(jnp.zeros((), jnp.int32), chances, none, none, arm, no, switched)
        return self.observation(state, params), state

    def step_env(self, key: jax.Array, state: EnvState, action, params: EnvParams):
        """One pull: (observation, state, reward float32[], terminated bool[], signals). Consumes the key.

        signals: outcome int32[], and bool[]: the goals, "paid", and "best", an arm that pays no less than any other; "first arm",
        whether that was pulled.
        """
        over = self.is_truncated(state, params)
        paid = (jax.random.uniform(key) < state.chances[action]) & ~over
        pulled = (jnp.arange(self.arms) == action) & ~over
        last = state.time + 1 >= params.max_steps_in_episode
        trades = state.switches & (state.time + 1 == params.switch_at) & ~last
        after = state.replace(
            time=state.time + 1,
            chances=jnp.where(trades, jnp.roll(state.chances, 1), state.chances),
            wins=state.wins + (pulled & paid).astype(jnp.int32),
            losses=state.losses + (pulled & ~paid).astype(jnp.int32),
            arm=jnp.where(over, state.arm, jnp.asarray(action, jnp.int32)),
            won=jnp.where(over, state.won, paid),
        )
        goals = {name: attained(state, after) & ~over for name, attained in self.goals.items()}
        best = state.chances[after.arm] >= state.chances.max()
        signals = {"outcome": jnp.where(best, 0, 1).astype(jnp.int32), **goals, "first arm": pulled[0]}
        return self.observation(after, params), after, paid.astype(jnp.float32), jnp.zeros((), bool), signals

    @property
    def goals(self):
        """What a policy may be after: name -> function(state, next state) -> bool[], true where the step attains it."""
        return {
            "best": lambda state, after: state.chances[after.arm] >= state.chances.max(),
            "paid": lambda state, after: after.wins.sum() > state.wins.sum(),
        }

    def observation(self, state: EnvState, params: EnvParams) -> jax.Array:
        """The observation of a state: nothing is in view."""
        return jnp.ones(1, bool)

    def optimum(self, params: EnvParams) -> jax.Array:
        """The expected return float32[] of who knows the chances, an upper bound for who does not.

        E max(p, 1 − p) a pull for linked arms, and low + (high − low) n / (n + 1) for n that are not. Linked: for two.
        """
        low, high = jnp.asarray(params.low, jnp.float32), jnp.asarray(params.high, jnp.float32)
        apart = low + (high - low) * self.arms / (self.arms + 1)
        middle = jnp.clip(0.5, low, high)
        area = (middle - low) - (middle**2 - low**2) / 2 + (high**2 - middle**2) / 2
        wide = high > low
        paired = jnp.where(wide, area / jnp.where(wide, high - low, 1), jnp.maximum(low, 1 - low))
        return params.max_steps_in_episode * (params.linked * paired + (1 - params.linked) * apart)

    def references(self, params: EnvParams) -> dict:
        """Scripted policies by name. Only "optimal" knows the chances; the others know what was paid so far."""
        return {
            "random": self.random_policy,
            "win-stay": win_stay,
            "ucb1": ucb1,
            "thompson": thompson,
            "greedy": greedy,
            "optimal": lambda obs, state, params, key: jnp.argmax(state.chances).astype(jnp.int32),
        }

    def render_rgb(self, state: EnvState, params: EnvParams) -> jax.Array:
        """A machine for each arm with its chance as a bar; the one pulled last is marked. uint8[36, 12 * arms, 3]."""
        return small_art.bandit(state.chances, state.arm)


def win_stay(obs, state: EnvState, params: EnvParams, key):
    """The arm pulled last again where it paid, else the next one: win-stay, lose-shift (Robbins 1952). Any arm at first."""
    count = len(state.wins)
    first = jax.random.randint(key, (), 0, count)
    return jnp.where(state.arm < 0, first, jnp.where(state.won, state.arm, (state.arm + 1) % count)).astype(jnp.int32)


def ucb1(obs, state: EnvState, params: EnvParams, key):
    """The arm with the highest mean + √(2 ln t / pulls of it), each arm once at first (Auer, Cesa-Bianchi & Fischer 2002)."""
    pulls = (state.wins + state.losses).astype(jnp.float32)
    mean = state.wins.astype(jnp.float32) / jnp.maximum(pulls, 1.0)
    bonus = jnp.sqrt(2 * jnp.log(jnp.maximum(pulls.sum(), 1.0)) / jnp.maximum(pulls, 1.0))
    return jnp.argmax(jnp.where(pulls > 0, mean + bonus, jnp.inf)).astype(jnp.int32)


def thompson(obs, state: EnvState, params: EnvParams, key):
    """The best arm of chances drawn from what is believed of each, by itself (Thompson 1933); uniform at first."""
    wins, losses = (x.astype(jnp.float32) + 1 for x in (state.wins, state.losses))
    return jnp.argmax(jax.random.beta(key, wins, losses)).astype(jnp.int32)


def greedy(obs, state: EnvState, params: EnvParams, key):
    """The arm that is best in expectation, two linked arms being known to be. For those, uniform, nothing does better:
    a pull of either tells the same, so that there is nothing to explore for.
    """
    wins, losses = state.wins, state.losses
    if len(wins) == 2:  # a loss of one linked arm is evidence of a win of the other
        linked = params.linked >= 0.5
        wins, losses = (jnp.where(linked, a + b[::-1], a) for a, b in ((wins, losses), (losses, wins)))
    return jnp.argmax((wins + 1) / (wins + losses + 2)).astype(jnp.int32)


def bayes_optimum(pulls: int, linked: bool = True) -> float:
    """The highest expected return on two arms of hidden chances, p uniform and 1 − p, or each uniform. Host only.

    Linked: Σ over pulls of the expected chance of the arm that looks better, whose posterior is Beta. Not linked: by
    dynamic programming over wins and losses of each arm, in O(pulls⁴) operations.
    """
    if linked:
        wins = [np.arange(n + 1) for n in range(pulls)]
        return float(sum((np.maximum(w + 1, n - w + 1) / (n + 2)).mean() for n, w in enumerate(wins)))
    value = np.zeros((pulls + 1,) * 3)  # [pulls of the first arm, its wins, wins of the other], with no pull left
    for n in range(pulls - 1, -1, -1):
        first, won, other = np.ogrid[: n + 1, : n + 1, : n + 1]
        p, q = (won + 1) / (first + 2), np.clip((other + 1) / (n - first + 2), 0, 1)
        now = value[: n + 1, : n + 1, : n + 1]
        pull_first = p * (1 + value[1 : n + 2, 1 : n + 2, : n + 1]) + (1 - p) * value[1 : n + 2, : n + 1, : n + 1]
        pull_other = q * (1 + value[: n + 1, : n + 1, 1 : n + 2]) + (1 - q) * now
        fits = (won <= first) & (other <= n - first)
        value = np.where(fits, np.maximum(pull_first, pull_other), 0)
    return float(value[0, 0, 0])
