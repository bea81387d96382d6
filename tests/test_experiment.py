"""Experiments: what they accept, what they say when they don't, the JSON round trip, overrides, the registry."""

import dataclasses
import json
import math
import sys
import textwrap

import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardlab import agents, config, envs, errors, fields, registry, rules
from rewardlab.errors import InputError
from rewardlab.experiment import Condition, Experiment
from rewardlab.override import leaves, override
from rewardlab.types import Rule


def small(**changes):
    given = dict(
        name="small",
        question="What was learned?",
        env="CartPole-v1",
        conditions={"plain": Condition(), "heavy": Condition({"gravity": 12.0}, seeds=2)},
        control="heavy",
        evaluations={"train": {}, "light-one": {"gravity": 5.0}},
        rules={"ppo": rules.make("ppo"), "control": rules.make("shuffled", rule=rules.make("ppo", gamma=0.5))},
        steps=1000,
        seeds=3,
    )
    return Experiment(**given | changes)


WORLD = """
    '''A world of one step.'''
    import jax.numpy as jnp
    from flax import struct
    from gymnax.environments import environment, spaces

    @struct.dataclass
    class State(environment.EnvState):
        time: int

    @struct.dataclass
    class Params(environment.EnvParams):
        max_steps_in_episode: int = 1
        bonus: float = 0.0

    class OneStep(environment.Environment):
        def __init__(self, size):
            self.size = size

        @property
        def default_params(self):
            return Params()

        @property
        def num_actions(self):
            return 2

        def action_space(self, params=None):
            return spaces.Discrete(2)

        def observation_space(self, params):
            return spaces.Box(0, 1, (self.size,), jnp.float32)

        def reset_env(self, key, params):
            return jnp.zeros(self.size), State(0)

        def step_env(self, key, state, action, params):
            return jnp.zeros(self.size), State(state.time + 1), action + params.bonus, jnp.bool_(False), {}

    def make(size=3):
        return OneStep(size)
"""

RULE = """
    from flax import struct
    from rewardlab.types import Rule

    @struct.dataclass
    class Still(Rule):
        level = 0
        whole = False
        rate: float = struct.field(default=0.5, metadata={"range": (0.0, 1.0)})
        lanes: int = struct.field(default=4, pytree_node=False)
        steps: int = struct.field(default=2, pytree_node=False)

    rule = Still
"""


@pytest.fixture
def file(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write


# ------------------------------------------------------------------------------------------------------------ messages


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


# ----------------------------------------------------------------------------------------------------------- validity


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
        ({"steps": 0}, "steps = 0 is out of range; allowed: a whole number from 1"),
        ({"steps": 1.5}, "steps = 1.5 is a float"),
        ({"steps": True}, "steps = True is a bool"),
        ({"steps": 10**40}, "out of range"),
        ({"seeds": -1}, "seeds = -1 is out of range"),
        ({"points": 0}, "points = 0"),
        ({"episodes": "many"}, "episodes = 'many' is a str"),
        ({"width": 0}, "width = 0"),
        ({"seed": -1}, "seed = -1"),
        ({"capability": math.nan}, "capability = nan is out of range; allowed: a finite number"),
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
    assert e.seeds_of("plain") == 3 and e.seeds_of("heavy") == 2
    assert small(seeds=1).seeds_of("heavy") == 1
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


# --------------------------------------------------------------------------------------------------------------- rules


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
        ("ppo", {"lanes": 0}, "ppo.lanes = 0"),
        ("ppo", {"lanes": 2.0}, "ppo.lanes = 2.0 is a float"),
        ("ppo", {"gamma": jnp.array([0.5, 2.0])}, "ppo.gamma"),
        ("ppo", {"gamma": jnp.array([0.5, jnp.nan])}, "ppo.gamma"),
        ("ppo", {"gamma": jnp.array([1])}, "float array"),
        ("shuffled", {"rule": "pp"}, "did you mean 'ppo'?"),
        ("shuffled", {"rule": 3}, "shuffled.rule = 3 is an int"),
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
    assert rules.make("shuffled", rule="reinforce").rule == rules.make("reinforce")
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
    assert {"ppo", "reinforce", "shuffled"} <= set(rules.names())
    for name in rules.names():
        rule = rules.make(name)
        assert rule.level in range(7) and rules.name_of(type(rule)) == name
        for path, _, allowed in leaves(rule):
            assert allowed, f"{name}.{path}"


# -------------------------------------------------------------------------------------------------------------- worlds


def test_worlds_are_the_same_instance_for_the_same_arguments(file):
    path = file("one_step.py", WORLD)
    assert envs.make(path) is envs.make(str(path)) and envs.make(path).size == 3
    assert envs.make(path, size=4) is not envs.make(path) and envs.make(path, size=4).size == 4
    assert envs.make(envs.make(path)) is envs.make(path)
    assert envs.origin(envs.make(path, size=4)) == (str(path), {"size": 4})
    for world, kwargs, said in [
        (path, {"siz": 4}, "did you mean 'size'?"),
        (path, {"size": [4]}, "numbers, texts, and tuples"),
        (envs.make(path), {"size": 4}, "is made already"),
        (file("none.py", "make = 3"), {}, "allowed: a function"),
        (file("wrong.py", "def make(): return 3"), {}, "allowed: a gymnax Environment"),
        (file("fails.py", "def make(): return 1 / 0"), {}, "ZeroDivisionError"),
    ]:
        with pytest.raises(InputError) as caught:
            envs.make(world, **kwargs)
        assert said in str(caught.value)


def test_what_gymnax_has_is_known_without_importing_it():
    import gymnax
    import jax

    assert envs.catalogue.names() == tuple(sorted(gymnax.registered_envs))
    assert set(envs.catalogue.built_in()) <= set(gymnax.registered_envs) and "Acrobot-v1" in envs.catalogue.built_in()
    for name in set(envs.catalogue.built_in()) - {"MNISTBandit-bsuite"}:  # which downloads its images
        told = {param: kind for param, kind in envs.params_kinds(name).items() if kind is not object}
        with jax.numpy_dtype_promotion("standard"):
            assert told == envs.params_kinds(envs.make(name)), name


def test_params_take_the_type_of_their_default():
    env = envs.make("CartPole-v1")
    assert envs.params(env, gravity=5).gravity == 5.0 and type(envs.params(env, gravity=5).gravity) is float
    assert envs.params(env) == env.default_params
    for changes, said in [
        ({"gravty": 5}, "did you mean 'gravity'?"),
        ({"gravity": "5"}, "is a str"),
        ({"gravity": math.inf}, "finite"),
    ]:
        with pytest.raises(InputError) as caught:
            envs.params(env, **changes)
        assert said in str(caught.value)


def test_params_of_a_file_are_known_without_running_it(file):
    path = file("explosive.py", WORLD + "\n    raise SystemError")
    assert envs.params_kinds(str(path)) == {"max_steps_in_episode": int, "bonus": float}
    made = envs.params_kinds(envs.make("coinrun", levels=2, held_out=1))
    told = envs.params_kinds("coinrun")
    assert {"moved": float, "behind": float, "held_out": bool}.items() <= told.items()
    assert {name: made[name] for name in told} == told


# ------------------------------------------------------------------------------------------------------------ registry


def test_a_file_is_a_member_when_it_defines_the_agreed_name(file, tmp_path):
    file("one.py", "'''First line.\n\nMore.'''\ndef make(a, *, b=2): pass")
    file("two.py", "from other import something as make")
    file("three.py", "make: int = 3\n")
    file("helper.py", "def helper():\n    make = 3\n")
    file("_private.py", "make = 3")
    assert list(registry.members(tmp_path, "make")) == ["one", "three", "two"]
    assert registry.outline(tmp_path / "one.py").doc == "First line."
    assert registry.outline(tmp_path / "one.py").functions == {"make": ("a", "b")}


def test_files_that_can_not_be_read_are_named(file, tmp_path):
    with pytest.raises(InputError, match=r"bad\.py, line 2: SyntaxError"):
        registry.outline(file("bad.py", "a = 1\nb = ("))
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\0")
    with pytest.raises(InputError, match=r"bytes\.py"):
        registry.outline(tmp_path / "bytes.py")
    for path in ("no.py", "a\0.py", "x" * 5000 + ".py", str(tmp_path), "/etc/passwd"):
        with pytest.raises(InputError, match="no Python file"):
            registry.load_file(path)
    with pytest.raises(InputError, match=r"fails\.py, line 3: KeyError"):
        registry.load_file(
            file("fails.py", "def f():\n    a = 1\n    return {}[a]\nf()\n").rename(tmp_path / "fails.py")
        )


def test_a_file_runs_once_until_it_changes(file):
    path = file("counted.py", "import sys\nsys.counted = getattr(sys, 'counted', 0) + 1\n")
    try:
        assert registry.load_file(path) is registry.load_file(path) and sys.counted == 1
        path.write_text(path.read_text() + "new = 1\n")
        assert registry.load_file(path).new == 1 and sys.counted == 2
        path.write_text(path.read_text().replace("new = 1", "new = 2"))  # the same second, the same size
        assert registry.load_file(path).new == 2 and sys.counted == 3
        assert list(path.parent.iterdir()) == [path]  # nothing appears beside it
    finally:
        del sys.counted


# ---------------------------------------------------------------------------------------------------------------- JSON


def test_json_holds_everything_exactly(file):
    e = small(
        rules={
            "a": rules.make("ppo", learning_rate=0.1 + 0.2),
            "b": rules.make("shuffled", rule="reinforce"),
            "c": file("r.py", RULE),
        },
        env=str(file("w.py", WORLD)),
        env_kwargs={"size": 5},
        conditions={"z": Condition({"bonus": 1 / 3}), "a": Condition()},
        evaluations={"t": {"bonus": -0.0}},
        agent=agents.MLP(hidden=(), layer_norm=True),
        control=None,
        question="Grüße, “quoted” \\ \n?",
    )
    text = e.to_json()
    assert Experiment.from_json(text, files=True) == e
    assert Experiment.from_json(text, files=True).to_json() == text
    assert list(json.loads(text)["conditions"]) == ["z", "a"]
    with pytest.raises(InputError, match="lives in the Python file"):  # reading alone runs nothing
        Experiment.from_json(text)


def test_fields_that_are_missing_have_their_defaults():
    plain = json.loads(small().to_json())
    assert Experiment.from_json(json.dumps({k: v for k, v in plain.items() if k not in ("seeds", "agent")})).seeds == 32


def test_an_object_that_no_file_holds_is_recorded_and_refused(file):
    @struct.dataclass
    class Mine(Rule):
        level = 0
        rate: float = 0.5

    class Copy(type(envs.make("CartPole-v1"))):
        pass

    for e in (small(rules={"mine": Mine()}), small(env=Copy())):
        assert f"{__name__}:" in e.to_json()
        with pytest.raises(InputError, match="run it from Python"):
            Experiment.from_json(e.to_json())
    changed = small(rules={"still": file("still.py", RULE)})
    file("still.py", RULE.replace("0.5", "0.6"))  # the class in memory is none of the file's any more
    assert '"object": "_rewardlab_file_' in changed.to_json()
    assert Experiment.from_json(small(env=envs.make("CartPole-v1")).to_json()) == small()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p | {"setps": 3}, "did you mean 'steps'?"),
        (lambda p: p | {"format": 99}, "format"),
        (lambda p: {k: v for k, v in p.items() if k != "rules"}, "lacks rules"),
        (lambda p: p | {"rules": {"a": {"rule": "os", "hyperparameters": {}}}}, "unknown rule 'os'"),
        (lambda p: p | {"rules": {"a": {"rule": "ppo", "hyperparameter": {}}}}, "did you mean 'hyperparameters'?"),
        (lambda p: p | {"rules": {"a": {"rule": ["ppo"]}}}, "is a list"),
        (lambda p: p | {"rules": {"a": {}}}, "rules.a.rule = None"),
        (lambda p: p | {"rules": {"a": "ppo.py"}}, "lives in the Python file"),
        (
            lambda p: p | {"rules": {"a": {"rule": "ppo", "hyperparameters": {"gamma": [0.5]}}}},
            "gamma = [0.5] is a list",
        ),
        (lambda p: p | {"conditions": {"heavy": {"parms": {}}}}, "did you mean 'params'?"),
        (lambda p: p | {"conditions": []}, "conditions = [] is a list"),
        (lambda p: p | {"agent": {"agent": "Oracle"}}, "unknown agent 'Oracle'"),
        (lambda p: p | {"agent": {"agent": ["MLP"]}}, "agent"),
        (lambda p: p | {"agent": {"hiden": [3]}}, "did you mean 'hidden'?"),
        (lambda p: p | {"env": {"object": "os:system"}}, "run it from Python"),
        (lambda p: p | {"env": ["coinrun"]}, "env = ['coinrun']"),
        (lambda p: p | {"name": {"a": 1}}, "name"),
        (lambda p: [p], "is a list"),
        (lambda p: None, "is None"),
    ],
)
def test_json_that_is_no_experiment_is_refused(change, said):
    with pytest.raises(InputError) as caught:
        Experiment.from_json(json.dumps(change(json.loads(small().to_json()))))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"a": 1, "a": 2}',
        '{"steps": NaN}',
        '{"steps": Infinity}',
        "!!python/object:os.system",
        "\0",
    ],
)
def test_text_that_is_no_json_is_refused(text):
    with pytest.raises(InputError):
        Experiment.from_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([f.name for f in dataclasses.fields(Experiment)]), JSON)
def test_any_value_in_any_field_is_used_or_refused_by_name(field, value):
    plain = json.loads(
        small(env="coinrun", conditions={"a": Condition()}, evaluations={"b": {}}, control=None).to_json()
    )
    try:
        e = Experiment.from_json(json.dumps(plain | {field: value}))
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert Experiment.from_json(e.to_json()) == e


# ----------------------------------------------------------------------------------------------------------- overrides


def test_overrides_are_typed_by_their_field():
    e = override(
        small(),
        {
            "steps": "2e6",
            "capability": "475",
            "control": "none",
            "agent.hidden": ["32", "16"],
            "agent.layer-norm": [],
            "rules.ppo.learning-rate": "1e-3",
            "rules.control.rule.lanes": "16",
            "conditions.heavy.seeds": "none",
            "conditions.plain.params.masscart": "2",
            "evaluations.light-one.gravity": "3",
            "seeds": 5,
        },
    )
    assert (e.steps, e.capability, e.control, e.seeds) == (2_000_000, 475.0, None, 5)
    assert e.agent == agents.MLP(hidden=(32, 16), layer_norm=True)
    assert e.rules["ppo"].learning_rate == 1e-3 and e.rules["control"].rule.lanes == 16
    assert e.conditions == {"plain": Condition({"masscart": 2.0}), "heavy": Condition({"gravity": 12.0})}
    assert e.evaluations["light-one"] == {"gravity": 3.0}


def test_overrides_choose_rules_conditions_and_evaluations_by_name(file):
    e = small(rules={"mine": rules.make("ppo", gamma=0.5), "reinforce": "reinforce"})
    chosen = override(e, {"rules": ["mine", "truncation", str(file("still.py", RULE))], "evaluations": "light_one"})
    assert list(chosen.rules) == ["mine", "truncation", "still"] and chosen.rules["mine"].gamma == 0.5
    assert list(chosen.evaluations) == ["light-one"]
    with pytest.raises(InputError, match="did you mean 'plain'"):
        override(e, {"conditions": "plan"})
    with pytest.raises(InputError, match="unknown control"):  # what remains has to be an experiment, too
        override(e, {"conditions": "plain"})


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("sedes", "3", "did you mean 'seeds'?"),
        ("rules.pp.gamma", "1", "did you mean 'rules.ppo.gamma'?"),
        ("learning_rate", "1", "did you mean 'rules.ppo.learning_rate'?"),
        ("rules.ppo.gama", "1", "did you mean 'rules.ppo.gamma'?"),
        ("rules.ppo.gamma.x", "1", "unknown field 'rules.ppo.gamma.x'"),
        ("steps", "1.5", "steps = '1.5'; allowed: a whole number"),
        ("steps", ["1", "2"], "steps got 2 values"),
        ("steps", [], "steps got 0 values"),
        ("capability", "high", "capability = 'high'; allowed: a finite number"),
        ("capability", "nan", "capability = nan is out of range"),
        ("agent.layer_norm", "maybe", "allowed: true or false"),
        ("agent.hidden", "64,x", "agent.hidden = 'x'"),
        ("conditions.plain.params.gravity", "heavy", "is a str"),
        ("evaluations.train", "x", "set one by one"),
        ("", "x", "unknown field ''"),
    ],
)
def test_overrides_that_do_not_fit_are_refused(path, value, said):
    with pytest.raises(InputError) as caught:
        override(small(), {path: value})
    assert said in str(caught.value)


def test_every_field_that_is_listed_can_be_given_as_it_is_listed():
    e = small()
    for path, value, _ in leaves(e):
        words = [value[1:-1]] if value.startswith('"') else value.split(" ")
        assert override(e, {path: words}) == e, path


# ------------------------------------------------------------------------------------------------------------- configs


def test_configs_are_found_by_name_by_file_and_by_run(file, tmp_path):
    assert "coinrun" in config.names() and config.load("coinrun").name == "coinrun"
    assert config.load(small()) == small()
    path = file("mine.py", "from rewardlab import config\nexperiment = config.load('coinrun')\n")
    assert config.load(path) == config.load("coinrun") == config.load(str(path))
    (tmp_path / "config.json").write_text(small().to_json())
    assert config.load(tmp_path) == small() == config.load(tmp_path / "config.json")
    for given_, said in [
        ("coinrn", "did you mean 'coinrun'?"),
        ("no/such.json", "can't read 'no/such.json'"),
        (file("none.py", "x = 1"), "defines no `experiment`"),
        (file("fails.py", "import nothing_of_this_name"), "line 1: ModuleNotFoundError"),
        (3, "experiment = 3"),
        ("a\0b", "unknown config"),
    ]:
        with pytest.raises(InputError) as caught:
            config.load(given_)
        assert said in str(caught.value)


@pytest.mark.parametrize("name", config.names())
def test_every_config_is_an_experiment_and_opens_with_its_question_and_command(name):
    e = config.load(name)
    assert Experiment.from_json(e.to_json()) == e
    text = config.names()[name].read_text()
    assert f"rewardlab run {name}" in text and registry.outline(config.names()[name]).doc.endswith("?")


def test_a_smoke_test_is_the_same_experiment_at_tiny_sizes():
    e, tiny = config.load("coinrun"), config.smoke(config.load("coinrun"))
    assert list(tiny.rules) == list(e.rules) and tiny.evaluations == e.evaluations
    assert {k: c.params for k, c in tiny.conditions.items()} == {k: c.params for k, c in e.conditions.items()}
    assert all(tiny.conditions[k].seeds in (None, 1, 2) for k in e.conditions) and tiny.seeds <= 2
    assert tiny.steps < e.steps / 10
    assert all(tiny.steps >= rule.lanes * rule.steps for rule in tiny.rules.values())


def test_ranges_and_sizes_come_from_the_field():
    @dataclasses.dataclass(frozen=True)
    class Spec:
        size: int = 3
        free: int = 0
        share: float = dataclasses.field(default=0.5, metadata={"range": (0.0, 1.0)})
        maybe: float | None = None
        kind: "str" = "a"

        def check(self):
            if self.size == 7:
                raise InputError("seven")

    assert fields.checked(Spec(size=1, free=0, share=1)) == Spec(1, 0, 1.0)
    for wrong in (Spec(size=0), Spec(free=-1), Spec(share=1.01), Spec(maybe=math.nan), Spec(kind=3), Spec(size=7)):
        with pytest.raises(InputError):
            fields.checked(wrong)
