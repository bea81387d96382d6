"""The figures against the arrays, and the replays."""

from __future__ import annotations

import json

import numpy as np
import pytest
import synthetic
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import rc_context, rcParams
from PIL import Image, ImageSequence
from scipy.stats import trim_mean

from rewardlab.analysis import compare, reading, stats
from rewardlab.report import dose_figures, figures, goal_figures, numbers, replays, style


@pytest.fixture(scope="module")
def results():
    return synthetic.results()


@pytest.fixture(scope="module")
def summary(results):
    return compare.summarise(results)


TITLES = synthetic.WORDS["rules"]


def final(results, rule, condition, evaluation, outcome, seeds):
    """float[seeds], by position: shares at the last point."""
    cube = results.outcome_share.transpose("rule", "condition", "seed", "point", "evaluation", "outcome").values
    i, j = list(results.rule.values).index(rule), list(results.condition.values).index(condition)
    k, o = list(results.evaluation.values).index(evaluation), list(results.outcome.values).index(outcome)
    return cube[i, j, :seeds, -1, k, o]


def lines(axis, gid):
    return [line for line in axis.lines if line.get_gid() == gid]


def labels(axis):
    return [label.get_text() for label in axis.get_yticklabels()]


# -------------------------------------------------------------------------------------------------------------- figures


def test_learning_draws_every_seed_their_interquartile_mean_and_the_threshold(results):
    axes = [axis for axis in figures.draw_learning(results).axes if axis.get_visible()]
    assert len(axes) == 7
    for i, (axis, rule) in enumerate(zip(axes, synthetic.RULES, strict=True)):
        values = results["return"].values[i, 0, :, :, 0]
        (line,) = lines(axis, rule)
        np.testing.assert_allclose(line.get_ydata(), trim_mean(values, 0.25, axis=0), atol=1e-6)
        np.testing.assert_array_equal(line.get_xdata(), results.steps.values[i, 0, 0])
        np.testing.assert_allclose([seed.get_ydata() for seed in lines(axis, "seed")], values)
        assert [0.8, 0.8] in [list(line.get_ydata()) for line in axis.lines]
        (band,) = axis.collections
        drawn = band.get_paths()[0].vertices[:, 1]
        assert drawn.min() < line.get_ydata().min() + 1e-9 and drawn.max() >= line.get_ydata().max()


def test_intervals_of_a_curve_hold_its_centre(results):
    curve = numbers.learning(results, "ppo", "detour", "end")
    np.testing.assert_allclose(
        curve.centre,
        trim_mean(results.outcome_share.sel(rule="ppo", condition="end", evaluation="detour", outcome="end"), 0.25),
        atol=1e-6,
    )
    assert (
        curve.n == 32
        and (curve.low <= curve.centre).all()
        and (curve.centre <= curve.high).all()
        and (curve.low < curve.high).any()
    )


def test_outcomes_show_every_seed_that_counts_and_its_interquartile_mean(results):
    figure = figures.draw_outcomes(results, {"detour": ["ppo"], "behind": []})
    able = reading.competent(results)
    for axis, evaluation in zip(figure.axes, synthetic.EVALUATIONS, strict=True):
        clouds = iter(axis.collections)
        for i, rule in enumerate(synthetic.RULES):
            for k, outcome in enumerate(("coin", "end")):
                values = final(results, rule, "end", evaluation, outcome, 32)
                values = values if evaluation == "held-out" else values[able.sel(rule=rule).values]
                (centre,) = lines(axis, f"{rule}/{outcome}")
                drawn = next(clouds).get_offsets()
                assert sorted(drawn[:, 0]) == pytest.approx(sorted(values), abs=1e-6)
                assert centre.get_ydata() == [i + (k - 0.5) * 0.36]
                expected = trim_mean(values, 0.25) if len(values) else np.nan
                assert centre.get_xdata() == pytest.approx([expected], abs=1e-6, nan_ok=True)
        scripted = [(line.get_xdata()[0], line.get_ydata()[0]) for line in lines(axis, "reference")]
        column = synthetic.EVALUATIONS.index(evaluation)
        expected = [
            (rows[column][k], len(synthetic.RULES) + i)
            for i, rows in enumerate(synthetic.REFERENCES.values())
            for k in (0, 1)
        ]
        assert scripted == [pytest.approx(pair, abs=1e-6) for pair in expected]
        hatched = [patch for patch in axis.patches if patch.get_gid() == "hatch"]
        assert [patch.get_y() + patch.get_height() / 2 for patch in hatched] == [1] * (evaluation == "detour")


def test_matched_capability_reads_each_seeds_first_capable_snapshot(results):
    figure = goal_figures.draw_matched(results)
    for axis, evaluation in zip(figure.axes, ("detour", "behind"), strict=True):
        k = synthetic.EVALUATIONS.index(evaluation)
        for i, rule in enumerate(synthetic.RULES):
            for o, outcome in enumerate(("coin", "end")):
                expected = []
                for seed in range(32):
                    for point in range(9):
                        if results["return"].values[i, 0, seed, point, 0] >= np.float32(0.8):
                            expected.append(results.outcome_share.values[i, 0, seed, point, k, o])
                            break
                np.testing.assert_array_equal(numbers.matched(results, rule, evaluation, outcome), expected)
                (mark,) = lines(axis, f"{rule}/{outcome}")
                if expected:
                    assert mark.get_xdata()[0] == pytest.approx(trim_mean(expected, 0.25), abs=1e-6)
                else:
                    assert np.isnan(mark.get_xdata()[0])
            assert labels(figure.axes[0])[i] == f"{TITLES[rule]}\n{len(expected)} of 32 seeds"
    assert "\n0 of 32 seeds" in labels(figure.axes[0])[-1]  # a rule that never learns is counted


def test_control_shows_both_trainings_and_who_gets_no_claim(results, summary):
    silent = numbers.no_claim(results, summary)
    assert silent["detour"] == ["truncation", "openai_es", "guess_and_check", "yoked"]
    figure = goal_figures.draw_control(results, silent)
    for axis, evaluation in zip(figure.axes, ("detour", "behind"), strict=True):
        for rule in synthetic.RULES:
            for condition, seeds in (("end", 32), ("half", 16)):
                (mark,) = lines(axis, f"{rule}/{condition}")
                values = final(results, rule, condition, evaluation, "coin", seeds)
                assert mark.get_xdata()[0] == pytest.approx(trim_mean(values, 0.25), abs=1e-6)
        assert [0.5, 0.5] in [list(line.get_xdata()) for line in axis.lines]
        assert sum(patch.get_gid() == "hatch" for patch in axis.patches) == len(silent[evaluation])
    assert sum(text.get_text() == "no claim\nabout goals" for text in figure.axes[-1].texts) == 4
    assert sum(text.get_gid() == "no claim" for text in figure.axes[-1].texts) == 4


def test_drift_draws_success_and_proxy_on_the_first_shift(results):
    axes = [axis for axis in goal_figures.draw_drift(results).axes if axis.get_visible()]
    for axis, rule in zip(axes, synthetic.RULES, strict=True):
        for outcome in ("coin", "end"):
            (line,) = lines(axis, f"{rule}/{outcome}")
            values = results.outcome_share.sel(rule=rule, condition="end", evaluation="detour", outcome=outcome).values
            np.testing.assert_allclose(line.get_ydata(), trim_mean(values, 0.25, axis=0), atol=1e-6)


def test_sweep_is_ordered_by_the_swept_parameter():
    data = synthetic.sweep(rules=("ppo", "truncation")).isel(condition=[3, 0, 7, 1, 2, 6, 5, 4])
    figure = dose_figures.draw_sweep(data)
    shares = [0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1]
    for axis, evaluation in zip(figure.axes, ("detour", "behind"), strict=True):
        for rule in ("ppo", "truncation"):
            (line,) = lines(axis, rule)
            np.testing.assert_array_equal(np.round(line.get_xdata()), range(8))
            samples = [final(data, rule, f"p{100 * s:g}", evaluation, "coin", 16) for s in shares]
            np.testing.assert_allclose(line.get_ydata(), trim_mean(samples, 0.25, axis=1), atol=1e-6)
            bars = [bar for bar in axis.collections if np.allclose(bar.get_segments()[0][0][0], line.get_xdata()[0])]
            drawn = [[low, high] for (_, low), (_, high) in bars[0].get_segments()]
            np.testing.assert_allclose(drawn, [stats.iqm_interval(sample)[1:] for sample in samples])
        assert [label.get_text() for label in axis.get_xticklabels()] == ["0", "1", "2", "5", "10", "25", "50", "100"]


def test_sweep_says_for_whom_there_is_no_claim():
    data = synthetic.sweep(rules=("ppo", "truncation"))
    figure = dose_figures.draw_sweep(data, {"detour": ["truncation"], "behind": []})
    drawn = [(axis.get_title(loc="left"), line) for axis in figure.axes for line in axis.lines]
    looks = {(shift, line.get_gid()): line.get_linestyle() for shift, line in drawn}
    assert looks["detour", "truncation"] == "--" and looks["behind", "truncation"] == looks["detour", "ppo"] == "-"
    assert [text.get_text() for text in figure.legends[0].texts] == ["no claim about goals"]
    assert not dose_figures.draw_sweep(data).legends


def test_conditions_without_an_order_are_not_joined_by_a_line():
    data = synthetic.sweep(rules=("ppo",))
    plan = json.loads(data.attrs["experiment"])
    plan["conditions"]["p100"]["params"]["behind"] = 1.0  # a second param differs
    for told, joined in ((data, True), (data.assign_attrs(experiment=json.dumps(plan)), False)):
        figure = dose_figures.draw_sweep(told)
        widths = {line.get_linewidth() for axis in figure.axes for line in lines(axis, "ppo")}
        assert all((width > 0) is joined for width in widths) and len(widths) == 1
        ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        assert ticks[-1] == ("100" if joined else "p100")
        assert figure.get_supxlabel().startswith("“moved” in training, %" if joined else "trained with (evenly")


def test_conditions_without_a_number_keep_their_order(results):
    assert numbers.swept(results)[0] == "moved"
    broken = results.assign_attrs(
        experiment=json.dumps({"conditions": {"end": {"params": {}}, "half": {"params": {}}}})
    )
    name, values = numbers.swept(broken)
    assert name == "" and list(values) == [0, 1]


def test_a_failed_seed_counts_as_reaching_nothing_and_an_absent_one_does_not_count(results):
    data = results.copy(deep=True)
    data["return"][{"rule": 1, "condition": 0, "seed": 3}] = np.nan
    data["outcome_share"][{"rule": 1, "condition": 0, "seed": 3}] = np.nan
    full = reading.filled(data)
    assert (full["return"].isel(rule=1, condition=0, seed=3) == 0).all() and (
        full.outcome_share.isel(rule=1, condition=0, seed=3) == 0
    ).all()
    assert numbers.seeds(full, "end") == "32" and numbers.seeds(full, "half") == "16"
    assert (
        len(numbers.final_success(full, "ppo", "end", "detour")) == 32
        and len(numbers.final_success(full, "ppo", "half", "detour")) == 16
    )


def test_no_claim_is_told_apart_by_shift(results):
    entry = {"claim": False, "shifts": {"detour": {"claim": True}, "behind": {"claim": False}}}
    assert numbers.no_claim(results, {"rules": {"ppo": entry}}) == {"detour": [], "behind": ["ppo"]}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_labels_end_up_apart_and_in_order(heights):
    placed = style.apart(np.array(heights), 0.05)
    assert np.diff(np.sort(placed)).min(initial=1) > 0.049
    assert list(np.argsort(placed, kind="stable")) == list(np.argsort(heights, kind="stable"))


def test_percent_never_rounds_to_never_or_always():
    assert [style.percent(x) for x in (0, 0.004, 0.5, 0.93, 0.994, 1, np.nan)] == [
        "0",
        "0.4",
        "50",
        "93",
        "99.4",
        "100",
        "–",
    ]


def test_drawing_leaves_the_users_style_alone(results, tmp_path):
    with rc_context({"font.size": 17}):
        before = dict(rcParams)
        figures.write(results.isel(rule=[0]), tmp_path)
        assert dict(rcParams) == before


# -------------------------------------------------------------------------------------------------------------- replays


def frames_of(path):
    with Image.open(path) as image:
        return [(np.asarray(frame.convert("RGB")), frame.info["duration"]) for frame in ImageSequence.Iterator(image)]


def test_replays_keep_every_pixel_and_end_with_a_pause(tmp_path):
    films = [synthetic.replay(6), synthetic.replay(4)]
    seen = frames_of(replays.write(tmp_path, "ppo--detour", films))
    np.testing.assert_array_equal(np.stack([frame for frame, _ in seen]), np.concatenate(films))
    assert [duration for _, duration in seen] == [90] * 5 + [900] + [90] * 3 + [900]
    assert replays.data_uri(tmp_path / "replays/ppo--detour.gif").startswith("data:image/gif;base64,R0lG")


def test_replays_of_many_colours_are_close(tmp_path):
    red, green = np.meshgrid(*[np.linspace(0, 255, 64).astype(np.uint8)] * 2)
    film = np.stack([np.roll(np.stack([red, green, red // 2], -1), 16 * t, axis=1) for t in range(3)])
    seen = np.stack([frame for frame, _ in frames_of(replays.write(tmp_path, "a", film))])
    assert seen.shape == film.shape and np.abs(seen.astype(int) - film).mean() < 16


@pytest.mark.parametrize(
    "films",
    [
        np.zeros((2, 4, 4, 3)),
        np.zeros((4, 4, 3), np.uint8),
        [],
        [np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 4, 5, 3), np.uint8)],
    ],
)
def test_replays_refuse_other_arrays(tmp_path, films):
    with pytest.raises(ValueError, match="films"):
        replays.write(tmp_path, "a", films)
