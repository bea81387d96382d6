"""A2C, the natural gradient, TRPO, and REINFORCE without a baseline against their closed forms, by enumeration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from told import REWARD, TRANSITION, experience, table
from worlds import Timeless

from rewardlab import rules, training
from rewardlab.agents import MLP, make
from rewardlab.probes.outcomes import outcomes
from rewardlab.rules.a2c import A2C
from rewardlab.rules.natural import objective
from rewardlab.rules.natural_gradient import NaturalGradient
from rewardlab.rules.ppo import PPO
from rewardlab.rules.reinforce import Reinforce
from rewardlab.rules.trpo import TRPO

HEADS = {"logits": 2, "value": 1}


def predictor():
    """The episodes of "you are the predictor" (Sutton & Barto ex. 6.4), states A and B: A 0 B 0; six times B 1; once B 0."""
    obs = np.zeros((2, 8, 2), np.float32)
    obs[0, 0, 0] = obs[0, 1:, 1] = obs[1, 0, 1] = 1
    reward, ends = np.zeros((2, 8), np.float32), np.zeros((2, 8), bool)
    reward[0, 1:7] = 1
    ends[0, 1:] = ends[1, 0] = True
    lived = np.ones((2, 8), bool)
    lived[1, 1:] = False
    return experience(obs, np.zeros((2, 8)), reward, next_obs=obs[[1, 1]], terminated=ends, mask=lived)


# ---- REINFORCE without a baseline ----


def test_reinforce_without_a_baseline_has_the_same_expectation_and_no_critic():
    """E[Δθ_i] = α π_i (q_i − q̄) (Sutton & Barto §2.8); one sample moves by its return times the score."""
    rule, agent = Reinforce(baseline=False, gamma=1.0, entropy_weight=0.0), table(1, {"logits": 3})
    assert rule.heads(3) == {"logits": 3}
    with jax.enable_x64(True):
        q, params = jnp.array([0.2, 1.0, -0.5]), {"logits": jnp.array([[0.3, -0.2, 0.9]])}
        pi, expected = jax.nn.softmax(params["logits"][0]), jnp.zeros(3)
        for action in range(3):
            told = experience(np.ones((1, 1, 1)), [[action]], q[action].reshape(1, 1), terminated=[[True]])
            ascent = -jax.grad(lambda p, told=told: rule.loss(agent, p, told))(params)["logits"][0]
            np.testing.assert_allclose(ascent, q[action] * (jnp.eye(3)[action] - pi), atol=1e-12)
            expected += pi[action] * ascent
        np.testing.assert_allclose(expected, pi * (q - pi @ q), atol=1e-12)


def test_the_entropy_bonus_flattens_the_policy():
    """Where nothing is paid the ascent is entropy's: ∂H/∂θ_i = −π_i (log π_i + H)."""
    rule, agent = Reinforce(baseline=False, entropy_weight=0.5), table(1, {"logits": 3})
    with jax.enable_x64(True):
        params = {"logits": jnp.array([[0.3, -0.2, 0.9]])}
        told = experience(np.ones((1, 1, 1)), [[0]], np.zeros((1, 1)), terminated=[[True]])
        pi = np.asarray(jax.nn.softmax(params["logits"][0]))
        ascent = -jax.grad(lambda p: rule.loss(agent, p, told))(params)["logits"][0]
        np.testing.assert_allclose(ascent, -0.5 * pi * (np.log(pi) - pi @ np.log(pi)), atol=1e-12)


# ---- what critics learn ----


@pytest.mark.parametrize(
    "rule, truth",
    [
        (A2C(gae_lambda=0.0, gamma=1.0), [0.75, 0.75]),
        (A2C(gae_lambda=1.0, gamma=1.0), [0.0, 0.75]),
        (Reinforce(gamma=1.0), [0.0, 0.75]),
    ],
)
def test_batch_td_and_batch_monte_carlo_disagree_about_the_predictor(rule, truth):
    """Batch TD(0): V(A) = 3/4. Batch Monte Carlo: 0. There, and not beside it, the value's gradient vanishes."""
    agent, told = table(2, HEADS), predictor()

    def slope(value):
        params = {"logits": jnp.zeros((2, 2)), "value": jnp.array(value)[:, None]}
        target = () if isinstance(rule, Reinforce) else (rule.targets(agent, params, told),)
        return jax.grad(lambda p: rule.loss(agent, p, told, *target))(params)["value"]

    np.testing.assert_allclose(slope(truth), 0.0, atol=1e-6)
    assert np.abs(slope([truth[0] + 0.1, truth[1]])).max() > 1e-3


# ---- A2C ----


def solved(pi, gamma):
    """(V, A, discounted visits d from state 0) of the two-state world under a policy [S, A]."""
    move, pay = jnp.einsum("sa,sat->st", pi, TRANSITION), (pi * REWARD).sum(-1)
    value = jnp.linalg.solve(jnp.eye(2) - gamma * move, pay)
    visits = (1 - gamma) * jnp.linalg.solve(jnp.eye(2) - gamma * move.T, jnp.array([1.0, 0.0]))
    return value, REWARD + gamma * TRANSITION @ value - value[:, None], visits


def test_a2c_follows_the_policy_gradient_theorem():
    """Σ d(s) π(a|s) A(s, a) ∇ log π, in expectation over every transition (Sutton et al. 2000).

    With d the γ-discounted visits it is (1 − γ) times the gradient of the discounted return; the rule takes d as visited.
    """
    with jax.enable_x64(True):
        gamma, logits = 0.8, jnp.array([[0.3, -0.4], [0.1, 0.8]])
        pi = jax.nn.softmax(logits)
        value, advantage, visits = solved(pi, gamma)
        rule = A2C(gamma=gamma, gae_lambda=0.0, entropy_weight=0.0, value_weight=0.0)
        agent, params = table(2, HEADS), {"logits": logits, "value": value[:, None]}

        def ascent(s, a, t):
            eye = jnp.eye(2)
            reward = jnp.asarray(REWARD)[s, a].reshape(1, 1)
            told = experience(eye[s][None, None], a.reshape(1, 1), reward, next_obs=eye[t][None, None])
            target = rule.targets(agent, params, told)
            return -jax.grad(lambda p: rule.loss(agent, p, told, target))(params)["logits"]

        s, a, t = (x.ravel() for x in jnp.indices((2, 2, 2)))
        each = jax.jit(jax.vmap(ascent))(s, a, t)
        for d in (visits, jnp.array([0.3, 0.7])):
            chance = d[s] * pi[s, a] * TRANSITION[s, a, t]
            np.testing.assert_allclose(jnp.einsum("i,isa->sa", chance, each), d[:, None] * pi * advantage, atol=1e-12)
        chance = visits[s] * pi[s, a] * TRANSITION[s, a, t]
        truth = jax.grad(lambda x: solved(jax.nn.softmax(x), gamma)[0][0])(logits)
        np.testing.assert_allclose(jnp.einsum("i,isa->sa", chance, each), (1 - gamma) * truth, atol=1e-12)


# ---- all that bootstrap ----


@pytest.mark.parametrize(
    "rule",
    [A2C(), PPO(minibatches=1), NaturalGradient(minibatches=1), TRPO(minibatches=1)],
    ids=["a2c", "ppo", "npg", "trpo"],
)
def test_a_truncated_step_bootstraps_a_terminated_one_does_not_and_an_unlived_one_is_not_read(rule):
    """Truncated with reward r is terminated with reward r + γ v(s'); terminated, s' does not matter."""
    agent = table(2, HEADS)
    state = rule.init(agent, jax.random.key(0))
    value = {"logits": jnp.array([[0.2, 0.0], [0.5, -0.5]]), "value": jnp.array([[0.5], [2.0]])}
    state = state._replace(params=value, **({"critic": value} if "critic" in state._fields else {}))
    lived, yes, no = [[True, True], [True, False]], [[False, True], [True, True]], [[False, False], [False, False]]

    @jax.jit
    def after(reward, next_state, terminated, truncated, junk):
        told = experience(
            jnp.zeros((2, 2, 2)).at[..., 0].set(1.0),
            [[0, 1], [1, 0]],
            jnp.array([[0.0, reward], [reward, junk]]),
            next_obs=jnp.zeros((2, 2, 2)).at[0, 0, 0].set(1.0)
            + jnp.eye(2)[next_state] * jnp.array([[[0.0], [1.0]], [[1.0], [1.0]]]),
            terminated=terminated, truncated=truncated, mask=lived,
            extras={"log_prob": jnp.full((2, 2), -0.7), "value": jnp.full((2, 2), 0.5)},
        )  # fmt: skip
        new, log = rule.update(agent, state, told, jax.random.key(1))
        return ravel_pytree((new.params, getattr(new, "critic", ()), log))[0]

    def updated(reward, next_state, terminated, truncated, junk=0.0):
        return after(reward, next_state, terminated, truncated, junk)

    np.testing.assert_allclose(updated(1.0, 1, no, yes), updated(1.0 + 0.99 * 2.0, 1, yes, no), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(updated(1.0, 0, yes, no), updated(1.0, 1, yes, no))
    np.testing.assert_array_equal(updated(1.0, 0, yes, yes), updated(1.0, 1, yes, no))
    assert np.abs(updated(1.0, 1, no, yes) - updated(1.0, 0, no, yes)).max() > 1e-2
    np.testing.assert_array_equal(updated(1.0, 1, yes, no), updated(1.0, 1, yes, no, junk=50.0))


# ---- the natural gradient ----


def bandit(rule, reward, sizes=(4, 2, 2)):
    """One update on every action of a bandit, as often as the policy π ∝ sizes takes it: (π, π', log)."""
    pi = jnp.array(sizes) / sum(sizes)
    agent = table(1, {"logits": 3, "value": 1})
    action = np.repeat(np.arange(3), sizes)[None]
    told = experience(jnp.ones((1, sum(sizes), 1)), action, reward[action], terminated=np.ones(action.shape, bool))
    state = rule.init(agent, jax.random.key(0))._replace(
        params={"logits": jnp.log(pi)[None], "value": jnp.zeros((1, 1))}
    )
    after, log = jax.jit(rule.update, static_argnums=0)(agent, state, told, jax.random.key(1))
    return pi, jax.nn.softmax(after.params["logits"][0]), log


def tilted(pi, exponent):
    return pi * jnp.exp(exponent) / (pi * jnp.exp(exponent)).sum()


@pytest.mark.parametrize("x64, tolerance", [(False, 1e-6), (True, 1e-12)])
def test_the_natural_gradient_on_a_bandit_is_hedge(x64, tolerance):
    """π' ∝ π exp(η q) (Kakade 2001; Freund & Schapire 1997)."""
    with jax.enable_x64(x64):
        q = jnp.array([0.2, 1.0, -0.5])
        pi, after, _ = bandit(NaturalGradient(learning_rate=0.7, damping=0.0), q)
        np.testing.assert_allclose(after, tilted(pi, 0.7 * q), atol=tolerance)


def test_damping_shortens_the_step_as_a_ridge_does():
    """Δθ = η (F + damping · I)⁻¹ g, with F = diag π − π πᵀ and g = π (q − q̄) on a bandit."""
    with jax.enable_x64(True):
        q = np.array([0.2, 1.0, -0.5])
        pi, after, _ = bandit(NaturalGradient(learning_rate=0.4, damping=0.3, minibatches=1), jnp.array(q))
        fisher = np.diag(pi) - np.outer(pi, pi)
        step = np.linalg.solve(fisher + 0.3 * np.eye(3), pi * (q - pi @ q))
        np.testing.assert_allclose(after, tilted(pi, 0.4 * step), atol=1e-10)


@pytest.mark.slow(quickly=True)
def test_the_natural_gradient_in_an_mdp():
    """π' ∝ π exp(η A / (1 − γ)) (Kakade 2001), whatever the weights of the states, from every transition in its proportion."""
    with jax.enable_x64(True):
        gamma, eta, pi = 0.8, 0.3, jnp.array([[0.5, 0.5], [0.25, 0.75]])
        value, advantage, _ = solved(pi, gamma)
        s, a, t = (x.ravel() for x in np.indices((2, 2, 2)))
        counts = np.rint(np.array([20, 8])[s] * np.asarray(pi)[s, a] * TRANSITION[s, a, t]).astype(int)
        s, a, t = (np.repeat(x, counts)[None] for x in (s, a, t))
        eye, agent = jnp.eye(2), table(2, HEADS)
        told = experience(eye[s], a, jnp.asarray(REWARD)[s, a], next_obs=eye[t])
        rule = NaturalGradient(learning_rate=eta / (1 - gamma), damping=0.0, gamma=gamma, gae_lambda=0.0)
        params = {"logits": jnp.log(pi), "value": value[:, None]}
        state = rule.init(agent, jax.random.key(0))._replace(params=params, critic=params)
        after, _ = jax.jit(rule.update, static_argnums=0)(agent, state, told, jax.random.key(1))
        after = jax.nn.softmax(after.params["logits"])
        truth = jnp.stack([tilted(pi[i], eta * advantage[i] / (1 - gamma)) for i in range(2)])
        np.testing.assert_allclose(after, truth, atol=1e-12)


@pytest.mark.slow(quickly=True)
def test_the_fisher_product_is_the_hessian_of_the_divergence():
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), 4)
        theta, obs = jax.random.normal(keys[0], (20,)), jax.random.normal(keys[1], (6, 3))
        action, lived = jnp.array([0, 1, 1, 0, 1, 0]), jnp.arange(6) < 4
        network = lambda x: jnp.tanh(obs @ x[:12].reshape(3, 4)) @ x[12:].reshape(4, 2)  # noqa: E731
        problem = objective(network, theta, action, jax.random.normal(keys[2], (6,)), lived)
        v = jax.random.normal(keys[3], theta.shape)
        np.testing.assert_allclose(problem.fisher(v), jax.hessian(problem.kl)(theta) @ v, atol=1e-12)
        assert np.abs(problem.fisher(v)).max() > 1e-2


@pytest.mark.slow(quickly=True)
def test_the_policy_of_a_network_moves_as_far_under_vmap():
    """A real network, whose Fisher matrix is far from full rank: one update of TRPO nears its bound, alone or beside others."""
    agent = make(MLP(hidden=(32,), activation="tanh"), jax.ShapeDtypeStruct((4,), jnp.float32), HEADS)
    rule = TRPO(epochs=1, minibatches=1)

    def one(key):
        keys = jax.random.split(key, 5)
        told = experience(
            jax.random.normal(keys[0], (16, 4, 4)), jax.random.randint(keys[1], (16, 4), 0, 2),
            jax.random.normal(keys[2], (16, 4)), terminated=jnp.ones((16, 4), bool),
        )  # fmt: skip
        return rule.update(agent, rule.init(agent, keys[3]), told, keys[4])[1]["kl"]

    def keys():  # made anew: each may be drawn from once
        return jax.random.split(jax.random.key(0), 4)

    together, alone = jax.jit(jax.vmap(one))(keys()), jax.lax.map(one, keys())
    np.testing.assert_allclose(together, alone, rtol=0.05)
    assert (together > 0.001).all() and (together <= 0.01).all()


# ---- TRPO ----


@pytest.mark.parametrize("sign, tries", [(1.0, 0), (-1.0, 1)])
def test_trpo_on_a_bandit(sign, tries):
    """π' ∝ π exp(β q) with β = √(2δ / Var q). KL(π ‖ π') = log E exp(β (q − q̄)): below δ if q leans left, above if right."""
    with jax.enable_x64(True):
        q, delta = sign * jnp.array([0.2, 0.1, -0.9]), 0.01
        rule = TRPO(max_kl=delta, damping=0.0, backtrack=0.9)
        pi, after, log = bandit(rule, q)
        centred = q - pi @ q
        beta = jnp.sqrt(2 * delta / (pi @ centred**2)) * 0.9**tries
        np.testing.assert_allclose(after, tilted(pi, beta * q), atol=1e-12)
        np.testing.assert_allclose(log["kl"], jnp.log(pi @ jnp.exp(beta * centred)), atol=1e-12)
        assert log["kl"] <= delta
        np.testing.assert_allclose(log["gain"], after @ q, atol=1e-12)


def test_trpo_stays_where_nothing_is_to_be_gained_or_no_step_is_short_enough():
    pi, after, _ = bandit(TRPO(damping=0.0), jnp.zeros(3))
    np.testing.assert_allclose(after, pi, atol=1e-7)
    pi, after, _ = bandit(TRPO(damping=0.0, backtrack=1.0), jnp.array([-0.2, -0.1, 0.9]))
    np.testing.assert_allclose(after, pi, atol=1e-7)


QUICK = {"trpo": TRPO(max_kl=0.05, damping=0.01, value_learning_rate=0.01), "a2c": A2C(learning_rate=0.01)}


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_they_learn_to_walk(name):
    world, rule, spec = Timeless(), rules.make(QUICK[name], num_envs=32, unroll_length=16), MLP(hidden=(8,))
    s, params = training.setting(world, rule, spec), world.default_params

    def success(key):
        carry = training.train(key, rule, world, params, spec=spec, total_steps=20_000)
        return outcomes(world, params, s.agent, rule.deploy(s.agent, carry.state), key, 4).share[0]

    assert jax.jit(jax.vmap(success))(jax.random.split(jax.random.key(5), 8)).mean() >= 0.75
