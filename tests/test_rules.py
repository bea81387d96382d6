"""Each update rule against its closed forms: by enumeration where that is possible, by sampling (|z| < 4.5) where it is not."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from rewardlab.agents.select import epsilon_greedy, log_prob, sample
from rewardlab.rules.guess_and_check import GuessAndCheck
from rewardlab.rules.guess_and_check import State as GuessState
from rewardlab.rules.losses import adam, clipped_surrogate, descend, masked_mean, minibatches, standardise
from rewardlab.rules.openai_es import OpenAIES, smoothed_gradient
from rewardlab.rules.parallel_q import ParallelQ
from rewardlab.rules.population import best_first, clears
from rewardlab.rules.ppo import PPO
from rewardlab.rules.reinforce import Reinforce
from rewardlab.rules.returns import episode_returns, fitness, lambda_returns, reward_to_go
from rewardlab.rules.shuffled import Shuffled, permute_where
from rewardlab.rules.truncation import Truncation
from rewardlab.types import Agent, Experience


def experience(obs, action, reward, *, next_obs=None, terminated=None, truncated=None, lived=None, extras=None):
    reward = jnp.asarray(reward)
    no = jnp.zeros(reward.shape, bool)
    pick = lambda x, default: default if x is None else jnp.asarray(x)  # noqa: E731
    return Experience(
        obs=jnp.asarray(obs),
        action=jnp.asarray(action, jnp.int32),
        next_obs=pick(next_obs, jnp.asarray(obs)),
        reward=reward,
        terminated=pick(terminated, no),
        truncated=pick(truncated, no),
        lived=pick(lived, ~no),
        extras=extras or {},
    )


def episodes(reward, length=1):
    """Whole episodes of one observation: [T, N] rewards, each lane one episode of `length` steps."""
    reward = jnp.asarray(reward, jnp.float32)
    time = jnp.arange(reward.shape[0])[:, None] + jnp.zeros(reward.shape, int)
    return experience(
        jnp.zeros((*reward.shape, 1)),
        jnp.zeros(reward.shape),
        reward,
        terminated=time == length - 1,
        lived=time < length,
    )


def table(states, heads):
    """A tabular agent over one-hot observations: float parameters {head: [S, size]}."""
    return Agent(
        init=lambda key: {h: jnp.zeros((states, n)) for h, n in heads.items()},
        apply=lambda params, obs: {h: obs.astype(w.dtype) @ w for h, w in params.items()},
    )


# ---- REINFORCE: rows 1, 2, 3 ----


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


TRANSITION = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.0, 1.0]]])  # [s, a, s']
REWARD = np.array([[1.0, -0.3], [0.4, 2.0]])
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
        told = experience(np.ones((3, 1, 1)), [[0], [1], [junk]], [[0.0], [1.0], [0.0]], terminated=done, lived=lived)
        return rule.update(agent, state, told, jax.random.key(1))[0].params["logits"]

    np.testing.assert_array_equal(updated(0), updated(1))


# ---- returns and advantages: rows 10, 11, 15 ----


def test_reward_to_go_by_hand_and_across_episodes():
    reward = jnp.array([[1.0], [2.0], [4.0], [8.0]])
    done = jnp.array([[False], [True], [False], [True]])
    np.testing.assert_allclose(reward_to_go(reward, done, 0.5)[:, 0], [2.0, 2.0, 8.0, 8.0])


def random_steps(seed, t=7, n=5):
    rng = np.random.default_rng(seed)
    reward, next_value = rng.normal(size=(2, t, n)).astype(np.float32)
    terminated, truncated = rng.random((2, t, n)) < 0.25
    return reward, next_value, terminated, truncated


@pytest.mark.parametrize("lam", [0.0, 0.4, 1.0])
def test_lambda_returns_against_their_forward_definition(lam):
    """G^λ as the weighted sum of n-step returns, written out step by step; what is truncated bootstraps, what terminates does not."""
    gamma = 0.9
    reward, value, terminated, truncated = random_steps(0)
    found = lambda_returns(*map(jnp.asarray, (reward, value, terminated, terminated | truncated)), gamma, lam)
    for lane in range(reward.shape[1]):
        for t in range(reward.shape[0]):
            n_step, so_far, weight = [], 0.0, []
            for k in range(t, reward.shape[0]):
                so_far += gamma ** (k - t) * reward[k, lane]
                bootstrap = 0.0 if terminated[k, lane] else gamma ** (k - t + 1) * value[k, lane]
                n_step.append(so_far + bootstrap)
                last = terminated[k, lane] or truncated[k, lane] or k == reward.shape[0] - 1
                weight.append(lam ** (k - t) * (1.0 if last else 1.0 - lam))
                if last:
                    break
            np.testing.assert_allclose(found[t, lane], np.dot(weight, n_step), atol=1e-5)


def test_gae_at_its_ends():
    """λ = 1 is the Monte Carlo advantage, λ = 0 the one-step TD error (Schulman et al. 2016)."""
    reward = jnp.array([[1.0], [2.0], [3.0]])
    done = jnp.array([[False], [False], [True]])
    value, next_value = jnp.array([[0.5], [1.5], [2.5]]), jnp.array([[1.5], [2.5], [9.0]])
    monte_carlo = lambda_returns(reward, next_value, done, done, 0.5, 1.0) - value
    np.testing.assert_allclose(monte_carlo[:, 0], [1 + 1 + 0.75 - 0.5, 2 + 1.5 - 1.5, 3 - 2.5])
    td_error = lambda_returns(reward, next_value, done, done, 0.5, 0.0) - value
    np.testing.assert_allclose(td_error[:, 0], [1 + 0.75 - 0.5, 2 + 1.25 - 1.5, 3 - 2.5])


def test_td_fixed_point_of_the_random_walk():
    """Five states, 1 on the right exit: V = 1/6 … 5/6 is what the one-step targets leave unchanged (Sutton & Barto ex. 6.2)."""
    truth = np.arange(1, 6) / 6
    moves = [(s, s + d) for s in range(5) for d in (-1, 1)]
    ends = np.array([[t in (-1, 5) for _, t in moves]])
    reward = jnp.array([[float(t == 5) for _, t in moves]])
    value = jnp.array([[truth[t] if 0 <= t < 5 else 7.0 for _, t in moves]])
    target = lambda_returns(reward, value.astype(jnp.float32), jnp.asarray(ends), jnp.asarray(ends), 1.0, 0.0)
    np.testing.assert_allclose(target[0].reshape(5, 2).mean(-1), truth, atol=1e-6)


def chain_experience(states=4):
    """Every (state, action) of a deterministic chain once: action 1 moves right, action 0 stays, the last state pays 1 and ends."""
    pairs = [(s, a) for s in range(states) for a in range(2)]
    after = [min(s + a, states) for s, a in pairs]
    eye = np.vstack([np.eye(states), np.zeros(states)])
    return pairs, experience(
        eye[[s for s, _ in pairs]][None].astype(np.float32),
        [[a for _, a in pairs]],
        np.array([[float(t == states) for t in after]], np.float32),
        next_obs=eye[after][None].astype(np.float32),
        terminated=[[t == states for t in after]],
    )


def test_parallel_q_converges_to_value_iteration():
    """λ = 0 with max Q(s') regresses on TQ; its fixed point on a deterministic chain is Q*, by value iteration."""
    states, gamma = 4, 0.9
    pairs, told = chain_experience(states)
    q_star = np.zeros((states + 1, 2))
    for _ in range(50):
        for s, a in pairs:
            t = min(s + a, states)
            q_star[s, a] = 1.0 if t == states else gamma * q_star[t].max()
    agent = table(states, {"q": 2})
    rule = ParallelQ(learning_rate=0.02, gamma=gamma, q_lambda=0.0, epochs=1, minibatches=1)
    state = rule.init(agent, jax.random.key(0))
    step = jax.jit(lambda state, key: rule.update(agent, state, told, key)[0])
    for key in jax.random.split(jax.random.key(1), 1500):
        state = step(state, key)
    np.testing.assert_allclose(state.params["q"], q_star[:states], atol=2e-3)


def test_q_targets_contract():
    """‖TQ − TQ'‖∞ ≤ γ ‖Q − Q'‖∞ (Watkins & Dayan 1992)."""
    _, told = chain_experience()
    rng = np.random.default_rng(0)
    for _ in range(20):
        q, other = rng.normal(size=(2, 5, 2)).astype(np.float32)
        q[-1] = other[-1] = 0
        arrived = np.where(told.next_obs[0].any(-1), told.next_obs[0].argmax(-1), 4)
        tq, tother = (
            lambda_returns(told.reward, jnp.asarray(x[arrived].max(-1)[None]), told.terminated, told.done, 0.9, 0.0)
            for x in (q, other)
        )
        assert np.abs(tq - tother).max() <= 0.9 * np.abs(q - other).max() + 1e-6


# ---- PPO ----


def test_clipped_surrogate_by_hand():
    """min(ρA, clip(ρ)A): where the clip binds the gradient is zero (Schulman et al. 2017, fig. 1)."""
    advantage, ratio = jnp.array([1.0, 1.0, -1.0, -1.0]), jnp.array([1.5, 0.5, 1.5, 0.5])
    loss = lambda lp: clipped_surrogate(lp, jnp.zeros(4), advantage, 0.2)  # noqa: E731
    np.testing.assert_allclose(loss(jnp.log(ratio)), [-1.2, -0.5, 1.5, 0.8], rtol=1e-6)
    slope = jax.grad(lambda lp: loss(lp).sum())(jnp.log(ratio))
    np.testing.assert_allclose(slope, [0.0, -0.5, 1.5, 0.0], rtol=1e-6)


def test_ppo_starts_along_the_policy_gradient():
    """At the old parameters the surrogate's gradient is −Σ π A ∇log π, by enumeration of a bandit."""
    with jax.enable_x64(True):
        q, logits = jnp.array([0.2, 1.0, -0.5]), jnp.array([0.3, -0.2, 0.9])
        pi = jax.nn.softmax(logits)
        old = jax.nn.log_softmax(logits)
        surrogate = lambda x: (pi * clipped_surrogate(jax.nn.log_softmax(x), old, q - pi @ q, 0.2)).sum()  # noqa: E731
        np.testing.assert_allclose(-jax.grad(surrogate)(logits), pi * (q - pi @ q), atol=1e-12)


def test_ppo_update_raises_what_paid_and_learns_values():
    rule, agent = PPO(learning_rate=0.05, entropy_weight=0.0), table(1, {"logits": 3, "value": 1})
    paid = jnp.array([0.0, 1.0, 0.5])

    def one(state, key):
        act_key, key = jax.random.split(key)
        obs = jnp.ones((4, 16, 1))
        action, extras = rule.behave(agent, state, act_key).select(
            agent.apply(state.params, obs.reshape(-1, 1)), act_key
        )
        extras = {k: v.reshape(4, 16) for k, v in extras.items()}
        told = experience(
            obs, action.reshape(4, 16), paid[action].reshape(4, 16), terminated=jnp.ones((4, 16), bool), extras=extras
        )
        return rule.update(agent, state, told, key)

    state, _ = jax.lax.scan(one, rule.init(agent, jax.random.key(0)), jax.random.split(jax.random.key(1), 60))
    assert jax.nn.softmax(state.params["logits"][0])[1] > 0.95
    np.testing.assert_allclose(state.params["value"][0, 0], 1.0, atol=0.1)


def test_minibatches_are_a_partition_of_the_lanes():
    x = jnp.arange(24).reshape(3, 8)
    parts = minibatches(jax.random.key(0), x, 4)
    assert parts.shape == (4, 3, 2)
    np.testing.assert_array_equal(jnp.sort(jnp.moveaxis(parts, 0, 1).reshape(3, 8), axis=-1), x)
    assert not (jnp.moveaxis(parts, 0, 1).reshape(3, 8) == x).all()


def test_every_epoch_meets_every_lane_once_in_an_order_of_its_own():
    """Each step makes p into 10 p + lane, so the digits of p are the lanes in the order of the minibatches."""
    loss = lambda p, lane: -(4.5 * p**2 + p * lane.sum())  # noqa: E731
    sgd, lanes = optax.sgd(1.0), jnp.array([[1.0, 2.0, 3.0]])

    def digits(key):
        return descend(loss, jnp.float32(0), sgd.init(jnp.float32(0)), sgd, key, lanes, 2, 3)[0]

    found = np.asarray(jax.jit(jax.vmap(digits))(jax.random.split(jax.random.key(0), 60))).astype(int)
    epochs = np.stack([found // 1000, found % 1000])
    assert all(sorted(str(epoch)) == ["1", "2", "3"] for epoch in epochs.ravel())
    assert len({*epochs.ravel().tolist()}) == 6 and len({*zip(*epochs.tolist(), strict=True)}) > 6


def test_standardising_reads_what_is_masked_in():
    x, mask = jnp.array([[0.0, 4.0, 100.0]]), jnp.array([[True, True, False]])
    assert masked_mean(x, mask) == 2.0 and masked_mean(x, mask & False) == 0.0
    np.testing.assert_allclose(standardise(x, mask)[0, :2], [-1.0, 1.0], rtol=1e-6)


def test_the_gradient_is_clipped_before_adam_sees_it():
    """Two steps on gradients of 100, clipped to 1, and 1/2, by Adam's formula (Kingma & Ba 2015, algorithm 1)."""
    optimiser = adam(2.0, 1.0)
    first, state = optimiser.update(jnp.float32(100), optimiser.init(jnp.float32(0)))
    second, _ = optimiser.update(jnp.float32(0.5), state)
    m, v = (0.9 * 0.1 + 0.1 * 0.5) / (1 - 0.9**2), (0.999 * 0.001 + 0.001 * 0.25) / (1 - 0.999**2)
    np.testing.assert_allclose([first, second], [-2 / (1 + 1e-5), -2 * m / (np.sqrt(v) + 1e-5)], rtol=1e-4)


# ---- acting ----


def test_sampling_follows_the_softmax():
    logits = jnp.array([0.5, -1.0, 0.0, 2.0])
    n = 200_000
    action, extras = sample()({"logits": jnp.tile(logits, (n, 1))}, jax.random.key(3))
    expected = np.asarray(jax.nn.softmax(logits), np.float64)
    z = (np.bincount(action, minlength=4) / n - expected) / np.sqrt(expected * (1 - expected) / n)
    assert np.abs(z).max() < 4.5
    np.testing.assert_allclose(extras["log_prob"], jax.nn.log_softmax(logits)[action], rtol=1e-6)
    np.testing.assert_allclose(log_prob(logits, jnp.int32(3)), jax.nn.log_softmax(logits)[3], rtol=1e-6)


def test_epsilon_greedy_frequencies():
    n = 100_000
    action, _ = epsilon_greedy("q", 0.3)({"q": jnp.tile(jnp.array([0.0, 5.0, 1.0]), (n, 1))}, jax.random.key(4))
    share = np.bincount(action, minlength=3) / n
    for found, truth in zip(share, [0.1, 0.8, 0.1], strict=True):
        assert abs(found - truth) < 4.5 * np.sqrt(truth * (1 - truth) / n)


# ---- fitness, truncation selection: rows 8, 13, 14 ----


def test_fitness_is_the_mean_return_per_episode():
    done = jnp.array([[False, True, True], [True, False, False], [False, True, False], [True, False, False]])[
        :, [0, 1, 2, 1]
    ]
    lived = jnp.array([[1, 1, 1, 1], [1, 1, 0, 1], [1, 1, 0, 1], [1, 0, 0, 0]]).astype(bool)
    reward = jnp.array([[1.0, 0, 3, 2], [2, 0, 0, 0], [0, 5, 0, 4], [6, 0, 0, 0]])
    told = experience(jnp.zeros((4, 4, 1)), jnp.zeros((4, 4)), reward, terminated=done, lived=lived)
    # Candidate 0 owns lanes 0, 1: returns 3, 6 and 0, 5. Candidate 1 owns lanes 2, 3: returns 3 and 2, 4.
    np.testing.assert_allclose(fitness(told, 2), [14 / 4, 9 / 3])


@pytest.mark.parametrize("kept, intensity", [(0.5, 0.7979), (0.2, 1.3998), (0.1, 1.7550), (0.01, 2.6652)])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_breeders_equation(kept, intensity, noise):
    """R = h² i σ_P; and the variance of what was selected on, after selection, is 1 − i(i − x) (Lush 1937)."""
    n = 200_000
    gene_key, luck_key = jax.random.split(jax.random.key(5))
    gene = jax.random.normal(gene_key, (n,))
    seen = gene + noise * jax.random.normal(luck_key, (n,))
    chosen = best_first(fitness(episodes(seen[None]), n))[: int(n * kept)]
    sigma_p, heritability = np.sqrt(1 + noise**2), 1 / (1 + noise**2)
    response = heritability * intensity * sigma_p
    error = np.asarray(gene[chosen]).std() / np.sqrt(len(chosen)) + 1e-4
    assert abs(float(gene[chosen].mean()) - response) < 4.5 * error
    x = stats.norm.ppf(1 - kept)
    left = 1 - intensity * (intensity - x)
    assert abs(np.var(np.asarray(seen[chosen]) / sigma_p) - left) < 4.5 * left * np.sqrt(6 / len(chosen)) + 1e-3


def vector_agent(size=3):
    return Agent(init=lambda key: jax.random.normal(key, (size,)), apply=lambda params, obs: {"logits": obs * params})


def test_truncation_keeps_the_best_and_mutates_only_children():
    rule = Truncation(candidates=8, parents=2, lanes=8, steps=1, mutation=0.5)
    state = rule.init(vector_agent(), jax.random.key(0))
    litter = state.litter
    score = jnp.array([0.1, 0.9, 0.3, 0.2, 0.8, 0.0, 0.95, 0.4])
    after, log = rule.update(vector_agent(), state, episodes(score[None]), jax.random.key(1))
    np.testing.assert_array_equal(after.litter[:2], litter[jnp.array([6, 1])])
    np.testing.assert_allclose(log["kept_fitness"], 0.925, rtol=1e-6)


def test_truncation_mutates_with_the_stated_spread():
    rule = Truncation(candidates=20_004, parents=4, lanes=20_004, mutation=0.3)
    parents = jax.random.normal(jax.random.key(0), (4, 5))
    litter, both = rule.breed(parents, jax.random.key(1))
    parent = both[:, 0]
    np.testing.assert_array_equal(both[:, 1], parent)
    assert parent[:4].tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(litter[:4], parents)
    step = np.asarray(litter - parents[parent])[4:]
    n = step.size
    assert abs(step.mean()) < 4.5 * 0.3 / np.sqrt(n)
    assert abs(step.std() / 0.3 - 1) < 4.5 / np.sqrt(2 * n)
    assert stats.chisquare(np.bincount(parent[4:], minlength=4)).pvalue > 1e-5


@pytest.mark.parametrize("monotone", [lambda f: 3 * f + 1, jnp.exp, lambda f: f**3])
def test_truncation_reads_only_the_order_of_returns(monotone):
    rule = Truncation(candidates=16, parents=4, lanes=16, steps=1)
    state = rule.init(vector_agent(), jax.random.key(0))
    score = jax.random.normal(jax.random.key(2), (1, 16))
    plain, mapped = (
        rule.update(vector_agent(), state, episodes(s), jax.random.key(1))[0] for s in (score, monotone(score))
    )
    np.testing.assert_array_equal(plain.litter, mapped.litter)
    turned = rule.update(vector_agent(), state, episodes(-score), jax.random.key(1))[0]
    assert (turned.litter != plain.litter).any()


WHOLE = [
    Truncation(candidates=8, parents=2, lanes=16, steps=4),
    OpenAIES(candidates=8, lanes=16, steps=4),
    GuessAndCheck(candidates=8, lanes=16, steps=4, bar=5.0, share=1.0),
]


@pytest.mark.parametrize("rule", WHOLE, ids=lambda rule: type(rule).__name__)
def test_selection_does_not_know_which_step_paid(rule):
    """Moving reward between the steps of an episode, its sum kept, changes nothing (integers, so that sums are exact)."""
    rng = np.random.default_rng(0)
    reward = rng.integers(0, 4, size=(4, 16)).astype(np.float32)
    agent, key = vector_agent(), jax.random.key(1)
    state = rule.init(agent, jax.random.key(0))
    plain, moved = (rule.update(agent, state, episodes(r, 4), key)[0] for r in (reward, rng.permuted(reward, axis=0)))
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(moved), strict=True):
        same = (
            jax.random.key_data(a) == jax.random.key_data(b) if jnp.issubdtype(a.dtype, jax.dtypes.prng_key) else a == b
        )
        assert same.all()


def test_rules_told_of_steps_do_know():
    agent = table(1, {"logits": 2, "value": 1})
    rule = Reinforce(gamma=1.0)
    state = rule.init(agent, jax.random.key(0))
    early = experience(np.ones((2, 1, 1)), [[0], [1]], [[1.0], [0.0]], terminated=[[False], [True]])
    late = early._replace(reward=early.reward[::-1])
    one, other = (rule.update(agent, state, told, jax.random.key(1))[0].params["logits"] for told in (early, late))
    assert not np.allclose(one, other)


# ---- OpenAI-ES: row 9 ----


def test_antithetic_pair_on_a_quadratic_is_exact():
    """For ½xᵀAx + bᵀx a pair gives (g·ε)ε with g = Aμ + b, at any σ (Salimans et al. 2017)."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        a, b, mu = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
        a = a + a.T
        f = lambda x: 0.5 * x @ a @ x + b @ x  # noqa: E731
        for sigma in (0.01, 1.0, 30.0):
            eps = rng.normal(size=4)
            score = jnp.array([f(mu + sigma * eps), f(mu - sigma * eps)])
            found = smoothed_gradient(jnp.asarray(eps)[None], score, sigma)
            np.testing.assert_allclose(found, (a @ mu + b) @ eps * eps, rtol=1e-9)


def test_es_gradient_is_unbiased_with_the_known_covariance():
    """Mean g and, for linear f, covariance ‖g‖² I + g gᵀ of one pair's estimate."""
    n, sigma, g = 200_000, 0.3, np.array([1.0, -2.0, 0.5])
    eps = jax.random.normal(jax.random.key(7), (n, 3))
    one = jax.vmap(lambda e: smoothed_gradient(e[None], sigma * jnp.stack([e @ g, -e @ g]), jnp.float32(sigma)))
    found = np.asarray(one(eps.astype(jnp.float32)), np.float64) if eps.dtype == jnp.float32 else None
    truth = g @ g * np.eye(3) + np.outer(g, g)
    z = (found.mean(0) - g) / np.sqrt(np.diag(truth) / n)
    assert np.abs(z).max() < 4.5
    centred = found - g
    products = centred[:, :, None] * centred[:, None, :]
    z = (products.mean(0) - truth) / (products.std(0) / np.sqrt(n))
    assert np.abs(z).max() < 4.5


def test_openai_es_acts_with_antithetic_pairs_and_climbs_a_bandit():
    rule = OpenAIES(candidates=32, lanes=32, steps=1, learning_rate=0.1, sigma=0.3)
    agent = vector_agent()
    state = rule.init(agent, jax.random.key(0))
    acting = rule.behave(agent, state, jax.random.key(1)).params
    np.testing.assert_allclose(acting[:16] + acting[16:], jnp.broadcast_to(2 * state.mean, (16, 3)), atol=1e-5)
    goal = jnp.array([1.0, -1.0, 0.5])
    after, _ = rule.update(agent, state, episodes(jnp.zeros((1, 32))), jax.random.key(3))
    assert (after.noise != state.noise).all()  # drawn afresh

    def generation(state, key):
        litter = rule.behave(agent, state, key).params
        return rule.update(agent, state, episodes(-((litter - goal) ** 2).sum(-1)[None]), key)

    state, _ = jax.lax.scan(generation, state, jax.random.split(jax.random.key(2), 200))
    np.testing.assert_allclose(rule.policy(agent, state), goal, atol=0.15)


# ---- guess and check: row 16 ----


def test_the_bar_is_cleared_by_what_equals_it_in_enough_of_a_candidates_own_lanes():
    told = episodes([[1.0, 1.5, 0.0, -1.0]])
    assert clears(told, 2, 1.0, 1.0).tolist() == [True, False]
    assert clears(told, 2, 1.5, 0.5).tolist() == [True, False]
    assert clears(told, 2, 1.5, 0.6).tolist() == [False, False]


def test_guess_and_check_accepts_at_the_closed_form_rate():
    """Greedy on two Gaussian logits N(m_i, s_i²), arm 1 pays: the prior passes with Φ((m₁ − m₀) / √(s₀² + s₁²))."""
    mean, sd, n = jnp.array([0.5, -0.2]), jnp.array([1.0, 0.7]), 100_000
    agent = Agent(lambda key: mean + sd * jax.random.normal(key, (2,)), lambda params, obs: {"logits": obs * params})
    rule = GuessAndCheck(candidates=n, lanes=n, steps=1, share=1.0)
    state = rule.init(agent, jax.random.key(0))
    litter = state.litter
    told = episodes((litter[:, 1] > litter[:, 0]).astype(jnp.float32)[None])
    accepted = float(rule.update(agent, state, told, jax.random.key(1))[1]["accepted"])
    truth = stats.norm.cdf((-0.2 - 0.5) / np.hypot(1.0, 0.7))
    assert abs(accepted - truth) < 4.5 * np.sqrt(truth * (1 - truth) / n)


def test_what_guess_and_check_keeps_is_the_prior_conditioned_on_passing():
    """Kept logit differences against the truncated normal, by a Kolmogorov–Smirnov test over 4,000 runs."""
    agent = Agent(lambda key: jax.random.normal(key, (2,)), lambda params, obs: {"logits": obs * params})
    rule = GuessAndCheck(candidates=16, lanes=16, steps=1, share=1.0)

    def one(key):
        init_key, update_key = jax.random.split(key)
        state = rule.init(agent, init_key)
        litter = state.litter
        told = episodes((litter[:, 1] - litter[:, 0] > 0.5).astype(jnp.float32)[None])
        return rule.update(agent, state, told, update_key)[0]

    state = jax.vmap(one)(jax.random.split(jax.random.key(3), 4000))
    kept = np.asarray(state.kept[:, 1] - state.kept[:, 0])[np.asarray(state.cleared)]
    prior = stats.truncnorm(0.5 / np.sqrt(2), np.inf, scale=np.sqrt(2))
    assert stats.kstest(kept, prior.cdf).pvalue > 1e-4


def test_guess_and_check_keeps_its_first_find_for_good():
    rule, agent = GuessAndCheck(candidates=4, lanes=4, steps=1, share=1.0), vector_agent()
    state = rule.init(agent, jax.random.key(0))
    first_guess = state.kept
    state, _ = rule.update(agent, state, episodes([[0.0, 0, 0, 0]]), jax.random.key(1))
    np.testing.assert_array_equal(state.kept, first_guess)
    found, guesses = state.litter[2], state.litter
    state, _ = rule.update(agent, state, episodes([[0.0, 0, 1, 1]]), jax.random.key(2))
    np.testing.assert_array_equal(state.kept, found)
    state, _ = rule.update(agent, state, episodes([[1.0, 1, 1, 1]]), jax.random.key(3))
    np.testing.assert_array_equal(state.kept, found)
    assert isinstance(state, GuessState) and bool(state.cleared)
    assert (state.litter != guesses).all()


# ---- shuffled reward ----


def test_permute_where_permutes_the_masked_entries_uniformly():
    x, mask = jnp.array([1.0, 2, 3, 4, 5]), jnp.array([True, False, True, True, False])
    many = jax.vmap(lambda key: permute_where(key, x, mask))(jax.random.split(jax.random.key(0), 60_000))
    assert not np.asarray(many[:, ~mask]).any()
    orders, counts = np.unique(np.asarray(many)[:, [0, 2, 3]], axis=0, return_counts=True)
    assert len(orders) == 6 and (np.sort(orders, axis=1) == [1, 3, 4]).all()
    assert stats.chisquare(counts).pvalue > 1e-5


def test_shuffled_pays_other_episodes_returns_at_the_end_and_carries_what_is_unfinished():
    class Told(Reinforce):
        def update(self, agent, state, experience, key):
            return state, {"reward": experience.reward}

    rule = Shuffled(rule=Told(lanes=2, steps=3))
    agent = table(1, {"logits": 2, "value": 1})
    state = rule.init(agent, jax.random.key(0))
    done = np.array([[False, True], [True, False], [False, False]])
    told = experience(
        np.ones((3, 2, 1)), np.zeros((3, 2)), np.array([[1.0, 7], [2, 10], [4, 20]], np.float32), terminated=done
    )
    state, log = rule.update(agent, state, told, jax.random.key(1))
    paid = np.asarray(log["reward"])
    assert sorted(paid[done].tolist()) == [3.0, 7.0] and not paid[~done].any()
    assert state.earned.tolist() == [4.0, 30.0]
    done = np.array([[True, False], [False, False], [False, True]])
    state, log = rule.update(agent, state, told._replace(terminated=jnp.asarray(done)), jax.random.key(2))
    assert sorted(np.asarray(log["reward"])[done].tolist()) == [5.0, 67.0]
    assert state.earned.tolist() == [6.0, 0.0]


def test_shuffling_leaves_selection_nothing_to_select_on():
    """Over many generations the kept candidates' true fitness is the litter's mean."""
    rule = Shuffled(rule=Truncation(candidates=16, parents=4, lanes=16, steps=1))
    agent, score = vector_agent(), jnp.arange(16.0)
    state = rule.init(agent, jax.random.key(0))
    litter = state.inner.litter

    def kept(key):
        parents = rule.update(agent, state, episodes(score[None]), key)[0].inner.litter[:4]
        return (parents[:, None] == litter[None]).all(-1).argmax(-1)

    ranks = np.asarray(jax.vmap(kept)(jax.random.split(jax.random.key(1), 20_000))).mean(-1)
    assert abs(ranks.mean() - 7.5) < 4.5 * ranks.std() / np.sqrt(len(ranks))


def test_episode_returns_by_hand():
    reward = jnp.array([[1.0], [2.0], [4.0]])
    done = jnp.array([[False], [True], [False]])
    assert episode_returns(reward, done)[:, 0].tolist() == [1.0, 3.0, 4.0]
    assert episode_returns(reward, done, jnp.array([10.0]))[:, 0].tolist() == [11.0, 13.0, 4.0]
