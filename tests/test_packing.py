"""Beyond a CPU bits are kept 32 to a word until a network reads them, and nobody learns anything else for it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small import small

from rewardlab import envs, policies, rules, training
from rewardlab.agents import GRU, MLP
from rewardlab.backend import devices
from rewardlab.collect import anywhere
from rewardlab.envs import adapter
from rewardlab.envs.packing import Packed, by_product, unpack, unpack_p
from rewardlab.experiment.plan import Plan
from rewardlab.probes import outcomes

KEY = jax.random.key


def test_words_are_unpacked_lowest_bit_first():
    words = jnp.array([[1, 0], [2**31 + 2, 5]], jnp.uint32)
    bits = np.asarray(unpack(words, 35))
    assert bits.shape == (2, 35) and bits.dtype == bool
    assert [np.flatnonzero(row).tolist() for row in bits] == [[0], [1, 31, 32, 34]]


@pytest.mark.parametrize("entries", [254, 317, 32, 5])
def test_the_matrix_unit_unpacks_the_same_bits(entries):
    """What a TPU is given in place of it: octets times zeros and ones, which bfloat16 holds exactly."""
    words = jax.random.bits(KEY(1), (7, 3, -(-entries // 32)), jnp.uint32)
    np.testing.assert_array_equal(by_product(words, entries=entries), unpack(words, entries))
    assert (
        "bf16"
        in jax.jit(lambda w: unpack_p.bind(w, entries=entries))
        .trace(words)
        .lower(lowering_platforms=("tpu",))
        .as_text()
    )


@pytest.fixture(name="world", scope="module")
def _world():
    return envs.make("coinrun", levels=8, held_out=4, seed=5)


def test_a_packed_world_is_the_world_in_words(world):
    packed, params = Packed(world), world.default_params
    assert adapter.signature(packed).obs == jax.ShapeDtypeStruct((8,), jnp.uint32)
    (obs, state), (words, same) = adapter.reset(world, KEY(3), params), adapter.reset(packed, KEY(3), params)
    for action in (5, 3, 3, 5, 1):
        np.testing.assert_array_equal(unpack(words, obs.size), obs)
        assert jax.tree.all(jax.tree.map(lambda x, y: (x == y).all(), state, same))
        a, b = (adapter.step(env, KEY(3), s, jnp.int32(action), params) for env, s in ((world, state), (packed, same)))
        obs, state, words, same = a.obs, a.state, b.obs, b.state
        assert a.signals.keys() == b.signals.keys()


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize(
    ("rule", "fields", "agent"),
    [
        ("ppo", {"num_envs": 8, "unroll_length": 16, "minibatches": 2}, MLP(hidden=(8,), inputs="standardised")),
        ("ppo", {"num_envs": 8, "unroll_length": 16, "minibatches": 2}, GRU(hidden=(8,))),
        ("dqn", {"num_envs": 8, "capacity": 256, "batch": 16}, MLP(hidden=(8,))),
        ("openai_es", {"candidates": 4, "num_envs": 8}, MLP(hidden=(8,))),
    ],
)
def test_a_rule_learns_the_same(world, rule, fields, agent):
    """In one update, but for how two programs round: in the longer run rounding grows."""
    made, found = rules.make(rule, **fields), []
    if made.whole:
        made = made.replace(unroll_length=2 * adapter.time_limit(world))
    for platform in ("cpu", "gpu"):
        s = training.setting(world, made, agent, platform=platform)
        assert s.agent.obs.dtype == (jnp.bool_ if platform == "cpu" else jnp.uint32)

        def trained(key, s=s):
            carry = training.begin(s, made, world.default_params, key)
            return training.update(s, made, world.default_params, key, carry)

        found.append(jax.jit(trained)(KEY(0)))
    assert found[0].steps == found[1].steps > 0
    start = training.begin(training.setting(world, made, agent, platform="cpu"), made, world.default_params, KEY(0))
    for x, y in zip(*(jax.tree.leaves(made.deploy(s.agent, one.state).params) for one in found), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)
    moved = jax.tree.map(
        lambda x, y: (x != y).any(),
        made.deploy(s.agent, start.state).params,
        made.deploy(s.agent, found[0].state).params,
    )
    assert jax.tree.reduce(jnp.logical_or, moved)  # it learned something


def test_outside_of_training_an_agent_takes_the_bits_themselves(world, monkeypatch):
    """Films, and whoever is handed a policy, show it the world as it is, whatever device it was trained on."""
    made, found = rules.make("ppo", num_envs=8, unroll_length=16, minibatches=2), []
    state = made.init(training.setting(world, made, platform="cpu").agent, KEY(0))
    keys = jax.random.split(KEY(1), 4)
    obs = jax.vmap(lambda key: adapter.reset(world, key, world.default_params)[0])(keys)
    for backend in ("cpu", "gpu"):
        monkeypatch.setattr(devices, "backend", lambda backend=backend: backend)
        policy = policies.deploy(made, world, state)
        assert policy.agent.obs == jax.ShapeDtypeStruct((254,), jnp.bool_)
        agent = training.setting(world, made).agent
        assert (agent.obs.dtype == jnp.uint32) == (backend == "gpu")
        found.append((policy.act(obs, KEY(2))[0], agent.step(state.params, (), obs)[0]["logits"]))
        rollout = jax.eval_shape(lambda policy=policy: policies.rollout(policy, world, KEY(3)))
        assert rollout.obs.shape[-1] == 254
    for x, y in zip(*found, strict=True):
        np.testing.assert_array_equal(x, y)


def test_evaluations_are_for_the_platform_too(world):
    """So what is evaluated by on a chip that is not here is what would run there."""
    made, found = rules.make("ppo", num_envs=8, unroll_length=16, minibatches=2), {}
    for platform in ("cpu", "tpu"):
        s = training.setting(world, made, MLP(hidden=(8,)), platform=platform)
        who, params = training.deployed(s, made), jax.eval_shape(lambda s=s: made.init(s.agent, KEY(0)).params)

        def evaluated(params, s=s, who=who):
            there = who._replace(params=params)
            return outcomes.played(s.env, world.default_params, s.agent, there, KEY(1), 2, platform=s.platform)

        found[platform] = str(jax.make_jaxpr(evaluated)(params)).count(" scan[")
    assert found["tpu"] < found["cpu"]  # blocks, after which it is looked whether anyone still lives


def test_worlds_without_words_stay_as_they_are():
    plan = Plan(small(), "tpu")
    for name in small().rules:
        assert not isinstance(plan.setting(name).env, Packed)


def test_a_branch_is_one_on_a_cpu_alone():
    """It is decided as the program is lowered, for whatever platform that is."""

    def maybe(flags, x):
        return jax.lax.cond(anywhere(flags), lambda x: jnp.sin(x), lambda x: x, x)

    traced = jax.jit(jax.vmap(maybe)).trace(jnp.zeros((3, 4), bool), jnp.zeros(3))
    here, there = (traced.lower(lowering_platforms=(on,)).as_text() for on in ("cpu", "tpu"))
    assert "stablehlo.reduce" in here and "stablehlo.reduce" not in there
    assert "dense<true>" in there
    out = jax.vmap(maybe)(jnp.zeros((3, 4), bool).at[1, 1].set(True), jnp.ones(3))
    np.testing.assert_array_equal(out, jnp.sin(jnp.ones(3)))
    np.testing.assert_array_equal(jax.vmap(maybe)(jnp.zeros((3, 4), bool), jnp.ones(3)), jnp.ones(3))
