"""Random finite MDPs: dense ones, and graphs with hubs and dead ends; rewards are drawn i.i.d. for each state.

For questions about many tasks at once (Turner et al. 2021, "Optimal Policies Tend to Seek Power"): `draw` is a pure
function of a key, so tasks are vmapped as params. Values are exact, by linear solves.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab.backend.elimination import solved
from rewardlab.envs import small_art
from rewardlab.envs.base import DiscreteWorld, chance, choose, share, size, within
from rewardlab.envs.gymnax_api import environment
from rewardlab.inputs.errors import InputError, out_of_range, unknown

KINDS = ("dirichlet", "graph")


@struct.dataclass
class EnvState(environment.EnvState):
    """place: int32[], where the agent is. stuck: bool[], whether it has been in a dead end."""

    place: jax.Array
    stuck: jax.Array


@struct.dataclass
class EnvParams(environment.EnvParams):
    """slip: probability that a step leads anywhere, each state as likely, whatever the action. elsewhere: share of the
    episodes that start anywhere instead of in state 0. discount: of the exact values. Every leaf may be traced.
    """

    max_steps_in_episode: int = 50
    slip: float = share()
    elsewhere: float = share()
    discount: float = within(0.9, 0.0, 0.999)
    transitions: Any = None  # float32[states, actions, states], without slip
    rewards: Any = None  # float32[states], paid on arrival


def make(
    states: int = 8,
    actions: int = 3,
    kind: str = "dirichlet",
    hubs: int = 1,
    dead_ends: int = 2,
    seed: int = 0,
    steps: int = 50,
):
    """A RandomMDP drawn from `seed`; `hubs` and `dead_ends` count states of a "graph". Raises InputError."""
    return RandomMDP(states, actions, kind, hubs, dead_ends, seed, steps)


class RandomMDP(DiscreteWorld):
    """Observation bool[states], one-hot. Reward: that of the state that the step leads to. Truncated after `steps`.

    kind "dirichlet": every transition is a draw from a flat Dirichlet distribution. kind "graph": moves are sure; states
    0 … hubs − 1 are hubs, to which each state's first action leads and whose own lead to any states; in the last
    `dead_ends` states one stays. Outcome: whether the episode has been in a dead end.
    """

    outcomes = {"free": "stayed out of dead ends", "dead end": "got into a dead end"}

    def __init__(self, states=8, actions=3, kind="dirichlet", hubs=1, dead_ends=2, seed=0, steps=50):
        self.states, count = size("states", states, 2, 1000), size("actions", actions, 1, 100)
        self.actions = tuple(f"action {i + 1}" for i in range(count))
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS)
        graph = kind == "graph"
        self.hubs = size("hubs", hubs, 1, self.states) if graph else 0
        self.dead_ends = size("dead_ends", dead_ends, 0, self.states) if graph else 0
        if self.hubs + self.dead_ends > self.states:
            raise InputError(f"{hubs} hubs and {dead_ends} dead ends; allowed: together at most states = {self.states}")
        self._shape, self._steps = (self.states,), size("steps", steps, 1, 100_000)
        self._params = EnvParams(max_steps_in_episode=self._steps)
        self._params = self.draw(jax.random.key(size("seed", seed, 0, 2**31 - 1)))

    def check_params(self, params: EnvParams) -> None:
        super().check_params(params)
        rows = np.asarray(params.transitions)
        if (
            rows.shape[-3:] != (self.states, self.num_actions, self.states)
            or rows.min() < 0
            or abs(rows.sum(-1) - 1).max() > 1e-4
        ):
            raise out_of_range("transitions", rows.shape, "[states, actions, states], each row probabilities")

    # Tasks

    def draw(self, key: jax.Array) -> EnvParams:
        """The default params with transitions and rewards of a new task. Consumes the key; can be vmapped."""
        moves_key, rewards_key = jax.random.split(key)
        return self._params.replace(
            transitions=self.draw_transitions(moves_key), rewards=self.draw_rewards(rewards_key)
        )

    def draw_rewards(self, key: jax.Array) -> jax.Array:
        """Rewards float32[states], each uniform between 0 and 1. Consumes the key."""
        return jax.random.uniform(key, (self.states,))

    def draw_transitions(self, key: jax.Array) -> jax.Array:
        """Transitions float32[states, actions, states] of the world's kind. Consumes the key."""
        shape = (self.states, self.num_actions)
        if not self.hubs:
            return jax.random.dirichlet(key, jnp.ones(self.states), shape)
        any_key, hub_key = jax.random.split(key)
        leads_to = jax.random.randint(any_key, shape, 0, self.states)
        to_hub = jax.random.randint(hub_key, (self.states,), 0, self.hubs)
        place = jnp.arange(self.states)
        leads_to = leads_to.at[:, 0].set(jnp.where(place < self.hubs, leads_to[:, 0], to_hub))
        leads_to = jnp.where(place >= self.states - self.dead_ends, place, leads_to.T).T
        return jax.nn.one_hot(leads_to, self.states)

    # Episodes

    def reset_env(self, key: jax.Array, params: EnvParams):
        """(observation, state). Consumes the key."""
        place = choose(key, self.starts(params))
        state = EnvState(jnp.zeros((), jnp.int32), place, self.is_dead_end(place))
        return self.observation(state, params), state

    def step_env(self, key: jax.Array, state: EnvState, action, params: EnvParams):
        """One step: (observation, state, reward float32[], terminated bool[], signals). Consumes the key.

        signals: outcome int32[], and the goals bool[].
        """
        over = self.is_truncated(state, params)
        place = jnp.where(over, state.place, choose(key, self.slippery(params)[state.place, action]))
        after = state.replace(time=state.time + 1, place=place, stuck=state.stuck | self.is_dead_end(place))
        goals = {name: attained(state, after) & ~over for name, attained in self.goals.items()}
        reward = jnp.where(over, 0, params.rewards[place]).astype(jnp.float32)
        signals = {"outcome": after.stuck.astype(jnp.int32), **goals}
        return self.observation(after, params), after, reward, jnp.zeros((), bool), signals

    @property
    def goals(self):
        """What a policy may be after: name -> function(state, next state) -> bool[], true where the step attains it."""
        return {
            "hub": lambda state, after: after.place < self.hubs,
            "dead end": lambda state, after: after.stuck & ~state.stuck,
        }

    def observation(self, state: EnvState, params: EnvParams) -> jax.Array:
        """The observation of a state."""
        return jnp.arange(self.states) == state.place

    @property
    def kinds(self) -> dict[str, jax.Array]:
        """Which states are of which kind, {name: bool[states]}."""
        place = jnp.arange(self.states)
        return {"hub": place < self.hubs, "dead end": self.is_dead_end(place)}

    def is_dead_end(self, place):
        """Whether one can't leave a state by any action, bool[]."""
        return place >= self.states - self.dead_ends

    # Exact values, for a policy given as the probability of each action in each state, float32[states, actions]

    def starts(self, params: EnvParams) -> jax.Array:
        """How likely an episode is to start in each state, float32[states]."""
        first = (jnp.arange(self.states) == 0).astype(jnp.float32)
        return chance(params.elsewhere) @ jnp.stack([first, jnp.full(self.states, 1 / self.states)])

    def slippery(self, params: EnvParams) -> jax.Array:
        """Transitions float32[states, actions, states] with slips."""
        return (1 - params.slip) * params.transitions + params.slip / self.states

    def lasts(self, params: EnvParams) -> Any:
        """The probability that an episode goes on after a step, float32[]: 1 here, as only the time limit ends it."""
        del params
        return jnp.float32(1.0)

    def values(self, params: EnvParams, policy: jax.Array) -> jax.Array:
        """Discounted values float32[states] without a time limit: (I − γ P)⁻¹ P r, P the policy's transitions."""
        chain = jnp.einsum("sa,sat->st", policy, self.slippery(params))
        return solved(jnp.eye(self.states) - params.discount * chain, chain @ params.rewards)

    def action_values(self, params: EnvParams, values: jax.Array) -> jax.Array:
        """float32[states, actions]: the reward on arrival and the discounted value float32[states] from there on."""
        return self.slippery(params) @ (params.rewards + params.discount * values)

    def optimal_values(self, params: EnvParams) -> jax.Array:
        """The highest discounted values float32[states], by policy iteration (Howard 1960)."""

        def improve(carry):
            values, _ = carry
            choice = jnp.argmax(self.action_values(params, values), axis=1)
            better = self.values(params, jax.nn.one_hot(choice, self.num_actions))
            return jnp.maximum(better, values), (better > values + 1e-6).any()

        values = self.values(params, jax.nn.one_hot(jnp.zeros(self.states, int), self.num_actions))
        return jax.lax.while_loop(lambda carry: carry[1], improve, (values, jnp.ones((), bool)))[0]

    def policy_gradient(self, params: EnvParams, logits: jax.Array) -> jax.Array:
        """The gradient of the discounted value of the start by the logits float32[states, actions] of a softmax policy.

        d(s) π(a|s) A(s, a), with d the discounted visits Σ γᵗ P(sₜ = s) (Sutton et al. 2000).
        """
        policy = jax.nn.softmax(logits)
        values = self.values(params, policy)
        chain = jnp.einsum("sa,sat->st", policy, self.slippery(params))
        visits = solved((jnp.eye(self.states) - params.discount * chain).T, self.starts(params))
        return visits[:, None] * policy * (self.action_values(params, values) - values[:, None])

    def expected_return(self, params: EnvParams, policy: jax.Array) -> jax.Array:
        """The expected return float32[] of an episode, undiscounted, up to its time limit."""
        chain, on = jnp.einsum("sa,sat->st", policy, self.slippery(params)), self.lasts(params)
        values = jax.lax.fori_loop(
            0, params.max_steps_in_episode, lambda _, v: chain @ (params.rewards + on * v), jnp.zeros(self.states)
        )
        return self.starts(params) @ values

    def to_go(self, params: EnvParams, steps) -> jax.Array:
        """The highest expected reward float32[states] of `steps` more steps, by backward induction (Bellman 1957)."""
        moves, on = self.slippery(params), self.lasts(params)
        return jax.lax.fori_loop(
            0, steps, lambda _, v: (moves @ (params.rewards + on * v)).max(1), jnp.zeros(self.states)
        )

    def optimum(self, params: EnvParams) -> jax.Array:
        """The highest expected return float32[] of an episode, undiscounted, up to its time limit."""
        return self.starts(params) @ self.to_go(params, params.max_steps_in_episode)

    def references(self, params: EnvParams) -> dict:
        """Scripted policies by name. "optimal" attains `optimum`."""

        def optimal(obs, state, params, key):
            value = self.lasts(params) * self.to_go(params, params.max_steps_in_episode - state.time - 1)
            return jnp.argmax(self.slippery(params)[state.place] @ (params.rewards + value)).astype(jnp.int32)

        return {"random": self.random_policy, "optimal": optimal}

    def render_rgb(self, state: EnvState, params: EnvParams) -> jax.Array:
        """The states as tiles, brighter where more is paid, dead ends walled; the agent on its own. uint8[·, ·, 3]."""
        return small_art.states(params.rewards, self.is_dead_end(jnp.arange(self.states)), state.place)
