"""Does a planner do what the prediction that it consults says, or what it is used to? Asked while no parameter changes.

For rules whose policies may be deployed in several ways on the same parameters (`Policy.ways`), among them by each of two rewards
that their model predicts: `reward`, what trained, and one that they were told beside it. The world names its outcomes: the first
is what the second reward pays, the second what `reward` pays. A seed *does* an outcome in a way where more than half of its
episodes on the first evaluation end in it. It *flips* where it does the first outcome while it consults the second reward, and the
second while it consults `reward`: nothing but the prediction that is looked up then differs.

Kinds of ways, for each reward: `search`, as in training; `long`, with more simulations; `bare`, that without the policy head, the
habit, as its prior. `habit` is the policy head alone. Seeds are those that are competent in the usual way.

A rule supports a claim only if it learned (at least half of its seeds competent, and no fewer than an interval needs), if it has
`bare` ways by two rewards, and if the audit finds that a predictor of reward is consulted to act. It follows the prediction that it
consults where the exact interval of the share of seeds that flip lies above a half, and does not where it lies below.

Added to the summary: rules {rule: {ways {way: {outcome: seeds that do it}}, returns {way: {reward: figure}}, flips {kind:
{"flipped", "n", "low", "high"}}}}; rewards: the two, that told first; pairwise {"consulted": share of the second outcome by either
reward}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import naming, stats
from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import figure, listed, plain, sentence
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.answering import answer, of_many
from rewardlab.questions.claims import drawn_by, each_of, gathered
from rewardlab.questions.flips import KINDS, done, ended, flipped, follows, habit, rewards, told, why_not

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what it follows"


def evidence(found: Found) -> Evidence:
    """What competent seeds do in each way, and how many flip."""
    results, runs, share = found.results, found.runs, ended(found.results)
    which, pair, ways = done(share), rewards(results), [str(way) for way in results["way"].values]
    earned = results["way_return"].isel(evaluation=0).transpose("rule", "condition", "seed", "way", "paid").values
    rules, contrasts, paid = dict[str, Any](), [], [str(name) for name in results["paid"].values]
    for i, rule in enumerate(runs.rules):
        able = np.flatnonzero(runs.competent[i] & runs.trained[i, 0])
        mine = {w: k for k, w in enumerate(ways) if np.isfinite(share[i, 0, runs.trained[i, 0], k, 1]).all()}
        flips = {}
        for kind in KINDS:
            names = [f"{kind}_{name}" for name in pair or ()]
            if names and {*names} <= {*mine}:
                by_told, by_paid = (mine[name] for name in names)
                flips[kind] = flipped(which[i, 0, able, by_told], which[i, 0, able, by_paid])
                both = (share[i, 0, able, k, 1][:, None] for k in (by_paid, by_told))
                contrasts.append(Contrast([{"a": rule, "b": rule, "kind": kind}], *both))
        counts, returns = dict[str, Any](), dict[str, Any]()
        for way, k in mine.items():
            counts[way] = {o: int((which[i, 0, able, k] == n).sum()) for n, o in enumerate(runs.measures[:-1])}
            returns[way] = {p: stats.figure(earned[i, 0, able, k, n]) for n, p in enumerate(paid)}
        rules[rule] = {"ways": counts, "returns": returns, "flips": flips}
    return Evidence(rules, {"consulted": contrasts}, {"rewards": list(pair or ())})


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: which rules do what they consult says once their habit is gone, and what they do while they have it."""
    said, rules = words_of(summary), summary["rules"]

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        what = follows(entry["flips"]["bare"])
        turns = "; ".join(f"{KINDS[kind]} in {told(flips)}" for kind, flips in entry["flips"].items())
        alone = f" Its habit alone {habit(summary, rule)}." if "habit" in entry["ways"] else ""
        over = "What it does turns over with the prediction that it consults"
        return what, f"{said.rule(rule)}, without its habit, {what}. {over}: {turns}.{alone}"

    def each(kind: str, who: list[str]) -> str:
        those = [rule for rule in who if kind in rules[rule]["flips"]]
        return each_of(summary, those, lambda entry: told(entry["flips"][kind]))

    claims, headline = gathered(summary, NO_CLAIM, lambda rule, entry: why_not(summary, rule), claim), []
    for what, who in claims.made.items():
        headline.append(f"without its habit, and with no parameter changed, a planner {what}: {each('bare', who)}.")
        (true, shown), (first, second) = summary["rewards"], map(said.ended, summary["outcomes"][:2])
        kept = [f"; {KINDS[kind]}, {those}" for kind in KINDS if kind != "bare" and (those := each(kind, who))]
        while_either = (
            f"{first} while they consulted “{plain(true)}”, and {second} while they consulted “{plain(shown)}”"
        )
        headline.append(f"counted are seeds that {while_either}{''.join(kept)}.")
        alone = [f"that of {said.rule(r)} {habit(summary, r)}" for r in who if "habit" in rules[r]["ways"]]
        headline += [f"the habit alone, without a search: {listed(alone)}."] * bool(alone)
    turned = "what they do turns over with it in {figures} of seeds"
    ways = {what: f"without their habit, {text}: {turned}" for what, text in of_many(claims.made).items()}
    brief = answer(summary, claims, ways, lambda of: of["flips"]["bare"]["flipped"] / of["flips"]["bare"]["n"])
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """What the same parameters do in each way."""
    said, rows = naming.read(results), []
    paid = [str(name) for name in results["paid"].values]
    for rule, entry in summary["rules"].items():
        for way, counts in entry["ways"].items():
            earned = [figure(entry["returns"][way][name], "return") for name in paid]
            shown = [f"{n} of {entry['competent_seeds']}" for n in counts.values()]
            rows.append([said.rule(rule), plain(way), *shown, *earned])
    head = [*(sentence(said.ended(o)) for o in summary["outcomes"]), *(f"Return by “{plain(name)}”" for name in paid)]
    note = (
        "Competent seeds, and how many do each in more than half of their episodes on the first evaluation; returns: interquartile "
        "means [95 % interval]. Search, long, bare: by the reward named, as in training, longer, and that without the habit."
    )
    alt = "Bars: how episodes end in each way of deploying the same parameters, a panel a rule."
    bars = Figure("ways", alt, "Ends of episodes, means over competent seeds. Numbers: seeds that mostly end so.")
    text = "Parameters are trained, then frozen. Then only how they are deployed differs: what a search consults, and begins with."
    table = Table(["Rule", "Way", *head], rows, note)
    return [Section("One planner, several deployments", text, (bars,), (table,), lead=True)]


figures = drawn_by("planner_figures", ways="draw_ways")
question = Question(("ways",), evidence, verdict, figures, sections)
