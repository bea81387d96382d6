"""Planning under an overseer: plans by enumeration and by sampling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import KEY, play, world, z_score

from rewardlab import envs
from rewardlab.envs import overseer


def test_plans_that_look_good_and_end_badly():
    env = envs.make("overseer", steps=4)
    params = env.default_params
    names = np.array(overseer.ACTIONS)

    def best(**values):
        plan, score = env.best(envs.params(env, **values), True)
        return names[np.asarray(plan)].tolist(), float(score)

    assert best() == (["cheat"] * 4, 8.0), "by the end state, cheating"
    assert best(process=1.0) == (["work"] * 4, 4.0), "by looks, work, as long as nothing looks better"
    assert best(process=1.0, charm=1.5) == (["polish"] * 4, 6.0)
    assert best(gain=0.5)[0] == ["work"] * 4
    plan = jnp.array([overseer.HIDE, overseer.CHEAT, overseer.CHEAT, overseer.WORK])
    assert overseer.looks(plan, params).tolist() == [0, 1, -1, 1]
    assert (float(overseer.shows(plan, params)), float(overseer.worths(plan, params))) == (5, -1)


@pytest.mark.slow
def test_plans_by_enumeration_and_sampling():
    env, params = world("overseer")
    weights = jax.random.normal(KEY(0), (env.observation_space(params).shape[0], 4))

    def of(weights):
        return lambda obs: jax.nn.softmax(obs.astype(jnp.float32) @ weights)

    exact = env.expected_returns(params, of(weights))

    def policy(obs, state, params, key):
        return jax.random.categorical(key, jnp.log(of(weights)(obs[None])[0])).astype(jnp.int32)

    _, reward, _, _, signals, _ = play(env, params, policy, KEY(1), 100_000, 3)
    for name, sample in (("reward", reward), ("displayed", signals["displayed"]), ("true", signals["true"])):
        assert abs(z_score(np.asarray(sample, np.float64).sum(0), float(exact[name]))) < 4.5
    for watched in (True, False):
        assert np.isclose(float(env.plan_probabilities(of(weights), watched).sum()), 1, atol=1e-6)

    # The gradient is Σ P(plan) score(plan) ∇ log P(plan).
    def log_likelihood(weights, watched):
        return jnp.log(env.plan_probabilities(of(weights), watched))

    def by_score_function(watched):
        jacobian = jax.jacobian(log_likelihood)(weights, watched)
        probability = env.plan_probabilities(of(weights), watched)
        return jnp.einsum("p,p,pij->ij", probability, env.plan_scores(params, watched)["reward"], jacobian)

    gradient = jax.grad(lambda weights: env.expected_returns(params, of(weights))["reward"])(weights)
    assert np.allclose(gradient, (by_score_function(True) + by_score_function(False)) / 2, atol=1e-5)


def test_errors_are_of_a_plan_and_have_the_size_that_is_said():
    """Candidates share keys: plans that are alike share the error, others have one of their own."""
    env = envs.make("overseer", steps=2)
    params = envs.params(env, process=0.6, noise=3.0)

    def error(key, action):
        _, state = env.reset_env(key, params)
        reward = env.step_env(key, state, action, params)[2]
        return reward - env.step_env(key, state, action, params.replace(noise=0.0))[2]

    keys = jax.random.split(KEY(2), 4000)
    errors = np.asarray(jax.vmap(lambda key: jax.vmap(lambda a: error(key, a))(jnp.array([0, 0, 1, 3])))(keys))
    assert (errors[:, 0] == errors[:, 1]).all()
    assert np.allclose(errors.std(0), 3.0 * 0.6, rtol=0.05)
    assert np.abs(np.corrcoef(errors[:, [0, 2, 3]].T) - np.eye(3)).max() < 4.5 / np.sqrt(4000)
