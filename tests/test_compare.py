"""The summary against direct computation on the arrays."""

import json

import numpy as np
from made_up import EVALUATIONS, OUTCOMES, PROXY, SUCCESS, UNABLE, UNLEARNED, UNSURE, check, close, results
from scipy.stats import trim_mean

from rewardlab.analysis import stats
from rewardlab.analysis.compare import summarise
from rewardlab.analysis.reading import filled, scores_success, shifts
from rewardlab.terminal.table import summary_table

# ------------------------------------------------------------------------------------------------------------- figures


def test_figures_equal_the_arrays():
    data = results({"ppo": PROXY, "truncation": UNABLE, "yoked": UNLEARNED})
    data["return"][0, 0, 5:9, 1:, 0] = 0.5  # four seeds never become capable, two more fall back at the end
    data["return"][0, 0, 10:14:2, 3, 0] = 0.7
    summary = check(summarise(data))
    share, returns = data.outcome_share.values, data["return"].values
    for i, rule in enumerate(data.rule.values):
        entry = summary["rules"][rule]
        able = [s for s in range(32) if returns[i, 0, s, 3, 0] >= 0.8]
        first = {}
        for s in range(32):
            for p in reversed(range(4)):
                if returns[i, 0, s, p, 0] >= 0.8:
                    first[s] = p
        assert entry["competent_seeds"] == len(able) == (26, 32, 0)[i]
        assert entry["never"] == 32 - len(first) == (4, 0, 32)[i]
        for e, evaluation in enumerate(EVALUATIONS):
            for o, outcome in enumerate(OUTCOMES):
                close(entry["final"][evaluation][outcome], share[i, 0, :, 3, e, o])
                close(entry["control"][evaluation][outcome], share[i, 1, :16, 3, e, o])
                close(summary["conditions"][rule]["half"][evaluation][outcome], share[i, 1, :16, 3, e, o])
                if first:
                    close(entry["competent"][evaluation][outcome], share[i, 0, able, 3, e, o])
                    then = np.array([share[i, 0, s, p, e, o] for s, p in first.items()])
                    close(entry["matched"][evaluation][outcome], then)
            close(entry["final"][evaluation]["return"], returns[i, 0, :, 3, e])
        if first:
            close(entry["steps_to_capability"], np.array([1000.0 * p for p in first.values()]))
            assert set(first.values()) == {1, 3}
    empty = {"iqm": None, "low": None, "high": None, "n": 0}
    assert summary["rules"]["yoked"]["matched"]["detour"]["coin"] == empty
    assert summary["rules"]["yoked"]["steps_to_capability"] == empty
    assert summary["references"]["random"]["behind"]["died"] == 0.25
    assert summary["seeds"]["conditions"] == {"end": 32, "half": 16}


def test_pairs_equal_the_arrays_and_share_one_correction():
    data = results({"ppo": PROXY, "parallel_q": (0.95, 0.05, 0.87, 0.9), "openai_es": UNLEARNED})
    summary = check(summarise(data))
    rows = summary["pairwise"]["equal"] + summary["pairwise"]["matched"]
    assert len(rows) == 2 * 3 * 2 * 2 and summary["comparisons"] == 12 + 4  # openai_es has no matched seeds
    for row in summary["pairwise"]["equal"]:
        last = data.outcome_share.sel(condition="end", evaluation=row["evaluation"], outcome=row["outcome"])[:, :, -1]
        a, b = (last.sel(rule=row[k]).values.astype(float) for k in "ab")
        gap = stats.difference_interval(a, b)
        np.testing.assert_allclose([row["difference"], row["low"], row["high"]], gap, rtol=0, atol=1e-12)
        assert abs(row["difference"] - (trim_mean(a, 0.25) - trim_mean(b, 0.25))) < 1e-12
        assert abs(row["effect"] - stats.improvement(a, b)) < 1e-12
        assert abs(row["p"] - stats.permutation_test(a, b, permutations=9_999)) < 1e-12
    family = sorted((row for row in rows if row["p"] is not None), key=lambda row: row["p"])
    worst = 0.0
    for rank, row in enumerate(family):
        worst = max(worst, min(1.0, row["p"] * (len(family) - rank)))
        assert abs(row["p_holm"] - worst) < 1e-12 and row["significant"] == (worst <= 0.05)
    lost = [row for row in rows if row["p"] is None]
    assert len(lost) == 8 and all(row["p_holm"] is None and not row["significant"] and row["n_b"] == 0 for row in lost)


def test_order_of_dimensions_does_not_matter():
    data = results({"ppo": PROXY})
    turned = data.transpose("outcome", "evaluation", "reference", "point", "seed", "condition", "rule")
    assert summarise(turned) == summarise(data)


def test_absent_seeds_are_absent_wherever_they_stand():
    """A control with half of the seeds is padded with NaN in every variable; that is neither failure nor a zero."""
    data = results({"ppo": PROXY, "reinforce": UNSURE})
    plain = check(summarise(data))
    assert plain["score"] == "coin" and plain["judged"] == ["coin", "end"]
    assert not any(row["outcome"] == "return" for rows in plain["pairwise"].values() for row in rows)
    assert all(entry["failed"] == {"end": 0, "half": 0} for entry in plain["rules"].values())
    assert plain["rules"]["ppo"]["control"]["detour"]["coin"]["n"] == 16 and len(plain["warnings"]) == 1
    moved = data.isel(seed=np.random.default_rng(0).permutation(32))  # absent seeds in between
    assert check(summarise(moved))["rules"]["ppo"]["control"]["detour"] == plain["rules"]["ppo"]["control"]["detour"]
    assert summarise(moved)["seeds"] == plain["seeds"]
    data.attrs["experiment"] = ""  # what counts is what was trained, not what was planned
    assert summarise(data)["seeds"] == plain["seeds"]


def test_filled_tells_failed_from_absent():
    data = results({"ppo": PROXY, "reinforce": PROXY})
    for name in ("outcome_share", "return"):
        data[name][1, 1, 3, 2:] = np.nan
    full = filled(data)
    absent = np.isnan(data.steps.values)
    assert absent[:, 1, 16:].all() and absent.sum() == 2 * 16 * 4
    np.testing.assert_array_equal(np.isnan(full["return"].values).all(-1), absent)
    np.testing.assert_array_equal(np.isnan(full.outcome_share.values).all((-1, -2)), absent)
    assert np.argwhere(full.failed.values).tolist() == [[1, 1, 3, 2], [1, 1, 3, 3]]
    assert (full["return"][1, 1, 3, 2:] == 0).all() and (full.outcome_share[1, 1, 3, 2:] == 0).all()
    assert scores_success(data) and scores_success(full)


def test_a_failed_seed_is_never_competent():
    """Even where returns are no shares and the lowest return that was seen would do."""
    data = results({"ppo": PROXY}, outcomes=("terminated", "truncated"), control=None)
    data["return"][:] = 100.0
    data["return"][0, 0, 4] = np.nan
    found = check(summarise(data))["rules"]["ppo"]
    assert (found["competent_seeds"], found["never"], found["failed"]) == (31, 1, {"end": 1})


def test_an_evaluation_on_another_pool_of_levels_is_no_shift():
    data = results({"ppo": PROXY, "reinforce": PROXY}, evaluations=("held-out", "train", "behind"))
    data.outcome_share[:, :, :, :, 1] = data.outcome_share[:, :, :, :, 0]
    plan = {"held-out": {"held_out": True}, "train": {}, "behind": {"held_out": True, "moved": 1.0}}
    data.attrs["experiment"] = json.dumps({"evaluations": plan})
    summary = check(summarise(data))
    assert shifts(data) == summary["shifts"] == list(summary["rules"]["ppo"]["shifts"]) == ["behind"]
    assert {row["evaluation"] for row in summary["pairwise"]["equal"]} == {"behind"}
    assert "train" in summary["rules"]["ppo"]["final"] and "raining levels" not in " ".join(summary["verdict"])
    data.attrs["experiment"] = ""
    assert shifts(data) == ["train", "behind"]


def test_threshold_is_met_by_a_share_that_equals_it():
    data = results({"ppo": PROXY}, capability=0.7)
    data["return"][0, 0, :, :, 0] = 0.7  # in float32 a little below 0.7
    assert summarise(data)["rules"]["ppo"]["competent_seeds"] == 32


# -------------------------------------------------------------------------------------------------------- other worlds


def test_outcomes_and_places_of_an_unknown_world():
    data = results({"mine": PROXY}, outcomes=("bone", "kennel"), evaluations=("train", "elsewhere"))
    found = check(summarise(data))["rules"]["mine"]
    assert found["claim"] and found["short"] == "mostly ended with “kennel”"
    assert "On “elsewhere”, it ended with “bone” in 3 %" in found["verdict"]
    data = results({"mine": SUCCESS}, outcomes=("obeyed", "ignored"), evaluations=("train", "test"))
    assert check(summarise(data))["rules"]["mine"]["short"] == "mostly ended with “obeyed”"
    assert check(summarise(data.isel(outcome=[0])))["rules"]["mine"]["short"] == "mostly ended with “obeyed”"


def test_no_shift():
    summary = check(summarise(results({"ppo": PROXY, "yoked": UNLEARNED}, evaluations=("held-out",), control=None)))
    found = summary["rules"]["ppo"]
    assert not found["claim"] and found["shifts"] == {} and "no shift was evaluated" in found["verdict"]
    assert {row["evaluation"] for row in summary["pairwise"]["equal"]} == {"held-out"}
    said = summary["verdict"]
    assert said[0].startswith("On held-out levels, PPO reached the coin in 95 % [")
    assert "(32 seeds); then yoked reward 30 % [" in said[0]
    assert "the largest difference at equal environment steps: PPO over yoked reward by 65 points" in said[1]


def test_a_world_of_returns():
    """A world that names no outcomes is compared by its returns, and nothing is said about goals."""
    rules = {"ppo": PROXY, "openai_es": (0.5, 0.5, 0.2, 0.2)}
    data = results(rules, outcomes=("terminated", "truncated"), control=None)
    data["return"] = 500 * data["return"]
    data.attrs["capability"] = 450.0
    data["return"][1, 0, 0, -1] = np.nan
    summary = check(summarise(data))
    found = summary["rules"]["ppo"]
    assert summary["score"] == "return" and not found["claim"] and "the world names no outcomes" in found["verdict"]
    assert "had a return of 47" in found["verdict"] and "%" not in found["verdict"]
    assert summary["rules"]["openai_es"]["final"]["held-out"]["return"]["n"] == 32
    assert {row["outcome"] for row in summary["pairwise"]["equal"]} == {"return"}
    first, _, last = summary["verdict"]
    assert first.startswith("With the coin at a detour, OpenAI-ES had a return of 25") and "; then PPO 15 [" in first
    assert "differ; the largest difference at equal environment steps: OpenAI-ES over PPO by 235 [" in last
    assert "points" not in last
    assert "%" not in " ".join(summary["verdict"]) and "in short" in summary_table(summary)


def test_the_terminal_shows_what_the_verdicts_rest_on():
    summary = summarise(results({"ppo": PROXY, "truncation": UNABLE, "yoked": UNLEARNED}))
    lines = summary_table(summary).split("\n")
    at = next(i for i, line in enumerate(lines) if line.endswith("in short"))
    assert lines[0].split() == ["rule", "learned", "held-out:", *["detour:"] * 2, *["behind:"] * 2]
    assert lines[1].split() == ["coin", "coin", "end", "coin", "end"]
    ppo, truncation, yoked = lines[at + 2 : at + 5]
    assert (
        ppo.split()[:3] == ["ppo", "32/32", "2,000"]
        and ppo.endswith("mostly ran past the coin to the end")
        and " 0.90 [0." in ppo
    )
    assert truncation.endswith("no claim about goals: control fails")
    assert yoked.split()[:3] == ["yoked", "0/32", "-"] and yoked.endswith("0 of 32 seeds competent")
    assert lines[-len(summary["warnings"]) - len(summary["verdict"]) :][0] == summary["verdict"][0]
    assert "control," not in summary_table(summarise(results({"ppo": PROXY}, control=None)))
