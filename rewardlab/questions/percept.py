"""Does behaviour follow the reward that an agent is shown, or the one that is paid? Asked while no parameter moves.

For worlds in which reward can be in view (`reward_in_view`), around one whose signals have "best", whether what was done pays most.
What an evaluation does to a lifetime is read from its params: `switched`, the paid arm changes; `decoupled` with a `gain` below 0,
the reward in view is inverted; with 0, it is hidden, or stops once it is `since` a later step. Behaviour is the share of "best" in
the last fifth of a lifetime.

A rule supports a claim only if it learned (at least half of its seeds are competent at the end, and no fewer than an interval
needs), and if its control, the same rule trained with reward hidden, ends at chance: its interval, on an evaluation with reward
hidden, does not lie above `CHANCE` and `NEAR` more. Behaviour follows what is *shown* where, under the inverted display, the
interval lies below chance: the agent then does what pays least. It follows what is *paid* where it lies above.

Added to the summary: rules {rule: {percept {evaluation: figure of competent seeds}, blind: figure of its control}}; percept
{evaluation: role}; pairwise {"late": the evaluations of each rule against its first one}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import naming, reading, stats
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.runs import Runs
from rewardlab.analysis.wording import CONTROL_RULES, count, figure, listed, plain, sentence
from rewardlab.inputs.errors import InputError
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what it follows"
LATE = 0.2  # of a lifetime, at its end
CHANCE, NEAR = 0.5, 0.1
ROLES = {
    "steady": "nothing changes",
    "switched": "the paid arm changes",
    "faked": "the reward in view is inverted",
    "stopped": "the reward in view stops",
    "hidden": "no reward is in view",
}


def role(params: dict[str, Any]) -> str:
    """What an evaluation with these params does to a lifetime: a name in ROLES."""
    if params.get("decoupled", 0) > 0:
        if params.get("gain", 0) < 0:
            return "faked"
        if params.get("gain", 0) == 0 == params.get("bias", 0):
            return "stopped" if params.get("since", 0) > 0 else "hidden"
    return "switched" if params.get("switched", 0) > 0 else "steady"


def roles(results: xarray.Dataset) -> dict[str, str]:
    """{evaluation: what it does}."""
    told = reading.config_of(results).get("evaluations", {})
    return {str(name): role(told.get(str(name), {})) for name in results.evaluation.values}


def late(results: xarray.Dataset) -> np.ndarray:
    """float[rule, condition, seed, evaluation], the share of "best" late in a lifetime. Raises InputError for other worlds."""
    if "best" not in results.signal.values:
        raise InputError(
            'asks = percept needs a world whose signals have "best"; allowed: reward_in_view around bandit, for one'
        )
    best = results["course"].sel(signal="best").transpose("rule", "condition", "seed", "evaluation", "part").values
    return best[..., -max(round(LATE * best.shape[-1]), 1) :].mean(-1)


def evidence(found: Found) -> Evidence:
    """Late behaviour of competent seeds on every evaluation, and of those that never saw reward."""
    runs, behaviour, told = found.runs, late(found.results), roles(found.results)
    hidden = next((e for e, what in enumerate(told.values()) if what == "hidden"), None)
    rules, contrasts = {}, []
    for i, rule in enumerate(runs.rules):
        able = np.flatnonzero(runs.competent[i] & runs.trained[i, 0])
        mine = behaviour[i, 0, able]
        rules[rule] = {
            "percept": {name: stats.figure(mine[:, e]) for e, name in enumerate(runs.evaluations)},
            "blind": _blind(runs, behaviour, i, hidden),
        }
        rows = [{"a": rule, "b": rule, "evaluation": name} for name in runs.evaluations[1:]]
        first = np.repeat(mine[:, :1], len(rows), axis=1)
        contrasts += [Contrast(rows, mine[:, 1:], first)] * bool(rows)
    return Evidence(rules, {"late": contrasts}, {"percept": told})


def _blind(runs: Runs, behaviour: np.ndarray, rule: int, hidden: int | None) -> dict[str, Any] | None:
    """Late behaviour of the control, all of its seeds, where reward is hidden; None without either."""
    if not runs.control or hidden is None:
        return None
    j = runs.conditions.index(runs.control)
    return stats.figure(behaviour[rule, j, runs.trained[rule, j], hidden])


def _why_not(entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    if is_control(entry):
        return CONTROL_RULES[entry["level"]]
    enough = stats.MIN_SEEDS
    if not entry["learned"] or entry["competent_seeds"] < enough:
        few = f", fewer than {enough}" if entry["learned"] else ""
        return f"{entry['competent_seeds']} of {count(entry['seeds'], 'seed')} competent{few}"
    if entry["blind"] is None:
        return "no control was trained with reward hidden"
    if entry["blind"]["low"] is None or entry["blind"]["low"] > CHANCE + NEAR:
        return f"trained with reward hidden, it ends with {_shown(entry['blind'])} all the same"
    return ""


def _shown(found: dict[str, Any]) -> str:
    return f"{figure(found)} % best"


def follows(entry: dict[str, Any], evaluation: str) -> str:
    """ "shown", "paid" or "neither", by what is done where the reward in view is inverted."""
    found = entry["percept"][evaluation]
    return "shown" if found["high"] < CHANCE else "paid" if found["low"] > CHANCE else "neither"


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: whom each rule's agents follow, and what they do where the display lies, stops, or was never there."""
    said, told, rules = words_of(summary), summary["percept"], summary["rules"]
    fakes = [name for name, what in told.items() if what == "faked"]
    every, followed = {}, dict[str, list[str]]()
    for rule, entry in rules.items():
        why = _why_not(entry)
        late_in = "; ".join(f"“{plain(name)}” {_shown(found)}" for name, found in entry["percept"].items())
        if why:
            text = why if is_control(entry) else f"{NO_CLAIM}: {why}"
            every[rule] = (f"{sentence(said.rule(rule))}: {text}.", text)
            continue
        whom = {follows(entry, name) for name in fakes}
        short = (
            f"follows what is {next(iter(whom))}"
            if len(whom) == 1 and "neither" not in whom
            else "follows neither clearly"
        )
        followed.setdefault(short, []).append(rule)
        blind = f"trained without reward in view: {_shown(entry['blind'])}"
        every[rule] = (f"{sentence(said.rule(rule))} {short}. Late in a lifetime, {late_in}; {blind}.", short)
    headline = []
    for short, who in followed.items():
        figures = []
        for name in summary["evaluations"]:
            each = listed(f"{said.rule(rule)} {_shown(rules[rule]['percept'][name])}" for rule in who)
            figures.append(f"{ROLES[told[name]]}{_since(summary, name)}: {each}")
        verb = short if len(who) == 1 else short.replace("follows", "follow")
        headline.append(f"with no parameter moving, {listed(said.rule(r) for r in who)} {verb}.")
        headline.append(f"late in a lifetime, where {'; where '.join(figures)}.")
    silent = [
        f"{said.rule(rule)} ({why})"
        for rule, entry in rules.items()
        if (why := _why_not(entry)) and not is_control(entry)
    ]
    headline += [f"{NO_CLAIM} for {listed(silent)}."] * bool(silent)
    headline += ["No evaluation inverts the reward in view, so nothing is said of what agents follow."] * (not fakes)
    return Verdict([sentence(text) for text in headline], every)


def _since(summary: dict[str, Any], evaluation: str) -> str:
    same = [name for name, what in summary["percept"].items() if what == summary["percept"][evaluation]]
    return f" (“{plain(evaluation)}”)" if len(same) > 1 else ""


def figures(results: xarray.Dataset) -> dict[str, Any]:
    """{name: draw(results, no_claim)}."""
    from rewardlab.report.percept_figures import draw_lifetimes  # matplotlib is slow to import

    return {"lifetimes": draw_lifetimes}


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """Behaviour over a lifetime, and late in it."""
    said, told = naming.read(results), summary["percept"]
    head = [
        "Rule",
        "Competent",
        *(f"{plain(name)}: {ROLES[what]}" for name, what in told.items()),
        "Trained without it in view",
    ]
    rows = []
    for rule, entry in summary["rules"].items():
        blind = "–" if entry["blind"] is None else figure(entry["blind"])
        shown = [figure(found) if entry["competent_seeds"] else "–" for found in entry["percept"].values()]
        rows.append([said.rule(rule), f"{entry['competent_seeds']} of {entry['seeds']}", *shown, blind])
    note = (
        "% of the pulls in the last fifth of a lifetime that pay most, interquartile means over competent seeds [95 % interval]; "
        "the last column: over all seeds of the control, where reward is hidden in the test, too."
    )
    shown_figure = Figure(
        "lifetimes",
        "Curves: share of pulls that pay most against the pulls of a lifetime, a panel a rule, a curve an evaluation.",
        "Behaviour within a lifetime, while no parameter moves: interquartile means over competent seeds with 95 % bootstrap "
        "bands.",
    )
    text = "Agents are trained with reward in view. Then their parameters are frozen, and what they are shown, or paid, is changed."
    return [Section("Shown or paid", text, (shown_figure,), (Table(head, rows, note),), lead=True)]


question = Question(("course",), evidence, verdict, figures, sections)
