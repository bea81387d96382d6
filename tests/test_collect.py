"""Collection against sequences worked out by hand: masks, restarts, truncation, and the count of steps lived."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from worlds import Params, State, Walk

from rewardlab import collect as collecting
from rewardlab.agents import by, memoryless
from rewardlab.collect import collect, start
from rewardlab.judges import judged, signal, silent
from rewardlab.probes.outcomes import counted
from rewardlab.types import Policy

WALK = Walk()


def scripted(per_lane, steps, *, whole=False, params=None, lanes=None):
    """Lane i takes action per_lane[i] at every step."""
    actions = jnp.array(per_lane, jnp.int32)
    agent = memoryless(lambda key: (), lambda params, obs: {"a": actions})
    acting = Policy((), by(lambda outputs, key: (outputs["a"], {"kept": outputs["a"] * 10})))
    params = params or Params()
    lanes = lanes or start(WALK, params, jax.random.key(0), len(per_lane))
    return jax.jit(lambda lanes: collect(WALK, params, agent, acting, lanes, jax.random.key(1), steps, whole=whole))(
        lanes
    )


def column(x, lane):
    return np.asarray(x)[:, lane].astype(int).tolist()


def test_continuing_collection_restarts_at_once_and_carries_on():
    lanes, seen = scripted([1, 0], 7)
    # Lane 0 walks to the goal in 3 steps; lane 1 stays until the clock stops it after 5.
    assert column(seen.terminated, 0) == [0, 0, 1, 0, 0, 1, 0]
    assert column(seen.truncated, 0) == [0] * 7
    assert column(seen.truncated, 1) == [0, 0, 0, 0, 1, 0, 0]
    assert column(seen.terminated, 1) == [0] * 7
    assert np.asarray(seen.mask).all()
    assert column(seen.obs[..., 0], 0) == [0, 1, 2, 0, 1, 2, 0]
    assert column(seen.next_obs[..., 0], 0) == [1, 2, 3, 1, 2, 3, 1]  # before the reset
    assert column(seen.signals["reward"], 0) == [0, 0, 1, 0, 0, 1, 0]
    assert column(seen.extras["kept"], 0) == [10] * 7
    lanes, again = scripted([1, 0], 2, lanes=lanes)
    assert column(again.obs[..., 0], 0) == [1, 2]
    assert column(again.terminated, 0) == [0, 1]
    assert column(again.obs[..., 1], 1) == [2, 3]


def test_one_whole_episode_per_lane():
    _, seen = scripted([1, 0], 5, whole=True)
    assert column(seen.mask, 0) == [1, 1, 1, 0, 0]
    assert column(seen.mask, 1) == [1] * 5
    assert column(seen.terminated, 0) == [0, 0, 1, 0, 0]
    assert int(seen.mask.sum()) == 8


def test_whole_episodes_start_only_while_they_are_sure_to_end():
    _, seen = scripted([1, 0], 9, whole=True)
    # The last start is at step 9 - 5 = 4. Lane 0 starts at 0 and 3, ends its second at step 5, and rests: step 6 is too late.
    assert column(seen.mask, 0) == [1] * 6 + [0] * 3
    assert column(seen.terminated, 0) == [0, 0, 1, 0, 0, 1, 0, 0, 0]
    # Lane 1's first episode ends with step 4, so the second would start at step 5, too late.
    assert column(seen.mask, 1) == [1] * 5 + [0] * 4
    done = seen.terminated | seen.truncated
    assert done.sum(0).tolist() == [2, 1]


def test_both_flags_at_once():
    _, seen = scripted([1], 5, params=Params(goal=5))
    assert column(seen.terminated, 0) == [0, 0, 0, 0, 1]
    assert column(seen.truncated, 0) == [0, 0, 0, 0, 1]


def test_whole_episodes_that_cannot_fit_are_refused():
    with pytest.raises(ValueError, match="5 steps do not fit into 4"):
        scripted([1], 4, whole=True)


def test_dtypes_are_fixed_whatever_the_world_gives():
    lanes, seen = scripted([1, 0], 3)
    assert seen.signals["reward"].dtype == jnp.float32  # the world pays int32
    assert seen.obs.dtype == jnp.float32
    assert all(not x.weak_type for x in jax.tree.leaves(lanes))


def test_judging_hides_the_signals_and_pays_only_what_was_lived():
    _, seen = scripted([1, 0], 5, whole=True)
    told = judged(seen, signal("position"))
    assert "signals" not in told._fields
    assert column(told.reward, 0) == [1, 2, 3, 0, 0]
    assert not np.asarray(judged(seen, silent).reward).any()
    assert column(judged(seen).reward, 0) == [0, 0, 1, 0, 0]


def test_outcomes_of_whole_episodes():
    _, seen = scripted([1, 0, 1, 1], 5, whole=True)
    result = counted(WALK, seen)
    assert result.share.tolist() == [0.75, 0.25]
    assert float(result.returns) == 0.75
    assert float(result.length) == (3 * 3 + 5) / 4


def test_candidates_own_their_lanes():
    agent = memoryless(lambda key: (), lambda params, obs: {"a": jnp.full(obs.shape[0], params, jnp.int32)})
    acting = Policy(jnp.array([1, 0]), by(lambda outputs, key: (outputs["a"], {})))
    lanes = start(WALK, Params(), jax.random.key(0), 6)
    _, seen = collect(WALK, Params(), agent, acting, lanes, jax.random.key(1), 3, candidates=2)
    assert seen.action[0].tolist() == [1, 1, 1, 0, 0, 0]


class Anywhere(Walk):
    """A walk that starts at a random place, and is blown to another one at every step."""

    def reset_env(self, key, params):
        position = jax.random.randint(key, (), 0, 1000)
        return self._obs(position, 0), State(position=position, time=0)

    def step_env(self, key, state, action, params):
        return super().step_env(key, state, jax.random.randint(key, (), 0, 1000), params)


def test_candidates_meet_the_same_worlds():
    """At the start, at every step, and after a reset: lane j of every candidate, and no two lanes of one."""
    world, params = Anywhere(), Params(goal=10_000)
    agent = memoryless(lambda key: (), lambda params, obs: {"a": jnp.zeros(obs.shape[0], jnp.int32)})
    acting = Policy(jnp.zeros(3), by(lambda outputs, key: (outputs["a"], {})))
    lanes = start(world, params, jax.random.key(0), 12, candidates=3)
    _, seen = collect(world, params, agent, acting, lanes, jax.random.key(1), 7, candidates=3)
    position = np.asarray(seen.obs[..., 0]).reshape(7, 3, 4)
    assert seen.truncated[4].all()
    np.testing.assert_array_equal(position, position[:, :1].repeat(3, axis=1))
    assert all(len({*row}) == 4 for row in position[:, 0].tolist())


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("whole", [False, True])
def test_what_is_skipped_changes_nothing(monkeypatch, whole):
    """Resets where none begins, parts of the candidates, and steps that nobody lives: computed or not, in a batch or not."""
    world, params = Anywhere(), Params(goal=12)
    agent = memoryless(lambda key: (), lambda a, obs: {"a": jnp.full(obs.shape[0], a)})
    acting = Policy(jnp.arange(4) % 2, by(lambda outputs, key: (outputs["a"], {})))

    def seen(platform, key):
        start_key, collect_key = jax.random.split(key)
        lanes = start(world, params, start_key, 8, candidates=4)
        how = {"candidates": 4, "whole": whole, "platform": platform}
        return collect(world, params, agent, acting, lanes, collect_key, 12, **how)

    def keys():  # made anew for every use: jax's check of key reuse counts a second one
        return jax.random.split(jax.random.key(0), 3)

    found = []
    for platform, size in (("cpu", 2**20), ("cpu", 0), ("tpu", 0)):
        monkeypatch.setattr(collecting, "PART_BYTES", size)
        if platform == "tpu":
            monkeypatch.setattr(collecting, "anywhere", lambda flags: jnp.bool_(True))
        cut = 4 if platform == "cpu" and not size else 1
        assert collecting.parts(acting.params, jnp.zeros(8), 4, platform) == cut
        one = partial(seen, platform)  # compiled anew each time
        together, alone = jax.jit(jax.vmap(one)), jax.jit(one)
        found += [jax.tree.map(np.asarray, together(keys())), jax.tree.map(np.asarray, [alone(k) for k in keys()])]
    lived = found[0][1].mask
    assert lived.shape == (3, 12, 8) and lived.all() == (not whole)
    for lanes, trajectory in (found[0], found[2], found[4]):
        np.testing.assert_array_equal(trajectory.mask, lived)
        for x, y in zip(jax.tree.leaves((lanes, trajectory)), jax.tree.leaves(found[0]), strict=True):
            mask = lived if x.shape[:3] == lived.shape else np.ones(x.shape[:2], bool)
            np.testing.assert_array_equal(x[mask], y[mask])
    for alone in (found[1], found[3], found[5]):
        for i, (_, trajectory) in enumerate(alone):
            np.testing.assert_array_equal(trajectory.obs[lived[i]], found[0][1].obs[i][lived[i]])
