"""Fields set from the command line: typed, chosen by name, refused with what is allowed."""

import pytest
from small import RULE, small

from rewardlab import agents, rules
from rewardlab.experiment import Condition, Experiment
from rewardlab.experiment.override import leaves, override
from rewardlab.inputs.errors import InputError
from rewardlab.inputs.fields import parse


def test_overrides_are_typed_by_their_field():
    e = override(
        small(),
        {
            "steps": "2e6",
            "capability": "0.5",
            "capable-return": "475",
            "control": "none",
            "agent.hidden": ["32", "16"],
            "agent.layer-norm": [],
            "rules.ppo.learning-rate": "1e-3",
            "rules.control.rule.num_envs": "16",
            "conditions.heavy.seeds": "none",
            "conditions.plain.params.masscart": "2",
            "evaluations.light-one.gravity": "3",
            "seeds": 5,
        },
    )
    assert (e.total_steps, e.capability, e.capable_return, e.control, e.seeds) == (2_000_000, 0.5, 475.0, None, 5)
    assert e.agent == agents.MLP(hidden=(32, 16), layer_norm=True)
    assert e.rules["ppo"].learning_rate == 1e-3 and e.rules["control"].rule.num_envs == 16
    assert e.conditions == {"plain": Condition({"masscart": 2.0}), "heavy": Condition({"gravity": 12.0})}
    assert e.evaluations["light-one"] == {"gravity": 3.0}


def test_overrides_choose_rules_conditions_and_evaluations_by_name(file):
    e = small(rules={"mine": rules.make("ppo", gamma=0.5), "reinforce": "reinforce"})
    chosen = override(e, {"rules": ["mine", "truncation", str(file("still.py", RULE))], "evaluations": "light_one"})
    assert list(chosen.rules) == ["mine", "truncation", "still"] and chosen.rules["mine"].gamma == 0.5
    assert list(chosen.evaluations) == ["light-one"]
    with pytest.raises(InputError, match="did you mean 'plain'"):
        override(e, {"conditions": "plan"})
    with pytest.raises(InputError, match="unknown control"):  # what remains has to be an experiment, too
        override(e, {"conditions": "plain"})


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("sedes", "3", "did you mean 'seeds'?"),
        ("rules.pp.gamma", "1", "did you mean 'rules.ppo.gamma'?"),
        ("learning_rate", "1", "did you mean 'rules.ppo.learning_rate'?"),
        ("rules.ppo.gama", "1", "did you mean 'rules.ppo.gamma'?"),
        ("rules.ppo.gamma.x", "1", "unknown field 'rules.ppo.gamma.x'"),
        ("steps", "1.5", "steps = '1.5'; allowed: a whole number"),
        ("steps", ["1", "2"], "steps got 2 values"),
        ("steps", [], "steps got 0 values"),
        ("capability", "high", "capability = 'high'; allowed: a finite number"),
        ("capability", "475", "capability = 475.0 is out of range; allowed: a finite number from 0 to 1"),
        ("capable_return", "high", "capable_return = 'high'; allowed: a finite number"),
        ("capability", "nan", "capability = nan is out of range"),
        ("agent.layer_norm", "maybe", "allowed: true or false"),
        ("agent.hidden", "64,x", "agent.hidden = 'x'"),
        ("conditions.plain.params.gravity", "heavy", "is a str"),
        ("evaluations.train", "x", "set one by one"),
        ("", "x", "unknown field ''"),
    ],
)
def test_overrides_that_do_not_fit_are_refused(path, value, said):
    with pytest.raises(InputError) as caught:
        override(small(), {path: value})
    assert said in str(caught.value)


def test_every_field_that_is_listed_can_be_given_as_it_is_listed():
    e = small()
    for path, value, _ in leaves(e):
        words = [value[1:-1]] if value.startswith('"') else value.split(" ")
        assert override(e, {path: words}) == e, path


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("1M", 10**6),
        ("500k", 500_000),
        ("2e6", 2_000_000),
        ("1.5m", 1_500_000),
        ("2G", 2 * 10**9),
        ("1b", 10**9),
        ("7", 7),
    ],
)
def test_steps_may_be_given_in_thousands_and_millions(word, number):
    assert override(small(), {"steps": word}).total_steps == number
    assert override(small(), {"budgets.ppo.total-steps": word}).budgets["ppo"].total_steps == number
    assert parse([word], int, "budget") == number


@pytest.mark.parametrize("word", ["1.5", "1.2345k", "M", "1 M", "1MM", "1T", "k1", "-1.5", "1e400k", "inf"])
def test_what_is_no_whole_number_is_refused(word):
    with pytest.raises(InputError, match="allowed: a whole number"):
        override(small(), {"steps": word})


def test_names_of_evaluations_may_have_blanks_and_are_flags_with_dashes():
    asked = small(evaluations={"at home": {}, "far away": {"gravity": 5.0}})
    assert Experiment.from_json(asked.to_json()) == asked
    for path in ("evaluations.far-away.gravity", "evaluations.far_away.gravity", "evaluations.far away.gravity"):
        assert override(asked, {path: "0.25"}).evaluations["far away"] == {"gravity": 0.25}
    assert [*override(asked, {"evaluations": "far-away"}).evaluations] == ["far away"]
    assert small(evaluations=asked.evaluations, temperatures={"far away": 1.0}).warmth.tolist() == [0.0, 1.0]
    with pytest.raises(InputError, match=r"did you mean 'evaluations\.far away\.gravity'"):
        override(asked, {"evaluations.far-awai.gravity": "0.25"})
    for name in (" far", "far ", "far  away", "far\taway", "far\n"):
        with pytest.raises(InputError, match=r"can't name files; allowed: .* single blanks between them"):
            small(evaluations={name: {}})
    with pytest.raises(InputError, match="differ by more than case, -, _ and blanks"):
        small(evaluations={"far away": {}, "Far-away": {}})
    with pytest.raises(InputError, match="can't name files"):
        small(conditions={"at home": Condition()})
