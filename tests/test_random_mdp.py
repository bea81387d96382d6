"""Random MDPs: values by second methods, by enumeration and by sampling."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import KEY, returns, world, z_score

from rewardlab import envs


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dense MDP", "graph"])
def test_mdp_values_against_second_methods(name):
    env, default = world(name)
    tasks = jax.vmap(env.draw)(jax.random.split(KEY(0), 3))
    logits = jax.random.normal(KEY(1), (env.states, env.num_actions))

    def exact(task):
        params = default.replace(transitions=task.transitions, rewards=task.rewards)

        def start_value(logits):
            return env.starts(params) @ env.values(params, jax.nn.softmax(logits))

        best = env.optimal_values(params)
        gradients = env.policy_gradient(params, logits), jax.grad(start_value)(logits)
        return env.values(params, jax.nn.softmax(logits)), best, gradients, env.slippery(params), params.rewards

    values, best, (gradient, by_autodiff), transitions, rewards = jax.jit(jax.vmap(exact, (0,)))(tasks)
    assert np.allclose(gradient, by_autodiff, atol=1e-5)
    policy = np.asarray(jax.nn.softmax(logits), np.float64)
    for i in range(3):
        moves, reward = np.asarray(transitions[i], np.float64), np.asarray(rewards[i], np.float64)
        assert np.allclose(moves.sum(-1), 1)
        v, optimal = np.zeros(env.states), np.zeros(env.states)
        for _ in range(400):  # by iterating Bellman's equations
            v = (policy * (moves @ (reward + 0.9 * v))).sum(1)
            optimal = (moves @ (reward + 0.9 * optimal)).max(1)
        assert np.allclose(values[i], v, atol=1e-4) and np.allclose(best[i], optimal, atol=1e-4)
        assert (np.asarray(best[i]) >= np.asarray(values[i]) - 1e-4).all()


@pytest.mark.slow
def test_finite_returns_of_an_mdp_by_enumeration_and_sampling():
    env = envs.make("random_mdp", states=3, actions=2, steps=3)
    params = envs.params(env, slip=0.3, elsewhere=0.5)
    moves, reward = np.asarray(env.slippery(params), np.float64), np.asarray(params.rewards, np.float64)
    start = np.asarray(env.starts(params))
    total = 0.0  # over all action sequences and paths of a uniform policy
    for s0, *path in itertools.product(range(3), repeat=4):
        for actions in itertools.product(range(2), repeat=3):
            chain = zip([s0, *path], actions, path, strict=False)
            total += start[s0] * np.prod([moves[s, a, t] / 2 for s, a, t in chain]) * reward[path].sum()
    assert np.isclose(float(env.expected_return(params, jnp.full((3, 2), 0.5))), total, rtol=1e-5)
    assert abs(z_score(returns(env, params, "random", lanes=100_000), total)) < 4.5


def test_a_graph_has_its_hubs_and_dead_ends():
    env = envs.make("random_mdp", kind="graph", states=10, hubs=2, dead_ends=3)
    for seed in range(5):
        moves = np.asarray(env.draw(KEY(seed)).transitions)
        assert ((moves == 0) | (moves == 1)).all() and (moves.sum(-1) == 1).all()
        leads_to = moves.argmax(-1)
        assert (leads_to[7:] == np.arange(7, 10)[:, None]).all() and (leads_to[2:7, 0] < 2).all()
