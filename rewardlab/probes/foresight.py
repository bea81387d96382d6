"""What a search earns that is given the world itself, its state and how it goes on: an upper bound for searches in a learned model.

No agent is asked. Such a planner is a scripted policy: it looks at the state, which agents never do, so it is no rule. The audit
has a row for it, which says what it is given.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from rewardlab.envs import adapter
from rewardlab.probes import Array, Probe, Subject
from rewardlab.probes.references import play
from rewardlab.rules.tree_search import Edge, Node, search

SIMULATIONS = (8, 32, 64)
GAMMA = 0.95


def in_the_world(env, simulations: int, gamma: float = GAMMA):
    """A scripted policy, (obs, state, params, key) -> action, that searches in the world's own states, of discrete actions.

    It knows no values and has no habit: a state is worth what the search finds below it. Where the world draws, one future is
    imagined for all simulations of a step, another one at the next.
    """
    actions = env.num_actions

    def policy(obs, state, params, key):
        search_key, world_key = jax.random.split(key)

        def node(states):
            lanes = jax.tree.leaves(states)[0].shape[0]
            return Node(jnp.zeros((lanes, actions)), jnp.zeros(lanes), states)

        def step(states, action):
            taken = jax.vmap(lambda s, a: adapter.step(env, jax.random.clone(world_key), s, a, params))(states, action)
            goes_on = jnp.where(taken.terminated | taken.truncated, 0.0, gamma)
            return Edge(taken.signals["reward"], goes_on, node(taken.state))

        here = jax.tree.map(lambda x: jnp.asarray(x)[None], state)
        return search(node(here), step, search_key, simulations, noise=1.0).action[
            0
        ]  # else ties go to the lowest action

    return policy


def _measure(subject: Subject) -> dict[str, jax.Array]:
    assert subject.seen is not None
    env, episodes = subject.setting.env, subject.seen.mask.shape[1]

    def earned(simulations: int) -> jax.Array:
        there = jax.random.clone(subject.key)  # the levels that the agents had
        return play(env, subject.params, in_the_world(env, simulations), there, episodes).outcomes.returns

    return {"foresight_return": jnp.stack([earned(simulations) for simulations in SIMULATIONS])}


probe = Probe(
    when="end",
    arrays={
        "foresight_return": Array(
            ("simulations",), "mean return of a search that is given the world's state and how it goes on", "reward"
        )
    },
    measure=_measure,
    along={"simulations": "how many simulations a search makes before each action"},
    axes=lambda plan: {"simulations": tuple(map(str, SIMULATIONS))},
    scripted={"search in the world itself": ("state", "dynamics")},
)
