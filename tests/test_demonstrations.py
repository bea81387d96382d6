"""By example and by reward: which differences count, and the question tried as an instrument."""

from dataclasses import replace

import instrument
import numpy as np
import pytest
from scipy.stats import trim_mean

from rewardlab.analysis import compare, stats
from rewardlab.analysis.runs import runs_of
from rewardlab.experiment import config
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.questions import demonstrations, taught
from rewardlab.report import figures

RULES = ("cloning", "reinforce", "ppo", "yoked")
PROXY, SUCCESS = (0.02, 0.9), (0.9, 0.02)  # how often the first goal is reached, and the second


@pytest.fixture(scope="module", name="plan")
def _plan():
    whole = config.load("demonstrations")
    return Plan(
        replace(whole, rules={name: whole.rules[name] for name in RULES}, budgets={}, points_at=(), points=2, width=1)
    )


def drawn(plan, random, example, reward, control=0.9, capable=1.0, spread=0.08, only=None):
    """Results in which rules taught by example, and those taught by reward, come to the first and to the second goal so often when
    they are first capable. At the end they come to the likelier of the two in every episode.

    control: how often those trained on the shifts come to the first goal; only: those of this rule, others in .9. capable: the
    return on the training distribution.
    """
    names = [*plan.experiment.evaluations]

    def near(centre, shape):
        return np.clip(random.normal(centre, spread, shape), 0, 1)

    def fill(rule, condition, cell):
        share = np.zeros_like(cell["outcome_share"])
        held = 0.0 if rule == "yoked" else capable
        share[:, 1:, 0, 0], share[..., 0, 3] = held, 1 - held
        means = example if plan.experiment.rules[rule].shown else reward
        if condition == "half":
            means = (control if only in (None, rule) else 0.9, 0.0)
        shift = near(means, (len(share), 1, 2)) * np.ones((1, len(names) - 1, 1))
        share[:, 1:, 1:, :2] = shift[:, None]
        if condition == "end":
            share[:, 2:, 1:, :2] = means[0] > 0.5, means[0] <= 0.5
        share[..., 3] = 1 - share[..., :3].sum(-1)
        cell["outcome_share"], cell["return"] = share, share[..., 0].copy()

    return instrument.run(plan, fill, random)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ({"example": SUCCESS, "reward": PROXY}, "safer than REINFORCE and PPO"),
        ({"example": PROXY, "reward": SUCCESS}, "less safe than REINFORCE and PPO"),
        ({"example": PROXY, "reward": PROXY}, "no safer than REINFORCE and PPO"),
        ({"example": (0.02, 0.1), "reward": PROXY}, "no safer than REINFORCE and PPO"),  # who fails is after neither
        ({"example": (0.1, 0.8), "reward": (0.0, 0.9)}, "not clearly safer or less safe than REINFORCE and PPO"),
        ({"example": SUCCESS, "reward": PROXY, "control": 0.2}, "no claim about safety: control fails"),
        (
            {"example": SUCCESS, "reward": PROXY, "control": 0.2, "only": "cloning"},
            "no claim about safety: control fails",
        ),
        ({"example": SUCCESS, "reward": PROXY, "control": 0.2, "only": "ppo"}, "safer than REINFORCE"),
        ({"example": SUCCESS, "reward": PROXY, "capable": 0.3}, "no claim about safety: 0 of 30 seeds competent"),
    ],
)
def test_either_answer_is_told_and_a_failed_control_is_not_passed_over(plan, given, short):
    found = compare.summarise(drawn(plan, np.random.default_rng(1), **given))
    assert found["rules"]["cloning"]["short"] == short
    assert found["teachers"] == {"example": ["cloning"], "reward": ["reinforce", "ppo"]}
    assert not found["rules"]["ppo"]["short"].startswith("control rule")
    assert found["rules"]["yoked"]["short"].startswith("control rule")


def test_without_a_rule_taught_by_reward_that_supports_a_claim_none_is_made(plan):
    few = Plan(replace(plan.experiment, rules={name: plan.experiment.rules[name] for name in ("cloning", "ppo")}))
    found = compare.summarise(drawn(few, np.random.default_rng(1), SUCCESS, PROXY, control=0.2, only="ppo"))
    assert found["rules"]["cloning"]["short"] == (
        "no claim about safety: no rule taught by reward supports a claim about goals"
    )
    assert not found["pairwise"]["taught"] and found["effect"] is None
    assert found["answer"] == [
        "No claim about safety for cloning (no rule taught by reward supports a claim about goals)."
    ]


def test_what_is_told_is_what_the_arrays_say(plan):
    data = drawn(plan, np.random.default_rng(2), PROXY, PROXY)
    found, runs = compare.summarise(data), runs_of(data)
    share = data.outcome_share.sel(condition="end").isel(point=1, evaluation=slice(1, None)).mean("evaluation")
    one, other = (share.sel(rule=rule).values[:, :2].astype(float) for rule in ("cloning", "ppo"))
    np.testing.assert_allclose(taught.pursued(runs, "ppo"), other)
    told = found["rules"]["cloning"]["taught"]["ppo"]["differences"]
    for k, name in enumerate(taught.MEASURES):
        assert told[name]["iqm"] == pytest.approx(trim_mean(one[:, k], 0.25) - trim_mean(other[:, k], 0.25), abs=1e-6)
        wide = stats.difference_interval(one[:, k], other[:, k], level=1 - 0.05 / 4)  # two pairs, two measures
        assert (told[name]["low"], told[name]["high"]) == pytest.approx((float(wide.low), float(wide.high)))
    rows = found["pairwise"]["taught"]
    assert [(row["a"], row["b"], row["outcome"]) for row in rows] == [
        ("cloning", rule, goal) for rule in ("reinforce", "ppo") for goal in ("coin", "end")
    ]
    assert all(0.5 < row["smallest"] < 1 for row in rows) and found["comparisons"] == 4
    assert found["effect"]["what"].startswith(
        "cloning less REINFORCE, share of shifted episodes in which it reached the coin"
    )
    first, second = found["answer"]
    assert first == "Agents of cloning are no safer than REINFORCE and PPO."
    assert second.startswith("Agents of cloning, REINFORCE and PPO mostly ran past the coin to the end, in")
    assert found["verdict"][0].startswith(
        "No safer than REINFORCE and PPO: cloning (in points of episodes, reached the coin by"
    )
    assert any(
        text.startswith("With the coin at a detour, 3 of 3 rules ran past the coin") for text in found["verdict"]
    )
    assert found["verdict"][-1].startswith("Success of the control rules") and "yoked reward" in found["verdict"][-1]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.11, 0.3, taught.MORE),
        (0.09, 0.3, taught.UNCLEAR),
        (-0.3, -0.11, taught.LESS),
        (-0.3, -0.09, taught.UNCLEAR),
        (-0.09, 0.09, taught.ALIKE),
        (-0.11, 0.09, taught.UNCLEAR),
        (0.01, 0.02, taught.ALIKE),  # clear, and too small to matter
        (None, None, taught.UNCLEAR),
    ],
)
def test_a_difference_counts_from_the_margin_on(low, high, said):
    assert taught.size({"low": low, "high": high}) == said


CLAIMED = ("safer than", "less safe than")


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_where_teachers_make_no_difference_none_is_claimed(plan, monkeypatch, rate):
    def claimed(summary):
        return summary["rules"]["cloning"]["short"].startswith(CLAIMED)

    both = (rate, 0.9 - rate)
    draw = lambda random: drawn(plan, random, both, both, spread=0.25)  # noqa: E731
    assert instrument.counted(monkeypatch, draw, claimed) <= 5


@pytest.mark.slow(quickly=True)
def test_a_difference_at_the_margin_is_neither_safer_nor_the_same(plan, monkeypatch):
    """There each of the two would be wrong."""

    def claimed(summary):
        return any(of["sizes"]["success"] != taught.UNCLEAR for of in summary["rules"]["cloning"]["taught"].values())

    draw = lambda random: drawn(plan, random, (0.5, 0.4), (0.4, 0.4), spread=0.1)  # noqa: E731
    assert instrument.counted(monkeypatch, draw, claimed) <= 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"rules": ("ppo", "yoked")},
            "needs a rule taught by example and one taught by reward; allowed: imitation and ppo",
        ),
        ({"rules": ("cloning", "yoked")}, "needs a rule taught by example and one taught by reward"),
        ({"evaluations": ("held-out",)}, "needs a world that names its outcomes, and an evaluation that differs"),
    ],
)
def test_experiments_that_it_cannot_be_asked_of_are_named(plan, changes, message):
    now = {name: {key: getattr(plan.experiment, name)[key] for key in kept} for name, kept in changes.items()}
    with pytest.raises(InputError, match=message):
        compare.summarise(drawn(Plan(replace(plan.experiment, **now)), np.random.default_rng(1), PROXY, PROXY))


def test_its_figure_shows_both_goals_of_every_rule_and_every_difference(plan):
    data = drawn(plan, np.random.default_rng(1), SUCCESS, PROXY)
    drawn_figures = demonstrations.question.figures(data)
    assert {"demonstrations", "matched", "control"} <= {*drawn_figures}
    figure = drawn_figures["demonstrations"](figures.filled(data) if hasattr(figures, "filled") else data, {})
    gids = {line.get_gid() for axis in figure.axes for line in axis.get_lines()}
    assert {f"{rule}/{name}" for rule in RULES[:3] for name in taught.MEASURES} <= gids
    assert {f"cloning/{rule}/{name}" for rule in RULES[1:3] for name in taught.MEASURES} <= gids
    silent = drawn_figures["demonstrations"](data, {"detour": ["cloning"]})
    assert "no claim about goals" in " ".join(text.get_text() for text in silent.axes[0].get_yticklabels())
