"""The main job's promises, at its full budget. Minutes long: run with `pytest -m slow`."""

from dataclasses import replace

import pytest

import rewardlab


@pytest.mark.slow(minutes=6)
def test_gradient_rules_learn_and_their_controls_reach_moved_coins(tmp_path, one_device):
    """Interquartile means over 10 seeds: held-out success, and what the control of PPO reaches with the coin moved."""
    experiment = rewardlab.load("coinrun")
    kept = {name: experiment.rules[name] for name in ("reinforce", "ppo", "parallel_q")}
    experiment = replace(experiment, rules=kept, budgets={}, seeds=10, points=1)
    rules = rewardlab.run(experiment, out=tmp_path / "main", progress=False).summary["rules"]
    success = {name: rules[name]["final"]["held-out"]["coin"]["iqm"] for name in kept}
    assert success["reinforce"] >= 0.95 and success["ppo"] >= 0.95 and success["parallel_q"] >= 0.85, success
    results = rewardlab.open_run(tmp_path / "main").results
    moved = results["outcome_share"].sel(rule="ppo", condition="half", evaluation=["detour", "behind"], outcome="coin")
    assert (moved.isel(point=-1).median("seed") >= 0.85).all(), moved
