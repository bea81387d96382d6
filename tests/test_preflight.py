"""Preflight: what it refuses, what it works out from what a compiler says, and the whole of it for a chip that is not here."""

import importlib.util
import json
import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest
from small import small

from rewardlab import cli, rules
from rewardlab.agents import MLP
from rewardlab.backend import chips, devices, hlo, tpu
from rewardlab.experiment import Condition
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.running import account, batches, predicted, preflight
from rewardlab.running.predicted import Account, Asked
from rewardlab.terminal.progress import Silent
from rewardlab.terminal.table import preflight_table

V5E = chips.chip("v5e")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing is given; allowed: --chip, one of v4, v5e, v5p, v6e, or --type, or --here"),
        (("--chip", "v5e", "--type", "v4-8"), "--chip and --type are given; allowed: --chip"),
        (("--here", "--slice", "2x2"), "--slice and --here are given"),
        (("--here", "--quick"), "--quick and --here are given; allowed: --quick with --chip or --type"),
        (("--chip", "v7"), "unknown chip 'v7'; did you mean 'v4'? Allowed: v4, v5e, v5p, v6e"),
        (("--chip", "v5e", "--slice", "3x3"), "slice = '3x3' is none of v5e's; allowed: 2x2, 2x4, 4x4"),
        (("--chip", "v4", "--slice", "2x2"), "slice = '2x2' is none of v4's; allowed: 2x2x1, 2x2x2"),
        (("--type", "v5litepod-9"), "type 'v5litepod-9' is none of v5e's; allowed: v5litepod-1, v5litepod-4"),
        (("--type", "v9-8"), "unknown type 'v9-8'; did you mean 'v4-8'"),
        (("--type", "v4-8", "--slice", "2x2x1"), "--slice and --type are given"),
        (("--chip", "v5e", "--seeds", "0"), "seeds"),
        (("--chip", "v5e", "--seeds", "many"), "seeds"),
        (("--chip", "v5e", "--json", "nowhere/here.json"), "no such directory"),
        (("--chip", "v5e", "--json", "."), "--json '.' is no file"),
        (("--chip", "v5e", "--small", "--full"), "one size"),
        (("--chip", "v5e", "--rules", "ppoo"), "did you mean 'ppo'"),
        (("--chip", "v5e", "--rules.ppo.num-envs", "-1"), "num_envs"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_compiled(monkeypatch, tmp_path, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preflight, "preflight", lambda *_: pytest.fail("something was compiled"))
    assert cli.main(["preflight", "coinrun", *words]) == 2
    out, err = capsys.readouterr()
    assert said in err and err.count("\n") == 1 and not out and not [*tmp_path.iterdir()]


def test_without_the_chips_compiler_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["preflight", "coinrun", "--chip", "v5e"]) == 2
    assert 'pip install "rewardlab[preflight]"' in capsys.readouterr().err


def test_types_of_the_cloud_count_chips_or_cores():
    assert chips.of_type("v5litepod-8") == (V5E, 8)
    assert chips.of_type("v4-8") == (chips.chip("v4"), 4)
    assert chips.of_type("v5p-16") == (chips.chip("v5p"), 8)
    assert chips.of_type("v6e-1") == (chips.chip("v6e"), 1)
    assert chips.slice_of(V5E, "2x4") == 8 and chips.slice_of(V5E, None) == 1


class Told:
    """In place of `Asked`: 1 MiB a seed and 10 MiB beside, a millisecond an update and a second an evaluation."""

    large = 10**9  # from this width on it needs more than any chip has
    flat = False  # up to 32 seeds need no more than one

    def __init__(self, plan, chip, progress, quick):
        self.wanted = []

    def all(self, wanted):
        self.wanted += wanted

    def __call__(self, name, width):
        if name == "broken":
            return Account(width, "ValueError: it is")
        needed = 2**41 if width >= self.large else 2**20 * (10 + (0 if self.flat and width <= 32 else width))
        return Account(width, "", needed, needed // 2, 1e-3, "memory", 1.5e6, 1.0, 2.0, (("a.py:b", "copy", 0.5),))


@pytest.fixture(name="told")
def _told(monkeypatch):
    monkeypatch.setattr(preflight, "Asked", Told)
    monkeypatch.setattr(preflight, "lived", lambda plan, name: 100.0)
    monkeypatch.setattr(tpu, "check", lambda: None)
    return Told


def asked(**fields):
    given = small(**{"total_steps": 1000, "points": 4, "seeds": 100} | fields)
    return replace(
        given, rules={name: next(iter(given.rules.values())) for name in ("one", "two")}, agents={}, budgets={}
    )


def test_a_forecast_is_worked_out_from_what_the_compiler_says(told):
    experiment = asked()
    found = preflight.preflight(experiment, V5E)
    assert found.flies and found.width == 128 and [one.rule for one in found.rules] == ["one", "two"]
    one = found.rules[0]
    assert one.bytes_per_seed == 2**20 and one.fits == 4096 and one.bytes == 2**20 * 138
    assert one.steps_per_second == pytest.approx(100 * 100 / 1e-3)  # of 128 slots 28 are padding
    batches = len(experiment.conditions)
    assert one.batches == batches
    assert one.batch_seconds == pytest.approx(10 * 1e-3 + 5 * 1.0 + 2.0)  # updates, evaluations, the one at the end
    assert found.hours == pytest.approx(2 * batches * one.batch_seconds / 3600)
    spread = preflight.preflight(experiment, V5E, 8)  # each chip gets seeds, and none is done before its longest batch
    batches = sum(-(-experiment.seeds_of("one", name) // 16) for name in experiment.conditions)
    assert spread.width == 16 and spread.rules[0].batches == batches >= 8
    assert spread.hours == pytest.approx(
        math.ceil(2 * batches / 8) * one.batch_seconds / 3600
    )  # no chip does half of one
    text = preflight_table(found)
    assert "1.00" in text and "50% a.py:b (copy)" in text and "predictions" in text
    assert "100 seeds in batches of 128 on one v5e chip" in text


def test_the_line_goes_through_the_width_of_the_run(told, monkeypatch):
    """Small arrays lie beside the processor, so a line through two small widths promises too much."""
    monkeypatch.setattr(told, "flat", True)
    one = preflight.preflight(asked(), V5E).rules[0]
    assert one.bytes_per_seed == pytest.approx(2**20 * 128 / 96) and one.fits == 4096
    assert preflight.preflight(asked(seeds=2000), V5E).rules[0].bytes_per_seed == pytest.approx(2**20 * 2048 / 2016)


def test_what_does_not_fit_is_tried_smaller_and_else_said(told, monkeypatch):
    monkeypatch.setattr(told, "large", 64)
    assert preflight.preflight(asked(), V5E).width == 32
    kept = preflight.preflight(asked(width=64), V5E)  # a width by hand stays
    assert not kept.flies and "64 at a time need 2048.0 GiB; a v5e has 16" in kept.rules[0].problem
    monkeypatch.setattr(told, "large", 1)
    none = preflight.preflight(asked(), V5E)
    assert not none.flies and none.width == 0 and "GiB" in none.rules[0].problem
    assert "What would not run" in preflight_table(none)


def test_what_the_compiler_can_not_fit_is_tried_smaller_too(told, monkeypatch):
    """A seed may be so large that neither of the widths that are tried first fits."""
    usual, most = told.__call__, 3

    def said(self, name, width):
        return usual(self, name, width) if width <= most else Account(width, too_large=True)

    monkeypatch.setattr(told, "__call__", said)
    found = preflight.preflight(asked(), V5E)
    assert found.flies and found.width == 2 and found.rules[0].fits >= 2
    by_hand = preflight.preflight(asked(width=16), V5E)
    assert "16 at a time need more than there is; a v5e has 16" in by_hand.rules[0].problem
    most = 0
    assert preflight.preflight(asked(), V5E).width == 0


def test_a_width_that_does_not_compile_is_said(told, monkeypatch):
    usual = told.__call__
    monkeypatch.setattr(
        told,
        "__call__",
        lambda self, name, width: Account(width, "it is odd") if width == 128 else usual(self, name, width),
    )
    assert [one.problem for one in preflight.preflight(asked(), V5E).rules] == ["it is odd"] * 2


def test_loops_that_nobody_can_count_are_told(told, monkeypatch):
    usual = told.__call__
    monkeypatch.setattr(told, "__call__", lambda self, *given: usual(self, *given)._replace(open_loops=3))
    assert "take longer: one (3), two (3)." in preflight_table(preflight.preflight(asked(), V5E))


def test_a_rule_that_does_not_compile_is_named_and_the_others_are_told(told):
    experiment = asked()
    broken = replace(experiment, rules={"broken": experiment.rules["one"], "two": experiment.rules["two"]})
    found = preflight.preflight(broken, V5E)
    assert not found.flies and found.rules[0].problem == "ValueError: it is" and not found.rules[1].problem


def test_what_was_asked_once_is_remembered_until_something_changes(monkeypatch, tmp_path):
    pytest.importorskip("libtpu")
    monkeypatch.setattr(devices, "remember_compiled", lambda: tmp_path / "compiled")
    compiled = []

    def programs(plan, name):
        compiled.append((name, plan.experiment.width))
        if name == "control":
            raise account.TooLarge
        raise RuntimeError("the first\nof two lines")

    monkeypatch.setattr(account, "jobs", programs)
    plan = Plan(small(), "tpu")
    first = Asked(plan, V5E, Silent())
    assert first("control", 8).too_large and first("ppo", 8).problem == "RuntimeError: the first"
    again = Asked(plan, V5E, Silent())
    assert again("control", 8) == first("control", 8)
    again("ppo", 8)  # a failure is not remembered
    assert compiled == [("control", 8), ("ppo", 8), ("ppo", 8)]
    Asked(plan, chips.chip("v6e"), Silent())("control", 8)
    assert compiled[-1] == ("control", 8)
    for file in (tmp_path / "compiled" / "preflight").iterdir():
        file.write_text("{")  # damage means asking again
    assert Asked(plan, V5E, Silent())("control", 8) == first("control", 8)


@pytest.mark.slow(minutes=1)
def test_an_experiment_is_compiled_for_a_chip_that_is_not_here(monkeypatch, tmp_path, capsys):
    pytest.importorskip("libtpu")
    monkeypatch.setattr(account, "TRIED", (2, 4))
    words = ["coinrun", "--chip", "v5e", "--rules", "ppo", "--seeds", "4", "--rules.ppo.num-envs", "8"]
    words += ["--rules.ppo.minibatches", "2", "--rules.ppo.epochs", "1", "--total-steps", "10000"]
    assert cli.main(["preflight", *words, "--json", str(tmp_path / "told.json")]) == 0
    out = capsys.readouterr().out
    told = json.loads((tmp_path / "told.json").read_text())
    (ppo,) = told["rules"]
    assert told["chip"] == "v5e" and told["width"] == 4 and ppo["fits"] >= 64
    assert ppo["steps"] == 8 * 32 and ppo["update_seconds"] > 1e-5 and 0 < ppo["hours"] < 1
    assert len(ppo["operations"]) == 5 and any("collect.py" in name for name, *_ in ppo["operations"])
    assert "4 seeds in batches of 4 on one v5e chip" in out and "predictions" in out


@pytest.mark.slow(quickly=True)
def test_the_same_figures_are_measured_on_the_device_that_is_here(monkeypatch, tmp_path, capsys):
    from rewardlab.running import measured

    monkeypatch.setattr(measured, "SECONDS", 0.0)
    words = ["coinrun", "--rules", "ppo", "--seeds", "4", "--rules.ppo.num-envs", "8", "--rules.ppo.minibatches", "2"]
    words += ["--total-steps", "10000", "--width", "2", "--env-kwargs.levels", "16", "--env-kwargs.held-out", "8"]
    assert cli.main(["preflight", *words, "--here", "--json", str(tmp_path / "told.json")]) == 0
    (ppo,) = (told := json.loads((tmp_path / "told.json").read_text()))["rules"]
    assert told["width"] == 2 and ppo["steps"] == 8 * 32 and ppo["batches"] == 4 and ppo["update_seconds"] > 0
    assert ppo["steps_per_second"] == pytest.approx(8 * 32 * 2 / ppo["update_seconds"])
    assert "Measured here" in capsys.readouterr().out


def test_a_rough_cost_is_operations_and_bytes():
    told = hlo.cost(batches.compiled(jax.jit(lambda x: jnp.sort(x * 2.0) + 1.0), jnp.zeros(1000)).as_text())
    once, more = (predicted.rough(told, V5E, times) for times in (1, 10))
    runs = sum(one.runs for one in told.operations if one.kind not in hlo.FREE)
    assert runs and told.bytes >= 8000 and more.bytes == 10 * told.bytes
    moved = predicted.SPREAD * told.bytes / V5E.bandwidth
    assert predicted.seconds(once, V5E)[0] == pytest.approx(predicted.RUN * runs + moved)
    assert predicted.seconds(more, V5E)[0] == pytest.approx(predicted.RUN * runs + 10 * moved)
    assert predicted.seconds(once, V5E)[1] == "latency"


@pytest.mark.slow(quickly=True)
def test_programs_that_are_the_same_are_compiled_once_and_quick_estimates_go_by_proportion(monkeypatch, tmp_path):
    """Rules that differ in numbers alone share what trains them, and policies of one kind what evaluates them."""
    monkeypatch.setattr(devices, "remember_compiled", lambda: None)
    fast, slow = (rules.make("a2c", num_envs=4, unroll_length=8, learning_rate=x) for x in (0.1, 0.01))
    other = rules.make("reinforce", num_envs=4, unroll_length=8)
    given = small(
        env="bandit", env_kwargs={"pulls": 8}, conditions={"linked": Condition()}, control=None, evaluations={"linked": {}},
        rules={"fast": fast, "slow": slow, "other": other}, agent=MLP(hidden=(4,)), episodes=4, capable_return=4.0,
    )  # fmt: skip
    compiled, one = [], predicted.weighed
    monkeypatch.setattr(predicted, "weighed", lambda *a: compiled.append(a[-1]) or one(*a))
    asked = Asked(Plan(given, "tpu"), V5E, Silent(), quick=True)
    asked.all((name, width) for name in given.rules for width in (8, 64))
    assert sorted(compiled) == [False, True, True]
    few, many = asked("fast", 8), asked("fast", 64)
    assert few == asked("slow", 8) and not few.problem and few.operations and few.point > 0
    assert many.training == 8 * few.training and few.update < many.update < 8 * few.update


def test_an_unknown_slice_is_refused_by_the_compiler_in_one_line():
    pytest.importorskip("libtpu")
    with pytest.raises(InputError, match="can't describe v5e 3x3"):
        tpu.described(V5E, "3x3")
