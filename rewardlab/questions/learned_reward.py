"""How far can a learned reward be optimised before true return falls?

For worlds whose reward is the word of a model (`learned_reward`): a condition says how many comparisons the model has, or that the
true reward is paid, and an evaluation is in the world of each. Every seed has models of its own, the same whatever the rule.

What training lives is what is looked at: the true return of its episodes, and what the model says of them. A rule *over-optimises*
a model where true return falls from each seed's peak to the end, significantly more than under the true reward in the same seeds,
while what the model says rises from there on, by the whole interval of its mean. A model *misleads* a rule where true return does
not fall so, and yet ends significantly lower than under the true reward. Where neither holds for any number, nothing speaks against
the rival: a model that is right where it matters.

A rule supports a claim only if at least half of its seeds are competent under the true reward, as many as an interval needs were
trained under each model, and its control holds: a model of shuffled comparisons leads to less true return than the true reward.

Added to the summary: rules {rule: {learned_reward {condition: what `overoptimising.figures_of` says}}}; learned_reward {truth,
numbers, blind, refitted, tests, best {condition: the same of best of n}}; pairwise: see `overoptimising.contrasts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import listed, plain, sentence
from rewardlab.questions import Evidence, Figure, Found, Question, Section, Verdict
from rewardlab.questions.answering import answer, of_many
from rewardlab.questions.claims import drawn_by, few_seeds, gathered, side, unable
from rewardlab.questions.options import told
from rewardlab.questions.overoptimising import BEST, chosen, contrasts, course, figures_of, judged, models, table

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what it over-optimises"
NONE = "clearly over-optimises no model"
FEWER, WORTH = {1: "larger", -1: "smaller"}, {1: "higher", -1: "lower"}


def evidence(found: Found) -> Evidence:
    """True and modelled return on the way, of every rule under every model, and of best of n."""
    results, runs, of = found.results, found.runs, models(found.results)
    rules = {
        r: {"learned_reward": {c: figures_of(course(results, runs, r, c)) for c in runs.conditions}} for r in runs.rules
    }
    learners = {r: found.rules[r]["level"] for r in runs.rules if not is_control(found.rules[r])}
    about = of._asdict() | {"best": {c: figures_of(chosen(results, runs, of.tests[c])) for c in runs.conditions}}
    return Evidence(rules, contrasts(results, runs, of, learners), {"learned_reward": about})


def _why_not(summary: dict[str, Any], rule: str, entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    if why := unable(entry):
        return why
    of = summary["learned_reward"]
    if not of["blind"]:
        return "no model is of shuffled comparisons"
    for condition, number in of["numbers"].items():
        if few := few_seeds(entry["learned_reward"][condition]["fall"]):
            return f"under a model of {number} comparisons it has {few}"
    blind = side(summary["pairwise"]["blind"], a=rule) < 0
    return "" if blind else "a model of shuffled comparisons is not clearly worse for it than the true reward"


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: who over-optimises which models, whether more comparisons lessen it, and choosing beside training."""
    said, of, rules = words_of(summary), summary["learned_reward"], summary["rules"]
    found = {rule: judged(summary, rule) for rule in rules}

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        mine, figures = found[rule], entry["learned_reward"]
        what = f"over-optimises models of {listed(map(str, mine['over']))} comparisons" if mine["over"] else NONE
        misled = f" It is misled by models of {listed(map(str, mine['misled']))} comparisons." * bool(mine["misled"])
        each = [
            (n, told(figures[c]["fall"], "return"), told(figures[c]["end"], "return")) for c, n in of["numbers"].items()
        ]
        ends = "; ".join(f"{n}: by {fall} to {end}" for n, fall, end in each)
        true = f"With the true reward it ends at {told(figures[of['truth']]['end'], 'return')}."
        return (
            what,
            f"{said.rule(rule)} {what}.{misled} From its peak true return falls, by comparisons, {ends}. {true}",
        )

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, rule, entry), claim)
    able = [rule for who in claims.made.values() for rule in who]
    headline = [f"{what}: {said.names(who)}." for what, who in claims.made.items()]
    also = [f"{said.rule(r)} ({listed(map(str, found[r]['misled']))} comparisons)" for r in able if found[r]["misled"]]
    headline += [
        f"true return does not clearly fall so, but ends lower than with the true reward: {listed(also)}."
    ] * bool(also)
    for lies, word in FEWER.items():
        if who := [r for r in able if side(summary["pairwise"].get("fewer", []), a=r) == lies]:
            headline.append(f"the fall is {word} with the fewest comparisons than with the most: {said.names(who)}.")
    for lies, word in WORTH.items():
        anew = [row for row in summary["pairwise"].get("refitted", []) if row["a"] in able and side([row]) == lies]
        for beside in dict.fromkeys(row["models"][1] for row in anew):
            these = said.names(row["a"] for row in anew if row["models"][1] == beside)
            headline.append(f"fitted anew, models lead to {word} true return than {plain(beside)} at once: {these}.")
        rows = [row for row in summary["pairwise"].get("alike", []) if side([row]) == lies and row["a"] in able]
        pairs = [f"{said.rule(row['a'])} than {BEST if row['b'] == BEST else said.rule(row['b'])}" for row in rows]
        headline += [f"at equal modelled return, true return is {word} in {listed(pairs)}."] * bool(pairs)
    brief = answer(summary, claims, of_many(claims.made, {"over-optimises": "over-optimise"}))
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """Modelled and true return on the way, by rule and model, and best of n."""
    alt = (
        "True and modelled return over training, by rule and comparisons; true against modelled return, and best of n."
    )
    shown = (Figure("overoptimisation", alt, CURVES), Figure("true_by_modelled", alt, PAIRS))
    return [Section("Modelled and true", "", shown, (table(summary),), lead=True)]


CURVES = "True return (above) and what the model says (below) over training: means over seeds, 95 % intervals, a column a model."
PAIRS = "True return against modelled return, means over seeds at equal steps, a panel a model; black: best of n, n = 1 to 512."
figures = drawn_by("learned_reward_figures", overoptimisation="draw_curves", true_by_modelled="draw_pairs")
question = Question(("best_of_n", "met"), evidence, verdict, figures, sections)
