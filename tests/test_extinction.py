"""How long behaviour lasts when pay stops: half-lives by hand, censored ones as such, and claims only of rules that had learned."""

import json

import numpy as np
import pytest
import xarray as xr

from rewardlab import report
from rewardlab.analysis import compare, reading
from rewardlab.analysis.runs import runs_of
from rewardlab.questions import half_lives
from rewardlab.report import figures
from rewardlab.rundir import store

POINTS = np.array([0, 50, 100, 110, 120, 140, 160, 200]) * 10.0  # steps; pay changes at 1,000
AT = 2
RULES = {"reinforce": 4, "ppo": 4, "truncation": 2, "fixed": 0}
WORDS = {"rules": {"reinforce": "REINFORCE", "ppo": "PPO", "truncation": "truncation selection", "fixed": "untrained network"},
         "outcomes": {"right": "did every trick right", "wrong": "did some trick wrong"}, "evaluations": {}}  # fmt: skip


def falling(half: float, seeds: int, spread: float = 0.0) -> np.ndarray:
    """Behaviour float[seeds, P]: .2, .6, then 1 until the change, then halved (to .6, as untrained is .2) `half` steps later,
    in a line.
    """
    half = half + spread * np.linspace(-1, 1, seeds)
    since = np.maximum(POINTS - POINTS[AT], 0.0)
    y = np.clip(1.0 - 0.4 * since[None] / half[:, None], 0.2, 1.0)
    y[:, :AT] = [0.2, 0.6]
    return y


def results(seeds=12, **halves) -> xr.Dataset:
    """halves: {rule: (half-life when nothing is paid, when the reverse is)}; inf for never. The fixed rule stays at .2."""
    lasting = falling(np.inf, seeds)
    share = np.stack([
        np.stack([np.full_like(lasting, 0.2)] * 3) if rule == "fixed"
        else np.stack([lasting, *(falling(half, seeds, 5.0) if np.isfinite(half) else lasting for half in halves[rule])])
        for rule in RULES
    ]).astype(np.float32)[..., None]  # fmt: skip
    dims = ("rule", "condition", "seed", "point")
    steps = np.broadcast_to(POINTS, share.shape[:4]).copy()
    records = np.linspace(10, 2000, 128)
    each = np.broadcast_to(records, (*share.shape[:3], 128))
    pace = np.array([10.0, 20.0, 40.0, 10.0])[:, None, None, None]  # steps an update takes
    phases = {
        "silent": [{"start": 0.5, "params": {}, "reward": {}}],
        "reversed": [{"start": 0.5, "params": {}, "reward": {"reward": -1.0}}],
    }
    conditions = {"paid": {"params": {}, "seeds": None}} | {
        n: {"params": {}, "seeds": None, "phases": p} for n, p in phases.items()
    }
    experiment = {
        "asks": "extinction",
        "steps": 2000,
        "conditions": conditions,
        "evaluations": {"commands": {}},
        "budgets": {},
    }
    return xr.Dataset(
        {
            "outcome_share": ((*dims, "evaluation", "outcome"), np.stack([share, 1 - share], -1)),
            "return": ((*dims, "evaluation"), share),
            "length": ((*dims, "evaluation"), np.ones_like(share)),
            "steps": (dims, steps),
            "level": ("rule", list(RULES.values())),
            "log": ((*dims[:3], "record", "entry"), np.zeros((*each.shape, 1), np.float32)),
            "record_steps": ((*dims[:3], "record"), each.copy()),
            "record_updates": ((*dims[:3], "record"), each / pace),
        },
        {"rule": list(RULES), "condition": list(conditions), "seed": np.arange(seeds), "point": np.arange(len(POINTS)),
         "evaluation": ["commands"], "outcome": ["right", "wrong"], "entry": ["x"]},
        {"name": "made up", "question": "?", "capability": 0.8, "control_capability": 0.5, "control": "", "env": "tricks",
         "experiment": json.dumps(experiment), "words": json.dumps(WORDS)},
    )  # fmt: skip


HALVES = {"reinforce": (200.0, 50.0), "ppo": (400.0, 60.0), "truncation": (np.inf, 100.0)}


@pytest.fixture(scope="module", name="summary")
def _summary():
    return compare.summarise(results(**HALVES))


def test_half_lives_in_steps_and_in_updates(summary):
    for rule, pace in (("reinforce", 10), ("ppo", 20)):
        found, half = summary["rules"][rule]["extinction"]["silent"], HALVES[rule][0]
        # the line between two evaluations is the line that behaviour follows, but for where it is clipped
        assert found["steps"]["half"] == pytest.approx(half, rel=0.02) and found["steps"]["above"] == 0
        assert found["updates"]["half"] == pytest.approx(half / pace, rel=0.02)
        assert found["steps"]["low"] < half < found["steps"]["high"]
        assert found["able"] == found["seeds"] == 12 and found["before"]["iqm"] == pytest.approx(1.0)
    assert summary["rules"]["ppo"]["extinction"]["silent"]["paid"]["iqm"] == pytest.approx(1.0)


def test_what_never_comes_down_is_censored_and_is_no_number(summary):
    found = summary["rules"]["truncation"]["extinction"]["silent"]
    assert found["steps"] == {"half": "inf", "low": "inf", "high": "inf", "n": 12, "above": 12}
    assert found["watched"] == {"steps": 1000.0, "updates": pytest.approx(25.0)}
    assert summary["rules"]["truncation"]["short"].startswith(
        "silent: outlives what was watched; reversed: half-life 1"
    )
    assert "12 of 12 competent seeds had not come halfway down by the end" in summary["rules"]["truncation"]["verdict"]
    assert any("that of truncation selection outlives what was watched" in text for text in summary["verdict"])
    json.dumps(summary, allow_nan=False)


def test_where_some_are_censored_the_median_is_of_all():
    """5 of 12 never come down: their half-lives are longer than any, and the median is the sixth and seventh of the others."""
    data = results(**HALVES)
    share = data.outcome_share.values
    share[0, 1, :5, :, 0, 0] = share[0, 0, :5, :, 0, 0]
    data["outcome_share"].values[..., 1] = 1 - share[..., 0]
    data["return"].values[:] = share[..., 0]
    found = compare.summarise(data)["rules"]["reinforce"]["extinction"]["silent"]["steps"]
    assert found["above"] == 5 and found["high"] == "inf" and found["half"] > 200.0
    lives = half_lives.lives(data, runs_of(data), 0, "silent", 0.5)
    ordered = np.sort(lives.steps)
    assert np.isinf(ordered[7:]).all() and found["half"] == pytest.approx(np.sqrt(ordered[5] * ordered[6]))


def test_rules_that_never_learned_get_no_claim(summary):
    fixed = summary["rules"]["fixed"]
    assert (
        fixed["short"] == "control rule; 20 % [20–20] at the end"
        and fixed["extinction"]["silent"]["steps"]["half"] is None
    )
    data = results(**HALVES)
    for name in ("outcome_share", "return"):
        data[name].values[0, :, :7] *= 0.5  # 7 of 12 seeds are never competent
    found = compare.summarise(data)
    assert found["rules"]["reinforce"]["short"] == "no claim about what lasts: 5 of 12 seeds competent when pay changed"
    assert not any("reinforce" in (row["a"], row["b"]) for row in found["pairwise"]["half-life"])
    assert "half-life" not in found["rules"]["reinforce"]["verdict"]


def test_a_habit_that_is_lost_while_it_is_paid_says_nothing():
    data = results(**HALVES)
    for name in ("outcome_share", "return"):
        data[name].values[1, 0, :, -1] *= 0.5
    short = compare.summarise(data)["rules"]["ppo"]["short"]
    assert short == "no claim about what lasts: 0 of 12 seeds competent at the end even while paid"


def test_pairs_of_rules_are_compared_as_far_as_both_were_watched(summary):
    rows = {(row["condition"], row["a"], row["b"]): row for row in summary["pairwise"]["half-life"]}
    assert len(rows) == 6 and rows["silent", "reinforce", "ppo"]["significant"]
    assert rows["silent", "reinforce", "truncation"]["effect"] == 0.0, (
        "what is censored lasts longer than all that is not"
    )
    assert summary["comparisons"] == 6 + 3 * 2, "with what the same seeds do where pay goes on"
    assert any(text.startswith("6 of 6 pairs of rules differ in half-life") for text in summary["verdict"])


def test_the_last_change_of_pay_counts_and_the_main_condition_is_none():
    phases = [
        {"start": 0.0, "params": {}, "reward": {"end": 1.0}},
        {"start": 0.25, "params": {}, "reward": {}},
        {"start": 0.5, "params": {"x": 1}, "reward": {}},
    ]
    plan = {
        "conditions": {
            "a": {"phases": phases},
            "b": {"phases": phases},
            "c": {"params": {}},
            "d": {"phases": [phases[2] | {"reward": {"reward": 1.0}}]},
        }
    }
    assert half_lives.changes(plan) == {"b": {"start": 0.25, "reward": {}}}
    assert [half_lives.reward_in_words(r) for r in ({}, {"reward": -2.0}, {"end": 1.0})] == [
        "nothing is paid",
        "the reverse is paid",
        "1 × end is paid",
    ]


def test_the_report_has_its_figure_its_table_and_its_sentences(tmp_path, summary):
    data = results(**HALVES)
    path = tmp_path / "run"
    path.mkdir()
    store.write(path, store.CONFIG, data.attrs["experiment"].encode())
    store.write_results(path, data)
    page = report.write(path, papers=False).read_text(encoding="utf-8")
    assert {p.stem for p in (path / "figures").iterdir()} == {"learning", "outcomes", "extinction"}
    assert "When reward stops" in page and page.index("When reward stops") < page.index(
        "The rules, and what they learned"
    )
    assert all(sentence.replace("'", "&#39;") in page for sentence in summary["verdict"])
    drawn = figures.available(reading.filled(data))["extinction"](reading.filled(data))
    axes = [axis for axis in drawn.axes if axis.get_visible()]
    dots = [line for line in axes[0].lines if line.get_marker() == "o"]
    assert [float(dot.get_xdata()[0]) for dot in dots] == pytest.approx([1200, 1050], rel=0.01)
    assert (
        not [line for line in axes[3].lines if line.get_gid()]
        and axes[3].texts[0].get_text() == "no seed was competent"
    )
