"""Experiments as JSON and as configs: exact, complete, and refused by name when they are not."""

import dataclasses
import json
import math

import pytest
from flax import struct
from hypothesis import given, settings
from hypothesis import strategies as st
from small import RULE, WORLD, small

from rewardlab import agents, envs, rules, tuned
from rewardlab.experiment import Condition, Experiment, config, text
from rewardlab.experiment.plan import Plan
from rewardlab.inputs import fields, registry
from rewardlab.inputs.errors import InputError
from rewardlab.types import Rule


def test_json_holds_everything_exactly(file):
    e = small(
        rules={
            "a": rules.make("ppo", learning_rate=0.1 + 0.2),
            "b": rules.make("yoked", rule="reinforce"),
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
        (lambda p: p | {"total_setps": 3}, "did you mean 'total_steps'?"),
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


@pytest.mark.slow(quickly=True)
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


@pytest.mark.parametrize("name", config.names())
def test_a_config_that_argues_for_or_against_a_claim_states_it_and_no_other_does(name):
    e, said = config.load(name), config.names()[name].read_text()
    assert bool(e.claim) == (not name.startswith("validate")), "what `rewardlab run --all` runs"
    assert e.claim or not e.source
    assert e.claim or "Claim (" not in said
    assert not e.claim or (e.claim[-1] == "." and len(e.claim) <= 130)


def test_a_claim_is_no_part_of_what_an_experiment_is():
    e = small(claim="Reward is wanted. / Or is it?", source="A. N. Author 2022")
    assert Experiment.from_json(e.to_json()) == e != small()
    assert '"claim"' not in small().to_json(), "configs that state none are the text that they were"
    for other in (small(), dataclasses.replace(e, claim="It is not wanted.", source="")):
        assert text.digest(e.to_json()) == text.digest(other.to_json())
        assert text.same(e.to_json(), other.to_json()) and text.same(other.to_json(), e.to_json())
        assert text.grows(e.to_json(), other.to_json()) and text.grows(other.to_json(), e.to_json())
        assert text.first_text(e.to_json()) == text.first_text(other.to_json())
    assert small().to_json() in text.texts(e.to_json())
    asked = dataclasses.replace(e, question="Another?")
    assert not text.same(e.to_json(), asked.to_json()) and not text.grows(e.to_json(), asked.to_json())


def test_a_smoke_test_is_the_same_experiment_at_tiny_sizes():
    e, tiny = config.load("coinrun"), config.smoke(config.load("coinrun"))
    assert list(tiny.rules) == list(e.rules) and tiny.evaluations == e.evaluations
    assert {k: c.params for k, c in tiny.conditions.items()} == {k: c.params for k, c in e.conditions.items()}
    assert all(tiny.conditions[k].seeds in (None, 1, 2) for k in e.conditions) and tiny.seeds <= 2
    assert tiny.total_steps < e.total_steps / 10
    assert all(tiny.steps_of(name) >= rule.num_envs * rule.unroll_length for name, rule in tiny.rules.items())


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


QUESTION = """
    from rewardlab import Condition, Experiment, tuned

    experiment = Experiment(
        name="there", question="?", conditions={"plain": Condition()}, evaluations={"plain": {}}, env="one/world.py",
        rules={"still": "still.py"}, control_capability=tuned.settings("tuned.json")["still"]["rate"],
    )
"""


@pytest.mark.parametrize("kind", ["there.py", "there.json"])
def test_relative_paths_are_looked_for_beside_the_file_that_names_them(file, tmp_path, monkeypatch, kind):
    """From any working directory; what is not there is looked for from the working directory, as before."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "one", elsewhere / "one"):
        folder.mkdir(parents=True)
    file("home/one/world.py", WORLD)
    file("home/still.py", RULE)
    file("elsewhere/still.py", RULE)  # the other one comes first
    file("home/there.py", QUESTION)
    tuned.write(home / "tuned.json", {"settings": {"still": {"rate": 0.25}}})
    monkeypatch.chdir(elsewhere)
    plain = json.loads(config.load("../home/there.py").to_json())
    assert plain["control_capability"] == 0.25
    plain |= {"env": "one/world.py", "rules": {"still": "still.py"}}
    (home / "there.json").write_text(json.dumps(plain), encoding="utf-8")
    experiment = config.load(f"../home/{kind}")
    assert experiment.env == str(home / "one" / "world.py")
    assert rules.name_of(type(experiment.rules["still"])) == str(home / "still.py")
    assert config.load(str(home / kind)) == experiment
    if kind == "there.json":  # a Python file is run only once
        (home / "still.py").unlink()
        assert rules.name_of(type(config.load(f"../home/{kind}").rules["still"])) == str(elsewhere / "still.py")
    with pytest.raises(InputError, match=r"no Python file at 'one/world\.py'"):
        registry.python_file("one/world.py")  # nothing is read now


def test_what_is_listed_as_an_agent_is_one():
    plain, known = json.loads(small().to_json()), ", ".join(agents.names())
    assert {"cnn", "gru", "mlp"} <= {*agents.names()}
    for name in ("Gaussian", "greedy", "Box", "Mlp", ""):
        with pytest.raises(InputError, match=rf"unknown agent .* Allowed: {known}; or the path of a .py file$"):
            Experiment.from_json(json.dumps(plain | {"agent": {"agent": name}}))
    for name in ("mlp", "MLP"):  # older configs have it in capitals
        assert Experiment.from_json(json.dumps(plain | {"agent": {"agent": name}})).agent == agents.MLP()


@pytest.mark.slow(seldom=True)
@pytest.mark.parametrize(("name", "size"), [(name, size) for name in config.names() for size in config.sizes(name)])
def test_every_size_keeps_no_more_than_a_run_may(name, size):
    assert Plan(config.load(name, size)).layout.arrays
