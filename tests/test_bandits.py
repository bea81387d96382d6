"""Bandits and the dark room: closed forms, a published figure, and where arms trade places."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import KEY, key_for, play, returns, z_score

from rewardlab import envs
from rewardlab.envs import bandit, grid


@pytest.mark.slow(quickly=True)
def test_bayes_optimal_bandits_in_closed_form():
    # Two pulls: after the first, an arm that paid pays again with 2/3 (Laplace); linked, so does the other if it did not.
    assert np.isclose(bandit.bayes_optimum(2), 1 / 2 + 2 / 3)
    assert np.isclose(bandit.bayes_optimum(2, linked=False), 1 / 2 + (2 / 3 + 1 / 2) / 2)
    for linked in (True, False):
        assert np.isclose(bandit.bayes_optimum(6, linked), brute_bandit(6, linked))
    assert 0.72 < bandit.bayes_optimum(100) / 100 < 0.75
    env = envs.make("bandit", pulls=20)
    assert abs(z_score(returns(env, env.default_params, "greedy", lanes=100_000), bandit.bayes_optimum(20))) < 4.5


def brute_bandit(pulls, linked):
    """The same by a search over all histories, written as one would explain it."""

    def best(counts, left):
        if not left:
            return 0.0
        values = []
        for arm in range(2):
            wins, losses = counts[arm]
            if linked:
                wins, losses = wins + counts[1 - arm][1], losses + counts[1 - arm][0]
            chance = (wins + 1) / (wins + losses + 2)
            won = tuple((w + (i == arm), lost) for i, (w, lost) in enumerate(counts))
            lost = tuple((w, lost + (i == arm)) for i, (w, lost) in enumerate(counts))
            values.append(chance * (1 + best(won, left - 1)) + (1 - chance) * best(lost, left - 1))
        return max(values)

    return best(((0, 0), (0, 0)), pulls)


@pytest.mark.slow
def test_thompson_sampling_fares_as_published():
    # Duan et al. 2016, table 1: 10 arms, 100 pulls: 76.7; random 49.9.
    env = envs.make("bandit", arms=10)
    reward = play(env, env.default_params, bandit.thompson, KEY(0), 300, 100)[1]
    assert abs(np.asarray(reward).sum(0).mean() - 76.7) < 1.0


def test_arms_of_a_bandit_trade_places_once():
    env = envs.make("bandit", pulls=6)
    params = envs.params(env, switched=1.0, switch_at=2)
    _, state = env.reset_env(KEY(3), params)
    before = np.asarray(state.chances)
    assert np.isclose(before.sum(), 1)
    seen = []
    for t in range(4):
        _, state, *_ = env.step_env(key_for(t), state, jnp.int32(0), params)
        seen.append(np.asarray(state.chances)[0])
    assert np.allclose(seen, [before[0], before[1], before[1], before[1]])


@pytest.mark.slow(quickly=True)
def test_the_dark_room_in_closed_form():
    env = envs.make("dark_room")
    even = envs.params(env, held_out=0.2)  # 16 of 80 cells are held out: every cell alike
    assert np.allclose(np.delete(env.goal_probabilities(even), env.centre), 1 / 80)
    search, optimal = (returns(env, even, name, lanes=20_000) for name in ("search", "optimal"))
    # A goal in the t-th new cell pays from the t-th step on: (20 + 19 + … + 1) / 80.
    assert abs(z_score(search, 210 / 80)) < 4.5 and abs(z_score(optimal, float(env.optimum(even)))) < 4.5
    cells = np.cumsum(np.array([(0, 0), *(grid.STEPS[a] for a in env.spiral())]), axis=0) + 4
    assert len({tuple(cell) for cell in cells}) == 81 and cells.min() == 0 and cells.max() == 8
    goals = jax.vmap(lambda key: env.reset_env(key, env.default_params)[1].goal)(jax.random.split(KEY(0), 4000))
    assert set(np.asarray(goals)) == set(env.goal_cells[False]) and env.centre not in env.goal_cells[False]
