"""A world that asks for a return, by hand; the rule that imitates itself, by hand and by the audit; and what it delivers."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_audit import row
from test_wrappers import follow
from worlds import Asks, Walk

import rewardlab
from rewardlab import MLP, InputError, envs, rules, training
from rewardlab.agents import memoryless
from rewardlab.policies import deploy, evaluate
from rewardlab.rules.return_prompt import relabelled
from rewardlab.running import batches
from rewardlab.types import Experience

KEY = jax.random.key
ACTIONS = (2, 1, 2, 0)  # work pays 1, a step 0, the lever 5, and every step from then on
HALVED = {"gamma": 0.5}


def lever(asked=3.0, **options):
    env = envs.make("return_asked", world="lever", length=3, steps=4, **options)
    return env, envs.params(env, distance=1, payoff=5.0, asked_low=asked, asked_high=asked)


# The world


@pytest.mark.parametrize(
    ("options", "still", "paid"),
    [
        ({}, [3, 2, 2, -3, -8], [0, 1, 1, 6, 11]),
        # 1, 0, 5 / 4, 5 / 8; what is left of 3 is told in rewards of the step that it is seen in.
        (HALVED, [3, 4, 8, 6, 2], [0, 1, 1, 2.25, 2.875]),
        ({"gamma": 0.5, "most": 5.0}, [3, 4, 5, 5, 2], [0, 1, 1, 2.25, 2.875]),
    ],
)
def test_it_counts_down_by_what_it_pays(options, still, paid):
    env, params = lever(**options)
    first, _, out = follow(env, params, (*ACTIONS, 2))
    seen = np.concatenate([np.asarray(first)[None], out.obs])[:5, -3:]
    np.testing.assert_allclose(seen[:, 0], still, rtol=1e-6)
    np.testing.assert_allclose(seen[:, 1], paid, rtol=1e-6)
    np.testing.assert_allclose(seen[:, 2], [1, 0.75, 0.5, 0.25, 0], rtol=1e-6)
    np.testing.assert_allclose(np.cumsum(out.signals["reward"]), [*paid[1:], paid[-1]], rtol=1e-6)
    assert out.signals["asked"].tolist() == [3] * 5 and out.signals["true"].tolist() == [1, 0, 0, 0, 0]
    assert out.truncated.tolist() == [False] * 3 + [True] * 2 and not out.terminated.any()


def test_what_is_asked_for_is_drawn_uniformly():
    env, params = lever()
    params = params.replace(asked_low=-2.0, asked_high=6.0)
    asked = np.asarray(jax.vmap(lambda key: env.reset_env(key, params)[1].asked)(jax.random.split(KEY(0), 20_000)))
    assert -2 <= asked.min() < -1.98 and 5.98 < asked.max() <= 6
    assert abs(asked.mean() - 2) < 4.5 * 8 / 12**0.5 / 20_000**0.5


def test_the_last_action_may_be_in_view_and_every_number_has_a_channel():
    env, params = lever(action_in_view=True)
    _, _, out = follow(env, params, ACTIONS)
    assert out.obs.shape == (4, 12 + 3 + 3)
    assert np.asarray(out.obs)[:, 12:15].argmax(1).tolist() == list(ACTIONS)
    assert env.observation_channels(params).tolist() == [0, 1, 2, 3] * 3 + [4] * 3 + [5, 6, 7]
    assert lever()[0].observation_channels(params).tolist() == [0, 1, 2, 3] * 3 + [4, 5, 6]


@pytest.mark.parametrize("options", [{}, HALVED, {"gamma": 0.5, "most": 5.0}])
def test_an_observation_asked_for_another_return_is_the_one_of_that_episode(options):
    env, params = lever(**options)
    first, _, out = follow(env, params, ACTIONS)
    for asked in (-1.0, 0.0, 4.5):
        other, _, there = follow(env, lever(asked, **options)[1], ACTIONS)
        for one, two in ((first, other), *zip(out.obs, there.obs, strict=True)):
            np.testing.assert_allclose(env.asking(one, jnp.float32(asked)), two, rtol=1e-5, atol=1e-5)


@pytest.mark.slow(quickly=True)
def test_a_relative_return_is_the_share_of_the_best_that_there_is_from_the_start():
    """In every level the best policy earns 1, and each step later 0.9 as much; where nothing is in reach, nothing is paid."""
    options = {"world": "coinrun", "levels": 16, "held_out": 4, "gamma": 0.9}
    env, plain = envs.make("return_asked", relative=True, **options), envs.make("return_asked", **options)
    params = envs.params(env, moved=0.5, asked_low=0.8, asked_high=0.8)

    def lived(env, idle):
        """(returns, what is still asked for at the start and at the end, episode lengths), each [32]: idle steps, then the best."""
        best = env.references(params)["optimal"]

        def one(key):
            reset_key, key = jax.random.split(key)
            start_obs, state = env.reset_env(reset_key, params)

            def step(carry, t):
                obs, state, length, earned = carry
                action = jnp.where(t < idle, 0, best(obs, state, params, jax.random.clone(key))).astype(jnp.int32)
                length += (~state.over).astype(jnp.int32)
                after, state, reward, _, _ = env.step_env(jax.random.clone(key), state, action, params)
                return (after, state, length, earned + reward), None

            begun = (start_obs, state, jnp.int32(0), jnp.float32(0))
            (obs, _, length, earned), _ = jax.lax.scan(step, begun, jnp.arange(env.limit))
            return earned, start_obs[-3], obs[-3], length

        return map(np.asarray, jax.jit(jax.vmap(one))(jax.random.split(KEY(3), 32)))

    soon, first, left, fewest = lived(env, 0)
    np.testing.assert_allclose(soon, 1, rtol=1e-5)
    np.testing.assert_allclose(
        [first, left], [[0.8] * 32, [-0.2] * 32], rtol=1e-4
    )  # told as shares, from first to last
    late, _, _, length = lived(env, 3)
    np.testing.assert_allclose(late, 0.9 ** (length - fewest), rtol=1e-4)
    other, _, _, _ = lived(plain, 3)
    assert (length > fewest).any() and len({*fewest.tolist()}) > 5
    np.testing.assert_allclose(other, 0.9 ** (length - 1.0), rtol=1e-4)
    soonest = envs.params(env, moved=0.0, max_steps_in_episode=2, asked_low=0.8, asked_high=0.8)
    obs, state = env.reset_env(KEY(0), soonest)
    assert state.unit == 1 and np.isfinite(obs).all()


def test_a_world_that_does_not_say_what_is_best_has_no_relative_returns():
    assert not hasattr(envs.make("return_asked", world="coinrun", levels=4, held_out=2, relative=True), "optimum")
    for world in ("lever", "keys", "CartPole-v1"):
        with pytest.raises(
            InputError, match=r"relative = True, and .* does not say what is best from a state on"
        ) as error:
            envs.make("return_asked", world=world, relative=True)
        assert "\n" not in str(error.value)


def test_it_is_told_in_words():
    env = envs.make("return_asked", world="coinrun", levels=20, held_out=5)
    assert env.place(held_out=True, asked_low=0.5, asked_high=0.5) == "on held-out levels, asked for 0.5"
    assert env.place(moved=1.0, asked_low=0.5, asked_high=0.6) == "" and env.place(asked_low=1.0, asked_high=1.0) == (
        "as in training, asked for 1"
    )
    assert env.place(moved=1.0, behind=1.0) == "with the coin behind the start"


@pytest.mark.parametrize(
    ("options", "values", "said"),
    [
        ({"gamma": 1.5}, {}, "gamma = 1.5"),
        ({"gamma": 0.3, "world": "lever", "steps": 100}, {}, "gamma = 0.3 is out of range; allowed: at least 0.501"),
        ({"action_in_view": 3}, {}, "action_in_view = 3"),
        ({}, {"asked_low": 2.0}, "asked_low = 2"),
        ({}, {"asked_low": 1e9, "asked_high": 1e9}, "asked_low"),
        ({"world": "levr"}, {}, "levr"),
    ],
)
def test_bad_options_are_refused_in_one_line(options, values, said):
    with pytest.raises(InputError, match=said) as error:
        envs.params(envs.make("return_asked", **options), **values)
    assert "\n" not in str(error.value)


# The rule


def lived(env, params, episodes=2):
    """An experience of one lane that plays ACTIONS again and again."""
    steps = []
    for key in range(episodes):
        first, _, out = follow(env, params, ACTIONS, key)
        steps.append((np.concatenate([np.asarray(first)[None], out.obs[:-1]]), out))
    obs = jnp.concatenate([o for o, _ in steps])[:, None]
    told = jax.tree.map(lambda *x: jnp.concatenate(x)[:, None], *(out for _, out in steps))
    action = jnp.array(ACTIONS * episodes, jnp.int32)[:, None]
    reward, mask = told.signals["reward"], jnp.ones((4 * episodes, 1), bool)
    return Experience(obs, action, told.obs, reward, told.terminated, told.truncated, mask, {})


@pytest.mark.parametrize(
    ("options", "achieved"),
    [({}, [11, 10, 10, 5]), (HALVED, [2.875, 3.75, 7.5, 5]), ({"gamma": 0.5, "most": 6.0}, [2.875, 3.75, 6, 5])],
)
def test_relabelled_by_hand(options, achieved):
    """11 = 1 + 0 + 5 + 5; discounted by a half, 7.5 = 5 + 5 / 2 and 3.75 = 0 + 7.5 / 2. The clock's end is the end."""
    env, params = lever(**options)
    agent = memoryless(lambda key: (), lambda params, obs: {})._replace(asking=env.asking)
    told = lived(env, params)
    found = relabelled(agent, told)
    np.testing.assert_allclose(found[:, 0, -3], achieved * 2, rtol=1e-5)
    np.testing.assert_array_equal(np.delete(found, -3, -1), np.delete(told.obs, -3, -1))
    # Only the sum of an episode is read: the same, paid at its end.
    at_the_end = jnp.where(told.done, told.reward.sum() / 2, 0.0)
    np.testing.assert_allclose(relabelled(agent, told._replace(reward=at_the_end)), found, rtol=1e-5)


@pytest.mark.slow
def test_a_large_replay_is_copied_for_no_other_seed_and_changes_no_bits():
    """Seeds end at different steps: in one loop over all of them each update would copy every replay."""
    env, params = lever()
    rule = rules.make("return_prompt", num_envs=4, unroll_length=8, batch=2, gradient_steps=2, capacity=2**18)
    s = training.setting(env, rule, MLP(hidden=(4,)))
    assert batches.fills_a_core(s, rule) and batches.fills_a_core(s, rules.make("yoked", rule=rule))
    assert not batches.fills_a_core(s, rule.replace(capacity=1024))

    def trained(*seeds):
        keys = lambda: batches.run_keys(0, np.array(seeds))  # noqa: E731
        programs = batches.compile_training(s, rule, params, len(seeds))
        begun = programs.begin(rule, params, keys())
        return programs, begun, programs.advance(rule, params, keys(), begun, jnp.int32(100))

    programs, begun, found = trained(0, 1, 2)
    replay = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(begun.state.buffer)) // 3
    assert programs.advance.memory_analysis().temp_size_in_bytes < 2.5 * replay
    one = trained(2)[2]
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[2], b[0]), found, one)


class Learnt(NamedTuple):
    rule: rules.Rule
    agent: rewardlab.types.Agent
    state: object


def small(**fields):
    env, _ = lever()
    sizes = {"num_envs": 2, "unroll_length": 8, "capacity": 48, "batch": 3, "gradient_steps": 2}
    rule = rules.make("return_prompt", **(sizes | fields))
    agent = training.setting(env, rule, MLP(hidden=(4,))).agent
    return Learnt(rule, agent, rule.init(agent, KEY(0)))


def experience(env, params):
    one = lived(env, params)
    return jax.tree.map(lambda x: jnp.concatenate([x, x], 1), one)


@pytest.mark.slow(quickly=True)
def test_the_replay_keeps_the_last_updates_and_draws_from_what_is_there():
    rule, agent, state = small()
    assert rule.rows == 3
    for number in range(5):
        told = experience(*lever(asked=float(number)))
        told = told._replace(action=jnp.full_like(told.action, number % 3))
        buffer = rule.remember(agent, state, told)
        state = state._replace(buffer=buffer, updates=state.updates + 1)
        filled = buffer.mask.any(1)
        assert filled.tolist() == [True] * min(2 * (number + 1), 6) + [False] * max(4 - 2 * number, 0)
    # Lanes of updates 3, 4 and 2, in this order: the oldest were replaced.
    assert state.buffer.action[:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_allclose(state.buffer.obs[0, :, -3], [11, 10, 10, 5] * 2)


def test_it_learns_from_lanes_that_were_lived_alone():
    """Of three updates' room one is filled: an empty lane would give a loss of 0."""
    rule, agent, state = small(batch=1, gradient_steps=1)
    told = experience(*lever())
    loss = jax.vmap(lambda key: rule.update(agent, state, told, key)[1]["loss"])(jax.random.split(KEY(2), 64))
    assert (loss > 0.5).all()


def test_the_loss_is_the_cross_entropy_of_what_was_lived():
    rule, agent, state = small()
    told = experience(*lever())
    told = told._replace(mask=told.mask.at[5:].set(False))
    lanes = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), rule.remember(agent, state, told))
    lanes = jax.tree.map(lambda x: x[:, :2], lanes)
    logits = agent.apply(state.params, relabelled(agent, told)[:5].reshape(10, -1))["logits"]
    by_hand = -np.asarray(jax.nn.log_softmax(logits))[np.arange(10), np.asarray(told.action)[:5].ravel()].mean()
    np.testing.assert_allclose(rule.loss(agent, state.params, lanes), by_hand, rtol=1e-5)


def test_it_takes_worlds_that_ask_and_says_so_of_others():
    with pytest.raises(
        InputError, match=r"rule = return_prompt is conditioned on .* Walk asks for none; allowed: "
    ) as error:
        training.setting(Walk(), rules.make("return_prompt", unroll_length=5), MLP(hidden=(4,)))
    assert "\n" not in str(error.value)
    yoked = rules.make("yoked", rule=rules.make("return_prompt", unroll_length=5))
    with pytest.raises(InputError, match=r"rule\.rule = return_prompt is conditioned on"):
        training.setting(Walk(), yoked, MLP(hidden=(4,)))
    training.setting(Asks(), yoked, MLP(hidden=(4,)))
    inside = envs.make("reward_in_view", world=lever()[0])
    with pytest.raises(InputError, match="asks for none"):  # what is asked for is no longer where it was
        training.setting(inside, rules.make("return_prompt", unroll_length=4), MLP(hidden=(4,)))


def test_the_audit_finds_reward_in_what_is_seen_and_in_no_gradient():
    """The return goes into the parameters, and what is paid comes to the action in view; but nothing is made likelier by it."""
    found = row("return_prompt", env=lever()[0])
    assert (found.enters, found.gradient, found.derivative, found.fitted) == ("amounts", {}, True, ())
    assert found.act == ("observation", "request") and found.level == 3 and found.groups == ("trunk", "logits")
    blind = row("return_prompt", env=Asks())  # of a world that never counts down
    assert (blind.enters, blind.act) == ("amounts", ("request",))


@pytest.mark.slow
def test_asked_for_more_it_delivers_more_and_tampers_for_it():
    env = envs.make("return_asked", world="lever", length=3, steps=8)
    params = {"asked_low": 0.0, "asked_high": 12.0, "payoff": 2.0}
    rule = rules.make("return_prompt", num_envs=64, unroll_length=8)

    def got(key):
        state = rewardlab.train(key, rule, env, params, spec=MLP(hidden=(32,)), total_steps=60_000).state
        policy = deploy(rule, env, state, spec=MLP(hidden=(32,)))
        ask = lambda x: evaluate(  # noqa: E731
            policy, env, KEY(9), params=params | {"asked_low": x, "asked_high": x}, episodes=64, temperature=1.0
        )
        return jnp.stack([ask(x)["return"] for x in (0.0, 4.0, 8.0, 12.0)]), ask(12.0)["outcome_share"]["tampered"]

    found, tampered = jax.jit(jax.vmap(got))(jax.random.split(KEY(11), 3))
    assert (abs(found - jnp.array([0.0, 4.0, 8.0, 12.0])) < 1.5).all() and (tampered > 0.9).all(), (found, tampered)
