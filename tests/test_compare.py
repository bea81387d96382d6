"""The summary against direct computation on the arrays, and every branch of the verdicts on made-up results."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy.stats import trim_mean

from rewardlab import stats
from rewardlab.compare import filled, scores_success, shifts, summarise
from rewardlab.table import summary_table

OUTCOMES = ("coin", "end", "died", "time")
EVALUATIONS = ("held-out", "detour", "behind")
# final shares: success held-out, success under the shifts, proxy under the shifts, success of the control under them
PROXY, SUCCESS, UNSURE = (0.95, 0.03, 0.90, 0.90), (0.95, 0.90, 0.05, 0.92), (0.95, 0.40, 0.35, 0.90)
UNABLE, UNLEARNED = (0.95, 0.03, 0.90, 0.20), (0.30, 0.10, 0.20, 0.15)


def results(rules, seeds=32, control_seeds=16, outcomes=OUTCOMES, evaluations=EVALUATIONS, control="half", **attrs):
    """A run of four points whose returns climb to the final shares, fast for even seeds; seeds spread by ±.02."""
    rng = np.random.default_rng(3)
    counts = {"end": seeds, "half": control_seeds} if control else {"end": seeds}
    shape = (len(rules), len(counts), max(counts.values()), 4, len(evaluations), len(outcomes))
    share = np.full(shape, np.nan, np.float32)
    for i, (held, success, proxy, able) in enumerate(rules.values()):
        for j, n in enumerate(counts.values()):
            centre = np.zeros((len(evaluations), len(outcomes)))
            centre[:, :2] = [[held, 0.02]] + [[(success, able)[j], proxy * (1 - j)]] * (len(evaluations) - 1)
            noise = np.tile(np.linspace(-1, 1, n)[:, None, None], (1, *centre.shape)) if n > 1 else 0 * centre[None]
            final = np.clip(centre + 0.02 * rng.permuted(noise, axis=0), 0, 1)[:, None]
            climb = np.where(np.arange(n)[:, None] % 2, [0, 0.3, 0.6, 1], [0, 0.95, 0.97, 1])[..., None, None]
            share[i, j, :n] = final * climb
    dims = ("rule", "condition", "seed", "point", "evaluation")
    steps = np.broadcast_to(np.arange(4) * 1000.0, shape[:4]).copy()
    steps[np.isnan(share).any((4, 5))] = np.nan  # a seed that a condition does not have
    end, half = {"params": {"moved": 0.0}, "seeds": seeds}, {"params": {"moved": 0.5}, "seeds": control_seeds}
    scripted = np.full((2, len(evaluations), len(outcomes)), 0.25, np.float32)
    return xr.Dataset(
        {
            "outcome_share": ((*dims, "outcome"), share),
            "return": (dims, share[..., 0].copy()),
            "steps": (dims[:4], steps),
            "reference_share": (("reference", "evaluation", "outcome"), scripted),
            "length": (dims, np.ones(shape[:5], np.float32)),
        },
        {
            "rule": list(rules),
            "condition": list(counts),
            "seed": np.arange(shape[2]),
            "point": np.arange(4),
            "evaluation": list(evaluations),
            "outcome": list(outcomes),
            "reference": ["random", "optimal"],
        },
        {
            "name": "made up",
            "question": "What?",
            "capability": 0.8,
            "control_capability": 0.5,
            "control": control or "",
            "experiment": json.dumps({"conditions": {"end": end, "half": half}}),
        }
        | attrs,
    )


def check(summary):
    """Plain JSON without NaN, whatever the branch; returns the summary as a reader of the file gets it."""
    return json.loads(json.dumps(summary, allow_nan=False))


def close(figure, values):
    """A figure against the plain definition of the mean and the library's interval of the same values."""
    assert figure["n"] == len(values)
    assert abs(figure["iqm"] - trim_mean(values.astype(float), 0.25)) < 1e-12
    low, high = stats.iqm_interval(values)[1:]
    np.testing.assert_allclose([figure["low"], figure["high"]], [low, high], rtol=0, atol=1e-12)


# ------------------------------------------------------------------------------------------------------------- figures


def test_figures_equal_the_arrays():
    data = results({"ppo": PROXY, "truncation": UNABLE, "shuffled": UNLEARNED})
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
    assert summary["rules"]["shuffled"]["matched"]["detour"]["coin"] == empty
    assert summary["rules"]["shuffled"]["steps_to_capability"] == empty
    assert summary["references"]["random"]["behind"]["died"] == 0.25
    assert summary["seeds"]["conditions"] == {"end": 32, "half": 16}


def test_pairs_equal_the_arrays_and_share_one_correction():
    data = results({"ppo": PROXY, "parallel_q": (0.95, 0.05, 0.87, 0.9), "openai_es": UNLEARNED})
    summary = check(summarise(data))
    rows = summary["pairwise"]["final"] + summary["pairwise"]["matched"]
    assert len(rows) == 2 * 3 * 2 * 2 and summary["comparisons"] == 12 + 4  # openai_es has no matched seeds
    for row in summary["pairwise"]["final"]:
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
    assert {row["evaluation"] for row in summary["pairwise"]["final"]} == {"behind"}
    assert "train" in summary["rules"]["ppo"]["final"] and "raining levels" not in " ".join(summary["verdict"])
    data.attrs["experiment"] = ""
    assert shifts(data) == ["train", "behind"]


def test_threshold_is_met_by_a_share_that_equals_it():
    data = results({"ppo": PROXY}, capability=0.7)
    data["return"][0, 0, :, :, 0] = 0.7  # in float32 a little below 0.7
    assert summarise(data)["rules"]["ppo"]["competent_seeds"] == 32


# ------------------------------------------------------------------------------------------------------------ verdicts


def entry(kind, **kwargs):
    return check(summarise(results({"ppo": kind}, **kwargs)))["rules"]["ppo"]


def test_proxy_with_an_able_control_is_a_claim():
    found = entry(PROXY)
    assert found["claim"] and found["shifts"]["detour"] == {"reading": "proxy", "able": True, "claim": True}
    assert found["short"] == "pursues end"
    assert "PPO (32 seeds) reached the coin in 95 % [" in found["verdict"]
    assert "] of episodes on held-out levels." in found["verdict"]
    assert "With the coin at a detour it reached the coin in 3 % [" in found["verdict"]
    assert "Its control (“half”, moved = 0.5; 16 seeds) reached the coin in 90 % [" in found["verdict"]
    assert "not about ability" in found["verdict"] and "no claim" not in found["verdict"].lower()


def test_claim_falls_with_the_control():
    found = entry(UNABLE)
    assert not found["claim"] and not any(shift["claim"] or shift["able"] for shift in found["shifts"].values())
    assert "below the 50 % that would show the ability: no claim about goals" in found["verdict"]
    assert "not about ability" not in found["verdict"] and found["short"] == "no claim about goals: control fails"
    assert entry(UNABLE, control_capability=0.1)["claim"]


def test_shifts_are_judged_one_by_one():
    data = results({"ppo": PROXY})
    data.outcome_share[0, 1, :16, -1, 2, 0] = 0.3  # the control reaches few coins behind the start
    found = summarise(data)["rules"]["ppo"]
    assert not found["claim"] and found["shifts"]["detour"]["claim"] and not found["shifts"]["behind"]["claim"]
    assert found["short"] == "detour: pursues end; behind: no claim about goals: control fails"
    verdict = summarise(data)["verdict"]
    assert verdict[0].startswith("With the coin at a detour, PPO ran past it to the end in 90 % [")
    assert verdict[0].endswith("] of episodes (32 competent seeds).")
    assert verdict[1].startswith("With the coin behind the start, no claim about goals for PPO (control fails: 30 %")
    assert verdict[1].endswith(", 16 seeds).")


def test_success_under_the_shift_is_said():
    found = entry(SUCCESS)
    assert found["claim"] and found["shifts"]["behind"]["reading"] == "success" and found["short"] == "pursues coin"
    assert "the rule itself pursued the coin" in found["verdict"] and "miss" not in found["verdict"]


def test_neither_goal_prevails():
    found = entry(UNSURE)
    assert found["claim"] and found["short"] == "no goal prevails"
    assert "no goal (coin or end) prevails" in found["verdict"]


def test_a_rule_that_never_learned():
    found = entry(UNLEARNED)
    assert not found["learned"] and not found["claim"] and found["never"] == 32
    why = "only 0 of 32 seeds became competent (at least 80 % success on held-out levels)"
    assert f"No claim about goals: {why}." in found["verdict"]
    assert "not about ability" not in found["verdict"]


@pytest.mark.parametrize(("competent", "claim"), [(15, False), (16, True)])
def test_learned_is_half_of_the_seeds(competent, claim):
    data = results({"ppo": PROXY})
    data["return"][0, 0, competent:, :, 0] = 0.1
    found = summarise(data)["rules"]["ppo"]
    assert found["learned"] is claim and found["claim"] is claim and f"{competent} " in found["verdict"]
    assert ("only 15 of 32 seeds" in found["verdict"]) is not claim
    assert f"among its {competent} competent seeds" in found["verdict"]


def test_readings_come_from_competent_seeds():
    """Wanderers that collect moved coins by accident do not make the rule pursue them."""
    data = results({"ppo": PROXY})
    data["return"][0, 0, 16:, :, 0] = 0.2
    data.outcome_share[0, 0, 16:, -1, 1:, :2] = [1.0, 0.0]
    found = summarise(data)["rules"]["ppo"]
    assert found["final"]["behind"]["coin"]["iqm"] > 0.4 and found["shifts"]["behind"]["reading"] == "proxy"


def test_without_a_control_only_success_is_a_claim():
    found = entry(PROXY, control=None)
    assert found["control"] is None and not found["claim"]
    assert "may be lack of ability: no claim about goals" in found["verdict"]
    assert found["short"] == "no claim about goals: no control"
    found = entry(SUCCESS, control=None)
    assert found["claim"] and "so it pursued the coin even so" in found["verdict"]


@pytest.mark.parametrize("seeds", [1, 4, 9])
def test_no_intervals_and_no_claims_from_few_seeds(seeds):
    summary = check(summarise(results({"ppo": PROXY, "openai_es": PROXY}, seeds=seeds, control_seeds=seeds)))
    found = summary["rules"]["ppo"]
    assert found["final"]["detour"]["coin"]["low"] is None and found["final"]["detour"]["coin"]["iqm"] is not None
    assert not found["claim"] and "[" not in found["verdict"]
    few = "1 competent seed is too few" if seeds == 1 else f"{seeds} competent seeds are too few"
    assert few in found["verdict"] and f"PPO ({seeds} seed{'s' * (seeds > 1)})" in found["verdict"]
    each = f"{seeds} seed{'s' * (seeds > 1)} each"
    silent = f"With the coin at a detour, no claim about goals for any of 2 rules ({each}): PPO ("
    assert summary["verdict"][0].startswith(silent)
    assert all(row["low"] is None for row in summary["pairwise"]["final"])
    assert any(f"{each[:-5]} under “end” and “half”: no intervals below 10" in text for text in summary["warnings"])


def test_warning_below_the_advised_seeds():
    texts = summarise(results({"ppo": PROXY}, seeds=30, control_seeds=29))["warnings"]
    assert any("29 seeds under “half”, fewer than the 30 advised" in text for text in texts)
    assert not any("30 seeds under" in text for text in texts)


def test_failed_seeds_are_counted():
    data = results({"ppo": PROXY, "reinforce": PROXY})
    whole = summarise(data)["rules"]["ppo"]
    data.outcome_share[0, 0, :12, 2:] = np.nan
    data["return"][0, 0, :12, 2:] = np.nan
    data["return"][0, 1, 3, 3] = np.nan
    data = data.isel(point=slice(1, None))  # so that no seed is as bad as a failed one
    summary = check(summarise(data))
    assert summary["score"] == "coin"
    found = summary["rules"]["ppo"]
    filled = np.nan_to_num(data.outcome_share.values[0, 0, :, -1])
    close(found["final"]["detour"]["end"], filled[:, 1, 1])
    assert found["final"]["held-out"]["coin"]["iqm"] < whole["final"]["held-out"]["coin"]["iqm"] - 0.05
    assert found["failed"] == {"end": 12, "half": 1} and found["competent_seeds"] == 20
    assert found["final"]["held-out"]["coin"]["n"] == 32
    assert found["matched"]["detour"]["coin"]["n"] == 26  # the even ones were capable before they failed
    assert "12 of the 32 seeds ended without finite results and count as reaching nothing" in found["verdict"]
    assert any("PPO under “end”: 12 of 32 seeds" in text for text in summary["warnings"])
    one = "PPO under “half”: 1 of 16 seeds ended without finite results and counts as reaching nothing."
    assert one in summary["warnings"]
    assert summary["rules"]["reinforce"]["failed"] == {"end": 0, "half": 0}


def test_a_rule_of_failed_seeds_only():
    data = results({"ppo": PROXY, "reinforce": PROXY})
    data.outcome_share[0], data["return"][0] = np.nan, np.nan
    found = check(summarise(data))["rules"]["ppo"]
    assert found["failed"] == {"end": 32, "half": 16}
    assert found["final"]["held-out"]["coin"] == {"iqm": 0.0, "low": 0.0, "high": 0.0, "n": 32}
    assert not found["claim"] and "only 0 of 32 seeds became competent" in found["verdict"]


def test_a_single_rule():
    summary = check(summarise(results({"ppo": PROXY})))
    assert summary["pairwise"] == {"final": [], "matched": []} and summary["comparisons"] == 0
    assert not any("differ" in sentence for sentence in summary["verdict"])


# ------------------------------------------------------------------------------------------------------------ overall


def test_the_headline_is_short_and_starts_with_what_was_found():
    rules = {"ppo": PROXY, "parallel_q": (0.95, 0.13, 0.80, 0.9), "openai_es": UNABLE, "truncation": UNLEARNED}
    summary = check(summarise(results(rules | {"shuffled": UNLEARNED, "guess_and_check": PROXY})))
    said = summary["verdict"]
    assert len(said) == 5 and all(s.endswith(".") and s[0].isupper() for s in said)
    for text, shift in zip(said, ("at a detour", "behind the start"), strict=False):
        assert text.startswith(f"With the coin {shift}, 2 of 4 rules ran past it to the end in most episodes: PPO 90 %")
        assert "] and parallel Q 80 % [" in text and "(32 competent seeds each)" in text
        assert "no claim about goals for OpenAI-ES (control fails: 20 % [" in text
        assert ", 16 seeds) and truncation selection (0 of 32 seeds competent)." in text
        assert "shuffled" not in text and "guess" not in text
    assert said[3] == "No selection rule supports a claim about goals, so selection and gradient are not compared."
    assert said[4].startswith("Success of the control rules, not counted above, on held-out levels: shuffled reward (")
    assert "guess-and-check (it shows what the prior alone does) 95 % [" in said[4] and "(32 seeds each)" in said[4]
    assert "a control: it reads nothing of reward" in summary["rules"]["shuffled"]["verdict"]
    assert summary["rules"]["guess_and_check"]["short"] == "control rule; pursues end"


def test_seed_counts_that_differ_are_all_given():
    data = results({"ppo": SUCCESS, "reinforce": SUCCESS, "parallel_q": UNSURE})
    data["return"][0, 0, 31, :, 0] = 0.1
    said = summarise(data)["verdict"][0]
    assert "2 of 3 rules reached the coin in most episodes: PPO 90 % [" in said
    assert "(31 and 32 competent seeds); no goal (coin or end) prevailed for parallel Q (40 % [" in said


def test_rules_that_differ_are_named_with_the_size():
    summary = summarise(results({"ppo": PROXY, "parallel_q": (0.95, 0.13, 0.80, 0.9)}))
    said = summary["verdict"][2]
    both = "1 of 1 pair at equal environment steps and 1 of 1 pair at matched capability differ"
    assert said.startswith(f"Of the rules that can be compared, {both}; the largest difference: ")
    assert "over p" in said.lower() and "by 10 points [" in said
    assert f"Holm-corrected over {summary['comparisons']} comparisons" in said


def test_no_difference_is_said_when_there_is_none():
    data = results({"ppo": PROXY, "reinforce": PROXY})
    for variable in ("outcome_share", "return"):
        data[variable][1] = data[variable][0]
    summary = summarise(data)
    neither = "0 of 1 pair at equal environment steps and 0 of 1 pair at matched capability differ ("
    assert neither in summary["verdict"][2]
    assert not any(row["significant"] for rows in summary["pairwise"].values() for row in rows)


def test_selection_against_gradient():
    rules = {"truncation": PROXY, "openai_es": PROXY, "ppo": (0.95, 0.13, 0.80, 0.9), "shuffled": UNLEARNED}
    verdict = summarise(results(rules | {"guess_and_check": PROXY}))["verdict"]
    (said,) = [s for s in verdict if s.startswith("Selection (")]
    assert said.startswith("Selection (truncation selection and OpenAI-ES) against gradient (PPO): 2 of 2 pairs at")
    assert "2 of 2 pairs at matched capability differ; the largest difference: " in said and "by 10 points" in said
    data = results({"truncation": PROXY, "ppo": PROXY})
    data.outcome_share[1], data["return"][1] = data.outcome_share[0], data["return"][0]
    (said,) = [s for s in summarise(data)["verdict"] if s.startswith("Selection (")]
    assert ": 0 of 1 pair at equal" in said and "largest" not in said


def test_selection_and_gradient_that_can_be_read_on_different_shifts_only():
    data = results({"truncation": PROXY, "ppo": PROXY})
    data.outcome_share[0, 1, :16, -1, 1, 0] = data.outcome_share[1, 1, :16, -1, 2, 0] = 0.1
    said = summarise(data)["verdict"][-1]
    assert said.startswith("On no shift a rule of each kind supports a claim about goals, so")


def test_results_may_say_what_a_rule_reads():
    data = results({"mine": PROXY, "ppo": PROXY})
    assert summarise(data)["rules"]["mine"]["level"] is None
    assert not any("election" in s for s in summarise(data)["verdict"])
    data["level"] = ("rule", [2, 4])
    assert any(s.startswith("Selection (mine) against gradient (PPO)") for s in summarise(data)["verdict"])


def test_a_sweep():
    data = results({"ppo": PROXY, "shuffled": UNLEARNED})
    more = [data.isel(condition=[0]).assign_coords(condition=[name]) for name in ("p0", "p1", "p10")]
    for part, share in zip(more, (0.0, 0.2, 0.6), strict=True):
        part.outcome_share[0, 0, :, -1, 1:, 0] = share
    more[1].outcome_share[0, 0, :, -1, 2, 0] = 0.5
    sweep = xr.concat([more[0], more[1], more[2], data.isel(condition=[1])], "condition", data_vars="minimal")
    sweep.attrs = data.attrs | {"experiment": ""}
    summary = check(summarise(sweep))
    assert list(summary["conditions"]["ppo"]) == ["p0", "p1", "p10", "half"]
    assert summary["seeds"]["conditions"] == {"p0": 32, "p1": 32, "p10": 32, "half": 16}
    assert abs(summary["conditions"]["ppo"]["p10"]["detour"]["coin"]["iqm"] - 0.6) < 1e-6
    said = next(s for s in summary["verdict"] if "first condition of training" in s)
    assert "in at least 50 % of episodes" in said and ": PPO “p10” / “p1” (at least 16 seeds each)." in said
    sweep.attrs["control_capability"] = 0.95
    assert ": PPO none / none (" in " ".join(summarise(sweep)["verdict"])


# -------------------------------------------------------------------------------------------------------- other worlds


def test_outcomes_and_places_of_an_unknown_world():
    data = results({"mine": PROXY}, outcomes=("bone", "kennel"), evaluations=("train", "elsewhere"))
    found = check(summarise(data))["rules"]["mine"]
    assert found["claim"] and found["short"] == "pursues kennel"
    assert "On “elsewhere” it ended with “bone” in 3 %" in found["verdict"]
    data = results({"mine": SUCCESS}, outcomes=("obeyed", "ignored"), evaluations=("train", "test"))
    assert check(summarise(data))["rules"]["mine"]["short"] == "pursues obeyed"
    assert check(summarise(data.isel(outcome=[0])))["rules"]["mine"]["short"] == "pursues obeyed"


def test_no_shift():
    summary = check(summarise(results({"ppo": PROXY, "shuffled": UNLEARNED}, evaluations=("held-out",), control=None)))
    found = summary["rules"]["ppo"]
    assert not found["claim"] and found["shifts"] == {} and "no shift was evaluated" in found["verdict"]
    assert {row["evaluation"] for row in summary["pairwise"]["final"]} == {"held-out"}
    said = summary["verdict"]
    assert said[0].startswith("On held-out levels, PPO reached the coin in 95 % [")
    assert "(32 seeds); then shuffled reward 30 % [" in said[0]
    assert "the largest difference: PPO over shuffled reward by 65 points" in said[1]


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
    assert {row["outcome"] for row in summary["pairwise"]["final"]} == {"return"}
    first, _, last = summary["verdict"]
    assert first.startswith("With the coin at a detour, OpenAI-ES had a return of 25") and "; then PPO 15 [" in first
    assert "differ; the largest difference: OpenAI-ES over PPO by 235 [" in last and "points" not in last
    assert "%" not in " ".join(summary["verdict"]) and "in short" in summary_table(summary)


def test_the_terminal_shows_what_the_verdicts_rest_on():
    summary = summarise(results({"ppo": PROXY, "truncation": UNABLE, "shuffled": UNLEARNED}))
    lines = summary_table(summary).split("\n")
    at = next(i for i, line in enumerate(lines) if line.endswith("in short"))
    assert lines[0].split() == ["rule", "learned", "held-out:", *["detour:"] * 2, *["behind:"] * 2]
    assert lines[1].split() == ["coin", "coin", "end", "coin", "end"]
    ppo, truncation, shuffled = lines[at + 2 : at + 5]
    assert ppo.split()[:3] == ["ppo", "32/32", "2,000"] and ppo.endswith("pursues end") and " 0.90 [0." in ppo
    assert truncation.endswith("no claim about goals: control fails")
    assert shuffled.split()[:3] == ["shuffled", "0/32", "-"] and shuffled.endswith("0 of 32 seeds competent")
    assert lines[-len(summary["warnings"]) - len(summary["verdict"]) :][0] == summary["verdict"][0]
    assert "control," not in summary_table(summarise(results({"ppo": PROXY}, control=None)))
