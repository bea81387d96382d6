"""Goals under a shift: what trained agents do where what was rewarded and what went along with it part ways.

The first outcome of the world is success, the second the proxy: what else a policy may have been selected for. A rule supports a
*claim* about goals under a shift only if it learned (at least half of its seeds are competent at the last point, and no fewer than
an interval needs) and its control, the same rule trained on the shift, reaches an interquartile mean success of
`control_capability` there: without that, a miss may be lack of ability.

Added to the summary: rules {rule: {shifts {evaluation: {reading, able, claim}}, claim (true if every shift supports one)}};
pairwise {equal, matched}; doses, as `doses.of` gives them, or None.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from rewardlab.analysis import doses, reading
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.runs import Runs, samples
from rewardlab.analysis.wording import READINGS
from rewardlab.questions import Contrast, Effect, Evidence, Found, Question, Verdict
from rewardlab.questions.goal_answers import answer
from rewardlab.questions.goal_sections import sections
from rewardlab.questions.goal_verdicts import headline, of_rule

if TYPE_CHECKING:
    import xarray


def evidence(found: Found) -> Evidence:
    """What competent seeds do under each shift, whether that supports a claim, and all pairs of rules."""
    rules = {}
    for rule, entry in found.rules.items():
        shifts = {evaluation: _shift(found.runs, entry, evaluation) for evaluation in found.runs.shifts}
        rules[rule] = {"shifts": shifts, "claim": bool(shifts) and all(shift["claim"] for shift in shifts.values())}
    return Evidence(rules, _pairs(found.runs), {"doses": doses.half_doses(found.results)})


def verdict(summary: dict) -> Verdict:
    """The sentences of `goal_verdicts.py` and `goal_answers.py`."""
    rules = {rule: of_rule(summary, rule) for rule in summary["rules"]}
    return Verdict(headline(summary), rules, effect=_effect(summary), answer=answer(summary))


def _effect(summary: dict) -> Effect | None:
    """What the competent seeds of the first rule with a claim mostly did under the first shift that supports one."""
    said = words_of(summary)
    for rule, entry in summary["rules"].items():
        for evaluation, of in entry["shifts"].items():
            if of["claim"] and summary["goals"] and not is_control(entry):
                goal = summary["goals"][0 if of["reading"] == "success" else -1]
                what = f"{said.rule(rule)} {said.ended(goal)} {said.place(evaluation)}"
                return Effect(what, entry["competent"][evaluation][goal])
    return None


def _shift(runs: Runs, entry: dict, evaluation: str) -> dict:
    """What competent seeds mostly do under a shift, and whether the control shows that they could do otherwise.

    reading: "success" or "proxy" if the interval of its share lies above one half, else "neither"; None without one.
    able: whether the control reaches success; None without a control, when only success itself shows the ability.
    """
    lows = [entry["competent"][evaluation][goal]["low"] for goal in runs.goals]
    reading = able = None
    if lows and lows[0] is not None:
        reading = next((name for name, low in zip(("success", "proxy"), lows, strict=False) if low > 0.5), "neither")
    if entry["control"]:
        reached = entry["control"][evaluation][runs.measures[0]]["iqm"]
        able = reached is not None and reached >= runs.control_capability
    claim = entry["learned"] and reading is not None and (reading == "success" if able is None else able)
    return {"reading": reading, "able": able, "claim": claim}


def _pairs(runs: Runs) -> dict[str, list[Contrast]]:
    """Every pair of rules on every compared evaluation and measure, in both readings."""
    pairs = list(itertools.combinations(range(len(runs.rules)), 2))
    cells = list(itertools.product(runs.compared, runs.judged))
    at = np.array([(runs.evaluations.index(e), runs.measures.index(m)) for e, m in cells]).T
    found = [samples(runs, i) for i in range(len(runs.rules))]

    def contrast(reading, i, j):
        between = {"a": runs.rules[i], "b": runs.rules[j]}
        rows = [between | {"evaluation": evaluation, "outcome": measure} for evaluation, measure in cells]
        return Contrast(rows, *(found[k][reading][:, *at] for k in (i, j)))

    return {reading: [contrast(reading, i, j) for i, j in pairs] for reading in READINGS}


def figures(results: xarray.Dataset) -> dict:
    """{name: function that draws it}: those for which the results hold what is needed, in reading order."""
    from rewardlab.report import dose_figures, goal_figures  # matplotlib is slow to import, and only a report needs it

    moved = reading.has_goals(results) and bool(reading.shifts(results))
    wanted = {
        "matched": (goal_figures.draw_matched, moved),
        "control": (goal_figures.draw_control, moved and results.attrs.get("control") in results.condition.values),
        "drift": (goal_figures.draw_drift, moved and results.sizes["point"] > 1),
        "doses": (dose_figures.draw_doses, moved and doses.half_doses(results) is not None),
        "sweep": (dose_figures.draw_sweep, results.sizes["condition"] > 2),
    }
    return {name: draw for name, (draw, present) in wanted.items() if present}


question = Question((), evidence, verdict, figures, sections)
