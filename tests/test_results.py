"""The labelled arrays of a run: every variable says what it is and in what it is counted, and curves can be drawn as they are."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tiny

from rewardlab import probes, questions
from rewardlab.analysis import results
from rewardlab.experiment import Budget, Condition, config
from rewardlab.experiment.plan import Plan
from rewardlab.probes.outcomes import Outcomes
from rewardlab.running import assembly, rehearsal

CONFIGS = (
    "percept",
    *(pytest.param(name, marks=pytest.mark.slow(quickly=True)) for name in ("two_loops", "always_six", "coinrun")),
)


def made_up(experiment, policies=("random", "optimal")):
    """Results of the form that a run of the experiment has, of made-up numbers."""
    plan, random = Plan(experiment), np.random.default_rng(0)
    found = {
        (rule, condition): rehearsal.made_up(plan, rule, condition, random)
        for rule in experiment.rules
        for condition in experiment.conditions
    }
    shape = len(experiment.evaluations), len(plan.layout.axes["outcome"])
    lines = {name: Outcomes(np.full(shape, 0.1), np.full(shape[0], 1.0), np.full(shape[0], 2.0)) for name in policies}
    return assembly.assemble(plan, found, assembly.Fixed([], lines))


def undescribed(found):
    return {
        name: dict(variable.attrs)
        for name, variable in found.variables.items()
        if not (variable.attrs.get("description") and variable.attrs.get("units"))
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_every_variable_of_a_question_says_what_it_is_and_in_what_it_is_counted(name):
    found = made_up(config.smoke(config.load(name)))
    assert undescribed(found) == {} and {"rule", "outcome", "env_steps", "level", "steps"} <= {*found.variables}
    del found["steps"].attrs["units"]
    assert [*undescribed(found)] == ["steps"]


def test_every_probe_says_what_its_axes_tell_apart():
    for name in probes.names():
        probe = probes.load(name)
        used = {axis for array in probe.arrays.values() for axis in array.axes}
        assert used == {*probe.along} and all(array.description for array in probe.arrays.values()), name
    asked = {name for question in questions.names() for name in questions.load(question).probes}
    assert asked <= {*probes.names()}


def test_a_probe_of_the_users_own_may_say_nothing_of_its_axes(file):
    text = "from rewardlab.probes import Array, Probe\nprobe = Probe('end', {'x': Array(('side',), 'y')}, None, "
    path = file("mine.py", text + "axes=lambda plan: {'side': 2})")
    found = made_up(tiny.experiment(probes=(str(path),)))
    assert found.side.attrs == {"description": "an axis of what the probe mine measures", "units": "number"}
    assert found.x.attrs == {"description": "y", "units": "1"}


def test_curves_are_drawn_over_environment_steps_without_spikes():
    """Seeds overshoot their points, rules live different numbers of steps, one condition has fewer seeds."""
    asked = tiny.experiment(
        probes=("logs",), budgets={"drift": Budget(total_steps=4096)}, conditions={"near": Condition(), "few": Condition(seeds=2)}
    )  # fmt: skip
    found = made_up(asked)
    spread = np.random.default_rng(1).uniform(0, 50, found.steps.shape)
    found["steps"] = found.steps + spread
    table = found[["return"]].isel(evaluation=0).to_dataframe().reset_index()
    assert (table.env_steps.groupby([table.rule, table.point]).nunique() == 1).all()
    assert not (table["return"] == 0).any() and table["return"].isna().sum() == 3 * 4 * len(found.point)
    seaborn = pytest.importorskip("seaborn", reason="what it draws, the means of these groups, has been looked at")
    matplotlib.use("agg")
    axes = plt.figure().subplots()
    seaborn.lineplot(table[table.condition == "few"], x="env_steps", y="return", hue="rule", errorbar=None, ax=axes)
    drawn = [line for line in axes.lines if len(line.get_xdata())]
    for line, rule in zip(drawn, asked.rules, strict=True):
        planned = np.unique(asked.targets(rule))
        np.testing.assert_array_equal(line.get_xdata(), planned)
        means = [
            np.nanmean(
                found["return"].sel(rule=rule, condition="few").isel(evaluation=0).values[:, asked.targets(rule) == x]
            )
            for x in planned
        ]
        np.testing.assert_allclose(line.get_ydata(), means, rtol=1e-5)
    plt.close("all")
    ends = found.record_env_steps
    assert ends.sel(rule="drift")[-1] == 4096 and (ends.diff("record") >= 0).all() and (ends > 0).all()


def test_the_ends_of_records_are_those_that_training_divides_by():
    asked = tiny.experiment(total_steps=1000)
    each = -(-1000 // 128)
    assert results.ends(asked)[0][:3].tolist() == [each, 2 * each, 3 * each] and results.ends(asked)[0][-1] == 1000
