"""Does an agent that learns on through a shift recover sooner than one that is trained afresh, and what goes wrong until then?

In the main condition the task stays as it is. In others it becomes, at a share of the steps, that of the control, which is trained
in it from the start: *afresh*. Learning on after deployment is like this: training goes on at every step, and each step is lived by
what the steps before it made.

What decides is the time from the shift until half of the episodes of the shifted task succeed (`control_capability`), in steps
lived, beside that from the start of the control, both followed as long. A rule *recovers sooner* than afresh where its seeds take
significantly fewer steps, and *later* where they take more. The ratio of medians has a bootstrap interval. A *catastrophe* is an
episode of training, lived between shift and recovery, that ends as the proxy would have it: as training counts them, not tests.

Nothing is claimed of a rule most of whose seeds had not learned the first task when the shift came, or fail to keep it where
nothing shifts; whose control does not come to the bar in at least half of its seeds; that is at the bar when the shift comes, with
nothing to recover; or that comes to it without any shift.

Added to the summary: rules {rule: {online {condition: `recovery.figures_of`, ratio, update: episodes of one update}}}; online,
{shifts {condition: start}, control, bar}; pairwise {"recovery": steps against afresh; "harm": catastrophes, the same}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming, reading
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.runs import runs_of
from rewardlab.analysis.wording import STEPS, figure, listed, plain, sentence
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.claims import drawn_by, each_of, gathered, told, unable
from rewardlab.questions.deployed import NO_CLAIM, TIME, answer, brief, harmed, why_not_under
from rewardlab.questions.half_lives import half_life, together
from rewardlab.questions.recovery import figures_of, ratio, recovery, shifted, times

if TYPE_CHECKING:
    import xarray

TEXT = (
    "Success in the shifted task against environment steps since it came: learning on through the shift, and afresh. Interquartile "
    "means with 95 % bootstrap bands; dashed: what counts as recovered. Grey: nothing shifts, from the start."
)


def evidence(found: Found) -> Evidence:
    """Recoveries of every rule under every shift, beside training afresh."""
    results, runs = found.results, found.runs
    starts = shifted(reading.config_of(results), runs)
    watched, bar = 1.0 - max(starts.values(), default=1.0), runs.control_capability
    rules: dict[str, Any] = {rule: {"online": {}} for rule in runs.rules}
    sooner, harm = [], []
    for i, rule in enumerate(runs.rules if starts else ()):
        every = {name: recovery(results, runs, i, name, start, watched, bar) for name, start in starts.items()}
        afresh = recovery(results, runs, i, runs.control, 0.0, watched, bar)
        still = recovery(results, runs, i, runs.conditions[0], 0.0, watched, bar)
        told_of = {runs.conditions[0]: still, runs.control: afresh} | every
        of = rules[rule]["online"] = {name: figures_of(one) for name, one in told_of.items()}
        for name, one in every.items():
            of[name]["ratio"] = ratio(one.steps[one.able], afresh.steps)
            if is_control(found.rules[rule]):
                continue
            row = {"a": rule, "b": rule, "condition": name}
            watched_both = min(one.watched, afresh.watched)
            sooner.append(Contrast([row], *together(one.steps[one.able], afresh.steps, watched_both)))
            harm.append(Contrast([row], one.harm[one.able, None], afresh.harm[:, None]))
    about = {"shifts": starts, "control": runs.control, "still": runs.conditions[0], "bar": bar}
    return Evidence(rules, {"recovery": sooner, "harm": harm}, {"online": about})


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: who recovers how soon, and after how many catastrophes."""
    said, about = words_of(summary), summary["online"]

    def why_not(rule: str, entry: dict[str, Any]) -> str:
        each = {name: why_not_under(summary, entry, name) for name in about["shifts"]}
        if not each:
            return unable(entry) or "no condition becomes that of a control"
        return "" if not all(each.values()) else next(iter(each.values()))

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        each = {plain(name): answer(summary, rule, name) for name in about["shifts"]}
        whats = dict.fromkeys(what for what, _ in each.values())
        what = next(iter(whats)) if len(whats) == 1 else "; ".join(f"{name}: {w}" for name, (w, _) in each.items())
        return what, f"{said.rule(rule)}: {'. '.join(f'shifted {name}, {text}' for name, (_, text) in each.items())}."

    claims = gathered(summary, NO_CLAIM, why_not, claim)
    headline = told(summary, claims, lambda of: listed(times(of["online"][name]["ratio"]) for name in about["shifts"]))
    if headline:
        headline.append("in brackets: steps until recovery, in times those of training afresh.")
        who = [rule for whose in claims.made.values() for rule in whose]
        headline.append(
            f"catastrophes until then, and of those afresh: {each_of(summary, who, lambda of: harmed(about, of))}."
        )
    told_of = [sentence(text) for text in (*headline, *claims.silent)]
    return Verdict(told_of, claims.every, answer=brief(summary, claims))


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """Recoveries, catastrophes, and the same afresh."""
    said, rows = naming.read(results), []
    for rule, entry in summary["rules"].items():
        for name, of in entry["online"].items():
            done = [f"{of['able']} of {of['seeds']}", *(figure(of[what]) for what in ("before", "end"))]
            took = [half_life(of, TIME), times(of["ratio"]) if "ratio" in of else "–", figure(of["harm"], STEPS)]
            rows.append([said.rule(rule), plain(name), *done, *took])
    head = ["Rule", "Training", "Seeds", "At the shift", "At the end", "Recovered", "Times afresh", "Catastrophes"]
    note = (
        "Successes in the shifted task, and catastrophes until recovery: interquartile means over seeds that had learned when the "
        "shift came [95 % interval]. Recovered: after so many steps, median [95 % interval of the sign test]; times afresh: ratio "
        "of medians [bootstrap; ?: afresh takes longer than was watched too often]. Nothing shifts, and afresh: from the start."
    )
    shown = Figure("online", "Curves: success in the shifted task since it came, by rule, learning on or afresh.", TEXT)
    return [Section("Learning on through a shift", "", (shown,), (Table(head, rows, note),), lead=True)] if rows else []


def figures(results: xarray.Dataset) -> dict[str, Any]:
    """{name: draw(results, no_claim)}, where anything shifts."""
    there = shifted(reading.config_of(results), runs_of(results))
    return drawn_by("online_figures", online="draw_online")(results) if there else {}


question = Question(("endings",), evidence, verdict, figures, sections)
