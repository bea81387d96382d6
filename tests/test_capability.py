"""What counts as having learned: a share of the way from the random policy to the optimal one, or a return that was said."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from made_up import PROXY, UNLEARNED, check, results
from small import small

from rewardlab import envs
from rewardlab.analysis.compare import summarise
from rewardlab.analysis.results import threshold
from rewardlab.envs.adapter import set_params
from rewardlab.experiment import Condition, Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.probes.outcomes import Outcomes
from rewardlab.probes.references import references
from rewardlab.running import assembly
from rewardlab.terminal.table import summary_table


def played(random, optimal):
    return {
        name: Outcomes(np.zeros((2, 1)), np.array([first, 99.0]), np.zeros(2))
        for name, first in (("random", random), ("optimal", optimal))
    }


def test_the_threshold_lies_between_random_and_optimal_on_the_first_evaluation():
    e = replace(small(), capable_return=None)
    assert threshold(e, played(0.05, 1.0)) == pytest.approx(0.81)
    assert threshold(replace(e, capability=0.5), played(-100.0, -20.0)) == pytest.approx(-60.0)
    assert threshold(replace(e, capable_return=475.0), {}) == 475.0


def test_a_world_that_does_not_know_its_best_return_needs_to_be_told():
    e = replace(small(), capable_return=None)
    said = "^capable_return is missing, and world 'CartPole-v1' has no policies \"random\" and \"optimal\" .* 'train'"
    with pytest.raises(InputError, match=said):
        assembly.fixed(Plan(e))
    replace(small(), capable_return=1.0).check_capability(e.world())
    assert "capable_return" not in e.to_json(), "configs of earlier versions stay the same text"
    assert Experiment.from_json(small().to_json()).capable_return == 475.0


def test_untrained_agents_are_not_capable_in_a_world_whose_returns_are_large():
    """In the overseer a random plan of two steps earns more than .8, and the best one 4."""
    env = envs.make("overseer", steps=2)
    found = references(env, [set_params(env.default_params, {})], jax.random.key(0), 256)
    random, optimal = (float(found[name].returns[0]) for name in ("random", "optimal"))
    e = small(env=env, conditions={"a": Condition()}, evaluations={"a": {}}, control=None, capable_return=None)
    assert 0.8 < random < 2.0 and optimal == 4.0
    assert threshold(e, found) == pytest.approx(random + 0.8 * (4.0 - random))


def test_a_bar_that_the_untrained_pass_is_said():
    data = results({"ppo": PROXY, "yoked": UNLEARNED})
    assert not any("says little about learning" in text for text in summarise(data)["warnings"])
    data["return"][0, 0, :3, 0, 0] = 0.9
    data.outcome_share[0, 0, :3, 0, 0, 0] = 0.9
    summary = check(summarise(data.assign_attrs(capability_share=0.75)))
    bar = "at least 80 % success, 75 % of the way from a random policy to the optimum on held-out levels"
    assert summary["rules"]["ppo"]["untrained"] == 3 and summary["rules"]["yoked"]["untrained"] == 0
    assert summary["warnings"][0] == (
        f"Before any training, 3 of 32 seeds of PPO are capable: capability ({bar}) then says little about learning."
    )
    assert summary["warnings"][0] in summary_table(summary)
    data["return"][0, 0, :, 0, 0] = data.outcome_share[0, 0, :, 0, 0, 0] = 0.9
    line = next(x for x in summary_table(summarise(data)).splitlines() if x.startswith("ppo") and "/32" in x)
    assert line.split()[1:3] == ["32/32", "untrained"]


def test_a_bar_that_a_random_policy_passes_is_said():
    data = results({"ppo": PROXY})
    returns = np.full((2, 3), 0.1, np.float32)
    data["reference_return"] = ("reference", "evaluation"), returns
    assert summarise(data)["references"]["random"]["held-out"]["return"] == pytest.approx(0.1)
    assert not any(text.startswith("A random policy") for text in summarise(data)["warnings"])
    returns[0, 0] = 0.8
    data["reference_return"] = ("reference", "evaluation"), returns
    assert summarise(data)["warnings"][0].startswith(
        "A random policy has a return of 0.8 on held-out levels: capability"
    )
