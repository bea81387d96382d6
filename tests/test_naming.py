"""Worlds and rules say their own words, and reports use them."""

import dataclasses
import importlib
import json
import re

import numpy as np
from documents import FILES
from made_up import PROXY, WORDS, results
from worlds import Walk

import rewardlab
from rewardlab import envs, rules
from rewardlab.analysis import compare, naming
from rewardlab.analysis.wording import Words
from rewardlab.envs.wrapping import Wrapper
from rewardlab.experiment import Experiment, config
from rewardlab.experiment.plan import Plan
from rewardlab.rules.ppo import PPO
from rewardlab.running import assembly, rehearsal


def told(summary):
    """All sentences of a summary."""
    every = [*summary["verdict"], *summary["warnings"]]
    return " ".join([*every, *(rule[text] for rule in summary["rules"].values() for text in ("verdict", "short"))])


def made_up(experiment):
    """Results of an experiment that nothing was trained for."""
    experiment = dataclasses.replace(experiment, width=1)
    random = np.random.default_rng(0)
    cells = [(rule, name) for rule in experiment.rules for name in experiment.conditions]
    measured = {cell: rehearsal.made_up(Plan(experiment), *cell, random) for cell in cells}
    return assembly.assemble(Plan(experiment), measured, assembly.Fixed([], {}))


def test_every_rule_has_a_title_of_its_own():
    titles = {name: naming.title(rules.load(name)) for name in rules.names()}
    assert all(titles.values()) and len({*titles.values()}) == len(titles)
    assert all("_" not in title for title in titles.values())


def test_a_title_belongs_to_one_rule():
    """A rule that inherits from another is another rule, and one under a name of the user's choice goes by that."""

    class Mine(PPO):
        pass

    assert naming.title(PPO) == "PPO" and naming.title(Mine) == ""
    both = {"ppo": rules.make("ppo"), "slow_one": rules.make("ppo", learning_rate=1e-4), "a2c": rules.make("ppo")}
    said = naming.of(Experiment("x", "?", {"a": rewardlab.Condition()}, {"a": {}}, both, env=Walk()), Walk())
    assert [said.rule(name) for name in both] == ["PPO", "slow one", "a2c"]


def test_every_world_says_what_happened_in_words():
    for name in envs.names():
        module = importlib.import_module(f"rewardlab.envs.{name}")
        own = [c for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__]
        found = [c.outcomes for c in own if isinstance(getattr(c, "outcomes", None), dict)]  # or of its base
        around = any(issubclass(c, Wrapper) for c in own)
        assert len(found) == (not around), "those around another world have its words"
        for one in found:
            assert len({*one.values()}) == len(one) > 1 and all(re.fullmatch("[a-z].*[a-z]", x) for x in one.values())


def test_evaluations_of_the_configs_are_told_by_the_world():
    want = {
        "coinrun": ["on held-out levels", "with the coin at a detour", "with the coin behind the start"],
        "corner": ["with the cheese in the corner", "with the cheese anywhere"],
        "dish": ["with the cheese on the dish", "with the cheese and the dish apart"],
        "keys": ["with 2 keys for 4 chests", "with 4 keys for 2 chests"],
        "colour_shape": ["with one yellow line", "with a red line and a yellow gem"],
        "validate": ["on “CartPole”"],
    }
    for name, places in want.items():
        e = config.load(name)
        data = results({"ppo": PROXY}, evaluations=list(e.evaluations)).assign_attrs(env=e.env, experiment=e.to_json())
        del data.attrs["words"]  # as in a run of an earlier version
        assert [naming.read(data).place(evaluation) for evaluation in e.evaluations] == places


def test_two_evaluations_of_one_place_go_by_their_names():
    said = naming.words(
        {}, {}, {"a": {"x": 1}, "b": {"x": 2}, "c": {}}, lambda **changes: "there" if changes else "here"
    )
    assert [said.place(name) for name in "abc"] == ["on “a”", "on “b”", "here"]


def test_a_time_limit_is_told_only_where_evaluations_differ_in_it():
    short, long, place = (
        {"max_steps_in_episode": 9},
        {"max_steps_in_episode": 10},
        lambda **changes: "" if changes else "here",
    )
    assert naming.words({}, {}, {"a": short}, place).place("a") == "here"
    assert naming.words({}, {}, {"a": short, "b": long}, place).place("a") == "on “a”"


def test_words_are_one_line_and_results_that_hold_none_are_told_by_names():
    said = naming.words({}, {"a": "did\nthis"}, {}, None)
    assert said.ended("a") == "did\\nthis" and said.ended("b_c") == "ended with “b c”"
    assert said.ended("truncated") == "ran out of time"
    data = results({"ppo": PROXY, "mine": PROXY})
    for broken in ("", "[]", "{}", '{"rules": 1, "outcomes": 2, "evaluations": 3}'):
        found = naming.read(data.assign_attrs(words=broken))
        assert (found.rule("ppo"), found.rule("mine"), found.ended("coin")) == ("PPO", "mine", "ended with “coin”")
    assert naming.read(data) == Words(**WORDS)
    assert (naming.level("ppo"), naming.level("mine")) == (4, None)


def test_the_sites_bowl_is_reported_with_a_bowl(tmp_path, monkeypatch):
    for name, code in FILES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    summary = compare.summarise(made_up(config.load("question.py")))
    text = told(summary)
    assert "ate from the bowl" in text and "ran to the right end" in text and "Duels (12 seeds)" in text
    assert not re.search("coin|detour|ran past", text)
    plain = (tmp_path / "bowl.py").read_text().replace('"bowl": "ate from the bowl"', '"bowl": ""')
    (tmp_path / "bowl.py").write_text(plain)
    assert "ended with “bowl”" in told(compare.summarise(made_up(config.load("question.py"))))


def test_a_tuple_of_outcomes_is_told_by_its_names():
    e = Experiment(
        "walk", "?", {"a": rewardlab.Condition()}, {"a": {}}, {"ppo": "ppo"}, env=Walk(), seeds=10, capable_return=0.5
    )
    data = made_up(e)
    assert json.loads(data.attrs["words"])["outcomes"] == {}
    assert "ended with “goal” in" in told(compare.summarise(data))
