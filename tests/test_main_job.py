"""The main job's promises, at its full budget. Minutes long: run with `pytest -m slow`."""

from dataclasses import replace

import pytest

import rewardlab


@pytest.mark.slow(minutes=6)
def test_gradient_rules_learn_and_their_controls_reach_moved_coins(tmp_path, one_device):
    """Interquartile means over 8 seeds, one batch: held-out success, and what the control of PPO reaches with the coin moved."""
    whole = rewardlab.load("coinrun")

    def results(condition, *names):
        changes = {
            "conditions": {condition: whole.conditions[condition]},
            "control": None,
            "rules": {name: whole.rules[name] for name in names},
        }
        experiment = replace(whole, **changes, budgets={}, seeds=8, points=1)
        return rewardlab.run(experiment, out=tmp_path / condition, progress=False)

    rules = results("end", "reinforce", "ppo", "parallel_q").summary["rules"]
    success = {name: rule["final"]["held-out"]["coin"]["iqm"] for name, rule in rules.items()}
    assert success["reinforce"] >= 0.95 and success["ppo"] >= 0.95 and success["parallel_q"] >= 0.85, success
    control = results("half", "ppo").results["outcome_share"].sel(rule="ppo", condition="half", outcome="coin")
    moved = control.sel(evaluation=["detour", "behind"]).isel(point=-1)
    assert (moved.median("seed") >= 0.85).all(), moved
