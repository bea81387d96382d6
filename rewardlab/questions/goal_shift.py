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

from rewardlab.analysis import doses, naming, reading, stats
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.runs import Runs, samples
from rewardlab.analysis.wording import READINGS, percent, plain, sentence
from rewardlab.questions import Contrast, Effect, Evidence, Figure, Found, Question, Section, Verdict
from rewardlab.questions.goal_answers import answer
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


def sections(results: xarray.Dataset, summary: dict, drawn) -> list[Section]:
    """The parts of the page, one for each of the figures that are there."""
    from rewardlab.report import numbers

    said, main, control = (
        naming.read(results),
        plain(results.condition.values[0]),
        plain(results.attrs.get("control", "")),
    )
    ended, (first, *_) = [said.ended(o) for o in results.outcome.values], map(str, results.evaluation.values)
    success, beside = ended[0] if ended else "", ended[1] if len(ended) > 1 else ""
    capable, place, seeds = capability_text(results), said.place(first), numbers.seeds(results)
    parts = []
    if "matched" in drawn:
        parts.append(
            Section(
                "At matched capability",
                f"Rules that learn faster have had longer to specialise. So every seed is also read "
                f"at its first snapshot that reaches {capable} {place}.\n"
                "Seeds that never do have no such snapshot; they are counted, not dropped.",
                (
                    Figure(
                        "matched",
                        f"Dots and intervals: {success}{f' and {beside}' if beside else ''} "
                        "under each shift at each seed's first capable snapshot.",
                        "Each seed's first capable snapshot. Small dots are seeds, large ones the interquartile mean "
                        "with its 95 % bootstrap interval. Under each rule: how many seeds became capable.",
                    ),
                ),
            )
        )
    if "control" in drawn:
        bar = percent(results.attrs.get("control_capability", np.nan)) + " %"
        parts.append(
            Section(
                "The control: could the rule have learned it?",
                "A policy that fails after a shift tells us about goals only if the same rule can learn to succeed there. "
                "Each rule was therefore also trained\n"
                f"with “{control}”. Where that does not reach {bar}, or where too few seeds learned\nthe task at all, "
                "no claim is made about the rule's goals.",
                (
                    Figure(
                        "control",
                        f"Paired intervals: {success} under each shift, main training against control training, per rule.",
                        f"“{sentence(success)}” under each shift at the end of training: hollow, trained with “{main}”; "
                        f"filled, trained with “{control}”.\n"
                        "Small dots are seeds; bars are 95 % bootstrap intervals of the interquartile mean.",
                    ),
                ),
            )
        )
    if "drift" in drawn:
        where = said.place(reading.shifts(results)[0])
        parts.append(
            Section(
                "When it arises",
                figures=(
                    Figure(
                        "drift",
                        f"Curves: outcome shares {where} against environment steps, a panel a rule.",
                        f"What agents did {where} as training with “{main}” went on: interquartile means over all seeds "
                        f"({seeds} a rule) with 95 % bootstrap bands.",
                    ),
                ),
            )
        )
    if "sweep" in drawn:
        ordered = bool(reading.sweep(results)[0])
        apart = "evenly spaced, whatever lies between them" if ordered else "have no order"
        silent = f" {'Dashed' if ordered else 'Hollow'}: no claim about the goals of the rule trained with “{main}”."
        silent *= bool(reading.has_goals(results) and reading.shifts(results))
        half = Figure(
            "doses",
            "For every rule and network, the share of training with the shift at which half of the shifted episodes succeed: "
            "seeds as dots, their median with its interval.",
            "The half dose: the share of training with the shift at which half of the episodes under the shift succeed, "
            "at matched capability. Each dot is a seed, by a\n"
            f"curve fitted to its success under every dose; the larger mark is the median over seeds with its 95 % interval "
            f"(from {stats.MIN_SEEDS} seeds). Grey: beyond the doses tried.",
        )
        parts.append(
            Section(
                "How much evidence it takes" if ordered else "Under each way of training",
                figures=(
                    *(half,) * ("doses" in drawn),
                    Figure(
                        "sweep",
                        f"Points: {success} against the training condition, a colour a rule, one panel an evaluation and network.",
                        f"“{sentence(success)}” at the end of training, for each training condition: interquartile means over "
                        "all seeds with 95 % bootstrap intervals. The conditions "
                        f"{'are' * ordered}{chr(10) * ordered}{apart}, and the rules' points stand side by side to be told "
                        f"apart.{silent}",
                    ),
                ),
            )
        )
    return parts


def capability_text(results: xarray.Dataset) -> str:
    """ "81 %", or "475" for returns."""
    bar = results.attrs["capability"]
    return f"{percent(bar)} %" if reading.scores_success(results) else f"{bar:g}"


question = Question((), evidence, verdict, figures, sections)
