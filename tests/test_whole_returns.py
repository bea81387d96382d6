"""What reads whole returns only, against closed forms: REINFORCE on the episode's return, cross learning."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from told import experience, table
from worlds import Walk

from rewardlab import MLP, Condition, Experiment, agents, rules
from rewardlab.collect import act
from rewardlab.inputs.errors import InputError
from rewardlab.rules.cross_learning import CrossLearning
from rewardlab.rules.reinforce import Reinforce
from rewardlab.rules.reinforce_return import ReinforceReturn


def close(found, truth, error, limit=4.5):
    """|z| below the limit, everywhere."""
    z = (np.asarray(found, np.float64) - truth) / error
    assert np.abs(z).max() < limit, z


# ---- REINFORCE on the whole return: row 2 ----


@pytest.mark.parametrize("baseline", [0.0, -3.0])
def test_whole_return_reinforce_on_a_bandit_by_enumeration(baseline):
    """E[Δθ_i] = α π_i (q_i − q̄), the same for every constant baseline (Sutton & Barto §2.8)."""
    with jax.enable_x64(True):
        q = jnp.array([0.2, 1.0, -0.5])
        params = {"logits": jnp.array([[0.3, -0.2, 0.9]]), "value": jnp.full((1, 1), baseline)}
        agent, rule = table(1, {"logits": 3, "value": 1}), ReinforceReturn(entropy_weight=0.0, value_weight=0.0)
        pi = jax.nn.softmax(params["logits"][0])
        expected = jnp.zeros(3)
        for action in range(3):
            told = experience(jnp.ones((1, 1, 1)), [[action]], q[action].reshape(1, 1), terminated=[[True]])
            expected -= pi[action] * jax.grad(lambda p, told=told: rule.loss(agent, p, told))(params)["logits"][0]
        np.testing.assert_allclose(expected, pi * (q - pi @ q), atol=1e-12, rtol=0)


def test_whole_return_reinforce_follows_the_gradient_of_the_return_by_enumeration():
    """Over all trajectories of a two-state MDP its expectation is the exact gradient, and so reward-to-go's; no sample is."""
    transition = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.0, 1.0]]])
    reward, begin, horizon = np.array([[1.0, -0.3], [0.4, 2.0]]), np.array([0.6, 0.4]), 2
    with jax.enable_x64(True):
        logits = jnp.array([[0.3, -0.4], [0.1, 0.8]])
        agent, params = table(2, {"logits": 2, "value": 1}), {"logits": logits, "value": jnp.array([[0.5], [-0.2]])}
        weights = {"entropy_weight": 0.0, "value_weight": 0.0}
        pi, differ = np.asarray(jax.nn.softmax(logits)), False
        kinds = [ReinforceReturn(**weights), Reinforce(gamma=1.0, **weights)]
        gradients = [
            jax.jit(jax.grad(partial(lambda kind, p, told: kind.loss(agent, p, told), kind))) for kind in kinds
        ]
        total = np.zeros((2, 2, 2))
        for states, actions in itertools.product(itertools.product(range(2), repeat=horizon), repeat=2):
            chance = begin[states[0]] * pi[states, actions].prod() * transition[states[0], actions[0], states[1]]
            told = experience(
                np.eye(2)[list(states)][:, None],
                np.array(actions)[:, None],
                reward[states, actions][:, None],
                terminated=[[False], [True]],
            )
            found = np.stack([gradient(params, told)["logits"] for gradient in gradients])
            differ |= bool(np.abs(found[0] - found[1]).max() > 0.1)
            total -= chance * horizon * found  # the loss is a mean over steps

        def value_of(logits):
            pi = jax.nn.softmax(logits)
            return begin @ (pi * (reward + transition @ (pi * reward).sum(-1))).sum(-1)

        np.testing.assert_allclose(total[0], jax.grad(value_of)(logits), atol=1e-12)
        np.testing.assert_allclose(total[1], total[0], atol=1e-12)
        assert differ


def test_whole_returns_have_no_discount_to_set():
    with pytest.raises(InputError, match="gamma"):
        rules.make("reinforce_return", gamma=0.5)


# ---- cross learning: row 5 ----

BANDIT = agents.make(MLP(hidden=(4,)), jax.ShapeDtypeStruct((1,), jnp.float32), {"logits": 3})


def pull(rule, policy, action, reward):
    told = experience(jnp.ones((1, 1, 1)), [[action]], jnp.reshape(reward, (1, 1)), terminated=[[True]])
    return rule.update(BANDIT, policy, told, jax.random.key(0))[0]


def test_cross_learning_is_the_replicator_equation_in_expectation_by_enumeration():
    """E[Δπ_i] = α π_i (q_i − q̄) exactly (Börgers & Sarin 1997)."""
    rule, policy, q = CrossLearning(learning_rate=0.4), jnp.array([0.2, 0.5, 0.3]), jnp.array([0.2, 1.0, 0.55])
    moved = np.stack([pull(rule, policy, action, q[action]) for action in range(3)])
    np.testing.assert_allclose(moved.sum(1), 1.0, atol=1e-6)
    np.testing.assert_allclose(moved[1], policy + 0.4 * (jnp.array([0.0, 1, 0]) - policy), atol=1e-6)
    expected = np.asarray(policy) @ (moved - np.asarray(policy))
    np.testing.assert_allclose(expected, 0.4 * policy * (q - policy @ q), atol=1e-6)
    # Several lanes: the mean of their pulls.
    together = experience(jnp.ones((1, 2, 1)), [[0, 2]], q[jnp.array([[0, 2]])], terminated=[[True, True]])
    mean = rule.update(BANDIT, policy, together, jax.random.key(0))[0]
    np.testing.assert_allclose(mean, moved[[0, 2]].mean(0), atol=1e-6)


def test_cross_learning_acts_by_its_policy_and_stays_a_distribution():
    rule = CrossLearning(learning_rate=1.0)
    policy, n = jnp.array([0.2, 0.5, 0.3]), 100_000
    acting = rule.behave(BANDIT, policy, None)
    outputs = BANDIT.apply(acting.params, jax.random.normal(jax.random.key(0), (n, 1)))
    np.testing.assert_allclose(jax.nn.softmax(outputs["logits"]), jnp.tile(policy, (n, 1)), atol=1e-6)
    share = np.bincount(act(BANDIT, acting, (), jnp.ones((n, 1)), jax.random.key(1))[0], minlength=3) / n
    close(share, np.asarray(policy), np.sqrt(policy * (1 - policy) / n))
    assert pull(rule, policy, 1, jnp.float32(1.0)).tolist() == [0.0, 1.0, 0.0]
    assert pull(rule, policy, 1, jnp.float32(9.0)).tolist() == [0.0, 1.0, 0.0]
    np.testing.assert_allclose(pull(rule, policy, 1, jnp.float32(-9.0)), policy, atol=1e-7)
    gone = BANDIT.apply(rule.deploy(BANDIT, jnp.array([0.0, 1.0, 0.0])).params, jnp.ones((1, 1)))["logits"]
    assert np.isfinite(gone).all() and gone.argmax() == 1


def test_cross_learning_refuses_worlds_of_many_decisions_and_agents_that_cannot_be_blind():
    with pytest.raises(InputError, match="steps"):
        Experiment(
            name="x", question="?", env=Walk(), conditions={"only": Condition({})}, control=None,
            evaluations={"only": {}}, rules={"cross_learning": CrossLearning()},
        ).world()  # fmt: skip
    with pytest.raises(InputError, match="bias"):
        CrossLearning().init(table(1, {"logits": 3}), jax.random.key(0))
    agent = agents.make(MLP(hidden=()), jax.ShapeDtypeStruct((3,), jnp.float32), {"logits": 2})
    np.testing.assert_allclose(CrossLearning().init(agent, jax.random.key(0)), [0.5, 0.5])
