"""Shuffled reward: returns change owners, and leave nothing to select on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from told import episodes, experience, table, vector_agent

from rewardlab.rules.reinforce import Reinforce
from rewardlab.rules.shuffled import Shuffled, permute_where
from rewardlab.rules.truncation import Truncation


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


@pytest.mark.slow
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
