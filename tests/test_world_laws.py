"""Laws that every world keeps, whatever it is about. A world is found by its file: a new one is held to them at once."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from rewardlab import envs
from rewardlab.envs.maze_world import Maze
from rewardlab.inputs.errors import InputError

LEVELS = {"levels": 60, "held_out": 20, "seed": 4}
SIZES = {  # smaller than by default, where that is cheaper
    "bandit": {"pulls": 8},
    "coinrun": LEVELS,
    "colour_shape": {"size": 3, "levels": 20, "held_out": 8},
    "corner": {"size": 5, **LEVELS},
    "crossroads": {"steps": 8},
    "dark_room": {"size": 5, "held_out": 4, "steps": 8},
    "dish": {"size": 5, "dish_channels": 2, **LEVELS},
    "keys": {"size": 4, "max_keys": 2, "max_chests": 3, **LEVELS},
    "learned_reward": {"world": "lever", "length": 5, "steps": 8, "numbers": (4, 8)},
    "lever": {"length": 5, "steps": 8},
    "overseer": {"steps": 3},
    "random_mdp": {"kind": "graph", "states": 9, "hubs": 2, "steps": 8},
    "return_asked": {"world": "lever", "length": 5, "steps": 8, "action_in_view": True},
    "reward_in_view": {"world": "dark_room", "episodes": 2, "size": 5, "held_out": 4, "steps": 4},
    "ridge": {"length": 4},
    "score_strip": {"world": "tomatoes", "tile": "tile", "steps": 8},
    "tomatoes": {"steps": 8},
    "tricks": {"digits": 4, "steps": 4},
}
MIXED = {  # both distributions, and chances to slip, so that nothing is decided by a default
    "bandit": {"linked": 0.5, "high": 0.8},
    "corner": {"elsewhere": 0.5, "corner_size": 2},
    "coinrun": {"moved": 0.5, "behind": 0.5},
    "colour_shape": {"pair": 0.5},
    "crossroads": {"slip": 0.1, "elsewhere": 0.9},
    "dark_room": {"held_out": 0.5},
    "detour": {"blocked": 0.4, "harmless": 0.6, "nearest": 1, "deepest": 3},
    "dish": {"apart": 0.5},
    "keys": {"plenty": 0.5},
    "learned_reward": {"absent": 0.3, "distance": 2, "payoff": 1.5, "compared": 4},
    "lever": {"absent": 0.3, "distance": 2, "payoff": 1.5, "start": 1},
    "overseer": {"process": 0.4, "noise": 0.3, "unwatched": 0.5, "charm": 1.4},
    "random_mdp": {"slip": 0.1, "elsewhere": 0.9},
    "return_asked": {"absent": 0.3, "distance": 2, "payoff": 1.5, "asked_low": -1.0, "asked_high": 9.0},
    "reward_in_view": {"held_out": 0.5, "decoupled": 0.5, "gain": 2.0},
    "ridge": {"slip": 0.2, "swapped": 0.5, "plain_width": 2},
    "score_strip": {"honest": 0.4, "dry": 0.2, "frozen": 0.3, "shifted": 0.3, "writable": 0.2},
    "tomatoes": {"honest": 0.4, "dry": 0.2},
    "tricks": {"answers": 1, "unseen": 0.3, "stopped": 0.2},
}
KEY, LONGEST, PAST = jax.random.key, 32, 3  # steps of the longest episode, and steps past the end


@functools.cache
def world(name):
    env = envs.make(name, **SIZES.get(name, {}))
    return env, envs.params(env, **MIXED.get(name, {})), list(env.references(env.default_params))


def has_levels(env):
    """Whether the optimum is one for each level, and not an expectation over all that is drawn."""
    return hasattr(env, "start")


def keys_of(env, seed):
    """Keys of the resets [N] and of the steps [T, N]."""
    lanes = 64 if has_levels(env) else 1024
    steps = min(int(env.default_params.max_steps_in_episode), LONGEST)
    reset_key, step_key = jax.random.split(KEY(seed))
    return jax.random.split(reset_key, lanes), jax.random.split(step_key, (steps + PAST, lanes))


def stacked(*all_params):
    """Params of every leaf an array [2], of the default's dtype."""
    dtypes = jax.tree.map(lambda x: jnp.asarray(x).dtype, all_params[0])
    return jax.tree.map(lambda dtype, *x: jnp.stack([jnp.asarray(y, dtype) for y in x]), dtypes, *all_params)


@functools.partial(jax.jit, static_argnums=0)
def played(env, params, which, seed):
    """Both of two params' episodes under the scripted policy of that number, and some steps past their end: the first
    (obs, state) [2, N], and of each step [2, T, N] (obs, reward, terminated, truncated, signals, action, as observed).
    """
    reset_keys, step_keys = keys_of(env, seed)

    def of(params):
        scripts = list(env.references(params).values())
        first = jax.vmap(env.reset_env, (0, None))(reset_keys, params)

        def lane(carry, key):
            obs, state = carry
            step_key, act_key = jax.random.split(key)  # the first one is what gymnax steps with
            action = jax.lax.switch(which, scripts, obs, state, params, act_key)
            obs, state, reward, terminated, signals = env.step_env(step_key, state, action, params)
            same = (env.observation(state, params) == obs).all()
            truncated = env.is_truncated(state, params)
            return (obs, state), (obs, reward, terminated, truncated, signals, action, same)

        return first, jax.lax.scan(jax.vmap(lane), first, step_keys)[1]

    return jax.vmap(of)(params)


def values(env):
    """Some of a world's numbers, changed within their ranges."""
    kinds = envs.params_kinds(env)
    limit = min(int(env.default_params.max_steps_in_episode), LONGEST)
    choices = {"max_steps_in_episode": st.sampled_from([limit // 2, limit])}
    for name, field in type(env.default_params).__dataclass_fields__.items():
        if "range" in field.metadata and name in kinds:
            low, high = (kinds[name](x) for x in field.metadata["range"])
            low, high = max(low, -10), min(high, 10)
            choices[name] = st.integers(low, high) if kinds[name] is int else st.floats(low, high)
        elif kinds.get(name) is bool:
            choices[name] = st.booleans()
    return choices


NAMES = envs.names()


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=5, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(data=st.data())
def test_episodes(name, data):
    env, mixed, policies = world(name)
    choices = values(env)
    changed = data.draw(st.sets(st.sampled_from(sorted(choices)), max_size=3), "changed")
    which = data.draw(st.integers(0, len(policies) - 1), "policy")
    try:
        drawn = {field: data.draw(choices[field], field) for field in sorted(changed | {"max_steps_in_episode"})}
        params = envs.params(env, **drawn)
    except InputError:
        assume(False)
    seed = data.draw(st.integers(0, 999), "seed")
    both = stacked(mixed.replace(max_steps_in_episode=min(int(mixed.max_steps_in_episode), LONGEST)), params)
    (first_obs, _), rest = played(env, both, which, seed)
    again = played(env, both, which, seed)[1]
    assert jax.tree.all(jax.tree.map(np.array_equal, rest, again)), "the same keys, the same episodes"
    obs, reward, terminated, truncated, signals, action, same = jax.tree.map(np.asarray, rest)

    space = env.observation_space(params)
    assert obs.shape[3:] == first_obs.shape[2:] == space.shape and obs.dtype == first_obs.dtype == np.dtype(space.dtype)
    assert space.low <= min(obs.min(), first_obs.min()) and max(obs.max(), first_obs.max()) <= space.high
    assert same.all(), "what a step shows is the observation of the state it led to"
    assert env.action_space(params).n == env.num_actions == len(env.actions)
    assert action.dtype == np.int32 and action.min() >= 0 and action.max() < env.num_actions
    assert reward.dtype == np.float32 and terminated.dtype == truncated.dtype == bool
    outcome = signals["outcome"]
    assert outcome.dtype == np.int32 and set(np.unique(outcome)) <= set(range(len(env.outcomes)))
    assert set(env.goals) <= set(signals) and all(signals[goal].dtype == bool for goal in env.goals)

    assert np.array_equal(np.maximum.accumulate(terminated, 1), terminated), "terminated for good"
    clock = np.arange(1, obs.shape[1] + 1)[:, None] >= np.asarray(both.max_steps_in_episode)[:, None, None]
    clock = np.broadcast_to(clock, truncated.shape)
    assert np.array_equal(truncated[~terminated], clock[~terminated]), "the clock truncates, and nothing else does"
    ended = terminated | truncated
    assert np.array_equal(np.maximum.accumulate(ended, 1), ended) and ended[:, -1].all()
    past = np.concatenate([np.zeros_like(ended[:, :1]), ended[:, :-1]], 1)
    for event in ("displayed", "true", *env.goals):
        assert event not in signals or not signals[event][past].any(), event
    assert not reward[past].any()
    assert np.array_equal(outcome[:, 1:][past[:, 1:]], outcome[:, :-1][past[:, 1:]]), "an outcome stays"
    if isinstance(env, Maze):
        assert np.array_equal(obs[:, 1:][past[:, 1:]], obs[:, :-1][past[:, 1:]]), "a finished episode stays as it is"


@pytest.mark.slow(quickly=True, minutes=2)
@pytest.mark.parametrize("name", NAMES)
def test_jit_and_vmap_over_lanes_and_params_change_no_bit_and_gymnax_steps_it(name):
    env, mixed, _ = world(name)
    both = stacked(mixed, env.default_params)
    (_, state), rest = played(env, both, 0, 7)
    params, state = (jax.tree.map(lambda x: x[0], tree) for tree in (both, state))
    for lane in (1,):
        alone = jax.tree.map(lambda x, i=lane: x[i], state)
        obs, reward, terminated, truncated, signals, action, _ = jax.tree.map(lambda x, i=lane: x[0, 0, i], rest)
        with jax.disable_jit():
            *_, info = out = env.step(keys_of(env, 7)[1][0, lane], alone, action, params)
        plain = {key: value for key, value in info.items() if key in signals}
        seen = info["final_observation"], out[2], out[3], out[4], plain
        for a, b in zip(*map(jax.tree.leaves, ((obs, reward, terminated, truncated, signals), seen)), strict=True):
            assert a.dtype == b.dtype
            assert np.allclose(a, b, rtol=1e-6, atol=0) if a.dtype == jnp.float32 else np.array_equal(a, b)
        assert jnp.array_equal(env.observe(KEY(0), out[1], None, params), out[0]), "as gymnax asks for it"


@pytest.mark.parametrize("name", NAMES)
def test_no_policy_beats_the_optimum_and_the_optimal_one_attains_it(name):
    env, params, policies = world(name)
    seed, gamma = 2, 0.9 if has_levels(env) else 1.0
    params = params.replace(max_steps_in_episode=min(int(params.max_steps_in_episode), LONGEST))
    both = stacked(params, params)
    runs = [played(env, both, which, seed) for which in range(len(policies))]
    got = [np.asarray(run[1][1][0], np.float64) for run in runs]
    got = {p: (gamma ** np.arange(len(r))[:, None] * r).sum(0) for p, r in zip(policies, got, strict=True)}
    if gamma < 1:  # one optimum for each level
        first = jax.tree.map(lambda x: x[0, :16], runs[0][0][1])
        if name == "keys":
            states = [jax.tree.map(lambda x, i=i: x[i], first) for i in range(16)]
            best = np.array([env.optimum(state, params, gamma) for state in states])
        else:
            best = np.asarray(jax.jit(jax.vmap(lambda s: env.optimum(s, params, gamma)))(first))
        assert all((r[:16] <= best + 1e-6).all() for r in got.values()) and best.mean() > 0.1
        assert "optimal" not in got or np.abs(got["optimal"][:16] - best).max() < 1e-6
        return
    exact = hasattr(env, "optimum")
    if not exact and not hasattr(getattr(env, "inner", env), "bounds"):
        pytest.skip("nobody knows the best return here")
    best = float(env.optimum(params) if exact else getattr(env, "inner", env).bounds(params)["reward"])
    for policy, r in got.items():
        z = (r.mean() - best) / max(r.std() / len(r) ** 0.5, 1e-6 * max(1, abs(best)))
        assert z < 4.5, policy
        assert policy != "optimal" or not exact or abs(z) < 4.5, "the optimal policy attains it"


def test_the_sizes_are_those_of_worlds_that_there_are():
    assert set(SIZES) | set(MIXED) <= set(NAMES)
