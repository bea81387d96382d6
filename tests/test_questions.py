"""Questions: found by name or by path, told what was measured, tested together."""

import numpy as np
import pytest
import synthetic
import tiny

from rewardlab import questions
from rewardlab.analysis import compare, stats
from rewardlab.experiment import Experiment
from rewardlab.inputs.errors import InputError
from rewardlab.questions import Contrast, Evidence, Question, Verdict


def asked(evidence):
    return Question(
        (), evidence, lambda summary: Verdict(["Said."], {r: ("Long.", "short") for r in summary["rules"]}, ["Mind."])
    )


def test_all_comparisons_of_a_question_are_corrected_together():
    random = np.random.default_rng(0)
    samples = {name: random.normal(size=(12, 2)) + shift for name, shift in (("a", 0.0), ("b", 1.0), ("c", 3.0))}

    def evidence(found):
        pairs = {
            name: [Contrast([{"of": name, "column": k} for k in (0, 1)], samples["a"], samples[name])] for name in "bc"
        }
        return Evidence({"ppo": {"own": 1}}, pairs, {"more": [2]})

    summary = compare.summarise(synthetic.results(rules=("ppo", "yoked")), asked(evidence))
    rows = [row for table in summary["pairwise"].values() for row in table]
    assert [(row["of"], row["column"]) for row in rows] == [("b", 0), ("b", 1), ("c", 0), ("c", 1)]
    single = [float(stats.compare(samples["a"], samples[row["of"]]).p[row["column"]]) for row in rows]
    assert [row["p"] for row in rows] == single and summary["comparisons"] == 4
    np.testing.assert_allclose([row["p_holm"] for row in rows], stats.holm(single))
    assert summary["rules"]["ppo"]["own"] == 1 and "own" not in summary["rules"]["yoked"] and summary["more"] == [2]
    assert summary["verdict"] == ["Said."] and summary["warnings"][-1] == "Mind."
    assert summary["rules"]["yoked"]["short"] == "short" and summary["rules"]["ppo"]["competent_seeds"] == 32


def test_a_question_without_contrasts_tests_nothing():
    summary = compare.summarise(synthetic.results(rules=("ppo",)), asked(lambda found: Evidence()))
    assert summary["comparisons"] == 0 and summary["pairwise"] == {}


def test_questions_are_found_by_name_and_refused_in_one_line(file):
    assert "goal_shift" in questions.names() and "goal_verdicts" not in questions.names()
    with pytest.raises(InputError, match="did you mean 'goal_shift'"):
        tiny.experiment(asks="goal_shfit")
    with pytest.raises(InputError, match=r"is 3; allowed: a rewardlab\.questions\.Question"):
        tiny.experiment(asks=str(file("wrong.py", "question = 3")))
    with pytest.raises(InputError, match="defines no `question`"):
        tiny.experiment(asks=str(file("none.py", "other = 3")))


def test_configs_of_the_usual_question_stay_the_same_text(file):
    assert '"asks"' not in tiny.experiment().to_json()
    own = file("own.py", "from rewardlab.questions.goal_shift import question")
    plan = tiny.experiment(asks=str(own)).to_json()
    assert Experiment.from_json(plan, files=True).asks == str(own)
    with pytest.raises(InputError, match="asks lives in the Python file"):
        Experiment.from_json(plan)


def test_results_have_to_hold_what_the_question_reads():
    data = synthetic.results(rules=("ppo",))
    with pytest.raises(InputError, match="episode_return missing"):
        compare.summarise(data, asked(lambda found: Evidence())._replace(probes=("returns",)))
