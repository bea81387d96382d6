"""Continuous actions: Gaussian policies against closed forms, what the world gets, and which rules take them."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from worlds import Aim, Walk

import rewardlab
from rewardlab import MLP, Condition, Experiment, cli, envs, rules, training
from rewardlab.agents import Gaussian, epsilon_greedy, greedily, greedy, sample
from rewardlab.agents.select import entropy, log_prob
from rewardlab.collect import collect, start
from rewardlab.envs import adapter
from rewardlab.envs.adapter import set_params
from rewardlab.inputs.errors import InputError
from rewardlab.judges import judged, world
from rewardlab.probes.outcomes import outcomes
from rewardlab.probes.references import play
from rewardlab.probes.replay import camera, scripted
from rewardlab.rules.natural import objective
from rewardlab.rules.openai_es import smoothed_gradient
from rewardlab.rules.returns import fitness
from rewardlab.types import Box, Policy

KEY, BOX = jax.random.key, Box((-2.0, 0.0), (2.0, 1.0))
TAKING = [name for name in rules.names() if rules.make(name).continuous]
REFUSING = [name for name in rules.names() if name not in TAKING]
AIM, ENDLESS, BLIND = Aim(), Aim(bound=math.inf), MLP(hidden=())
WORLDS = ["Pendulum-v1", "MountainCarContinuous-v0", "PointRobot-misc", "Reacher-misc", "Swimmer-misc"]


def gaussian(mean, std, box=BOX):
    mean = jnp.asarray(mean, jnp.float32)
    return Gaussian(mean, jnp.broadcast_to(jnp.log(jnp.asarray(std, jnp.float32)), mean.shape), box)


def small(name, **more):
    rule = rules.make(name)
    sizes = {"num_envs": 16, "unroll_length": 1, "candidates": 8, "parents": 2, "minibatches": 2} | more
    return rule.replace(**{k: v for k, v in sizes.items() if k in rule.__dataclass_fields__})


def told(env, rule, params, state, key=0):
    """(a trajectory of the rule in the world, what the rule is told of it)."""
    s = training.setting(env, rule, BLIND)
    start_key, behave_key, collect_key = jax.random.split(KEY(key), 3)
    lanes = start(env, params, start_key, rule.num_envs, rule.candidates)
    acting = rule.behave(s.agent, state, behave_key)
    _, seen = collect(
        env,
        params,
        s.agent,
        acting,
        lanes,
        collect_key,
        rule.unroll_length,
        candidates=rule.candidates,
        whole=rule.whole,
    )
    return seen, judged(seen, world)


# ------------------------------------------------------------------------------------------------ Gaussians and their heads


def test_density_entropy_and_divergence_are_those_of_scipy_and_of_the_integral():
    mean, std, action = np.array([0.3, -1.0]), np.array([0.5, 1.6]), np.array([0.9, 0.4])
    policy, truth = gaussian(mean, std), scipy.stats.norm(mean, std)
    np.testing.assert_allclose(log_prob(policy, jnp.float32(action)), truth.logpdf(action).sum(), rtol=1e-6)
    np.testing.assert_allclose(entropy(policy), truth.entropy().sum(), rtol=1e-6)
    other = scipy.stats.norm([0.0, -0.5], [0.7, 1.0])
    integral = 0.0
    for i in range(2):
        p, q = scipy.stats.norm(mean[i], std[i]), scipy.stats.norm(other.mean()[i], other.std()[i])
        integral += scipy.integrate.quad(lambda x, p=p, q=q: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -20, 20)[0]
    np.testing.assert_allclose(policy.divergence(gaussian(other.mean(), other.std())), integral, rtol=1e-5)


@pytest.mark.slow(quickly=True)
def test_the_fisher_product_is_the_hessian_of_the_divergence():
    with jax.enable_x64(True):
        keys = jax.random.split(KEY(0), 4)
        theta, obs = jax.random.normal(keys[0], (8,)), jax.random.normal(keys[1], (6, 3))

        def policy(x):
            mean = jnp.tanh(obs @ x[:6].reshape(3, 2))
            return Gaussian(mean, jnp.broadcast_to(x[6:], mean.shape), BOX)

        action, lived = jax.random.normal(keys[2], (6, 2)), jnp.arange(6) < 4
        problem = objective(policy, theta, action, jnp.ones(6), lived)
        v = jax.random.normal(keys[3], theta.shape)
        np.testing.assert_allclose(problem.fisher(v), jax.hessian(problem.kl)(theta) @ v, atol=1e-12)
        assert np.abs(problem.fisher(v)).min() > 1e-3


def test_samples_follow_the_gaussian_and_greedy_is_its_mean():
    n, mean, std = 100_000, np.array([1.5, 0.25]), np.array([0.5, 2.0])
    outputs = {"logits": gaussian(np.tile(mean, (n, 1)), std)}
    action, extras = sample("logits")(outputs, KEY(1))
    assert action.shape == (n, 2) and action.dtype == jnp.float32 and extras["log_prob"].shape == (n,)
    assert np.abs(action.mean(0) - mean).max() < 4.5 * (std / np.sqrt(n)).max()
    assert scipy.stats.kstest((np.asarray(action) - mean)[:, 0] / std[0], "norm").pvalue > 1e-3
    np.testing.assert_array_equal(greedy("logits")(outputs, KEY(2))[0], outputs["logits"].mean)
    anything, _ = epsilon_greedy("logits", 1.0)(outputs, KEY(3))
    assert scipy.stats.kstest(anything[:, 0], "uniform", (-2, 4)).pvalue > 1e-3
    assert scipy.stats.kstest(anything[:, 1], "uniform", (0, 1)).pvalue > 1e-3
    mixed, _ = epsilon_greedy("logits", 0.3)(outputs, KEY(4))
    assert abs((mixed != outputs["logits"].mean).any(-1).mean() - 0.3) < 4.5 * np.sqrt(0.21 / n)


def test_a_head_is_scaled_to_its_box():
    box = Box((-2.0, 10.0, -math.inf, -3.4028235e38), (2.0, 14.0, math.inf, 3.4028235e38))
    agent = rewardlab.agents.make(BLIND, jax.ShapeDtypeStruct((3,), jnp.float32), {"logits": box, "value": 1})
    params = jax.tree.map(jnp.zeros_like, agent.init(KEY(0)))
    params["logits"]["mean"]["bias"] = jnp.array([0.5, -1.0, 3.0, 3.0])
    out = agent.apply(params, jnp.ones((5, 3)))["logits"]
    np.testing.assert_allclose(out.mean[4], [1.0, 10.0, 3.0, 3.0])
    np.testing.assert_allclose(jnp.exp(out.log_std[0]), [2.0, 2.0, 1.0, 1.0])
    assert (jax.tree.leaves(agent.init(KEY(0))["logits"]["log_std"])[0] == 0).all()


# ------------------------------------------------------------------------------------------------------------- what is taken


@pytest.mark.parametrize("shape", [(), (1,), (2, 2)])
def test_the_world_gets_what_its_bounds_allow_and_the_rule_what_was_drawn(shape):
    env, rule = Aim(shape), small("reinforce", num_envs=512)
    params = set_params(env.default_params, {"bound": 0.25})  # not the bounds that the agent was made for
    state = rule.init(training.setting(env, rule, BLIND).agent, KEY(1))
    seen, experience = told(env, rule, params, state)
    action = np.asarray(experience.action)
    assert action.shape == (1, 512, math.prod(shape)) and np.abs(action).max() > 1
    assert seen.signals["taken"].shape == (1, 512, *shape)
    np.testing.assert_array_equal(np.reshape(seen.signals["taken"], action.shape), np.clip(action, -0.25, 0.25))
    density = jax.vmap(log_prob, (None, 0))(
        jax.tree.map(
            lambda x: x[0], training.setting(env, rule, BLIND).agent.apply(state.params, seen.obs[0])["logits"]
        ),
        experience.action[0],
    )
    np.testing.assert_allclose(experience.extras["log_prob"][0], density, rtol=1e-5)


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("name", WORLDS)
def test_gymnax_worlds_with_boxes_are_walked(name):
    """By a uniform policy, through the ends of two episodes."""
    env = envs.make(name)
    params = set_params(env.default_params, {"max_steps_in_episode": 5})
    rule = rules.make("fixed", epsilon=1.0, num_envs=64, unroll_length=12)
    s = training.setting(env, rule, MLP(hidden=(4,)))

    @jax.jit
    def walk(key):
        carry = training.begin(s, rule, params, key)
        acting = rule.behave(s.agent, carry.state, KEY(1))
        return collect(env, params, s.agent, acting, carry.lanes, KEY(2), rule.unroll_length)[1]

    seen = walk(KEY(0))
    box = adapter.actions(env)
    assert seen.action.shape == (12, 64, box.size) and (seen.terminated | seen.truncated).sum() >= 128
    assert (np.abs(seen.action) <= box.high[0]).all() and all(
        np.isfinite(x).all() for x in jax.tree.leaves(seen.signals)
    )
    assert scipy.stats.kstest(np.ravel(seen.action), "uniform", (box.low[0], box.high[0] - box.low[0])).pvalue > 1e-3


def test_actions_that_are_neither_are_refused():
    class Odd(Aim):
        def action_space(self, params=None):
            space = super().action_space(params)
            space.low = space.high
            return space

    with pytest.raises(InputError, match="allowed: Discrete, or a Box of floats with low < high"):
        training.setting(Odd(), rules.make("ppo"))
    with pytest.raises(InputError, match="are continuous; allowed: discrete ones"):
        envs.make("reward_in_view", world="Pendulum-v1")


# ---------------------------------------------------------------------------------------------------------------------- rules


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("name", TAKING)
def test_rules_that_take_continuous_actions_keep_their_types(name):
    rule = small(name)
    s, params = training.setting(Aim((2,)), rule, MLP(hidden=(4,))), Aim((2,)).default_params
    begun = jax.eval_shape(lambda key: training.begin(s, rule, params, key), KEY(0))
    after = jax.eval_shape(lambda key, carry: training.update(s, rule, params, key, carry), KEY(0), begun)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), begun) == jax.tree.map(lambda x: (x.shape, x.dtype), after)


@pytest.mark.parametrize("name", REFUSING)
def test_rules_that_tell_actions_apart_by_number_are_refused(name):
    with pytest.raises(InputError, match=f"rule = {name} takes discrete actions only.* allowed: a2c, .*ppo, "):
        training.setting(AIM, rules.make(name))
    if not rules.load(name).shown:  # of which no yoked one is made at all
        with pytest.raises(InputError, match=rf"rule\.rule = {name} takes discrete"):
            training.setting(AIM, rules.make("yoked", rule=name))


def test_the_command_line_refuses_before_anything_is_written(file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    question = """
        from rewardlab import Condition, Experiment
        experiment = Experiment("swing", "?", {"main": Condition()}, {"main": {}}, {"q": "dqn"}, env="Pendulum-v1")
    """
    assert cli.main(["run", str(file("question.py", question))]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "rules.q = dqn takes discrete actions only, and those of Pendulum-v1 are continuous" in line
    assert not (tmp_path / "runs").exists()


def test_reinforce_follows_the_gradient_of_the_expected_reward():
    """J = −(μ − c)² − σ²: dJ/dμ = −2 (μ − c), dJ/dlog σ = −2 σ². Each estimate by hand, and their mean against the truth."""
    c, mu, std, n = 0.5, 1.2, 0.6, 50_000
    rule = rules.make("reinforce", baseline=False, entropy_weight=0.0, num_envs=n, unroll_length=1)
    agent = training.setting(ENDLESS, rule, BLIND).agent
    params = jax.tree.map(jnp.zeros_like, agent.init(KEY(0)))
    params["logits"] = params["logits"] | {"log_std": jnp.log(jnp.array([std]))}
    params["logits"]["mean"]["bias"] = jnp.array([mu])
    _, experience = told(
        ENDLESS, rule, set_params(ENDLESS.default_params, {}), rule.init(agent, KEY(0))._replace(params=params)
    )
    a, reward = np.asarray(experience.action[0, :, 0], np.float64), np.asarray(experience.reward[0], np.float64)
    np.testing.assert_allclose(reward, -((a - c) ** 2), rtol=1e-4, atol=1e-6)
    found = jax.grad(lambda p: -rule.loss(agent, p, experience))(params)["logits"]
    each = {"mean": reward * (a - mu) / std**2, "log_std": reward * (((a - mu) / std) ** 2 - 1)}
    truth = {"mean": -2 * (mu - c), "log_std": -2 * std**2}
    for name, gradient in {"mean": found["mean"]["bias"], "log_std": found["log_std"]}.items():
        np.testing.assert_allclose(gradient[0], each[name].mean(), rtol=1e-3)
        assert abs(gradient[0] - truth[name]) < 4.5 * each[name].std() / np.sqrt(n), name


def test_openai_es_follows_the_same_gradient_of_the_mean():
    """The mean acts alone, so that smoothing adds a constant: the slope is −2 (μ − c) still, and that of the spread is 0."""
    n, mu = 512, 1.2
    rule = rules.make("openai_es", candidates=n, num_envs=n, unroll_length=1, sigma=0.3)
    state = rule.init(training.setting(ENDLESS, rule, BLIND).agent, KEY(0))
    state = state._replace(mean=jnp.zeros_like(state.mean).at[1].set(mu))  # log_std, then the bias, then the kernel
    _, experience = told(ENDLESS, rule, set_params(ENDLESS.default_params, {}), state)
    score = np.asarray(fitness(experience, n), np.float64)
    each = (score[: n // 2] - score[n // 2 :])[:, None] * np.asarray(state.noise, np.float64) / (2 * rule.sigma)
    slope = smoothed_gradient(state.noise, fitness(experience, n), rule.sigma)
    error = 4.5 * each.std(0) / np.sqrt(n // 2)
    assert abs(slope[1] + 2 * (mu - 0.5)) < error[1] and (np.abs(slope) < error).tolist() == [True, False, True, True]


LEARNING = {
    "ppo": dict(learning_rate=0.03, num_envs=64, unroll_length=4, entropy_weight=0.0),
    "trpo": dict(max_kl=0.05, num_envs=64, unroll_length=4),
    "truncation": dict(candidates=16, parents=4, num_envs=16, unroll_length=1, mutation=0.05),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNING)
def test_rules_learn_to_aim(name):
    """The greedy action comes to the target, 0.5 in each of two dimensions; a random network is 0.5 away."""
    env, rule = Aim((2,)), rules.make(name, **LEARNING[name])
    train = jax.jit(lambda key: training.train(key, rule, env, spec=BLIND, total_steps=10_000))
    s, params = training.setting(env, rule, BLIND), set_params(env.default_params, {})
    carry = train(KEY(0))
    score = outcomes(env, params, s.agent, rule.deploy(s.agent, carry.state), KEY(1), 4)
    before = outcomes(env, params, s.agent, Policy(s.agent.init(KEY(2)), greedily("logits")), KEY(1), 4)
    assert before.returns < -0.3 < -0.01 < score.returns


@pytest.mark.slow(quickly=True)
def test_the_audit_of_a_rule_is_the_same_in_both_kinds_of_world():
    """How actions are coded changes nothing about what reward reaches; only a world of discrete actions takes all rules."""
    spec = MLP(hidden=(4,))
    discrete, continuous = ({row.rule: row for row in rewardlab.audit(agent=spec, env=env)} for env in (Walk(), AIM))
    assert set(continuous) == {name for name in discrete if name in TAKING}
    assert continuous == {name: row for name, row in discrete.items() if name in TAKING}
    (row,) = rewardlab.audit("ppo", agent=spec, env="Pendulum-v1")
    assert row == continuous["ppo"]


# ------------------------------------------------------------------------------------------------------- films and whole runs


def test_films_and_scripted_policies():
    env, params = Aim((2,)), set_params(Aim().default_params, {})
    rule = small("ppo")
    agent = training.setting(env, rule, BLIND).agent
    (film,) = camera(env, agent, greedily("logits"), episodes=1)(params, agent.init(KEY(0)), KEY(1))
    policy = env.references(params)["aims"]
    assert film.shape == scripted(env, params, policy, KEY(2)).shape == (2, 4, 4, 3)
    assert play(env, params, policy, KEY(3), 8).outcomes.share.tolist() == [1.0, 0.0]


@pytest.mark.slow(quickly=True)
def test_a_whole_run_in_pendulum(tmp_path, one_device):
    experiment = Experiment(
        name="swing",
        question="Does a whole run work?",
        env="Pendulum-v1",
        conditions={"main": Condition()},
        evaluations={"main": {}, "weak": {"max_torque": 1.0}},
        rules={
            "ppo": rules.make("ppo", num_envs=4, unroll_length=32),
            "truncation": rules.make("truncation", candidates=4, parents=2, num_envs=4, unroll_length=200),
        },
        agent=MLP(hidden=(8,)),
        total_steps=1_000,
        seeds=2,
        points=2,
        episodes=2,
        width=2,
        capable_return=-200.0,
    )
    run = rewardlab.run(experiment, tmp_path / "run", progress=False)
    returns = rewardlab.open_run(tmp_path / "run").results["return"]
    assert returns.shape == (2, 1, 2, 3, 2) and (returns < 0).all() and (returns > -2000).all()
    assert (run.results["length"] == 200).all() and (run.results["finite"] == 1).all()
    assert [row["rule"] for row in json.loads(run.results.attrs["audit"])] == ["ppo", "truncation"]
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
