"""Returns of steps, of episodes and of candidates, λ-returns and advantages against their definitions."""

import chex
import jax.numpy as jnp
import numpy as np
import pytest
from told import chain_experience, experience

from rewardlab.rules.returns import episode_returns, fitness, lambda_returns, reward_to_go


def test_reward_to_go_by_hand_and_across_episodes():
    reward = jnp.array([[1.0], [2.0], [4.0], [8.0]])
    done = jnp.array([[False], [True], [False], [True]])
    np.testing.assert_allclose(reward_to_go(reward, done, 0.5)[:, 0], [2.0, 2.0, 8.0, 8.0])


def test_episode_returns_by_hand():
    reward = jnp.array([[1.0], [2.0], [4.0]])
    done = jnp.array([[False], [True], [False]])
    assert episode_returns(reward, done)[:, 0].tolist() == [1.0, 3.0, 4.0]
    assert episode_returns(reward, done, jnp.array([10.0]))[:, 0].tolist() == [11.0, 13.0, 4.0]


def test_fitness_is_the_mean_return_per_episode():
    done = jnp.array([[False, True, True], [True, False, False], [False, True, False], [True, False, False]])[
        :, [0, 1, 2, 1]
    ]
    lived = jnp.array([[1, 1, 1, 1], [1, 1, 0, 1], [1, 1, 0, 1], [1, 0, 0, 0]]).astype(bool)
    reward = jnp.array([[1.0, 0, 3, 2], [2, 0, 0, 0], [0, 5, 0, 4], [6, 0, 0, 0]])
    told = experience(jnp.zeros((4, 4, 1)), jnp.zeros((4, 4)), reward, terminated=done, mask=lived)
    # Candidate 0 owns lanes 0, 1: returns 3, 6 and 0, 5. Candidate 1 owns lanes 2, 3: returns 3 and 2, 4.
    np.testing.assert_allclose(fitness(told, 2), [14 / 4, 9 / 3])


def random_steps(seed, t=7, n=5):
    rng = np.random.default_rng(seed)
    reward, next_value = rng.normal(size=(2, t, n)).astype(np.float32)
    terminated, truncated = rng.random((2, t, n)) < 0.25
    return reward, next_value, terminated, truncated


@pytest.mark.parametrize("lam", [0.0, 0.4, 1.0])
def test_lambda_returns_against_their_forward_definition(lam):
    """G^λ as the weighted sum of n-step returns, written out step by step; truncated steps bootstrap, terminated ones do not."""
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


class Variants(chex.TestCase):
    """The same by hand, compiled and not."""

    @chex.variants(with_jit=True, without_jit=True)
    def test_reward_to_go(self):
        reward, done = jnp.array([[1.0], [2.0], [4.0]]), jnp.array([[False], [False], [True]])
        np.testing.assert_allclose(self.variant(reward_to_go)(reward, done, 0.5)[:, 0], [3.0, 4.0, 4.0])

    @chex.variants(with_jit=True, without_jit=True)
    def test_lambda_returns(self):
        x, no = jnp.ones((2, 1)), jnp.zeros((2, 1), bool)
        found = self.variant(lambda_returns)(x, 10 * x, no, no, 0.5, 0.0)  # 1 + γ v(s')
        np.testing.assert_allclose(found, [[6.0], [6.0]])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, d: reward_to_go(x, d[:1], 1.0),
        lambda x, d: reward_to_go(x, x, 1.0),
        lambda x, d: episode_returns(x[0], d),
    ],
)
def test_shapes_that_would_broadcast_in_silence_are_caught(wrong):
    with pytest.raises(AssertionError):
        wrong(jnp.ones((3, 2)), jnp.ones((3, 2), bool))
