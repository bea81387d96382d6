"""Rules with budgets of their own: other steps, fewer seeds. What they have in common, and what is absent, never failed."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny
from made_up import PROXY, results

from rewardlab import rules
from rewardlab.analysis.compare import summarise
from rewardlab.experiment import Budget, Condition, Experiment, config, override, text
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.running import runner


def unlike(**changes):
    return tiny.experiment(budgets={"drift": Budget(total_steps=5000, seeds=3)} | changes)


def test_every_rule_is_evaluated_at_the_most_steps_that_all_share():
    e = unlike(q_learning=Budget(total_steps=3000))
    assert not e.alike and e.shared_steps == 2048
    assert e.targets("reinforce").tolist() == [0, 1024, 2048, 2048]
    assert e.targets("drift").tolist() == [0, 2048, 2500, 5000]
    assert e.targets("q_learning").tolist() == [0, 1500, 2048, 3000]
    assert [e.shared_point(rule) for rule in e.rules] == [3, 1, 2]
    same = tiny.experiment(budgets={"drift": Budget(seeds=3)})
    assert same.alike and same.targets("drift").tolist() == [0, 1024, 2048] and same.shared_point("drift") == 2


def test_a_rule_has_as_many_seeds_as_the_least_of_what_limits_it():
    e = unlike()
    assert (e.seeds_of("drift", "near"), e.seeds_of("drift", "again"), e.seeds_of("reinforce", "near")) == (3, 2, 6)


@pytest.mark.parametrize(
    "budgets,said",
    [
        ({"drif": Budget(total_steps=5)}, "did you mean 'drift'"),
        ({"drift": 5}, "budgets.drift = 5 is an int; allowed: a Budget"),
        ({"drift": Budget(total_steps=0)}, "budgets.drift.total_steps = 0 is out of range"),
        ({"drift": Budget(seeds=0.5)}, "budgets.drift.seeds = 0.5"),
    ],
)
def test_what_can_not_be_a_budget_is_refused(budgets, said):
    with pytest.raises(InputError, match=said):
        tiny.experiment(budgets=budgets)


def test_budgets_are_recorded_read_and_changed_from_the_command_line():
    e = unlike()
    assert Experiment.from_json(e.to_json()).budgets == e.budgets
    changed = override.override(e, {"budgets.q_learning.steps": "4e3", "budgets.drift.seeds": "2"})
    assert changed.budgets == {"drift": Budget(5000, 2), "q_learning": Budget(4000)}
    assert override.override(e, {"rules": ["reinforce"]}).budgets == {}
    assert override.override(e, {"env": "bandit"}).env_kwargs == {} != override.override(e, {"env": e.env}).env_kwargs
    assert config.smoke(e).budgets["drift"].total_steps > config.smoke(e).total_steps
    with pytest.raises(InputError, match=r"unknown field in budgets\.drift 'total_stepz'"):
        Experiment.from_json(e.to_json().replace('"total_steps": 5000', '"total_stepz": 5000', 1))


def test_more_seeds_of_a_rule_are_the_same_run_and_other_steps_another():
    plain = Experiment.to_json
    e = unlike()
    more = replace(e, budgets={"drift": Budget(5000, 4)})
    assert text.grows(plain(e), plain(more)) and not text.grows(plain(more), plain(e))
    assert text.grows(plain(e), plain(replace(e, budgets={"drift": Budget(5000)})))
    assert not text.grows(plain(e), plain(replace(e, budgets={"drift": Budget(6000, 3)})))
    assert Plan(e).digest == Plan(more).digest != Plan(replace(e, budgets={})).digest


@pytest.mark.slow(quickly=True)
def test_a_run_whose_rules_differ_has_each_rules_own_and_shares_the_rest(tmp_path, one_device):
    alone = tiny.experiment(rules={"drift": tiny.experiment().rules["drift"]}, total_steps=5000, seeds=3)
    e = unlike()
    done, other = (runner.run(x, tmp_path / x.name / str(i), progress=False) for i, x in enumerate((e, alone)))
    data = done.results
    assert data.shared_point.values.tolist() == [3, 1, 3]
    steps = data.steps.sel(condition="near")
    assert np.isfinite(steps.sel(rule="reinforce")).all()
    assert np.isfinite(steps.sel(rule="drift")).any("point").values.tolist() == [True] * 3 + [False] * 3
    assert (steps.sel(rule="drift").isel(seed=slice(3)).values[:, -1] >= 5000).all()
    own, same = (x.results["return"].sel(rule="drift", condition="near").values[:3, -1] for x in (done, other))
    np.testing.assert_array_equal(own, same)
    rule = done.summary["rules"]["drift"]
    assert rule["seeds"] == 3 and rule["failed"] == {"near": 0, "again": 0} and not done.summary["alike"]
    assert json.loads(data.attrs["experiment"])["budgets"] == {"drift": {"total_steps": 5000, "seeds": 3}}
    grown = runner.run(replace(e, budgets={"drift": Budget(5000, 4)}), done.path, progress=False)
    assert grown.summary["rules"]["drift"]["seeds"] == 4


def test_rules_are_compared_at_matched_capability_first_and_then_where_all_have_lived_as_long():
    data = results({"ppo": PROXY, "openai_es": PROXY})
    data.steps[1] = data.steps[1] * 10
    data["shared_point"] = ("rule", [data.sizes["point"] - 1, 1])
    data.steps[1, :, 12:] = np.nan
    for name in ("outcome_share", "return"):
        data[name][1, :, 12:] = np.nan
    data.outcome_share[1, 0, :12, 1, 1:] = 0.25  # where all have lived as long it went nowhere in particular
    summary = summarise(data)
    assert not summary["alike"] and summary["rules"]["openai_es"]["seeds"] == 12
    assert summary["rules"]["openai_es"]["failed"] == {"end": 0, "half": 0}
    rows = {(row["evaluation"], row["outcome"]): row for row in summary["pairwise"]["equal"]}
    assert rows["detour", "end"]["n_b"] == 12 and rows["detour", "end"]["difference"] > 0.5
    first = summary["verdict"][0]
    assert first.startswith(
        "Selection (told only how an episode went: OpenAI-ES) against gradient (told which step paid: PPO): of their pairs, "
    )
    assert 0 < first.index("at matched capability") < first.index("at equal environment steps")
    assert any("OpenAI-ES has 12 seeds under “end”, fewer than the 30 advised" in text for text in summary["warnings"])


def test_budgets_of_rules_that_are_left_out_are_left_out_too():
    e = replace(tiny.experiment(), conditions={"near": Condition()}, budgets={"drift": Budget()})
    assert e.budgets == {} and e.alike and list(e.rules) == ["reinforce", "drift", "q_learning"]
    assert rules.make("drift").level == 0
