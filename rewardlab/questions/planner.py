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
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.reading import has_goals
from rewardlab.analysis.wording import count, figure, listed, plain, sentence
from rewardlab.inputs.errors import InputError
from rewardlab.probes.ways import REWARD
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.claims import gathered, unable

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what it follows"
KINDS = {"search": "with its habit", "long": "with its habit and a longer search", "bare": "without its habit"}
FOLLOWS, STAYS, UNSURE = (
    "follows the prediction that it consults",
    "does not follow the prediction that it consults",
    "follows the prediction that it consults in some seeds",
)


def rewards(results: xarray.Dataset) -> tuple[str, str] | None:
    """(the reward that rules were told beside what trained, what trained); None where they were told none."""
    told = [str(name) for name in results["paid"].values if name != REWARD]
    return (told[0], REWARD) if told else None


def done(results: xarray.Dataset) -> np.ndarray:
    """int[rule, condition, seed, way], which outcome a seed does on the first evaluation, -1 for none. Raises InputError."""
    if not has_goals(results):
        raise InputError("asks = planner needs a world that names its outcomes; allowed: lever, for one")
    dims = ("rule", "condition", "seed", "way", "outcome")
    share = results["way_outcome_share"].isel(evaluation=0).transpose(*dims).values
    return np.where(np.nan_to_num(share).max(-1) > 0.5, np.nan_to_num(share).argmax(-1), -1)


def evidence(found: Found) -> Evidence:
    """What competent seeds do in each way, and how many flip."""
    results, runs = found.results, found.runs
    which, pair, ways = done(results), rewards(results), [str(way) for way in results["way"].values]
    share = (
        results["way_outcome_share"].isel(evaluation=0, outcome=1).transpose("rule", "condition", "seed", "way").values
    )
    earned = results["way_return"].isel(evaluation=0).transpose("rule", "condition", "seed", "way", "paid").values
    rules, contrasts = {}, []
    for i, rule in enumerate(runs.rules):
        able = np.flatnonzero(runs.competent[i] & runs.trained[i, 0])
        mine = [w for w in range(len(ways)) if np.isfinite(share[i, 0, runs.trained[i, 0], w]).all()]
        flips = {}
        for kind in KINDS:
            names = [f"{kind}_{name}" for name in pair or ()]
            if pair and {*names} <= {ways[w] for w in mine}:
                told, paid = (ways.index(name) for name in names)
                flipped = int(((which[i, 0, able, told] == 0) & (which[i, 0, able, paid] == 1)).sum())
                low, high = stats.share_interval(flipped, len(able))
                flips[kind] = {"flipped": flipped, "n": len(able), "low": low, "high": high}
                row = {"a": rule, "b": rule, "kind": kind}
                contrasts.append(Contrast([row], share[i, 0, able, paid][:, None], share[i, 0, able, told][:, None]))
        rules[rule] = {
            "ways": {
                ways[w]: {o: int((which[i, 0, able, w] == k).sum()) for k, o in enumerate(runs.measures[:-1])}
                for w in mine
            },
            "returns": {
                ways[w]: {str(p): stats.figure(earned[i, 0, able, w, k]) for k, p in enumerate(results["paid"].values)}
                for w in mine
            },
            "flips": flips,
        }
    return Evidence(rules, {"consulted": contrasts}, {"rewards": list(pair or ())})


def _why_not(summary: dict[str, Any], rule: str) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    entry = summary["rules"][rule]
    if not is_control(entry) and "bare" not in entry["flips"]:
        return "it can't be deployed by two rewards"
    if why := unable(entry):
        return why
    audited = [row for row in summary["audit"] if row["rule"] == rule]
    if not any({*row["reads"]} & {*row["fitted"]} for row in audited):
        return "the audit finds no predictor of reward that is consulted to act" if audited else "it was not audited"
    return ""


def follows(flips: dict[str, Any]) -> str:
    """Whether seeds follow the prediction that they consult, in words."""
    return FOLLOWS if flips["low"] > 0.5 else STAYS if flips["high"] < 0.5 else UNSURE


def told(flips: dict[str, Any]) -> str:
    """ "10 of 10 seeds [69–100 %]"."""
    ends = "" if flips["low"] is None else f" [{100 * flips['low']:.0f}–{100 * flips['high']:.0f} %]"
    return f"{flips['flipped']} of {count(flips['n'], 'seed')}{ends}"


def _habit(summary: dict[str, Any], rule: str) -> str:
    """What the policy head alone does: "worked in 8 of 10 seeds, pulled the lever in 2"."""
    said, entry = words_of(summary), summary["rules"][rule]
    did = {outcome: n for outcome, n in entry["ways"]["habit"].items() if n}
    each = [f"{said.ended(outcome)} in {n} of {count(entry['competent_seeds'], 'seed')}" for outcome, n in did.items()]
    return listed(each) or "did nothing in most episodes of any seed"


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: which rules do what they consult says once their habit is gone, and what they do while they have it."""
    said, rules = words_of(summary), summary["rules"]

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        what = follows(entry["flips"]["bare"])
        turns = "; ".join(f"{KINDS[kind]} in {told(flips)}" for kind, flips in entry["flips"].items())
        alone = f" Its habit alone {_habit(summary, rule)}." if "habit" in entry["ways"] else ""
        return what, (
            f"{said.rule(rule)}, without its habit, {what}. What it does turns over with the prediction that it consults: {turns}."
            + alone
        )

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, rule), claim)
    headline = []

    def each(kind: str, who: list[str]) -> str:
        those = [rule for rule in who if kind in rules[rule]["flips"]]
        return listed(f"{said.rule(rule)} ({told(rules[rule]['flips'][kind])})" for rule in those)

    for what, who in claims.made.items():
        headline.append(f"without its habit, and with no parameter changed, a planner {what}: {each('bare', who)}.")
        true, shown = summary["rewards"]
        first, second = (said.ended(outcome) for outcome in summary["outcomes"][:2])
        kept = [f"; {KINDS[kind]}, {those}" for kind in KINDS if kind != "bare" and (those := each(kind, who))]
        headline.append(
            f"counted are seeds that {first} while they consulted “{plain(true)}”, and {second} while they consulted "
            f"“{plain(shown)}”{''.join(kept)}."
        )
        alone = listed(f"that of {said.rule(r)} {_habit(summary, r)}" for r in who if "habit" in rules[r]["ways"])
        headline += [f"the habit alone, without a search: {alone}."] * bool(alone)
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every)


def figures(results: xarray.Dataset) -> dict[str, Any]:
    """{name: draw(results, no_claim)}."""
    from rewardlab.report.planner_figures import draw_ways  # matplotlib is slow to import

    return {"ways": draw_ways}


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """What the same parameters do in each way."""
    said, outcomes = naming.read(results), summary["outcomes"]
    paid = [str(name) for name in results["paid"].values]
    head = [
        "Rule",
        "Way",
        *(sentence(said.ended(o)) for o in outcomes),
        *(f"Return by “{plain(name)}”" for name in paid),
    ]
    rows = []
    for rule, entry in summary["rules"].items():
        for way, counts in entry["ways"].items():
            able = entry["competent_seeds"]
            shown = [f"{n} of {able}" for n in counts.values()]
            rows.append(
                [said.rule(rule), plain(way), *shown, *(figure(entry["returns"][way][name], "return") for name in paid)]
            )
    note = (
        "Competent seeds, and how many of them do each in more than half of their episodes on the first evaluation; returns: "
        "interquartile means [95 % interval]. Usual: as it was evaluated; search, long, bare: by the reward named, as in training, "
        "with more simulations, and that without the habit as prior."
    )
    shown_figure = Figure(
        "ways",
        "Bars: how episodes end in each way of deploying the same parameters, a panel a rule.",
        "Ends of episodes in each way of deploying the same parameters, means over competent seeds. Numbers: seeds that mostly "
        "end so.",
    )
    text = "Parameters are trained, then frozen. Then only how they are deployed differs: what a search consults, and begins with."
    return [Section("One planner, several deployments", text, (shown_figure,), (Table(head, rows, note),), lead=True)]


question = Question(("ways",), evidence, verdict, figures, sections)
