"""Does an agent that is told which return is wanted deliver it, and how? In range, beyond it, and where the world has changed.

For worlds that ask for a return (`return_asked`); each evaluation asks for one. *Achieved* is the return that is paid, *true* what
episodes were truly worth. How far agents do as they are asked is the slope of what a seed achieves against what it is asked for, by
least squares over the asks within the range of training: 1 is all that is asked for, 0 none of it. The first evaluation, by which
seeds count as competent, is left out of slopes and of what is compared with what: who is picked for a high return there has it in
part by chance, and would deliver less elsewhere whatever is asked for.

A rule supports a claim only if it learned (at least half of its seeds are competent at the end, and no fewer than an interval
needs), evaluations ask for at least `ENOUGH` different returns within the range of training, and some control rule, paid what tells
nothing of its own episodes (`yoked`), shows what asks do without reward: its slope, over all of its seeds, lies within `NEAR` of 0.
A claim about goals in a changed world needs more: trained in a changed world, the rule succeeds there, at some ask, in an
interquartile mean of `control_capability`. Without that a miss may be lack of ability.

Added to the summary: rules {rule: {slope: figure, of competent seeds, or of all of a control rule; true {evaluation: figure of
competent seeds}; able {place: what the control reaches, or None}; shifts {evaluation: {claim}}}}; asks {range, in_range, places,
deceived: whether true and paid returns differ anywhere}; pairwise {"beyond": achieved beyond the range against at its top}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import naming, stats
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.runs import Runs
from rewardlab.analysis.wording import count, figure, listed, number, plain, sentence
from rewardlab.inputs.errors import InputError
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.asks import Place, places, shifted, slopes, trained, true_returns
from rewardlab.questions.claims import gathered, unable

if TYPE_CHECKING:
    import xarray

NO_CLAIM, NO_GOALS = "no claim about what asking does", "no claim about goals"
NEAR = 0.1
MOST = 0.5  # of what is asked for: a slope above it is more than half of all
ENOUGH = 3
SAID = {
    "most": "does as it is asked",
    "some": "delivers more where more is asked for, but less than that",
    "none": "delivers the same whatever it is asked for",
    "unclear": "does not clearly do as it is asked",
}


def evidence(found: Found) -> Evidence:
    """Slopes, true returns, what controls reach, and whether asking for more than ever before brings more."""
    runs, there, span = found.runs, places(found.results), trained(found.results)
    if not there:
        raise InputError(
            "asks = return_prompt needs evaluations that ask for one return each, by asked_low = asked_high; "
            "allowed: a world return_asked"
        )
    true = true_returns(found.results).transpose("rule", "condition", "seed", "evaluation").values
    returns = runs.values[..., -1, :, -1]  # [rule, condition, seed, evaluation]
    true = np.where(np.isfinite(true), true, returns)  # of seeds that failed, what failing counts as
    fair = {name: ask for name, ask in there[0].asks.items() if name != runs.evaluations[0]}
    main = [name for name, ask in fair.items() if span and span[0] <= ask <= span[1]]
    outside = [name for name, ask in fair.items() if span and ask > span[1]]
    rules, beyond = {}, []
    for i, (rule, entry) in enumerate(found.rules.items()):
        able = runs.trained[i, 0] if is_control(entry) else runs.competent[i] & runs.trained[i, 0]
        mine = returns[i, 0, able]
        rules[rule] = {
            "slope": stats.figure(slopes(mine, runs.evaluations, {name: there[0].asks[name] for name in main})),
            "true": {name: stats.figure(true[i, 0, able, e]) for e, name in enumerate(runs.evaluations)},
            "able": {place.label: _reached(found, runs, i, place) for place in there[1:]},
        }
        if main and not is_control(entry):
            top = mine[:, runs.evaluations.index(main[-1])]
            for name in outside:
                row = {"a": rule, "b": rule, "evaluation": name, "top": main[-1]}
                beyond.append(Contrast([row], mine[:, runs.evaluations.index(name), None], top[:, None]))
    told = {
        "range": list(span) if span else None,
        "in_range": main,
        "places": [place._asdict() for place in there],
        "deceived": bool(
            np.nanmax(np.abs(true - returns), initial=0) > 1e-3 * np.nanmax(np.abs(returns), initial=1e-6)
        ),
    }
    every = {rule: entry | rules[rule] for rule, entry in found.rules.items()}
    for rule in rules:
        silent = {place.label: why_not(told, every, rule, runs.control_capability, place.label) for place in there}
        rules[rule]["shifts"] = {name: {"claim": not silent[place.label]} for place in there for name in place.asks}
    return Evidence(rules, {"beyond": beyond}, {"asks": told})


def _reached(found: Found, runs: Runs, rule: int, place: Place) -> dict[str, Any] | None:
    """The best success of a rule in a place, over the conditions that train in a changed world and over asks; None without any."""
    if not runs.goals:
        return None
    best: dict[str, Any] | None = None
    for condition in shifted(found.results):
        j = runs.conditions.index(condition)
        for name, ask in place.asks.items():
            values = runs.values[rule, j, runs.trained[rule, j], -1, runs.evaluations.index(name), 0]
            success = stats.figure(values)
            if success["iqm"] is not None and (best is None or success["iqm"] > best["success"]["iqm"]):
                best = {"condition": condition, "asked": ask, "success": success}
    return best


def why_not(asks: dict[str, Any], rules: dict[str, Any], rule: str, bar: float = 0.0, place: str = "") -> str:
    """Why no claim is made about what asking a rule does, or about its goals in a changed world, in a few words; "" where one is.

    rules: their entries. bar: the success that a control has to reach in the place; the first place needs none.
    """
    entry = rules[rule]
    if why := unable(entry):
        return why
    within = len({asks["places"][0]["asks"][name] for name in asks["in_range"]})
    if within < ENOUGH:
        asked = f"{count(within, 'return')} asked for within the range of training"
        return f"{asked}, fewer than {ENOUGH}, that of the first evaluation not counted"
    controls = [one["slope"] for one in rules.values() if is_control(one) and one["slope"]["low"] is not None]
    if not controls:
        return "no control rule shows what asks do without reward"
    if not any(near_nothing(slope) for slope in controls):
        return f"its control delivers {_slope(controls[0])} more for each 1 more that is asked for, not 0"
    if place in ("", asks["places"][0]["label"]):
        return ""
    able = entry["able"][place]
    if able is None:
        return "no control was trained there"
    if able["success"]["iqm"] < bar:
        return f"its control fails: {figure(able['success'])} at best, {count(able['success']['n'], 'seed')}"
    return ""


def near_nothing(slope: dict[str, Any]) -> bool:
    """Whether the interval of a slope lies within NEAR of 0."""
    return max(abs(slope["low"]), abs(slope["high"])) <= NEAR


def kind(slope: dict[str, Any]) -> str:
    """What asking does, a name in SAID, by the interval of a slope."""
    if near_nothing(slope):
        return "none"
    return "most" if slope["low"] > MOST else "some" if slope["low"] > 0 else "unclear"


def _slope(slope: dict[str, Any]) -> str:
    """ "0.97 [0.95–0.98]"."""
    centre, low, high = (f"{round(slope[end], 2) + 0:.2f}".replace("-", "−") for end in ("iqm", "low", "high"))
    return f"{centre} [{low}–{high}]"


def _got(summary: dict[str, Any], entry: dict[str, Any], name: str) -> str:
    """ "0.58 [0.57–0.60]", with the true return where the two part."""
    paid, true = entry["competent"][name]["return"], entry["true"][name]
    return figure(paid, "return") + f" (truly {number(true['iqm'], 'return')})" * summary["asks"]["deceived"]


def _beyond(summary: dict[str, Any], rule: str) -> list[str]:
    """What asking for more than in training brings, a clause an ask."""
    entry, asks = summary["rules"][rule], summary["asks"]["places"][0]["asks"]
    said = []
    for row in summary["pairwise"]["beyond"]:
        if row["a"] != rule or row["p"] is None:
            continue
        top = row["top"]
        change = "more than" if row["difference"] > 0 else "less than"
        change = change if row["significant"] else "not clearly other than"
        said.append(
            f"asked for {asks[row['evaluation']]:g} it gets {_got(summary, entry, row['evaluation'])}, {change} when asked for "
            f"{asks[top]:g}"
        )
    return said


def _goals(summary: dict[str, Any], entry: dict[str, Any], place: dict[str, Any]) -> str:
    """What competent agents mostly do in a place at each ask: "pulled the lever when asked for 20 (99 % [98–100])"."""
    said, parts = words_of(summary), []
    for goal in summary["goals"]:
        names = [name for name in place["asks"] if (entry["competent"][name][goal]["low"] or 0) > 0.5]
        each = listed(f"{place['asks'][name]:g} ({figure(entry['competent'][name][goal])})" for name in names)
        parts += [f"{said.ended(goal)} in most episodes when asked for {each}"] * bool(names)
    return (
        listed(parts)
        or f"neither {' nor '.join(map(said.ended, summary['goals']))} in most episodes, whatever it was asked for"
    )


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: whether what is asked for is delivered, in range and beyond it, by what means, and where the world changed."""
    said, asks, rules, bar = words_of(summary), summary["asks"], summary["rules"], summary["control_capability"]
    first = asks["places"][0]
    headline: list[str] = []

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        name = said.rule(rule)
        low, high = asks["range"]
        does = SAID[kind(entry["slope"])]
        headline.append(
            f"{name} ({entry['competent_seeds']} of {count(entry['seeds'], 'seed')}) {does}: between {low:g} and {high:g}, the "
            f"range of training, each 1 more that is asked for brings {_slope(entry['slope'])} more"
            + "".join(f"; {text}" for text in _beyond(summary, rule))
            + "."
        )
        got = "; ".join(f"asked for {ask:g}: {_got(summary, entry, e)}" for e, ask in first["asks"].items())
        long = [f"{name} {does}. Returns {first['label']}: {got}."]
        goals = [
            (place, why_not(asks, rules, rule, bar, place["label"])) for place in asks["places"] if summary["goals"]
        ]
        for place, why in goals:
            did = f"{place['label']}, {name} " + (
                f"supports {NO_GOALS}: {why}" if why else _goals(summary, entry, place)
            )
            able = entry["able"].get(place["label"])
            if able and not why:
                reached = f"{said.ended(summary['goals'][0])} in {figure(able['success'])}"
                did += f"; trained with “{plain(able['condition'])}” it {reached} there, asked for {able['asked']:g}"
            headline.append(f"{did}.")
            long.append(f"{did}.")
        return does, " ".join(map(sentence, long))

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: why_not(asks, rules, rule), claim)
    controls = listed(
        f"{said.rule(r)} {_slope(e['slope'])}"
        for r, e in rules.items()
        if is_control(e) and e["slope"]["low"] is not None
    )
    headline += [f"without reward's information, the same slope is: {controls}."] * bool(controls)
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every)


def figures(results: xarray.Dataset) -> dict[str, Any]:
    """{name: draw(results, no_claim)}."""
    from rewardlab.report.asked_figures import draw_asked, draw_goals  # matplotlib is slow to import

    goals = {"goals": draw_goals} if results.sizes["outcome"] > 1 else {}
    return {"asked": draw_asked} | goals


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """What is achieved against what is asked for, and how."""
    said, asks = naming.read(results), summary["asks"]
    first = asks["places"][0]
    head = ["Rule", "Competent", "Slope", *(f"Asked for {ask:g}" for ask in first["asks"].values())]
    rows = []
    for rule, entry in summary["rules"].items():
        of = entry["final"] if is_control(entry) else entry["competent"]
        got = [figure(of[name]["return"], "return") for name in first["asks"]]
        if asks["deceived"]:
            got = [f"{paid} / {figure(entry['true'][e], 'return')}" for paid, e in zip(got, first["asks"], strict=True)]
        slope = "–" if entry["slope"]["low"] is None else _slope(entry["slope"])
        rows.append([said.rule(rule), f"{entry['competent_seeds']} of {entry['seeds']}", slope, *got])
    note = (
        f"Returns{' that were paid / true returns' * asks['deceived']}, interquartile means over competent seeds, of control rules "
        "over all seeds [95 % interval]. Slope: how much more is achieved for each 1 more that is asked for, within the range of "
        "training."
    )
    pictures = [
        Figure(
            "asked",
            "Points: return achieved against return asked for, a panel a rule, with the diagonal; shaded: asked for in training.",
            "Return achieved against return asked for: interquartile means over competent seeds (control rules: all) with 95 % "
            "bootstrap intervals. Grey line: what is asked for; shaded: the range of training"
            f"{'; hollow: what it was truly worth' * asks['deceived']}.",
        ),
        Figure(
            "goals",
            "Points: outcome shares against return asked for, a row a rule, a panel a place.",
            "How episodes end against the return asked for, in each place: interquartile means over competent seeds with 95 % "
            "bootstrap intervals. Hollow: no claim about goals.",
        ),
    ]
    text = "Each agent is told which return is wanted. Nothing else differs between the points of a panel."
    shown = tuple(picture for picture in pictures if picture.name in drawn)
    return [Section("Asked for and achieved", text, shown, (Table(head, rows, note),), lead=True)]


question = Question(("sums",), evidence, verdict, figures, sections)
