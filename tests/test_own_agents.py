"""Rules with networks of their own, and evaluations that draw actions: what they change, and what stays the same."""

from dataclasses import replace

import jax
import numpy as np
import pytest
import tiny

import rewardlab
from rewardlab import cli
from rewardlab.experiment import Experiment, config, override, text
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.running import runner

SMALL, WIDE = rewardlab.MLP(hidden=(4,)), rewardlab.MLP(hidden=(12,))


def own(**changes):
    fields = dict(agents={"reinforce": WIDE}, evaluations={"test": {}, "drawn": {}}, temperatures={"drawn": 1.0})
    return tiny.experiment(**fields | changes)


def plain(e):
    return e.to_json()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Results of a whole run of rules with networks of their own, and of one in which all have the wide one."""
    folder, found = tmp_path_factory.mktemp("own"), {}
    two = {name: rule for name, rule in own().rules.items() if name != "q_learning"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "local_devices", lambda: jax.devices()[:1])
        for name, e in (("own", own(rules=two)), ("wide", own(rules=two, agent=WIDE, agents={}))):
            found[name] = runner.run(replace(e, seeds=2), folder / name, progress=False).results
            tiny.light(patch.setattr)
    return found


@pytest.mark.slow(quickly=True)
def test_a_rule_is_trained_evaluated_and_filmed_with_its_own_network(found):
    own_results, wide = found["own"], found["wide"]
    for name in ("outcome_share", "return", "length", "steps"):
        np.testing.assert_array_equal(own_results[name].sel(rule="reinforce"), wide[name].sel(rule="reinforce"))
    assert (own_results["return"].sel(rule="drift") != wide["return"].sel(rule="drift")).any()


@pytest.mark.slow(quickly=True)
def test_evaluations_with_a_temperature_draw_their_actions(found):
    returns = found["own"]["return"].isel(point=0)
    assert (returns.sel(evaluation="test") != returns.sel(evaluation="drawn")).any()
    greedy = own(temperatures={})
    assert greedy.warmth is None and own().warmth.tolist() == [0.0, 1.0]


def test_they_are_recorded_read_changed_and_part_of_what_a_run_is():
    e = own()
    assert Experiment.from_json(plain(e)) == e
    assert override.override(e, {"agents.reinforce.hidden": ["3"]}).agents == {"reinforce": replace(WIDE, hidden=(3,))}
    assert override.override(e, {"rules": ["drift"]}).agents == {}
    none = own(agents={}, temperatures={})
    assert len({Plan(x).digest for x in (e, none, own(agents={}), own(temperatures={}))}) == 4
    assert not text.grows(plain(none), plain(e)) and text.grows(plain(e), plain(replace(e, seeds=7)))
    assert e.agent_of("reinforce") == WIDE and e.agent_of("drift") == SMALL


@pytest.mark.parametrize(
    "changes,said",
    [
        ({"agents": {"reinforc": WIDE}}, "did you mean 'reinforce'"),
        ({"agents": {"drift": 5}}, "agents.drift: agent = 5 is no network"),
        ({"temperatures": {"drawm": 1.0}}, "did you mean 'drawn'"),
        ({"temperatures": {"drawn": -1.0}}, "temperatures.drawn = -1.0 is out of range"),
        ({"temperatures": {"drawn": "hot"}}, "temperatures.drawn"),
    ],
)
def test_what_can_not_be_used_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        own(**changes)


QUESTION = """
from dataclasses import replace
import rewardlab
experiment = replace(rewardlab.load("coinrun"), name="mine")
small = replace(experiment, seeds=3)
"""


def test_a_config_may_define_other_sizes(file, capsys, monkeypatch, tmp_path):
    path, asked = file("mine.py", QUESTION), []
    assert config.load(path, "small").seeds == 3 and config.load(path).seeds == 32
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        runner, "run", lambda e, out, **_: asked.append((e.seeds, out)) or rewardlab.rundir.store.Run(tmp_path)
    )
    assert cli.main(["run", str(path), "--small"]) == 0 and asked == [(3, "runs/mine-small")]
    assert cli.main(["run", str(path), "--full"]) == 2
    assert "defines no `full`" in (said := capsys.readouterr().err) and "--small, --smoke" in said
    assert cli.main(["run", str(path), "--small", "--smoke"]) == 2
    (tmp_path / "config.json").write_text(plain(config.load(path)))
    assert cli.main(["run", "config.json", "--small"]) == 2 and len(asked) == 1
