"""Commands and tricks: all cues and answers enumerated, and episodes worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import KEY, play, world, z_score

from rewardlab import envs
from rewardlab.inputs.errors import InputError


def test_which_cues_occur():
    env = envs.make("tricks", digits=10)
    params = env.default_params
    answer = env.answer
    six = np.asarray(env.cue_probabilities(params.replace(answers=1)))
    assert set(answer[six > 0]) == {6} and np.allclose(six[six > 0], 1 / 7)
    three = np.asarray(env.cue_probabilities(params.replace(answers=3)))
    assert set(answer[three > 0]) == {5, 6, 7}
    mixed = np.asarray(env.cue_probabilities(params.replace(answers=1, unseen=0.25)))
    assert np.isclose(mixed[answer == 6].sum(), 0.75) and np.isclose(mixed.sum(), 1)
    everything = np.asarray(env.cue_probabilities(params.replace(unseen=0.25)))
    assert np.allclose(everything, 0.01), "where no cue is left, there is none unseen"
    weights = jnp.zeros(100).at[:2].set(jnp.array([1.0, 3.0]))
    assert np.allclose(env.cue_probabilities(params.replace(weights=weights))[:3], [0.25, 0.75, 0])
    with pytest.raises(InputError, match="weights"):
        env.check_params(params.replace(weights=-weights))


@pytest.mark.parametrize("name", ["tricks", "sums"])
def test_returns_gradients_and_selection_by_enumeration(name):
    env, params = world(name)
    logits = jax.random.normal(KEY(0), (env.cues, env.num_actions))
    policy = jax.nn.softmax(logits)
    by_autodiff = jax.grad(lambda logits: env.expected_return(params, jax.nn.softmax(logits)))(logits)
    assert np.allclose(env.policy_gradient(params, logits), by_autodiff, atol=1e-6)
    # By a loop over cues and tricks, in float64.
    cue = np.asarray(env.cue_probabilities(params), np.float64)
    total = sum(cue[c] * float(policy[c, env.answer[c]]) for c in range(env.cues)) * 0.8
    assert np.isclose(float(env.expected_return(params, policy)), env.steps * total, rtol=1e-5)
    change = np.asarray(env.selection_differential(params, policy), np.float64)
    reward = np.asarray(env.expected_reward(params), np.float64)
    frequency = cue[:, None] * np.asarray(policy, np.float64)
    variance = (frequency * reward**2).sum() - total**2
    assert np.isclose((change * reward).sum(), variance / total, rtol=1e-5), "Fisher 1930: Var(f) / mean(f)"
    assert abs(change.sum()) < 1e-6
    assert not np.asarray(env.selection_differential(params.replace(stopped=1.0), policy)).any()


@pytest.mark.slow
def test_sampled_tricks_agree_with_the_enumeration():
    env, params = world("sums")
    table = jax.nn.softmax(jax.random.normal(KEY(1), (env.cues, env.num_actions)))

    def policy(obs, state, params, key):
        return jax.random.categorical(key, jnp.log(table[state.cue])).astype(jnp.int32)

    _, reward, *_ = play(env, params, policy, KEY(2), 100_000, 3)
    assert abs(z_score(np.asarray(reward).sum(0), float(env.expected_return(params, table)))) < 4.5


def test_a_command_and_a_sum_by_hand():
    env = envs.make("tricks", digits=7, steps=2)
    params = env.default_params
    _, state = env.reset_env(KEY(0), params)
    state = state.replace(cue=jnp.int32(3 * 7 + 5))
    assert np.flatnonzero(env.observation(state, params)).tolist() == [3, 7 + 5]
    _, state, reward, terminated, signals = env.step_env(KEY(1), state, jnp.int32(8), params)
    assert (reward, terminated, signals["right"], signals["habit"]) == (1, False, True, False)
    state = state.replace(cue=jnp.int32(0))
    _, _, reward, terminated, signals = env.step_env(KEY(2), state, jnp.int32(6), params)
    assert (reward, terminated, signals["right"], signals["habit"], signals["outcome"]) == (0, True, False, True, 1)
