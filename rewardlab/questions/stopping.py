"""Habit, update or percept: what ends behaviour when the reward for it ends?

Three ways are told apart, each timed in steps lived. *Percept*: all parameters are frozen, and within an episode the reward in
view stops (or lies) from some step on; behaviour that ends followed what is seen. *Habit*: the same, and behaviour goes on.
*Update*: the view stays as it was, and updates are told that nothing is paid, or the reverse; only they can then end behaviour.
Conditions in which pay goes on are *kinds* of training, the main one first; those of the same params whose pay changes are its own.

Half-lives are those of `extinction`, halfway down to the random policy. Frozen behaviour *stops* where the whole interval of its
median is shorter than what was watched, and *goes on* where all of it is longer. A claim is made of rules with enough competent
seeds of every kind (where the paid arm moved in training, they have to follow it), whose behaviour lasts where nothing changes,
and whose kinds differ significantly where the reward in view stops (a permutation test on half-lives).

Added to the summary: rules {rule: {stopping {kind: {evaluation or condition: `half_lives.figures_of`}}}}; stopping {told
{evaluation or condition: in words}, chance}; pairwise {half-life: the main kind against others, a rule each}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming
from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import figure, listed, plain, sentence
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict, frozen
from rewardlab.questions.answering import answer
from rewardlab.questions.claims import drawn_by, gathered
from rewardlab.questions.half_lives import figures_of, half_life, reward_in_words
from rewardlab.questions.lifetimes import ROLES

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what ends behaviour"
STEPS = ("steps",)


def evidence(found: Found) -> Evidence:
    """Half-lives of each kind's behaviour, frozen and under updates, and which kinds differ where the reward in view stops."""
    results, every = found.results, frozen.kinds(found.results)
    told, chance = frozen.evaluations(results), frozen.chance(results)
    runs = frozen.seen(results, found.runs, told, chance)
    rules, pairs, first = dict[str, Any](), [], next(iter(told.changed))
    for i, rule in enumerate(runs.rules):
        all_lives = {kind.name: frozen.every_way(results, runs, i, kind, told, chance) for kind in every}
        shown = {kind: {way: figures_of(*one) for way, one in ways.items()} for kind, ways in all_lives.items()}
        rules[rule] = {"stopping": shown}
        if not frozen.why_not(found.rules[rule] | rules[rule], chance):
            a, *others = ((kind, ways[first][0].capped()[:, None]) for kind, ways in all_lives.items())
            pairs += [Contrast([{"rule": rule, "a": a[0], "b": b[0]}], a[1], b[1]) for b in others]
    words = {name: f"frozen, {ROLES[role]}" for name, (role, _) in told.changed.items()}
    changed = {name: change["reward"] for kind in every for name, change in kind.changed.items()}
    words |= {name: f"updates go on, {reward_in_words(reward)}" for name, reward in changed.items()}
    return Evidence(rules, {"half-life": pairs}, {"stopping": {"told": words, "chance": chance}})


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: what ends behaviour, by rule and kind of training, and how long that takes."""
    said, ways, chance = words_of(summary), _ways(summary), summary["stopping"]["chance"]

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        differ = any(row["significant"] for row in summary["pairwise"]["half-life"] if row["rule"] == rule)
        what = (
            ", ".join(f"{does} if trained “{plain(k)}”" for k, does in frozen.doings(entry)) if differ else frozen.ALIKE
        )
        each = "; ".join(f"{way}: {half_life(entry['stopping'][k][n])}" for way, (k, n) in ways.items())
        return what, f"{said.rule(rule)}, where the reward in view stops: {what}. Half-lives {each}."

    made = gathered(summary, NO_CLAIM, lambda rule, entry: frozen.why_not(entry, chance), claim)
    headline = [f"where the reward in view stops: {what}: {said.names(who)}." for what, who in made.made.items()]
    able = {said.rule(rule): summary["rules"][rule]["stopping"] for who in made.made.values() for rule in who}
    halves = (
        f"{way}: {listed(f'{half_life(one[k][n], STEPS, ends=False)} ({rule})' for rule, one in able.items())}"
        for way, (k, n) in ways.items()
    )
    headline += [f"median half-lives {'; '.join(halves)}."] * bool(able)
    return Verdict(
        [sentence(t) for t in (*headline, *made.silent)],
        made.every,
        answer=answer(summary, made, frozen.answers(made.made)),
    )


def _ways(summary: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """{"trained “x”, frozen, the reward in view stops": (kind, evaluation or condition)}."""
    told = summary["stopping"]["told"]
    return {
        f"trained “{plain(kind)}”, {told[name]}": (kind, name)
        for kind, every in next(iter(summary["rules"].values()))["stopping"].items()
        for name in every
    }


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """Behaviour since the biscuits ended, in all ways on one axis, and the table of half-lives."""
    said, told, rows = naming.read(results), summary["stopping"]["told"], []
    for rule, entry in summary["rules"].items():
        for kind, every in entry["stopping"].items():
            of, halves = next(iter(every.values())), {told[name]: half_life(one) for name, one in every.items()}
            cells = [
                f"{of['able']} of {of['seeds']}",
                figure(of["paid"]),
                *(halves.get(way, "–") for way in dict.fromkeys(told.values())),
            ]
            rows.append([said.rule(rule), plain(kind), *cells])
    columns = [*map(sentence, dict.fromkeys(told.values()))]
    head = ["Rule", "Trained", "Competent", "Late in an episode, nothing changes", *columns]
    note = "Medians over competent seeds [95 % interval of the sign test], in steps lived. >: longer than was watched."
    alt = "Curves: share of steps that pay most against the steps since reward ended, a panel a rule, a curve a way to end it."
    caption = (
        "Behaviour of competent seeds: interquartile means with 95 % bootstrap bands, the axis logarithmic. Solid: frozen, within "
        "an episode. Dashed: updates go on; behaviour at the end of an episode in which nothing changes."
    )
    text = "Agents are trained with reward in view. Then either what they see changes, or what updates are told."
    tables, shown = (Table(head, rows, note),), (Figure("stopping", alt, caption),)
    return [Section("Three ways to stop", text, shown, tables, lead=True)]


figures = drawn_by("stopping_figures", stopping="draw_stopping")
question = Question(("logs", "course"), evidence, verdict, figures, sections)
