"""Worlds and rules that do something else than they have to, one way each: one line, at once, and nothing is written."""

from __future__ import annotations

import time
from collections import namedtuple
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from gymnax.environments import environment, spaces
from told import network
from worlds import Params, Squares, State, Walk, fitting

import rewardlab
from rewardlab import MLP, cli, envs, judges, rules
from rewardlab.agents import by, greedily, greedy, sample
from rewardlab.envs import catalogue
from rewardlab.experiment import Condition, Experiment
from rewardlab.inputs.errors import InputError
from rewardlab.rules import contract
from rewardlab.types import Box, Policy, Rule

SMALL = MLP(hidden=(4,))


class Learned(NamedTuple):
    params: Any
    count: jax.Array


@struct.dataclass
class Base(Rule):
    """The smallest rule that does all that a rule has to."""

    level = 4
    whole = False

    rate: float = 0.1
    num_envs: int = struct.field(default=4, pytree_node=False)
    unroll_length: int = struct.field(default=6, pytree_node=False)

    def heads(self, actions):
        return {"logits": actions}

    def init(self, agent, key):
        return Learned(agent.init(key), jnp.int32(0))

    def behave(self, agent, state, key):
        return Policy(state.params, by(sample("logits")))

    def update(self, agent, state, experience, key):
        step = self.rate * experience.reward.mean()
        return Learned(jax.tree.map(lambda x: x + step, state.params), state.count + 1), {"step": step}

    def deploy(self, agent, state):
        return Policy(state.params, greedily("logits"))


def world(**changes) -> Walk:
    """A world as it should be but for some of its attributes."""
    return type("Odd", (Walk,), changes)()


def rule(**changes) -> Rule:
    """A rule as it should be but for some of its attributes; annotated ones are fields."""
    notes = {name: type(value.default) for name, value in changes.items() if hasattr(value, "default")}
    return struct.dataclass(type("Odd", (Base,), changes | {"__annotations__": notes}))()


def static(default) -> Any:
    return struct.field(default=default, pytree_node=False)


def stepped(change) -> Walk:
    """A world whose step is changed: change(obs, state, reward, terminated, info) -> what is returned."""
    return world(step_env=lambda self, *given: change(*Walk.step_env(self, *given)))


def told(info) -> Walk:
    return stepped(lambda obs, state, reward, over, _: (obs, state, reward, over, info))


def updated(change) -> Rule:
    """A rule whose update is changed: change(state, log) -> what is returned."""
    return rule(update=lambda self, *given: change(*Base.update(self, *given)))


def acting(change) -> Rule:
    """A rule that acts otherwise: change(params, select) -> what `behave` returns."""
    return rule(behave=lambda self, agent, state, key: change(state.params, sample("logits")))


def params(cls) -> Walk:
    return world(default_params=property(lambda self: cls()))


@struct.dataclass
class Unlimited:
    goal: int = 3


@struct.dataclass
class Static:
    goal: int = 3
    max_steps_in_episode: int = struct.field(default=5, pytree_node=False)


@struct.dataclass
class Texts(Params):
    title: str = "walk"


Tuple = namedtuple("Tuple", ["goal", "max_steps_in_episode"], defaults=(3, 5))


class Bare:
    """A world without gymnax's base class, which lacks what that gives."""

    num_actions, default_params = 2, Params()
    reset_env, step_env, action_space, _obs = Walk.reset_env, Walk.step_env, Walk.action_space, Walk._obs


def branches(self, key, state, action, params):
    if action > 0:
        return Walk.step_env(self, key, state, action, params)
    return Walk.step_env(self, key, state, action, params)


def grows(self, key, state, action, params):
    _, state, *rest = Walk.step_env(self, key, state, action, params)
    return self._obs(state.position, state.time), (state, state.time), *rest


def restless(self, key, state, action, params):
    wider = jnp.int32 if state.position.dtype == bool else jnp.float32
    _, after, *rest = Walk.step_env(self, key, State(0, state.time), action, params)
    return jnp.zeros(2), after.replace(position=state.position.astype(wider)), *rest


def reset(change) -> Walk:
    return world(reset_env=lambda self, key, params: change(*Walk.reset_env(self, key, params)))


WORLDS = {
    # what a world says of itself
    "no base class": (Bare(), "world Bare lacks is_truncated"),
    "a class": (Walk, "world = <class"),
    "nothing of a world": (SimpleNamespace(), "world = namespace()"),
    "params a method": (world(default_params=lambda self: Params()), "default_params of Odd is a method"),
    "params a class": (world(default_params=Params), "default_params of Odd is a class"),
    "params without a limit": (params(Unlimited), "has no max_steps_in_episode"),
    "params a NamedTuple": (params(Tuple), "default_params of Odd is Tuple("),
    "params a dict": (params(dict), "default_params of Odd is {}"),
    "params None": (params(lambda: None), "default_params of Odd is None"),
    "params with a text": (params(Texts), "default_params of Odd, title, is 'walk'"),
    "params raise": (params(lambda: 1 / 0), "default_params of Odd raised ZeroDivisionError in test_misbehaving.py"),
    "a static limit": (params(Static), "max_steps_in_episode is a static field"),
    "a limit of 0": (params(lambda: Params(max_steps_in_episode=0)), "max_steps_in_episode is 0"),
    "a limit of 2.5": (params(lambda: Params(max_steps_in_episode=2.5)), "max_steps_in_episode is 2.5"),
    "an infinite limit": (params(lambda: Params(max_steps_in_episode=np.inf)), "max_steps_in_episode is inf"),
    "a limit each": (params(lambda: Params(max_steps_in_episode=np.array([5, 6]))), "max_steps_in_episode is array"),
    "outcomes a text": (world(outcomes="won"), "outcomes of Odd is 'won'"),
    "outcomes of nothing": (world(outcomes=()), "outcomes of Odd is ()"),
    "outcomes twice": (world(outcomes=("won", "won")), "outcomes of Odd is ('won', 'won')"),
    "outcomes of numbers": (world(outcomes=(0, 1)), "outcomes of Odd is (0, 1)"),
    "an outcome named return": (world(outcomes=("return", "time")), "none of them 'return'"),
    "other number of actions": (world(num_actions=3), "num_actions of Odd is 3; expected: 2, the size of its action_space"),
    "no actions": (world(num_actions=0, action_space=lambda *_: SimpleNamespace(n=0)), "at least 1"),
    "actions a tuple": (world(action_space=lambda *_: (2,)), "actions of the world are (2,)"),
    "bounds the wrong way": (world(action_space=lambda *_: spaces.Box(1, -1, (2,))), "a Box of floats with low < high"),
    "actions raise": (world(action_space=lambda self: None), "action_space of Odd raised TypeError"),
    # what a reset returns
    "reset of an observation alone": (world(reset_env=lambda *_: jnp.zeros(2)), "reset_env of Odd returned float32[2]"),
    "reset of three": (reset(lambda obs, state: (obs, state, {})), "reset_env of Odd returned a tuple of 3"),
    "observations a dict": (reset(lambda obs, state: ({"seen": obs}, state)),
        "obs from step_env of Odd is 'float32[2]'; expected: {'seen': 'float32[2]'}"),
    "observations a text": (reset(lambda obs, state: ("here", state)), "returned as obs a str"),
    "complex observations": (reset(lambda obs, state: (obs + 1j, state)), "returned as obs complex64[2]"),
    "a text in the state": (reset(lambda obs, state: (obs, (state, "hall"))), "returned as state, [1], a str"),
    "reset raises": (world(reset_env=environment.Environment.reset_env), "reset_env of Odd raised NotImplementedError"),
    # what a step returns
    "steps of 4": (stepped(lambda *x: x[:4]), "step_env of Odd returned a tuple of 4; expected: (obs, state, reward"),
    "steps of 6": (stepped(lambda *x: (*x[:4], False, x[4])), "step_env of Odd returned a tuple of 6"),
    "steps of nothing": (stepped(lambda *x: None), "step_env of Odd returned None"),
    "a list": (stepped(lambda *x: list(x)), "step_env of Odd returned a list of 5"),
    "reward [1]": (stepped(lambda o, s, r, t, i: (o, s, r[None], t, i)), "returned int32[1] as reward"),
    "reward None": (stepped(lambda o, s, r, t, i: (o, s, None, t, i)), "returned None as reward"),
    "complex reward": (stepped(lambda o, s, r, t, i: (o, s, r * 1j, t, i)), "returned complex64[] as reward"),
    "terminated [1]": (stepped(lambda o, s, r, t, i: (o, s, r, t[None], i)), "as terminated bool[1]; expected: bool[]"),
    "terminated a share": (stepped(lambda o, s, r, t, i: (o, s, r, t * 0.5, i)), "as terminated float32[]"),
    "observations of another shape": (stepped(lambda o, *x: (o[:1], *x)),
        "obs from step_env of Odd is float32[1]; expected: float32[2]"),
    "observations of another dtype": (stepped(lambda o, *x: (o > 0, *x)), "obs from step_env of Odd is bool[2]"),
    "states of another shape": (stepped(lambda o, s, *x: (o, s.replace(time=s.time[None]), *x)),
        "step_env of Odd, time, is int32[1]"),
    "states of another structure": (world(step_env=grows), "state from step_env of Odd is ("),
    "states that lose their fraction": (
        world(reset_env=lambda *_: (jnp.zeros(2), State(position=0.5, time=0)),
              step_env=lambda self, k, s, a, p: Walk.step_env(self, k, s.replace(position=jnp.int32(s.position)), a, p)),
        "step_env of Odd, position, is int32[]; expected: float32[]",
    ),
    "states that never settle": (
        world(reset_env=lambda *_: (jnp.zeros(2), State(position=False, time=0)), step_env=restless),
        "returned, [1].position, is float32[]; expected: int32[], as before",
    ),
    "info None": (told(None), "returned None as info; expected: a dict"),
    "info a list": (told([("outcome", 1)]), "returned a list of 1 as info"),
    "info by numbers": (told({0: 1.0}), "returned a dict as info"),
    "a text in info": (told({"outcome": 0, "why": "won"}), "returned as info, ['why'], a str"),
    "no outcome": (told({}), "returned info without 'outcome', though outcomes are ('goal', 'time')"),
    "a fraction as outcome": (told({"outcome": 0.5}), "returned 0.5 as info['outcome']; expected: int[]"),
    "a float as outcome": (told({"outcome": jnp.float32(1)}), "returned float32[] as info['outcome']"),
    "a bool as outcome": (told({"outcome": jnp.bool_(True)}), "returned bool[] as info['outcome']"),
    "an outcome each": (told({"outcome": jnp.zeros(2, int)}), "returned int32[2] as info['outcome']"),
    "an outcome without names": (world(outcomes=("terminated", "truncated")), "but the world names no outcomes"),
    "truncated a number": (world(is_truncated=lambda self, state, params: state.time), "is_truncated of Odd returned int32[]"),
    "truncated [1]": (world(is_truncated=lambda self, state, params: jnp.zeros(1, bool)), "is_truncated of Odd returned bool[1]"),
    "a state without time": (
        world(reset_env=lambda *_: (jnp.zeros(2), {}),
              step_env=lambda *_: (jnp.zeros(2), {}, 0.0, jnp.bool_(False), {"outcome": 0})),
        "is_truncated of Odd raised AttributeError",
    ),
    "an if": (world(step_env=branches), "step_env of Odd raised TracerBoolConversionError in test_misbehaving.py, line"),
    "another observation": (world(observation=lambda self, state, params: jnp.zeros(3)), "observation of Odd is float32[3]"),
}  # fmt: skip

# Faults that only numbers show: found by a few episodes, played before anything is written.
NUMBERS = {
    "outcomes out of range": (told({"outcome": 2}), "64 ended with another outcome; expected: info['outcome'] from 0 to 1"),
    "a negative outcome": (told({"outcome": -1}), "64 ended with another outcome"),
    "reward NaN": (stepped(lambda o, s, r, t, i: (o, s, r * jnp.nan, t, i)), "64 had a reward that is not finite"),
    "a clock that never strikes": (
        world(is_truncated=lambda *_: jnp.bool_(False),
              step_env=lambda *x: (*Walk.step_env(*x)[:3], jnp.bool_(False), {"outcome": 0})),
        "64 did not end; expected: is_truncated after 5 steps",
    ),
}  # fmt: skip


RULES = {
    "level None": (rule(level=None), "rules.odd.level = None; expected: what it reads of reward, 0: nothing"),
    "level x": (rule(level="x"), "rules.odd.level = 'x'"),
    "level 9": (rule(level=9), "rules.odd.level = 9"),
    "level true": (rule(level=True), "rules.odd.level = True"),
    "a list of levels": (rule(level=[2]), "rules.odd.level = [2]"),
    "whole a text": (rule(whole="yes"), "rules.odd.whole = 'yes'; expected: True or False"),
    "half a lane": (rule(num_envs=static(2.5)), "rules.odd.num_envs = 2.5"),
    "no steps": (rule(unroll_length=static(0)), "rules.odd.unroll_length = 0"),
    "candidates that do not divide": (rule(candidates=3), "rules.odd.num_envs = 4; expected: a multiple of its 3"),
    "a text as hyperparameter": (rule(kind=struct.field(default="fast")), "rules.odd.kind = 'fast' is no float"),
    "a traced size": (rule(num_envs=struct.field(default=4)), "rules.odd.num_envs = 4 is no float; expected: struct.field(pytree"),
    "no pytree": (type("Plain", (Base,), {})(), "rules.odd = Plain is no pytree"),
    "no heads": (rule(heads=Rule.heads), "rules.odd = Odd lacks heads"),
    "nothing but heads": (
        struct.dataclass(type("Odd", (Rule,), {"heads": Base.heads}))(),
        "rules.odd = Odd lacks init, behave, update, deploy, level, whole, num_envs, unroll_length",
    ),
    "heads None": (rule(heads=lambda self, actions: None), "heads of rule Odd returned None"),
    "heads of nothing": (rule(heads=lambda self, actions: {}), "heads of rule Odd returned {}"),
    "heads a list": (rule(heads=lambda self, actions: ["logits"]), "heads of rule Odd returned ['logits']"),
    "a head of size 0": (rule(heads=lambda self, actions: {"logits": actions, "value": 0}), "heads of rule Odd returned"),
    "a head of another size": (rule(heads=lambda self, actions: {"logits": 7}), "'logits' of size 7 first"),
    "a Box for two actions": (rule(heads=lambda self, actions: {"logits": Box((0.0,), (1.0,))}), "heads of rule Odd"),
    "heads raise": (rule(heads=lambda self, actions: actions.size), "heads of rule Odd raised AttributeError"),
    "init raises": (rule(init=lambda self, agent, key: agent.init()), "init of rule Odd raised TypeError"),
    "a text in the state": (rule(init=lambda self, agent, key: Learned(agent.init(key), "x")),
        "init of rule Odd.count returned a str"),
    "acting a tuple": (acting(lambda params, select: (params, select)), "behave of rule Odd returned a tuple of 2"),
    "acting without parameters": (acting(lambda params, select: Policy({}, by(select))),
        "Policy.params from behave of rule Odd is {}; expected: {"),
    "acting in a row": (
        acting(lambda params, select: Policy(jax.tree.map(lambda x: x[None], params), by(select))),
        "Policy.params from behave of rule Odd"
    ),
    "candidates that are one": (rule(candidates=2), "Policy.params from behave of rule Odd"),
    "a head that is not there": (acting(lambda params, select: Policy(params, by(greedy("q")))),
        "behave of rule Odd raised KeyError"),
    "actions alone": (
        acting(lambda params, select: Policy(params, by(lambda out, key: out["logits"].argmax(-1)))),
        "a policy's select returned int32[4]; expected: (actions, a dict"
    ),
    "float actions": (
        acting(lambda params, select: Policy(params, by(lambda out, key: (out["logits"][:, 0], {})))),
        "returned float32[4] as actions; expected: int32[4]"
    ),
    "one action for all": (acting(lambda params, select: Policy(params, by(lambda out, key: (jnp.int32(0), {})))),
        "returned int32[] as actions"),
    "extras of another length": (
        acting(lambda params, select: Policy(params, by(lambda out, key: (select(out, key)[0], {"x": jnp.zeros(3)})))),
        "returned float32[3] as 'x'"
    ),
    "update of a state alone": (rule(update=lambda self, agent, state, told, key: state.params),
        "update of rule Odd returned a dict; expected: (state, log)"),
    "update of three": (updated(lambda state, log: (state, log, {})),
        "update of rule Odd returned a tuple of 3; expected: (state, log)"),
    "update raises": (rule(update=lambda self, agent, state, told, key: told.signals), "update of rule Odd raised AttributeError"),
    "an if in update": (
        rule(update=lambda self, agent, state, told, key: (state, {}) if told.reward.sum() > 0 else (0, {})),
        "update of rule Odd raised TracerBoolConversionError in test_misbehaving.py, line",
    ),
    "an if on a hyperparameter": (
        rule(update=lambda self, agent, state, told, key: (state, {}) if self.rate > 0 else (0, {})),
        "update of rule Odd raised TracerBool"
    ),
    "another state": (updated(lambda state, log: (state.params, log)), "the state that update of rule Odd returned is {"),
    "a state of another dtype": (
        updated(lambda state, log: (state._replace(count=jnp.float32(0)), log)),
        "returned, count, is float32[]; expected: int32[], as before"
    ),
    "a state of another shape": (updated(lambda state, log: (state._replace(count=state.count[None]), log)),
        "returned, count, is int32[1]"),
    "a log of another shape": (updated(lambda state, log: (state, {"step": jnp.zeros(2)})),
        "returned float32[2] as 'step' of its log"),
    "a log of whole numbers": (updated(lambda state, log: (state, {"step": jnp.int32(1)})),
        "returned int32[] as 'step' of its log"),
    "a log of texts": (updated(lambda state, log: (state, {"step": "far"})), "returned a str"),
    "a log that is none": (updated(lambda state, log: (state, None)), "update of rule Odd returned None as log"),
    "deploying parameters": (rule(deploy=lambda self, agent, state: state.params), "deploy of rule Odd returned a dict"),
    "deploying the state": (
        rule(deploy=lambda self, agent, state: Policy(state, greedily("logits"))), "Policy.act from deploy of rule Odd raised "
    ),
    "deploying one layer": (
        rule(deploy=lambda self, agent, state: Policy(state.params["logits"], greedily("logits"))),
        "Policy.act from deploy of rule Odd raised ",
    ),
    "deploying what acts by the state": (
        rule(deploy=lambda self, agent, state: Policy(
            state.params, lambda agent, params, memory, obs, key: (jnp.tile(state.count, obs.shape[0]), {}, memory)
        )),
        "Policy.act from deploy of rule Odd ",
    ),
    "a memory that grows": (
        acting(lambda params, select: Policy(params, lambda agent, params, memory, obs, key: (
            jnp.zeros(obs.shape[0], jnp.int32), {}, obs
        ))),
        "the memory that Policy.act from behave of rule Odd returned",
    ),
}  # fmt: skip


def experiment(env, odd: Rule) -> Experiment:
    return Experiment(
        capable_return=1.0,
        name="odd", question="Is it refused?", env=env, conditions={"plain": Condition()}, evaluations={"test": {}},
        rules={"odd": odd}, agent=SMALL, total_steps=48, seeds=1, points=1, episodes=8, width=1,
    )  # fmt: skip


@pytest.fixture(name="refused")
def _refused(tmp_path, monkeypatch):
    """A check that something ends in one line that says so, in under 5 s, and leaves nothing behind."""
    monkeypatch.chdir(tmp_path)

    def refused(start, said):
        began = time.process_time()  # others may use the machine
        with pytest.raises(InputError) as error:
            start()
        line = str(error.value)
        assert said in line and line.isprintable() and error.value.code == 2, line
        assert time.process_time() - began < 5 and not [*tmp_path.iterdir()]
        return line

    return refused


@pytest.mark.parametrize("fault", [*WORLDS, *NUMBERS])
def test_a_world_that_misbehaves_is_refused(refused, fault):
    env, said = (WORLDS | NUMBERS)[fault]
    line = refused(lambda: rewardlab.run(experiment(env, Base()), progress=False), said)
    assert "; expected: " in line or "allowed: " in line or " raised " in line


@pytest.mark.parametrize("fault", RULES)
def test_a_rule_that_misbehaves_is_refused(refused, fault):
    odd, said = RULES[fault]
    refused(lambda: rewardlab.run(experiment(Walk(), odd), progress=False), said)


# -------------------------------------------------------------------------------------------------------- all ways in

FILE = """
from test_misbehaving import updated, stepped

make = lambda: stepped(lambda *x: x[:4])
rule = type(updated(lambda state, log: state))
"""


def test_worlds_and_rules_are_checked_on_every_way_in(refused, tmp_path, capsys):
    file = tmp_path / "odd.py"
    bad, state = stepped(lambda *x: x[:4]), updated(lambda state, log: (state, log, {}))
    key, four, three = (
        jax.random.key(0),
        "step_env of Odd returned a tuple of 4",
        "update of rule Odd returned a tuple of 3",
    )
    for start, said in [
        (lambda: rewardlab.train(key, Base(), bad, spec=SMALL), four),
        (lambda: jax.vmap(lambda k: rewardlab.train(k, Base(), bad, spec=SMALL))(jax.random.split(key, 2)), four),
        (lambda: rewardlab.audit(Base(), agent=SMALL, env=bad), four),
        (lambda: rewardlab.tune(experiment(bad, Base()), 10**6, out="t.json", progress=False), four),
        (lambda: envs.make("reward_in_view", world=bad), four),
        (lambda: envs.make("score_strip", world=bad), four),
        (lambda: rewardlab.train(key, state, Walk(), spec=SMALL), three),
        (lambda: rewardlab.audit(state, agent=SMALL, env=Walk()), three),
        (lambda: rewardlab.tune(experiment(Walk(), state), 10**6, out="t.json", progress=False), three),
        (lambda: rewardlab.train(key, rules.make("yoked", rule=state), Walk(), spec=SMALL), three),
    ]:  # fmt: skip
        try:
            refused(start, said)
        except AssertionError as error:
            raise AssertionError(f"not refused as {said}") from error
    file.write_text(FILE)
    for words in (
        f"watch {file}",
        f"audit --env {file}",
        f"audit --rule {file} --env lever",
        f"run lever --rules {file}",
    ):
        if not words.startswith("run"):
            assert cli.main(words.split()) == 2, words
            out, err = capsys.readouterr()
            assert out == "" and err.count("\n") == 1 and "Odd" in err, err
    assert [x.name for x in tmp_path.iterdir() if x.suffix != ".py" and x.name != "__pycache__"] == []


def test_episodes_longer_than_the_worlds_own_are_refused_on_every_way_in(refused):
    walk, key = Walk(), jax.random.key(0)
    longer = walk.default_params.replace(max_steps_in_episode=6)
    said = "max_steps_in_episode = 6 is out of range; allowed: up to the world's own, 5"
    refused(lambda: rewardlab.train(key, Base(), walk, longer, spec=SMALL), said)
    refused(lambda: rewardlab.train(key, Base(), walk, jax.tree.map(jnp.asarray, longer), spec=SMALL), said)
    refused(lambda: envs.params(walk, max_steps_in_episode=6), said)
    view = envs.make("reward_in_view", world=walk, episodes=2)
    refused(
        lambda: envs.params(view, max_steps_in_episode=11), "= 11 is out of range; allowed: up to the world's own, 10"
    )
    for where in ("conditions", "evaluations"):
        given = {"max_steps_in_episode": 6}
        changed = {where: {"long": Condition(given) if where == "conditions" else given}}
        plain = vars(experiment(walk, Base()))
        refused(lambda plain=plain | changed: Experiment(**plain).world(), f"{where}.long")
    envs.params(walk, max_steps_in_episode=5)


def test_a_static_field_is_not_set_by_a_condition(refused):
    @struct.dataclass
    class Sized(Params):
        size: int = struct.field(default=3, pytree_node=False)

    env = params(Sized)
    changed = vars(experiment(env, Base())) | {"conditions": {"big": Condition({"size": 4})}}
    refused(lambda: Experiment(**changed).world(), "conditions.big.params.size is a static field")


def test_a_judge_is_checked(refused):
    def one(judge):
        return lambda: rewardlab.train(jax.random.key(0), Base(), Walk(), spec=SMALL, judge=judge)

    refused(one(lambda trajectory: trajectory.signals["reward"].sum()), "returned float32[]; expected: float32[6, 4]")
    refused(one(lambda trajectory: trajectory.signals["position"]), "returned int32[6, 4]; expected: float32[6, 4]")
    refused(one(judges.signal("posiiton")), "raised KeyError")


def test_whole_episodes_need_their_steps_on_every_way_in(refused):
    short = rule(whole=True, unroll_length=static(4))
    refused(
        lambda: rewardlab.train(jax.random.key(0), short, Walk(), spec=SMALL),
        "rule.unroll_length = 4 is out of range; allowed: 5 or more",
    )


# ------------------------------------------------------------------------------------------------------ what is right


@pytest.mark.slow
def test_every_world_of_gymnax_is_accepted():
    """Those that come with the package are made, and so checked, in `test_world_laws.py`."""
    with jax.numpy_dtype_promotion("standard"):  # some mix dtypes while they are made
        for name in sorted({*catalogue.built_in()} - {"MNISTBandit-bsuite"}):  # that one asks for a download
            envs.make(name)


@pytest.mark.parametrize("name", rules.names())
def test_every_rule_that_comes_with_the_package_is_accepted(name):
    table = name in ("value_iteration", "cross_learning")
    spec = MLP(hidden=(), bias=name == "cross_learning", head_scale=0.0) if table else network(rules.load(name))
    rule = rules.make(name, **{"steps": 5} if name == "cross_learning" else {})
    contract.check(rule, fitting(rule, Squares()), spec)


def test_the_table_is_long_enough():
    assert len(WORLDS) + len(NUMBERS) >= 60 and len(RULES) >= 45


def test_what_is_right_passes_and_is_traced_once():
    calls = []

    class Counted(Walk):
        def step_env(self, *given):
            calls.append(1)
            return super().step_env(*given)

    env = Counted()
    for _ in range(3):
        experiment(env, Base()).world()
        envs.make(env)
    assert len(calls) == 2
