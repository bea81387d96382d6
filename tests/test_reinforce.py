"""REINFORCE against its closed forms, by enumeration."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from told import REWARD, TRANSITION, experience, table

from rewardlab.rules.reinforce import Reinforce


@pytest.mark.parametrize("x64, tolerance", [(False, 1e-6), (True, 1e-12)])
@pytest.mark.parametrize("baseline", [0.0, 0.7, -3.0])
def test_reinforce_on_a_bandit_by_enumeration(x64, tolerance, baseline):
    """E[Δθ_i] = α π_i (q_i − q̄), the same for every constant baseline (Sutton & Barto §2.8)."""
    with jax.enable_x64(x64):
        q = jnp.array([0.2, 1.0, -0.5])
        params = {"logits": jnp.array([[0.3, -0.2, 0.9]]), "value": jnp.full((1, 1), baseline)}
        agent = table(1, {"logits": 3, "value": 1})
        rule = Reinforce(gamma=1.0, entropy_weight=0.0, value_weight=0.0)
        pi = jax.nn.softmax(params["logits"][0])
        expected = jnp.zeros(3)
        for action in range(3):
            told = experience(jnp.ones((1, 1, 1)), [[action]], q[action].reshape(1, 1), terminated=[[True]])
            gradient = jax.grad(lambda p, told=told: rule.loss(agent, p, told))(params)
            expected -= pi[action] * gradient["logits"][0]
            assert not np.asarray(gradient["value"]).any()
        np.testing.assert_allclose(expected, pi * (q - pi @ q), atol=tolerance, rtol=0)


def test_small_reinforce_steps_in_policy_space_are_not_the_replicator_equation():
    """π̇_i = π_i [π_i (q_i − q̄) − Σ_j π_j² (q_j − q̄)]."""
    with jax.enable_x64(True):
        q, logits, step = jnp.array([0.2, 1.0, -0.5]), jnp.array([0.3, -0.2, 0.9]), 1e-6
        pi = jax.nn.softmax(logits)
        advantage = q - pi @ q
        moved = (jax.nn.softmax(logits + step * pi * advantage) - pi) / step
        flow = pi * (pi * advantage - (pi**2 * advantage).sum())
        np.testing.assert_allclose(moved, flow, atol=1e-6)
        assert np.abs(flow - pi * advantage).max() > 0.05


HORIZON, START = 3, np.array([0.6, 0.4])


@pytest.mark.parametrize("gamma", [1.0, 0.8])
def test_reinforce_in_an_mdp_by_enumeration_of_every_trajectory(gamma):
    """Σ_t Σ_s P(s_t = s) π(a|s) A_t(s, a): dynamic programming on one side, all 2⁶ trajectories on the other.

    With γ = 1 this is the exact gradient of the return; with γ < 1 it is the direction without the γᵗ weight.
    """
    with jax.enable_x64(True):
        logits = jnp.array([[0.3, -0.4], [0.1, 0.8]])
        agent = table(2, {"logits": 2, "value": 1})
        params = {"logits": logits, "value": jnp.array([[0.5], [-0.2]])}
        rule = Reinforce(gamma=gamma, entropy_weight=0.0, value_weight=0.0)
        pi = np.asarray(jax.nn.softmax(logits))
        gradient = jax.jit(jax.grad(lambda p, told: rule.loss(agent, p, told)))
        total = np.zeros((2, 2))
        for states in itertools.product(range(2), repeat=HORIZON):
            for actions in itertools.product(range(2), repeat=HORIZON):
                steps = list(zip(states, actions, strict=True))
                chance = START[states[0]] * np.prod([pi[s, a] for s, a in steps])
                chance *= np.prod([TRANSITION[s, a, t] for (s, a), t in zip(steps, states[1:], strict=False)])
                told = experience(
                    np.eye(2)[list(states)][:, None],
                    np.array(actions)[:, None],
                    np.array([REWARD[s, a] for s, a in steps])[:, None],
                    terminated=np.arange(HORIZON)[:, None] == HORIZON - 1,
                )
                total -= (
                    chance * HORIZON * np.asarray(gradient(params, told)["logits"])
                )  # the loss is a mean over steps
        value, q = np.zeros(2), []
        for _ in range(HORIZON):
            q.insert(0, REWARD + gamma * TRANSITION @ value)
            value = (pi * q[0]).sum(-1)
        visits, truth = START, np.zeros((2, 2))
        for q_t in q:
            truth += visits[:, None] * pi * (q_t - (pi * q_t).sum(-1, keepdims=True))
            visits = np.einsum("s,sa,sat->t", visits, pi, TRANSITION)
        np.testing.assert_allclose(total, truth, atol=1e-12)
        if gamma == 1.0:

            def value_of(logits):
                pi, value = jax.nn.softmax(logits), jnp.zeros(2)
                for _ in range(HORIZON):
                    value = (pi * (REWARD + TRANSITION @ value)).sum(-1)
                return START @ value

            np.testing.assert_allclose(total, jax.grad(value_of)(logits), atol=1e-12)


def test_reinforce_reads_nothing_behind_the_end_of_the_last_episode():
    rule, agent = Reinforce(), table(1, {"logits": 2, "value": 1})
    state = rule.init(agent, jax.random.key(0))
    done = np.array([[False], [True], [False]])
    lived = np.array([[True], [True], [False]])

    def updated(junk):
        told = experience(np.ones((3, 1, 1)), [[0], [1], [junk]], [[0.0], [1.0], [0.0]], terminated=done, mask=lived)
        return rule.update(agent, state, told, jax.random.key(1))[0].params["logits"]

    np.testing.assert_array_equal(updated(0), updated(1))
