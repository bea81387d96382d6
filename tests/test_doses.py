"""Half doses: curves whose crossing is known, seeds that are out of range or missing, medians, and the test of an interaction."""

import json

import numpy as np
import pytest
import synthetic

from rewardlab.analysis import compare, curves, doses
from rewardlab.analysis.doses import Entry

DOSES = np.array([0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1])


def curve(top, middle, slope):
    return top * DOSES**slope / (DOSES**slope + middle**slope)


@pytest.mark.parametrize(
    "top,middle,slope,half",
    [
        (1, 0.1, 1, 0.1),
        (0.9, 0.03, 2, 0.03 * (0.5 / 0.4) ** 0.5),
        (0.6, 0.3, 1.5, 0.3 * 5 ** (1 / 1.5)),
        (1, 0.7, 4, 0.7),
        (0.45, 0.1, 2, np.inf),  # never half
        (1, 3, 2, np.inf),  # half only beyond the doses tried
        (1, 0.002, 2, 0),  # half before the first one
        (0, 1, 1, np.inf),
    ],
)
def test_the_half_dose_of_a_known_curve(top, middle, slope, half):
    np.testing.assert_allclose(curves.half_dose(DOSES, curve(top, middle, slope)), half, rtol=0.05)


def test_missing_points_are_left_out_and_few_are_no_curve():
    known = curve(1, 0.1, 2)
    some, few = known.copy(), known.copy()
    some[[1, 4, 5]], few[[1, 2, 3, 5, 6]] = np.nan, np.nan
    found = curves.half_dose(DOSES, np.stack([some, few]))
    np.testing.assert_allclose(found[0], 0.1, rtol=0.03)
    assert np.isnan(found[1])
    known[7] = np.nan
    np.testing.assert_allclose(curves.half_dose(DOSES, np.stack([known, known / 2])), [0.1, np.nan], rtol=0.03)


def test_counted_episodes_give_the_half_dose_without_much_bias():
    drawn = np.random.default_rng(0).binomial(128, curve(0.95, 0.08, 1.5), (400, 8)) / 128
    half = 0.08 * (0.5 / 0.45) ** (1 / 1.5)
    np.testing.assert_allclose(np.median(curves.half_dose(DOSES, drawn)), half, rtol=0.03)


def test_medians_count_seeds_that_are_out_of_range():
    found = curves.median(np.array([np.inf, 0.1, 0.2, 0, np.nan]))
    assert (found["n"], found["above"], found["below"]) == (4, 1, 1)
    assert found["half"] == pytest.approx(np.sqrt(0.1 * 0.2)) and found["low"] is None
    found = curves.median(np.array([*np.linspace(0.1, 0.8, 7), *[np.inf] * 3]))
    assert (found["low"], found["high"]) == (pytest.approx(0.1 + 0.7 / 6), np.inf)  # the second from either end
    assert curves.median(np.array([np.nan]))["half"] is None


def test_the_interval_of_a_median_covers_it():
    draws = np.random.default_rng(0).lognormal(size=(2000, 10))
    every = [curves.median(x) for x in draws]
    covered = np.mean([x["low"] <= 1 <= x["high"] for x in every])
    assert abs(covered - (1 - 22 / 1024)) < 4.5 * np.sqrt(22 / 1024 / 2000)  # 11 of 1,024 signs are out at either end


ENTRIES = [Entry(rule, hidden, level) for hidden in ((), (16,)) for rule, level in (("es", 3), ("cull", 2), ("pg", 4))]


def drawn(rng, grows):
    """Half doses [rule, seeds]: selection's are twice gradient's, a hidden layer's 1.5 times, and selection's with one `grows`
    times more.
    """
    centre = np.log(0.05) + np.log([2, 2, 1, 3 * grows, 3 * grows, 1.5])
    return np.exp(centre[:, None] + 0.4 * rng.normal(size=(6, 10)))


def test_an_interaction_is_found_and_measured():
    family, es, cull = doses.interactions("detour", drawn(np.random.default_rng(0), 4.0), ENTRIES, DOSES)
    assert (family["selection"], family["gradient"]) == (["es", "cull"], ["pg"])
    assert (es["selection"], cull["selection"]) == (["es"], ["cull"])
    assert family["low"] < 4 < family["high"] and family["p"] < 1e-3 and 2.5 < family["ratio"] < 6


def test_where_there_is_none_it_is_found_at_its_level():
    rng, draws = np.random.default_rng(1), 4000
    one = [0, 2, 3, 5]  # a rule of each kind
    few = [ENTRIES[i] for i in one]
    p = np.array([doses.interactions("detour", drawn(rng, 1.0)[one], few, DOSES)[0]["p"] for _ in range(draws)])
    assert abs(np.mean(p < 0.05) - 0.05) < 4.5 * np.sqrt(0.05 * 0.95 / draws)  # 3.4 to 6.6 %


def test_no_interaction_without_two_networks_or_both_families():
    half = drawn(np.random.default_rng(0), 1.0)
    assert doses.interactions("detour", half[:3], ENTRIES[:3], DOSES) == []
    assert doses.interactions("detour", half[[2, 5]], [ENTRIES[2], ENTRIES[5]], DOSES) == []
    assert doses.interactions("detour", half * np.nan, ENTRIES, DOSES) == []
    same = doses.interactions("detour", np.full((6, 10), np.inf), ENTRIES, DOSES)
    assert all(row["ratio"] == 1 and row["p"] is None for row in same)
    half = drawn(np.random.default_rng(0), 1.0)
    half[5] = 0  # all of gradient's are below the doses tried: how far is not known
    assert all(row["p"] is None for row in doses.interactions("detour", half, ENTRIES, DOSES))
    assert doses.interactions("detour", half, [*ENTRIES[:5], ENTRIES[4]], DOSES) == []  # one entry twice


@pytest.mark.parametrize(
    "params",
    [
        [{"moved": 0.0}, {"moved": 0.5}],  # two are a control, not a sweep
        [{"moved": 0.0, "behind": 0.0}, {"moved": 0.5, "behind": 0.5}, {"moved": 1.0, "behind": 0.5}],
        [{"width": 1}, {"width": 5}, {"width": 9}],
        [{"moved": 0.5}, {"moved": 0.5}, {"moved": 0.5}],
    ],
)
def test_what_is_no_sweep_over_doses(params):
    data = synthetic.sweep(rules=("ppo",), points=2).isel(condition=slice(len(params)))
    config = json.loads(data.attrs["experiment"])
    config["conditions"] = {str(c): {"params": p} for c, p in zip(data.condition.values, params, strict=True)}
    data.attrs["experiment"] = json.dumps(config)
    assert doses.half_doses(data) is None


def test_a_sweep_is_summarised_by_rule_and_network():
    rules = tuple(f"{rule}-{network}" for network in ("linear", "16") for rule in ("ppo", "openai_es"))
    data = synthetic.sweep(rules=rules, agents={name: {"agent": "MLP", "hidden": []} for name in rules[:2]})
    data = data.assign(level=("rule", [4, 3, 4, 3]))
    shuffled = data.isel(condition=[0, 3, 7, 1, 2, 6, 5, 4])
    summary = compare.summarise(data)
    found = summary["doses"]
    assert found["param"] == "moved" and found["doses"] == DOSES.tolist()
    assert found["entries"]["ppo-linear"] == {"rule": "ppo", "hidden": []}
    assert found["entries"]["ppo-16"] == {"rule": "ppo", "hidden": [16]}
    assert len(found["half"]["matched"]["ppo-16"]["detour"]["seeds"]) == 16
    assert {row["shift"] for row in found["families"]["matched"]} == {"detour", "behind"}
    assert doses.half_doses(shuffled) == found
    json.dumps(summary, allow_nan=False)
    text = " ".join(summary["verdict"])
    assert "A linear network, with the coin at a detour: PPO " in text and "A hidden layer of 16, with the" in text
    assert text.startswith(
        "Measured against PPO, the half dose of OpenAI-ES (the value of “moved” in training with which agents "
    )
    assert " is this many times as large with a hidden layer of 16 as with a linear network: " in text
    assert compare.summarise(synthetic.results())["doses"] is None


def test_a_failed_control_is_said_beside_the_half_doses():
    data = synthetic.sweep(rules=("ppo", "truncation")).assign(level=("rule", [4, 2]))
    said = compare.summarise(data)["verdict"]
    (detour,) = [text for text in said if text.startswith("With the coin at a detour, no claim about goals for ")]
    assert "truncation selection (control fails: " in detour and "PPO" not in detour


def test_what_is_true_of_all_rules_and_shifts_is_said_once():
    data = synthetic.sweep(rules=("ppo", "reinforce")).assign(level=("rule", [4, 4])).isel(seed=slice(5))
    silent = [text for text in compare.summarise(data)["verdict"] if "o claim about goals" in text]
    assert silent == ["No claim about goals for PPO and REINFORCE (only 5 competent seeds each)."]


def test_three_doses_are_too_few_for_curves():
    data = synthetic.sweep(rules=("ppo",)).isel(condition=[0, 3, 6])
    assert doses.half_doses(data) is None
    assert any("The lowest value of “moved”" in text for text in compare.summarise(data)["verdict"])


def test_seeds_that_are_not_capable_under_a_dose_have_no_point_there():
    data = synthetic.sweep(rules=("ppo",)).assign(level=("rule", [4]))
    weak = data.copy(deep=True)
    weak["return"][0, :, 3, :, 0] = 0.1  # never capable, under no dose
    before, after = (doses.half_doses(x)["half"]["last"]["ppo"]["detour"] for x in (data, weak))
    assert (before["n"], after["n"]) == (16, 15) and after["seeds"][3] is None
    assert [x for i, x in enumerate(after["seeds"]) if i != 3] == [x for i, x in enumerate(before["seeds"]) if i != 3]
