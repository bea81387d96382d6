"""Does an agent get better within a lifetime, from the reward that it is shown, while no parameter changes?

For worlds whose lifetimes have several episodes of one task, with reward in view (`reward_in_view`). An agent gets better if its
last episode of a lifetime returns more than its first. Its *gain* is the difference, seed by seed. What an evaluation does to a
lifetime is read from its params (`lifetimes.py`): reward is hidden, stops or is faked; or the world is another one, and reward
stays in view.

A gain counts where its interval lies above `LEAST` of the size of what the scripted policy "optimal" has in an episode (above 0
in worlds without one). It comes from the reward *shown* where under every other display the gain's interval lies below half of it,
and from *something else* where under every one it lies above half of it. It carries over to another world where the gain there
lies above half of it.

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
from rewardlab.questions.answering import answer
from rewardlab.questions.claims import effect_of, gathered, unable, uncontrolled, with_seeds
from rewardlab.questions.episodes import DOES, kinds, per_episode, returns
from rewardlab.questions.lifetimes import control

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what it gains"
LEAST, HALF = 0.05, 0.5
PARTED = ("faked", "constant", "stopped", "hidden")
SHOWN, ANYHOW, UNCLEAR, NOT = (
    "gets better within a lifetime, from the reward that it is shown",
    "gets better within a lifetime, whatever reward it is shown",
    "gets better within a lifetime, and not clearly from the reward that it is shown",
    "does not clearly get better within a lifetime",
)
SEVERAL = {  # the same of several agents
    SHOWN: "get better within a lifetime, from the reward that they are shown",
    ANYHOW: "get better within a lifetime, whatever reward they are shown",
    UNCLEAR: "get better within a lifetime, and not clearly from the reward that they are shown",
    NOT: "do not clearly get better within a lifetime",
}


def evidence(found: Found) -> Evidence:
    """Returns of each episode of competent seeds on every evaluation, and what the control gains, which never saw reward."""
    runs, results, each, told = found.runs, found.results, returns(found.results), kinds(found.results)
    blind, rules = control(results, runs, told), {}
    for i, rule in enumerate(runs.rules):
        mine = each[i, 0, np.flatnonzero(runs.competent[i] & runs.trained[i, 0])]
        unseen: Any = blind
        if not isinstance(blind, str):
            j, e = blind
            there = each[i, j, runs.trained[i, j] & ~runs.failed[i, j], e]
            unseen = stats.figure(there[:, -1] - there[:, 0])
        rules[rule] = {
            "lifetime": dict(zip(runs.evaluations, map(_figures, np.moveaxis(mine, 1, 0)), strict=True)),
            "blind": unseen,
        }
    best = per_episode(results, "optimal", runs.evaluations[0])
    least = LEAST * abs(best) if np.isfinite(best) else 0.0
    return Evidence(rules, {}, {"lifetime": {"evaluations": told, "episodes": each.shape[-1], "least": least}})


def _figures(values: np.ndarray) -> dict[str, Any]:
    """float[seeds, episodes] -> figures of each episode, and of the last one less the first."""
    return {"episodes": [stats.figure(x) for x in values.T], "gain": stats.figure(values[:, -1] - values[:, 0])}


def _of(summary: dict[str, Any], *what: str) -> list[str]:
    return [name for name, does in summary["lifetime"]["evaluations"].items() if does in what]


def _gains(summary: dict[str, Any], entry: dict[str, Any]) -> bool:
    return entry["lifetime"][summary["evaluations"][0]]["gain"]["low"] > summary["lifetime"]["least"]


def _why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    blind = entry["blind"]
    if why := unable(entry) or uncontrolled(blind):
        return why
    if next(iter(summary["lifetime"]["evaluations"].values())) != "steady":
        return "something changes on the first evaluation"
    whole = entry["lifetime"][summary["evaluations"][0]]["gain"]["iqm"]
    if _gains(summary, entry) and blind["high"] >= HALF * whole:
        return f"trained with reward hidden, it gains {figure(blind, 'return')}, too"
    return ""


def gets_better(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Whether competent agents get better within a lifetime, and from what: a key of SEVERAL."""
    if not _gains(summary, entry):
        return NOT
    half = HALF * entry["lifetime"][summary["evaluations"][0]]["gain"]["iqm"]
    left = [entry["lifetime"][name]["gain"] for name in _of(summary, *PARTED)]
    if all(gain["high"] < half for gain in left):
        return SHOWN
    return ANYHOW if all(gain["low"] > half for gain in left) else UNCLEAR


def carries_over(entry: dict[str, Any], first: str, evaluation: str) -> str:
    """Whether the gain is there in another world, too, in words."""
    half, gain = HALF * entry["lifetime"][first]["gain"]["iqm"], entry["lifetime"][evaluation]["gain"]
    if gain["low"] > half:
        return "carries over"
    return "does not carry over" if gain["high"] < half else "does not clearly carry over"


def course(of: dict[str, Any]) -> str:
    """The return of each episode: "6 → 11.8 → 13.2 [13–13.4]", with the interval of the last."""
    *before, last = of["episodes"]
    return " → ".join([*(figure({**x, "low": None}, "return") for x in before), figure(last, "return")])


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: who gets better within a lifetime, what is left of it under other displays, and whether it carries over."""
    said, told, rules, first = (
        words_of(summary),
        summary["lifetime"]["evaluations"],
        summary["rules"],
        summary["evaluations"][0],
    )

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        what = gets_better(summary, entry)
        each = "; ".join(f"“{plain(name)}” {course(of)}" for name, of in entry["lifetime"].items())
        over = [
            f" What it gains {carries_over(entry, first, name)} to “{plain(name)}”."
            for name in _of(summary, "elsewhere") * _gains(summary, entry)
        ]
        return what, (
            f"{said.rule(rule)} {what}. Return of each episode, of {count(entry['competent_seeds'], 'competent seed')}: {each}. "
            f"Trained without reward in view, it gains {figure(entry['blind'], 'return')}.{''.join(over)}"
        )

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, entry), claim)
    headline = [
        f"while no parameter changes, competent agents of {with_seeds(summary, who)} {SEVERAL[what]}."
        for what, who in claims.made.items()
    ]
    gained = [rule for what, who in claims.made.items() for rule in who if what != NOT]
    for name, does in told.items():
        each = listed(f"{said.rule(rule)} {course(rules[rule]['lifetime'][name])}" for rule in gained)
        headline += [f"where {DOES[does]} (“{plain(name)}”), the episodes of a lifetime return: {each}."] * bool(gained)
    for name in _of(summary, "elsewhere"):
        by = {rule: carries_over(rules[rule], first, name) for rule in gained}
        for words in dict.fromkeys(by.values()):
            those = [said.rule(rule) for rule in gained if by[rule] == words]
            headline.append(
                f"what {listed(those)} {'gains' if len(those) == 1 else 'gain'} {words} to “{plain(name)}”."
            )
    what = "gain within a lifetime, last episode less first"
    effect = effect_of(summary, claims, what, lambda of: of["lifetime"][first]["gain"], "return")
    ways = {what: f"while no parameter changes, agents of {{who}} {SEVERAL[what]}" for what in claims.made}
    said_of_all = [sentence(text) for text in (*headline, *claims.silent)]
    return Verdict(said_of_all, claims.every, effect=effect, answer=answer(summary, claims, ways))


def figures(results: xarray.Dataset) -> dict[str, Any]:
    """{name: draw(results, no_claim)}."""
    from rewardlab.report.adaptation_figures import draw_episodes  # matplotlib is slow to import

    return {"episodes": draw_episodes}


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """The return of each episode of a lifetime."""
    said, told = naming.read(results), summary["lifetime"]["evaluations"]
    head = [
        "Rule",
        "Competent",
        *(f"{plain(name)}: {DOES[what]}" for name, what in told.items()),
        "Gain",
        "Gain of the control",
    ]
    rows = []
    for rule, entry in summary["rules"].items():
        shown = [course(of) if entry["competent_seeds"] else "–" for of in entry["lifetime"].values()]
        gain = figure(entry["lifetime"][summary["evaluations"][0]]["gain"], "return")
        blind = "–" if isinstance(entry["blind"], str) else figure(entry["blind"], "return")
        rows.append([said.rule(rule), f"{entry['competent_seeds']} of {entry['seeds']}", *shown, gain, blind])
    note = (
        "Mean return of each episode of a lifetime: interquartile means over competent seeds [95 % interval, of the last]. Gain: "
        "the last less the first, seed by seed, where nothing changes; the control was trained, and is tested, with reward hidden."
    )
    shown_figure = Figure(
        "episodes",
        "Curves: return against the number of the episode in a lifetime, a panel a rule, a curve an evaluation.",
        "Within a lifetime, while no parameter changes: interquartile means over competent seeds with 95 % bootstrap intervals. "
        "Dashed: scripted policies, which know of no other episode.",
    )
    text = (
        "A lifetime is several episodes of one task. Agents are trained with reward in view. Then their parameters are frozen, and "
        "reward is hidden or faked, or the task is a new one."
    )
    return [Section("Better within a lifetime", text, (shown_figure,), (Table(head, rows, note),), lead=True)]


question = Question(("lifetime",), evidence, verdict, figures, sections)
