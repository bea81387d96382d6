"""Environments of other packages: the page's adapters, around stand-ins and, where they are installed, around the packages."""

import importlib
import re
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
import stand_ins

import rewardlab
from rewardlab import envs, rules
from rewardlab.backend.randomness import fast
from rewardlab.envs import adapter, catalogue

PAGE = (Path(__file__).parent.parent / "docs" / "environments.md").read_text(encoding="utf-8")
ADAPTERS = dict(re.findall(r'^```python title="(\S+)"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL))
PACKAGES = {name: code.split()[1].split(".")[0] for name, code in ADAPTERS.items()}
NEEDS_NETWORK = {"MNISTBandit-bsuite"}  # it fetches the digits when it is made


@pytest.fixture(autouse=True)
def _keys_in_states():
    """jax's check of keys used twice takes a `where` of keys for a use."""
    with jax.debug_key_reuse(False), jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(name="around_stand_ins")
def _around_stand_ins(monkeypatch, tmp_path):
    """around_stand_ins(file) makes the world of an adapter around a stand-in."""
    for name, module in stand_ins.modules().items():
        monkeypatch.setitem(sys.modules, name, module)

    def make(file):
        (tmp_path / file).write_text(ADAPTERS[file])
        return envs.make(tmp_path / file)

    return make


def train(env, *, steps=32, lanes=2):
    return partial(rewardlab.train, rule=rules.make("a2c", num_envs=lanes, unroll_length=8), env=env, total_steps=steps)


def test_each_of_the_five_has_an_adapter_of_15_lines():
    assert set(PACKAGES.values()) == {"xminigrid", "navix", "jumanji", "pgx", "craftax"}
    for name, code in ADAPTERS.items():
        assert len([line for line in code.splitlines() if line.strip()]) <= 15, name


@pytest.mark.parametrize("file", ADAPTERS)
def test_an_adapter_tells_ends_from_the_clock_and_is_traced_in_training(file, around_stand_ins):
    env = around_stand_ins(file)
    limit = adapter.time_limit(env)
    params = adapter.set_params(env.default_params, {"max_steps_in_episode": min(limit, 5)})

    def play(action):
        _, state = adapter.reset(env, fast(jax.random.key(0)), params)

        def turn(state, t):
            out = adapter.step(env, fast(jax.random.key(1)), state, action, params)
            return out.state, out._replace(state=None)

        return jax.lax.scan(turn, state, jnp.arange(5))[1]

    both = jax.jit(jax.vmap(play))(jnp.array([1, 0]))
    goes, stays = (jax.tree.map(lambda x, i=i: x[i], both) for i in (0, 1))
    first = int(jnp.argmax(goes.terminated | goes.truncated))
    assert (first, bool(goes.terminated[first]), bool(goes.truncated[first])) == (2, True, False)
    assert goes.signals["reward"][:3].tolist() == [0, 0, 1] and goes.obs[:3].argmax(-1).tolist() == [1, 2, 3]
    assert stays.truncated.tolist() == [False] * 4 + [True] and not stays.terminated.any()
    assert adapter.actions(env) == 2
    carry = jax.eval_shape(train(env), jax.random.key(0))
    assert any(x.dtype == jax.random.key(0).dtype for x in jax.tree.leaves(carry.lanes.env_state)), "it keeps its key"


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("file", ADAPTERS)
def test_a_stand_in_is_trained(file, around_stand_ins):
    carry = jax.jit(jax.vmap(train(around_stand_ins(file), steps=2000, lanes=8)))(
        jax.random.split(jax.random.key(0), 2)
    )
    assert (carry.steps >= 2000).all() and all(jnp.isfinite(x).all() for x in jax.tree.leaves(carry.state))


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("file", ADAPTERS)
def test_a_package_that_is_installed_is_trained(file, tmp_path):
    try:
        importlib.import_module(PACKAGES[file])
    except Exception as error:  # it may be there and not fit this jax
        pytest.skip(f"{PACKAGES[file]}: {type(error).__name__}: {error}")
    (tmp_path / file).write_text(ADAPTERS[file])
    carry = jax.jit(train(envs.make(tmp_path / file)))(jax.random.key(0))
    assert carry.steps == 32


@pytest.mark.slow(seldom=True)
@pytest.mark.parametrize("name", sorted({*catalogue.built_in()} - NEEDS_NETWORK))
def test_every_environment_of_gymnax_is_trained(name):
    """25 of its 26: one needs the network."""
    carry = jax.jit(train(envs.make(name)))(jax.random.key(0))
    assert carry.steps == 32 and all(jnp.isfinite(x).all() for x in jax.tree.leaves(carry.state))
