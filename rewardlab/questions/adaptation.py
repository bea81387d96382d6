"""Does an agent get better within a lifetime, from the reward that it is shown, while no parameter changes?

For worlds whose lifetimes have several episodes of one task, with reward in view (`reward_in_view`). An agent gets better if its
last episode of a lifetime returns more than its first. Its *gain* is the difference, seed by seed. What an evaluation does to a
lifetime is read from its params (`lifetimes.py`): reward is hidden, stops or is faked; or the world is another one, and reward
stays in view.

A gain counts where its interval lies above a twentieth of the size of what the scripted policy "optimal" has in an episode (above
0 in worlds without one). It comes from the reward *shown* where under every other display the gain's interval lies below half of
it, and from *something else* where under every one it lies above. It carries over to another world where the gain there does.

A rule supports a claim only if it learned (at least half of its seeds are competent at the end, and no fewer than an interval
needs), and if its control, the same rule trained with reward hidden, gains clearly less than half as much. Being competent has
to need no gain: a bar that only gains clear would pick the seeds that gain.

Added to the summary: rules {rule: {lifetime {evaluation: {episodes: [figure of the return in each], gain: figure}}, blind:
figure of the control's gain, or why there is none}}; lifetime {evaluations {evaluation: what it does}, episodes, least}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import naming, stats
from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import count, figure, listed, plain, sentence
from rewardlab.questions import Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.answering import answer, of_many, several
from rewardlab.questions.claims import beside, drawn_by, effect_of, gathered, with_seeds
from rewardlab.questions.episodes import DOES, kinds, per_episode, returns
from rewardlab.questions.gains import LEAST, NOT, carries_over, course, doing, figures_of, gained, gets_better, why_not
from rewardlab.questions.lifetimes import control

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what it gains"


def evidence(found: Found) -> Evidence:
    """Returns of each episode of competent seeds on every evaluation, and what the control gains, which never saw reward."""
    runs, results, each, told = found.runs, found.results, returns(found.results), kinds(found.results)
    blind, rules = control(results, runs, told), {}
    for i, rule in enumerate(runs.rules):
        mine = each[i, 0, np.flatnonzero(runs.competent[i] & runs.trained[i, 0])]
        unseen: Any = blind
        if not isinstance(blind, str):
            there = each[i, blind[0], runs.trained[i, blind[0]] & ~runs.failed[i, blind[0]], blind[1]]
            unseen = stats.figure(there[:, -1] - there[:, 0])
        own = dict(zip(runs.evaluations, map(figures_of, np.moveaxis(mine, 1, 0)), strict=True))
        rules[rule] = {"lifetime": own, "blind": unseen}
    best = per_episode(results, "optimal", runs.evaluations[0])
    least = LEAST * abs(best) if np.isfinite(best) else 0.0
    return Evidence(rules, {}, {"lifetime": {"evaluations": told, "episodes": each.shape[-1], "least": least}})


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: who gets better within a lifetime, what is left of it under other displays, and whether it carries over."""
    said, told, rules = words_of(summary), summary["lifetime"]["evaluations"], summary["rules"]
    first, others = summary["evaluations"][0], doing(summary, "elsewhere")

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        what = gets_better(summary, entry)
        each = "; ".join(f"“{plain(name)}” {course(of)}" for name, of in entry["lifetime"].items())
        over = (f" What it gains {carries_over(entry, first, name)} to “{plain(name)}”." for name in others)
        done = f"Return of each episode, of {count(entry['competent_seeds'], 'competent seed')}: {each}"
        blind = f"Trained without reward in view, it gains {figure(entry['blind'], 'return')}."
        return what, f"{said.rule(rule)} {what}. {done}. {blind}{''.join(over) * gained(summary, entry)}"

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: why_not(summary, entry), claim)
    headline = [
        f"while no parameter changes, competent agents of {with_seeds(summary, who)} {several(what)}."
        for what, who in claims.made.items()
    ]
    better = [rule for what, who in claims.made.items() for rule in who if what != NOT]
    for name, does in told.items():
        each = beside(summary, better, lambda entry, name=name: course(entry["lifetime"][name]))  # type: ignore[misc]
        headline += [f"where {DOES[does]} (“{plain(name)}”), the episodes of a lifetime return: {each}."] * bool(better)
    for name in others:
        by = {rule: carries_over(rules[rule], first, name) for rule in better}
        for words in dict.fromkeys(by.values()):
            those = [said.rule(rule) for rule in better if by[rule] == words]
            headline.append(f"what {listed(those)} gain{'s' * (len(those) == 1)} {words} to “{plain(name)}”.")
    what = "gain within a lifetime, last episode less first"
    effect = effect_of(summary, claims, what, lambda of: of["lifetime"][first]["gain"], "return")
    ways = {what: f"while no parameter changes, {text}" for what, text in of_many(claims.made).items()}
    told_of = [sentence(text) for text in (*headline, *claims.silent)]
    return Verdict(told_of, claims.every, effect=effect, answer=answer(summary, claims, ways))


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """The return of each episode of a lifetime."""
    said, told, rows = naming.read(results), summary["lifetime"]["evaluations"], []
    for rule, entry in summary["rules"].items():
        shown = [course(of) if entry["competent_seeds"] else "–" for of in entry["lifetime"].values()]
        gain = figure(entry["lifetime"][summary["evaluations"][0]]["gain"], "return")
        blind = "–" if isinstance(entry["blind"], str) else figure(entry["blind"], "return")
        rows.append([said.rule(rule), f"{entry['competent_seeds']} of {entry['seeds']}", *shown, gain, blind])
    tested = (f"{plain(name)}: {DOES[what]}" for name, what in told.items())
    note = (
        "Mean return of each episode of a lifetime: interquartile means over competent seeds [95 % interval, of the last]. Gain: "
        "the last less the first, seed by seed, where nothing changes; the control was trained, and is tested, with reward hidden."
    )
    curves = Figure(
        "episodes",
        "Curves: return against the number of the episode in a lifetime, a panel a rule, a curve an evaluation.",
        "While no parameter changes: interquartile means over competent seeds with 95 % bootstrap intervals. Dashed: scripted "
        "policies, which know of no other episode.",
    )
    text = "A lifetime is several episodes of one task. Agents are trained with reward in view; then parameters are frozen, and "
    text += "reward is hidden or faked, or the task is a new one."
    table = Table(["Rule", "Competent", *tested, "Gain", "Gain of the control"], rows, note)
    return [Section("Better within a lifetime", text, (curves,), (table,), lead=True)]


figures = drawn_by("adaptation_figures", episodes="draw_episodes")
question = Question(("lifetime",), evidence, verdict, figures, sections)
