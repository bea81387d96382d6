"""What an experiment refuses, with what words, and what it keeps."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import RULE, WORLD, small

from rewardlab import agents, envs, rules
from rewardlab.experiment import Condition
from rewardlab.experiment.override import leaves
from rewardlab.inputs import errors
from rewardlab.inputs.errors import InputError


def test_messages_name_what_was_given_what_is_allowed_and_the_nearest():
    message = str(errors.unknown("rule", "pppo", ["reinforce", "ppo"]))
    assert message == "unknown rule 'pppo'; did you mean 'ppo'? Allowed: ppo, reinforce"
    assert "did you mean" not in str(errors.unknown("rule", "zzzzzz", ["reinforce", "ppo"]))
    assert str(errors.out_of_range("seeds", 0, "1 or more")) == "seeds = 0 is out of range; allowed: 1 or more"
    assert str(errors.wrong_type("seeds", None, "a whole number")) == "seeds = None is None; allowed: a whole number"
    assert errors.nearest("learning-rate", ["learning_rate", "gamma"]) == "learning_rate"


@given(st.text(max_size=300))
def test_messages_are_one_printable_line_whatever_was_given(text):
    class Broken:
        def __repr__(self):
            raise RuntimeError

    for error in (
        errors.unknown("rule", text, [text]),
        errors.out_of_range(text, Broken(), text),
        InputError(text * 50),
    ):
        assert str(error).isprintable() and len(str(error)) <= 2000


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "../up"}, "name = '../up' can't name files"),
        ({"name": ".hidden"}, "can't name files"),
        ({"name": "a\nb"}, "can't name files"),
        ({"name": "a\0b"}, "can't name files"),
        ({"name": "x" * 65}, "1 to 64"),
        ({"name": "a--b"}, "can't name files"),
        ({"name": 3}, "name = 3 is an int"),
        ({"question": None}, "question = None is None"),
        ({"total_steps": 0}, "steps = 0 is out of range; allowed: a whole number from 1"),
        ({"total_steps": 1.5}, "steps = 1.5 is a float"),
        ({"total_steps": True}, "steps = True is a bool"),
        ({"total_steps": 10**40}, "out of range"),
        ({"seeds": -1}, "seeds = -1 is out of range"),
        ({"points": 0}, "points = 0"),
        ({"episodes": "many"}, "episodes = 'many' is a str"),
        ({"width": -1}, "width = -1"),
        ({"seed": -1}, "seed = -1"),
        ({"capability": math.nan}, "capability = nan is out of range; allowed: a finite number from 0 to 1"),
        ({"capable_return": math.inf}, "capable_return = inf is out of range; allowed: a finite number"),
        ({"capability": -math.inf}, "capability = -inf"),
        ({"capability": 10**400}, "out of range"),
        ({"control_capability": 1.5}, "from 0 to 1"),
        ({"control": "heavi"}, "did you mean 'heavy'? Allowed: heavy, plain"),
        ({"rules": {}}, "rules is empty"),
        ({"rules": ["ppo"]}, "rules = ['ppo'] is a list"),
        ({"rules": {"a": "pppo"}}, "unknown rule 'pppo'; did you mean 'ppo'?"),
        ({"rules": {"a": 3}}, "unknown rule 3"),
        ({"rules": {"a/b": "ppo"}}, "can't name files"),
        ({"rules": {"my-ppo": "ppo", "My_ppo": "ppo"}}, "differ by more than case"),
        ({"conditions": {}}, "conditions is empty"),
        ({"conditions": {"plain": {}}}, "conditions.plain = {} is a dict; allowed: a Condition"),
        ({"conditions": {"heavy": Condition({}, seeds=0)}}, "conditions.heavy.seeds = 0"),
        (
            {"conditions": {"heavy": Condition({"gravity": "much"})}},
            "conditions.heavy.params.gravity = 'much' is a str",
        ),
        ({"conditions": {"heavy": Condition({"gravity": math.nan})}}, "conditions.heavy.params.gravity = nan"),
        ({"conditions": {"heavy": Condition({"gravty": 1.0})}}, "did you mean 'gravity'?"),
        ({"conditions": {"heavy": Condition({"max_steps_in_episode": 2.5})}}, "max_steps_in_episode = 2.5 is a float"),
        ({"evaluations": {}}, "evaluations is empty"),
        ({"evaluations": {"train": {"gravty": 1.0}}}, "did you mean 'gravity'?"),
        ({"evaluations": {"train": 3}}, "evaluations.train = 3"),
        ({"env": "CartPol"}, "unknown world 'CartPol'; did you mean 'CartPole-v1'?"),
        ({"env": "no/such.py"}, "no Python file at 'no/such.py'"),
        ({"env": 7}, "world = 7"),
        ({"env_kwargs": {"nothing": 1}}, "nothing"),
        ({"env": "coinrun", "env_kwargs": {"levls": 1}}, "did you mean 'levels'?"),
        ({"agent": None}, "agent = None"),
        ({"agent": agents.MLP(hidden=(64, 0))}, "agent.hidden = 0"),
        ({"agent": agents.MLP(hidden=64)}, "agent.hidden = 64 is an int; allowed: a list"),
        ({"agent": agents.MLP(head_scale=math.inf)}, "agent.head_scale = inf"),
    ],
)
def test_what_can_not_be_used_is_refused_with_its_name_and_what_is_allowed(changes, said):
    with pytest.raises(InputError) as caught:
        small(**changes)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_valid_experiment_keeps_what_it_was_given():
    e = small()
    assert e.seeds_of("ppo", "plain") == 3 and e.seeds_of("ppo", "heavy") == 2
    assert small(seeds=1).seeds_of("ppo", "heavy") == 1
    assert list(e.conditions) == ["plain", "heavy"] and list(e.evaluations) == ["train", "light-one"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        e.seeds = 4


def test_values_take_the_type_of_their_field():
    e = small(
        capability=1,
        seeds=np.int64(3),
        agent=agents.MLP(hidden=[8]),
        rules={"ppo": "ppo"},
        conditions={"heavy": Condition({"gravity": 12})},
        evaluations={"train": {"gravity": np.float32(2)}},
    )
    assert type(e.capability) is float and type(e.seeds) is int and e.agent.hidden == (8,)
    assert e.rules["ppo"] == rules.make("ppo")
    assert type(e.conditions["heavy"].params["gravity"]) is float and type(e.evaluations["train"]["gravity"]) is float


def test_an_experiment_does_not_see_later_changes_of_what_it_was_made_from():
    evaluations = {"train": {}}
    e = small(evaluations=evaluations)
    evaluations["other"] = {}
    assert list(e.evaluations) == ["train"]


def test_the_world_is_made_with_params_that_fit(file):
    env = small().world()
    assert env is envs.make("CartPole-v1")
    silent = file("quiet.py", WORLD.replace("class Params(", "class Numbers(").replace("Params()", "Numbers()"))
    e = small(
        env=str(silent),
        conditions={"heavy": Condition({"bonsu": 1.0})},
        evaluations={"train": {}},
        rules={"ppo": "ppo"},
    )
    with pytest.raises(InputError, match="did you mean 'bonus'"):  # this file does not tell before it is run
        e.world()


@pytest.mark.parametrize(
    ("rule", "hyperparameters", "said"),
    [
        ("pppo", {}, "did you mean 'ppo'?"),
        ("losses", {}, "unknown rule 'losses'"),
        ("no_such_file.py", {}, "no Python file"),
        ("ppo", {"learning_rat": 1.0}, "did you mean 'learning_rate'?"),
        ("ppo", {"learning_rate": math.nan}, "ppo.learning_rate = nan is out of range"),
        ("ppo", {"learning_rate": "fast"}, "ppo.learning_rate = 'fast' is a str"),
        ("ppo", {"learning_rate": -1}, "from 0 to 1"),
        ("ppo", {"num_envs": 0}, "ppo.num_envs = 0"),
        ("ppo", {"num_envs": 2.0}, "ppo.num_envs = 2.0 is a float"),
        ("ppo", {"gamma": jnp.array([0.5, 2.0])}, "ppo.gamma"),
        ("ppo", {"gamma": jnp.array([0.5, jnp.nan])}, "ppo.gamma"),
        ("ppo", {"gamma": jnp.array([1])}, "float array"),
        ("yoked", {"rule": "pp"}, "did you mean 'ppo'?"),
        ("yoked", {"rule": 3}, "yoked.rule = 3 is an int"),
        (int, {}, "is no rule"),
    ],
)
def test_rules_refuse_what_they_can_not_use(rule, hyperparameters, said):
    with pytest.raises(InputError) as caught:
        rules.make(rule, **hyperparameters)
    assert said in str(caught.value)


def test_rules_are_made_by_name_class_object_and_file(file):
    ppo = rules.make("ppo", gamma=1)
    assert type(ppo.gamma) is float
    assert rules.make(type(ppo), gamma=1) == ppo == rules.make(rules.make("ppo"), gamma=1)
    assert rules.make("yoked", rule="reinforce").rule == rules.make("reinforce")
    assert rules.make("ppo", gamma=jnp.array([0.5, 0.9])).gamma.shape == (2,)
    path = file("still.py", RULE)
    assert rules.make(path, rate=1).rate == 1.0 and type(rules.make(path)) is type(rules.make(str(path)))
    with pytest.raises(InputError, match=r"Still\.rate|still\.py\.rate"):
        rules.make(path, rate=2.0)
    with pytest.raises(InputError, match="defines no `rule`"):
        rules.make(file("empty.py", ""))
    with pytest.raises(InputError, match=r"flax\.struct\.dataclass"):
        rules.make(file("odd.py", "rule = 3"))


def test_every_rule_of_the_package_keeps_to_the_conventions():
    assert {"ppo", "reinforce", "yoked"} <= set(rules.names())
    for name in rules.names():
        rule = rules.make(name)
        assert rule.level in range(7) and rules.name_of(type(rule)) == name
        for path, _, allowed in leaves(rule):
            assert allowed, f"{name}.{path}"
