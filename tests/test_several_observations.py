"""Observations of several arrays, in a dict or a tuple: what networks get of them, and what is refused."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from worlds import Walk

import rewardlab
from rewardlab import agents, rules, training
from rewardlab.agents import CNN, GRU, MLP
from rewardlab.envs import adapter
from rewardlab.inputs.errors import InputError

KEY = jax.random.key


class Told(Walk):
    """Walk, which tells where it is as numbers, and the time as a whole number."""

    def tell(self, obs, state):
        return {"time": state.time, "where": obs}

    def reset_env(self, key, params):
        obs, state = super().reset_env(key, params)
        return self.tell(obs, state), state

    def step_env(self, key, state, action, params):
        obs, state, *rest = super().step_env(key, state, action, params)
        return self.tell(obs, state), state, *rest


class Pair(Told):
    def tell(self, obs, state):
        return obs > 0, obs


class Row(Told):
    """The same numbers in a row."""

    def tell(self, obs, state):
        return jnp.concatenate([jnp.asarray(state.time, jnp.float32)[None], obs])


class Reads(nn.Module):
    @nn.compact
    def __call__(self, seen):
        assert seen["time"].dtype == jnp.int32 and seen["where"].dtype == jnp.float32
        return nn.relu(nn.Dense(8)(jnp.concatenate([nn.Embed(8, 3)(seen["time"]), seen["where"]], -1)))


class Both(nnx.Module):
    def __init__(self, rngs):
        self.layer = nnx.Linear(4, 8, rngs=rngs)

    def __call__(self, seen):
        flags, where = seen
        return nnx.relu(self.layer(jnp.concatenate([flags, where], -1)))


class Remembers(nn.Module):
    @nn.compact
    def __call__(self, memory, seen):
        return nn.GRUCell(4, recurrent_kernel_init=nn.initializers.lecun_normal())(memory, seen["where"])

    def initialize_carry(self, key, shape):
        return jnp.zeros((shape[0], 4))


def test_what_is_told_in_parts_is_put_in_a_row_and_taken_apart_again():
    found = adapter.signature(Told())
    assert (found.obs.shape, found.obs.dtype) == ((3,), jnp.float32) and set(found.parts) == {"time", "where"}
    obs, _ = adapter.reset(Told(), KEY(0), Told().default_params)
    again = adapter.unpacked(found.parts, jnp.stack([obs, obs + 1]))
    assert again["time"].tolist() == [0, 1] and again["time"].dtype == jnp.int32
    np.testing.assert_array_equal(again["where"][0], Walk().reset_env(KEY(0), Walk().default_params)[0])
    assert adapter.signature(Walk()).parts is None
    pair = adapter.signature(Pair())
    flags, where = adapter.unpacked(pair.parts, jnp.arange(4.0)[None])
    assert flags.tolist() == [[0.0, 1.0]] and where.tolist() == [[2.0, 3.0]]


@pytest.mark.parametrize("name", ["reinforce", "dqn"])
def test_networks_that_know_of_no_parts_get_the_row_to_the_bit(name):
    rule = rules.make(name, num_envs=4, unroll_length=16 if name == "reinforce" else 4)
    told, row = (
        jax.tree.leaves(training.train(KEY(1), rule, world, spec=MLP(hidden=(4,)), total_steps=128).state)
        for world in (Told(), Row())
    )
    for a, b in zip(told, row, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize(
    "world,spec",
    [(Told(), Reads()), (Pair(), Both), (Told(), Remembers()), (Told(), GRU(units=4))],
    ids=lambda x: type(x).__name__,
)
def test_networks_of_the_users_own_get_the_parts(world, spec):
    rule = rules.make("a2c", num_envs=4, unroll_length=4)
    carry = training.train(KEY(2), rule, world, spec=spec, total_steps=64)
    policy = rewardlab.deploy(rule, world, carry.state, spec=spec)
    seen = rewardlab.rollout(policy, world, KEY(3), episodes=2)
    assert np.isfinite(seen.obs).all() and all(np.isfinite(x).all() for x in jax.tree.leaves(carry.state))
    assert rewardlab.audit(rule, agent=spec, env=world)[0].enters == "amounts"


def test_what_does_not_fit_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"float32\[3\]|\[3\]"):
        agents.make(CNN(), adapter.signature(Told()).obs, {"logits": 2})

    class Forgets(Told):
        def step_env(self, key, state, action, params):
            obs, *rest = super().step_env(key, state, action, params)
            return {"where": jnp.append(obs["where"], 1.0)}, *rest

    with pytest.raises(InputError, match="obs from step_env of Forgets") as refused:
        adapter.signature(Forgets())
    assert "\n" not in str(refused.value)

    class Speaks(Told):
        def tell(self, obs, state):
            return {"where": obs, "name": "hall"}

    with pytest.raises(
        InputError, match=r"reset_env of Speaks returned as obs, \['name'\]|returned as obs.*name.*a str"
    ):
        adapter.signature(Speaks())
