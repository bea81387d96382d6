"""Of the goals that fit what training paid for, which does a policy behave as if it had?

For worlds that offer `goal_candidates`, each solved exactly; the first is what training pays for. A goal is *compatible* with a
seed that loses at most `BAR` of what the goal is worth. Off distribution is where the control is trained.

What decides is how likely a goal's optimal policy makes what a competent seed does off distribution. A rule *behaves as if it were
after* a goal if that goal's posterior, from a uniform prior, is clearly above one half, and if the goal accounts for what seeds do
clearly better than acting at random. If no goal does both, *no one goal fits clearly*.

A rule supports a claim only if at least half of its seeds are competent; if its control behaves as if it were after what is paid
for, by the same two; and if for what an untrained network does (a rule of level 0) no goal accounts.

Added to the summary: rules {rule: {goals {fits, posterior, best, held: as of `figures_of`; control {fit, posterior: of what is paid
for} or why there is none; compatible {condition: {on, off: figures}}}}}; candidates {names, off, untrained, levels {condition: how
many, None for all}}; pairwise {"fits": the proxy against what is paid for, off distribution; "narrows": how many goals are
compatible on distribution, with the fewest levels against all}.
"""

from __future__ import annotations

from typing import Any

from rewardlab.analysis import stats
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import count, figure, sentence
from rewardlab.questions import Contrast, Evidence, Found, Question, Verdict
from rewardlab.questions.answering import answer, of_many
from rewardlab.questions.claims import drawn_by, each_of, effect_of, gathered, told, unable, uncontrolled
from rewardlab.questions.goal_fits import PAID, PROXY, clear, figures_of, fits, goals_of, levels_of, off_distribution
from rewardlab.questions.goal_tables import sections

NO_CLAIM = "no claim about what it is after"
UNCLEAR = "no one goal fits clearly"
MANY = {"behaves as if it were": "behave as if they were", UNCLEAR: "do what fits no one goal clearly"}


def evidence(found: Found) -> Evidence:
    """What goals account for, by rule, off distribution and in the control; and how many are compatible, by condition."""
    results, runs = found.results, found.runs
    names, levels, main = goals_of(results), levels_of(results), runs.conditions[0]
    every = {(r, c): fits(results, runs, i, c) for i, r in enumerate(runs.rules) for c in runs.conditions}
    bare = {r for r in runs.rules if found.rules[r]["level"] == 0 and is_control(found.rules[r])}
    rules: dict[str, Any] = {}
    for rule in runs.rules:
        one, control = every[rule, main], every.get((rule, runs.control))
        shown: Any = "no condition is the control"
        if control:
            shown = {"fit": stats.figure(control.fit[:, PAID]), "posterior": stats.figure(control.posterior[:, PAID])}
        own = figures_of(one._replace(able=one.able | (rule in bare)), names)  # of untrained networks none is competent
        compatible = {c: every[rule, c].counts() for c in runs.conditions}
        rules[rule] = {"goals": own | {"control": shown, "compatible": compatible}}
    beside, narrows, few = [], [], next(iter(levels))
    for r in (r for r in runs.rules if not is_control(found.rules[r])):
        one, fewest = every[r, main], every[r, few]
        fit = one.fit[one.able]
        pair = {"a": r, "b": r, "goals": [names[PROXY], names[PAID]]}
        beside.append(Contrast([pair], fit[:, [PROXY]], fit[:, [PAID]]))
        if few != main:
            row = {"a": r, "b": r, "conditions": [few, main]}
            narrows.append(Contrast([row], fewest.compatible("on")[:, None], one.compatible("on")[:, None]))
    about: dict[str, Any] = {"names": names, "off": off_distribution(results), "untrained": min(bare, default=None)}
    about |= {"levels": {c: stats.plain(n) for c, n in levels.items()}}
    return Evidence(rules, {"fits": beside, "narrows": narrows}, {"candidates": about})


def _why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    control, of = entry["goals"]["control"], summary["candidates"]
    if why := unable(entry) or uncontrolled(control if isinstance(control, str) else control["fit"]):
        return why
    if not of["untrained"]:
        return "no rule shows what an untrained network does"
    bare = summary["rules"][of["untrained"]]["goals"]["fits"]
    if seen := [goal for goal, fit in bare.items() if fit["low"] is None or fit["low"] > 0]:
        return f"an untrained network looks as if it were after something, too: {seen[0]}"
    if not clear(control["fit"], control["posterior"]):
        return f"its control does not look as if it were after {of['names'][PAID]}: {figure(control['posterior'])}"
    return ""


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: what each rule behaves as if it were after, and how many goals are compatible on and off distribution."""
    said, of, (main, *_) = words_of(summary), summary["candidates"], summary["seeds"]["conditions"]
    total, few, held = len(of["names"]), next(iter(of["levels"])), lambda own: own["posterior"][own["held"]]

    def fitting(entry: dict[str, Any], where: str, condition: str = main) -> str:
        return figure(entry["goals"]["compatible"][condition][where], "return")

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        own, goal = entry["goals"], entry["goals"]["held"]
        paid = "which is" if goal == of["names"][PAID] else "which is not"
        fitted = clear(own["fits"][goal], held(own))
        what = f"behaves as if it were after {goal}, {paid} what training paid for" if fitted else UNCLEAR
        return what, (
            f"{said.rule(rule)}, {what}: off distribution the posterior of {goal} is {figure(held(own))}, its fit "
            f"{figure(own['fits'][goal], 'return')} bits a step. Of {total} goals {fitting(entry, 'on')} are compatible on its "
            f"training distribution, {fitting(entry, 'off')} off it."
        )

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, entry), claim)
    headline = told(summary, claims, lambda entry: f"{entry['goals']['held']}: {figure(held(entry['goals']))}")
    able = [rule for who in claims.made.values() for rule in who]
    if able:
        on = each_of(summary, able, lambda entry: fitting(entry, "on"))
        off = each_of(summary, able, lambda entry: fitting(entry, "off"))
        headline.append(f"of {total} goals, so many are compatible on the training distribution: {on}; off it: {off}.")
    fewer = [row["a"] for row in summary["pairwise"]["narrows"] if row["significant"] and row["effect"] > 0.5]
    if fewer := [rule for rule in fewer if rule in able]:
        more = each_of(summary, fewer, lambda entry: fitting(entry, "on", few))
        headline.append(f"trained with {count(int(of['levels'][few]), 'level')}, more are: {more}.")
    effect = effect_of(summary, claims, "posterior of the goal that fits best", lambda entry: held(entry["goals"]))
    brief = answer(summary, claims, of_many(claims.made, MANY))
    return Verdict([sentence(t) for t in (*headline, *claims.silent)], claims.every, effect=effect, answer=brief)


figures = drawn_by("compatible_goals_figures", compatible_goals="draw_compatible_goals")
question = Question(("goal_fit",), evidence, verdict, figures, sections)
