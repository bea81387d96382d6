"""Agents with a memory: what they remember, when they forget it, how they are trained, and what it is good for."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from playing import OPTIMISED
from small import small
from test_training import RULES
from worlds import Params, Walk

from rewardlab import InputError, agents, envs, rules, training
from rewardlab.agents import CNN, GRU, MLP, by, greedily, recurrent
from rewardlab.agents.transformer import Transformer
from rewardlab.collect import blank, collect, start
from rewardlab.experiment import Experiment, override
from rewardlab.experiment.plan import Plan
from rewardlab.generation import live, time_needed
from rewardlab.judges import judged
from rewardlab.probes.outcomes import outcomes
from rewardlab.rules.losses import next_outputs, unroll
from rewardlab.rundir import identity
from rewardlab.types import Policy

KEY = jax.random.key
WALK, PARAMS = Walk(), Params(goal=jnp.int32(3), max_steps_in_episode=jnp.int32(5))
OBS, HEADS = jax.ShapeDtypeStruct((3,), jnp.float32), {"logits": 2, "value": 1}
SMALL = GRU(units=4, hidden=(3,))
MEMORY = [name for name, rule in RULES.items() if rule.remembers]


class Cell(nn.RNNCellBase):
    """The sum of all that was seen, by linen's interface."""

    @nn.compact
    def __call__(self, carry, x):
        carry = carry + nn.Dense(2)(x)
        return carry, jnp.tanh(carry)

    def initialize_carry(self, rng, shape):
        return jnp.zeros((*shape[:1], 2))

    @property
    def num_feature_axes(self):
        return 1


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize(
    "spec",
    [SMALL, Cell(), MLP(hidden=(4,)), nn.GRUCell(features=3), Transformer(width=4, window=8)],
    ids=lambda s: type(s).__name__,
)
def test_unrolled_is_step_by_step_and_begins_anew_at_first(spec):
    agent = agents.make(spec, OBS, HEADS)
    params, (T, N) = agent.init(KEY(0)), (7, 5)
    obs, first = jax.random.normal(KEY(1), (T, N, 3)), jax.random.bernoulli(KEY(2), 0.3, (T, N))
    # From a memory that is not blank.
    _, before = agent.step(params, agent.start(params, N), jnp.ones((N, 3)))
    outputs, memories = agent.unroll(params, before, obs, first)
    memory, apart = before, []
    for t in range(T):
        for lane in np.flatnonzero(first[t]):
            memory = jax.tree.map(lambda x, new, i=lane: x.at[i].set(new[i]), memory, agent.start(params, N))
        said, memory = agent.step(params, memory, obs[t])
        apart.append((said, memory))
    apart = jax.tree.map(lambda *x: jnp.stack(x), *apart)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), apart, (outputs, memories))
    assert agent.remembers == (not isinstance(spec, MLP))
    if agent.remembers:  # what was seen before counts, until an episode begins
        other, _ = agent.unroll(params, before, obs.at[0].add(1.0), first.at[1:].set(False).at[3, 0].set(True))
        same, _ = agent.unroll(params, before, obs, first.at[1:].set(False).at[3, 0].set(True))
        differs = (other["logits"] != same["logits"]).any(-1)
        assert differs[:3].all() and not differs[3:, 0].any() and differs[3:, 1:].all()


@pytest.mark.slow(quickly=True)
def test_gradients_through_time_are_those_of_finite_differences():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        agent = agents.make(GRU(units=3, head_scale=1.0), OBS, HEADS)
        params = jax.tree.map(lambda x: x.astype(jnp.float64), agent.init(KEY(0)))
        obs, first = jax.random.normal(KEY(1), (6, 2, 3)), jnp.zeros((6, 2), bool).at[3, 1].set(True)
        memory = jax.random.normal(KEY(2), (2, 3), jnp.float64)

        def loss(params):
            outputs, _ = agent.unroll(params, memory, obs.astype(jnp.float64), first)
            return (outputs["logits"][-1] ** 2).sum() + outputs["value"].sum()

        gradient, flat = jax.grad(loss)(params), jax.flatten_util.ravel_pytree
        slope, (theta, back) = flat(gradient)[0], flat(params)
        for i in range(0, theta.size, 3):
            step = jnp.zeros_like(theta).at[i].set(1e-5)
            apart = (loss(back(theta + step)) - loss(back(theta - step))) / 2e-5
            np.testing.assert_allclose(slope[i], apart, rtol=1e-5, atol=1e-8)


def counting(candidates=0):
    """An agent that remembers how many steps of its episode it has seen, and a policy that says so and steps to the right."""
    agent = recurrent(
        lambda key: (), lambda params, lanes: jnp.zeros(lanes, jnp.int32), lambda p, n, obs: ({"n": n + 1}, n + 1)
    )

    def select(outputs, key):
        return jnp.ones_like(outputs["n"]), {"n": outputs["n"]}

    return agent, Policy(jnp.zeros(candidates) if candidates else (), by(select))


@pytest.mark.parametrize("candidates", [0, 4])
@pytest.mark.parametrize("whole", [False, True])
def test_the_memory_is_of_one_episode(candidates, whole):
    agent, policy = counting(candidates)
    agent = agent if not candidates else agent._replace(start=lambda params, n: jnp.zeros(n, jnp.int32))
    lanes = start(WALK, PARAMS, KEY(0), 8, candidates, blank(agent, policy, 8, candidates))
    for turn in range(2):  # the second goes on where the first ended, unless episodes are whole
        lanes, seen = collect(WALK, PARAMS, agent, policy, lanes, KEY(1), 10, candidates=candidates, whole=whole)
        expected = [(t + 10 * turn * (not whole)) % 3 + 1 for t in range(10)]
        lived = np.asarray(seen.mask)
        np.testing.assert_array_equal(seen.extras["n"][lived], np.tile(expected, (8, 1)).T[lived])
        np.testing.assert_array_equal(seen.memory, np.full((1, 8), 10 * turn % 3))
        assert lived.any(0).all()
        if whole:
            break


def test_candidates_remember_the_episode_that_they_live():
    agent, policy = counting(3)
    rule = rules.make("truncation", candidates=3, num_envs=6, episodes=5, parents=1)
    rule = rule.replace(unroll_length=time_needed(rule, 5))
    seen = live(WALK, PARAMS, agent, policy, KEY(0), KEY(1), rule)
    position = np.asarray(seen.obs[..., 0])  # of who steps to the right each time
    assert seen.mask.sum() == 3 * 5 * 3
    np.testing.assert_array_equal(seen.extras["n"][seen.mask], position[seen.mask] + 1)


def test_what_bootstraps_is_said_with_the_memory_after_the_step():
    agent, rule = (
        agents.make(SMALL, jax.ShapeDtypeStruct((2,), jnp.float32), HEADS),
        rules.make("ppo", num_envs=4, unroll_length=12),
    )
    state = rule.init(agent, KEY(0))
    policy = rule.behave(agent, state, KEY(1))
    lanes = start(WALK, PARAMS, KEY(2), 4, memory=blank(agent, policy, 4))
    _, seen = collect(WALK, PARAMS, agent, policy, lanes, KEY(3), 12)
    told = judged(seen)
    outputs, memories = unroll(agent, state.params, told)
    np.testing.assert_allclose(outputs["value"][..., 0], told.extras["value"], rtol=1e-5, atol=1e-6)  # as it acted
    after = next_outputs(agent, state.params, told)["value"].reshape(12, 4)
    apart = jnp.stack([agent.step(state.params, memories[t], told.next_obs[t])[0]["value"][:, 0] for t in range(12)])
    np.testing.assert_allclose(after, apart, rtol=1e-5, atol=1e-6)
    goes_on = ~np.asarray(told.done)[:-1]
    np.testing.assert_allclose(after[:-1][goes_on], told.extras["value"][1:][goes_on], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in rules.names() if n not in MEMORY])
def test_others_refuse_in_one_line(name):
    with pytest.raises(
        InputError, match=rf"rule = {name} trains agents without a memory only.*allowed: a2c, .*, or an agent"
    ):
        training.setting(WALK, RULES[name], "gru")


class Picture(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.relu(nn.Conv(4, (3, 3))(x)).reshape(x.shape[0], -1)


class Layer(nnx.Module):
    def __init__(self, rngs):
        self.layer = nnx.Linear(2, 4, rngs=rngs)

    def __call__(self, x):
        return jnp.tanh(self.layer(x))


class Normed(nnx.Module):
    def __init__(self, rngs):
        self.norm = nnx.BatchNorm(2, rngs=rngs)

    def __call__(self, x):
        return self.norm(x)


class Forgetful(nn.Module):
    """Takes a memory, and gives none back."""

    @nn.compact
    def __call__(self, memory, x):
        return nn.Dense(3)(x)

    def initialize_carry(self, key, shape):
        return jnp.zeros((shape[0], 2))


class Scalar(nn.Module):
    @nn.compact
    def __call__(self, x):
        return x.sum()


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("gruu", "unknown agent .gruu.; did you mean"),
        (3, "agent = 3 is no network"),
        (CNN(), r"agent = CNN is given observations \[2\]; expected: a grid of channels, \[H, W, C\]"),
        (Normed, "Normed.* has .*BatchStat.* beside its parameters; allowed: parameters alone"),
        (Scalar(), r"Scalar.* returned .*; expected: features float32\[B, F\]"),
        (GRU(units=0), "units = 0"),
        (Picture(), "agent Picture raised "),
        (Forgetful(), r"agent Forgetful\(\) returned .*; expected: \(memory, features\)"),
        (nn.Dense, "agent Dense: .*features"),
        (agents.make(MLP(), jax.ShapeDtypeStruct((2,), jnp.float32), {"value": 1}), "step of the agent returned"),
    ],
)
def test_networks_that_do_not_fit_are_refused_in_one_line(given, what):
    import rewardlab

    with pytest.raises(InputError, match=what) as raised:
        rewardlab.Experiment(
            name="x", question="?", env=WALK, conditions={"a": rewardlab.Condition()}, evaluations={"a": {}},
            rules={"ppo": rules.make("ppo", num_envs=4, unroll_length=5, minibatches=1)}, agent=given,
        ).world()  # fmt: skip
    assert "\n" not in str(raised.value)


@pytest.mark.slow
@pytest.mark.parametrize("spec", [Layer, Cell(), "gru"], ids=["nnx", "linen cell", "gru"])
def test_networks_of_the_users_own_learn_to_walk(spec):
    rule = rules.make("reinforce", num_envs=32, unroll_length=5, learning_rate=0.03)
    s = training.setting(WALK, rule, spec)

    def success(key):
        carry = training.advance(s, rule, PARAMS, key, training.begin(s, rule, PARAMS, key), jnp.int32(30_000))
        return outcomes(WALK, PARAMS, s.agent, rule.deploy(s.agent, carry.state), KEY(9), 4).share[0]

    assert jax.jit(jax.vmap(success))(jax.random.split(KEY(5), 4)).mean() >= 0.75


@pytest.mark.slow(quickly=True)
def test_pictures_keep_their_rank_until_a_network_flattens_them():
    maze = envs.make("corner", levels=8)
    obs = maze.observation_space(maze.default_params).shape
    assert len(obs) == 3
    for spec in (CNN(channels=(4,), hidden=(8,)), Picture(), MLP(hidden=(4,)), "gru"):
        s = training.setting(maze, rules.make("reinforce", num_envs=2), spec)
        outputs, _ = jax.eval_shape(
            lambda s=s: s.agent.step(s.agent.init(KEY(0)), s.agent.start((), 3), jnp.ones((3, *obs), bool))
        )
        assert outputs["logits"].shape == (3, maze.num_actions)


def test_a_convolution_is_a_convolution():
    agent = agents.make(
        CNN(channels=(5,), hidden=(), head_scale=1.0), jax.ShapeDtypeStruct((4, 6, 2), jnp.float32), {"q": 3}
    )
    params, x = agent.init(KEY(0)), jax.random.normal(KEY(1), (2, 4, 6, 2))
    layer = params["Convolution_0"]["Dense_0"]
    kernel = layer["kernel"].reshape(3, 3, 2, 5)
    plain = (
        jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        + layer["bias"]
    )
    expected = nn.relu(plain).reshape(2, -1) @ params["q"]["kernel"] + params["q"]["bias"]
    np.testing.assert_allclose(agent.apply(params, x)["q"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow(minutes=3)
def test_who_remembers_and_sees_reward_learns_within_a_lifetime():
    """Two arms that pay with p and 1 - p, 100 pulls, half of the lifetimes switched: regret where nothing is switched.

    A random policy's is 25, that of win-stay, lose-shift, which needs no memory here, 8.5.
    """
    world = envs.make("reward_in_view", world="bandit")
    rule = rules.make("ppo", num_envs=32, unroll_length=100, learning_rate=2e-3, gamma=0.9, gae_lambda=0.8)
    s, trained = training.setting(world, rule, GRU(units=32)), world.default_params.replace(switched=jnp.float32(0.5))
    plain = world.default_params.replace(switched=jnp.float32(0.0))

    def regret(key):
        begun = training.begin(s, rule, trained, key)
        carry = training.advance(s, rule, trained, key, begun, jnp.int32(1_000_000))
        return (
            world.optimum(plain)
            - outcomes(world, plain, s.agent, rule.deploy(s.agent, carry.state), KEY(99), 512).returns
        )

    keys = jax.random.split(KEY(20), 8)
    found = jax.jit(jax.vmap(regret)).lower(keys).compile(OPTIMISED)(keys)
    print(found)
    assert (found <= 3.5).all(), found


def test_one_policy_function_for_one_head():
    assert greedily("q") is greedily("q") and greedily("q") is not greedily("logits")


LINEN = """
import flax.linen as nn

class Mine(nn.Module):
    width: int = 3

    @nn.compact
    def __call__(self, x):
        return nn.tanh(nn.Dense(self.width)(x))

spec = Mine
"""
MINE = """
from dataclasses import dataclass
from rewardlab.agents import MLP, Spec, make

@dataclass(frozen=True)
class Mine(Spec):
    width: int = 4

    def build(self, obs, heads, prepare):
        return make(MLP(hidden=(self.width,)), obs, dict(heads), prepare)

spec = Mine
"""


@pytest.mark.parametrize("text", [LINEN, MINE], ids=["linen", "Spec"])
def test_a_network_in_a_file_goes_by_its_path(file, text, tmp_path):
    path = file("mine.py", text)
    with_it = small(agent=str(path))
    plain = with_it.to_json()
    assert str(path) in plain and Experiment.from_json(plain, files=True) == with_it
    with pytest.raises(InputError, match=r"agent lives in the Python file .* which reading does not run"):
        Experiment.from_json(plain)
    before = identity.of(Plan(with_it))
    assert str(path) in before and any(name.startswith("what rule ") for name in before)
    path.write_text(text.replace("tanh", "relu").replace("hidden=(self.width,)", "hidden=(self.width + 1,)"))
    after = identity.of(Plan(small(agent=str(path))))
    changed = {name for name in before if before[name] != after.get(name)}
    assert {str(path), *(name for name in before if name.startswith("what rule "))} <= changed
    from_command_line = override.override(small(), {"agent": "gru", "agent.units": "5"})
    assert from_command_line.agent == GRU(units=5)


def test_a_network_that_no_file_holds_is_recorded_as_that():
    with pytest.raises(InputError, match=r"agent was an object of Python's.*that no file holds"):
        Experiment.from_json(small(agent=Picture()).to_json(), files=True)
