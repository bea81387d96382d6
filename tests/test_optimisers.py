"""Optimisers by name, from a file and as functions: what they do to parameters, and what is refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import tiny
from worlds import Walk

from rewardlab import rules, training
from rewardlab.experiment import Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.rules import optimisers
from rewardlab.rules.losses import gradient_step
from rewardlab.rundir import identity

KEY = jax.random.key
WORLD = Walk()
TEXT = """
import optax

def optimiser(learning_rate):
    return optax.sgd(learning_rate, momentum=0.9)
"""


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "lion", "adamw"])
def test_an_optimiser_by_name_is_optaxs_behind_a_clip(name):
    loss = lambda params: (params["w"] ** 2).sum() + (params["b"] * 3.0).sum()  # noqa: E731
    params = {"w": jnp.arange(4.0).reshape(2, 2), "b": jnp.ones(3)}
    ours, theirs = optimisers.make(name, 0.1, 0.5), getattr(optax, name)(0.1)
    got, state, _ = gradient_step(loss, params, ours.init(params), ours)
    again, *_ = gradient_step(loss, got, state, ours)

    def step(params, state):
        gradient = jax.grad(loss)(params)
        norm = jnp.sqrt(sum((x**2).sum() for x in jax.tree.leaves(gradient)))
        gradient = jax.tree.map(lambda x: x * jnp.minimum(1.0, 0.5 / norm), gradient)
        with jax.numpy_dtype_promotion("standard"):
            updates, state = theirs.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    expected, state = step(params, theirs.init(params))
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), got, expected)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), again, step(expected, state)[0])


def carried(rule, rate):
    return training.train(KEY(0), rule.replace(learning_rate=rate), WORLD, total_steps=128).state.params


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize(
    "name,size",
    [
        ("reinforce", {"num_envs": 4, "unroll_length": 16}),
        ("openai_es", {"candidates": 4, "num_envs": 8, "unroll_length": 8}),
    ],
)
def test_the_learning_rate_is_traced_whatever_the_optimiser(name, size):
    rule, rates = rules.make(name, optimiser="sgd", **size), jnp.array([0.0, 0.01, 0.1])
    s = training.setting(WORLD, rule)

    def trained(rate):
        state = training.train(KEY(0), rule.replace(learning_rate=rate), WORLD, total_steps=64).state
        return rule.deploy(s.agent, state).params

    every = jax.jit(jax.vmap(trained))(rates)
    moved = [sum(jnp.abs(x[i] - x[0]).sum() for x in jax.tree.leaves(every)) for i in range(3)]
    assert moved[1] > 0 and moved[2] > moved[1]


def test_a_file_and_a_function_do_the_same(file):
    path = file("momentum.py", TEXT)
    by_file = rules.make("reinforce", num_envs=4, unroll_length=16, optimiser=str(path))
    by_function = by_file.replace(optimiser=functools.partial(optax.sgd, momentum=0.9))
    for a, b in zip(*(jax.tree.leaves(carried(rule, 0.05)) for rule in (by_file, by_function)), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(
        (a != b).any()
        for a, b in zip(
            *(jax.tree.leaves(carried(by_file.replace(optimiser=o), 0.05)) for o in ("sgd", str(path))), strict=True
        )
    )


@pytest.mark.parametrize(
    "given,said",
    [
        ("sdg", "unknown reinforce.optimiser 'sdg'; did you mean 'sgd'"),
        (3, "reinforce.optimiser = 3; allowed: "),
        (None, "reinforce.optimiser = None; allowed: "),
        ("nowhere.py", "no Python file at 'nowhere.py'"),
        ("lbfgs", "unknown reinforce.optimiser 'lbfgs'"),
        ("noisy_sgd", "unknown reinforce.optimiser 'noisy_sgd'"),
        (lambda rate: 5, "reinforce.optimiser = .* fails: AttributeError"),
        (lambda: optax.sgd(0.1), "reinforce.optimiser = .* fails: TypeError"),
        (
            lambda rate: optax.GradientTransformation(lambda p: (), lambda g, s, p=None: ({"w": g["w"][:1]}, s)),
            "gives updates of other shapes than the parameters",
        ),
    ],
)
def test_what_is_no_optimiser_is_refused_in_one_line(given, said):
    with pytest.raises(InputError, match=said) as refused:
        rules.make("reinforce", optimiser=given)
    assert "\n" not in str(refused.value)


def test_configs_keep_their_text_and_record_another_one(file):
    asked = tiny.experiment()
    assert "optimiser" not in asked.to_json()
    other = tiny.experiment(rules={"reinforce": rules.make("reinforce", num_envs=8, unroll_length=16, optimiser="sgd")})
    assert Experiment.from_json(other.to_json()) == other and other.rules["reinforce"].optimiser == "sgd"
    mine = tiny.experiment(
        rules={"reinforce": rules.make("reinforce", num_envs=8, unroll_length=16, optimiser=str(file("mine.py", TEXT)))}
    )
    assert Experiment.from_json(mine.to_json(), files=True) == mine
    with pytest.raises(InputError, match="which reading does not run"):
        Experiment.from_json(mine.to_json())
    own = rules.make("reinforce", num_envs=8, unroll_length=16, optimiser=lambda rate: optax.sgd(rate))
    nobodys = tiny.experiment(rules={"reinforce": own})
    with pytest.raises(InputError, match="no file holds"):
        Experiment.from_json(nobodys.to_json())


@pytest.mark.parametrize("name", ["adamw", "lion", "adafactor"])
def test_those_that_look_at_the_parameters_get_them_everywhere(name):
    rule = rules.make("openai_es", optimiser=name, candidates=4, num_envs=8, unroll_length=8)
    state = training.train(KEY(0), rule, WORLD, total_steps=64).state
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(state))


def test_another_optimiser_is_another_run(file):
    def asked(optimiser):
        own = rules.make("reinforce", num_envs=8, unroll_length=16, optimiser=optimiser)
        return tiny.experiment(rules={"yoked": rules.make("yoked", rule=own)})

    one, other = (identity.computed(Plan(asked(functools.partial(optax.sgd, momentum=m)))) for m in (0.9, 0.0))
    assert one.keys() == other.keys() == {"what rule yoked computes"} and one != other
    path = file("mine.py", TEXT)
    before = identity.sources(asked(str(path)))
    path.write_text(TEXT.replace("0.9", "0.5"), encoding="utf-8")
    after = identity.sources(asked(str(path)))
    assert before[str(path)] != after[str(path)]
    assert identity.computed(Plan(asked("sgd"))) == {} and identity.computed(Plan(asked(str(path))))
