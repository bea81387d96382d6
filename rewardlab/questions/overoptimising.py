"""Over-optimisation, read from results: true and modelled return of what training lives, by seed, rule and model.

A condition's params say what pays (`learned_reward`): a model of so many comparisons, `compared`; 0, the true reward; `shuffled`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rewardlab.analysis import reading
from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import plain
from rewardlab.envs.learned_reward import FRESH
from rewardlab.inputs.errors import InputError
from rewardlab.probes.best_of_n import nats
from rewardlab.questions import Contrast, Table
from rewardlab.questions.claims import side
from rewardlab.questions.options import mean, told

if TYPE_CHECKING:
    import xarray

    from rewardlab.analysis.runs import Runs

BEST = "best of n"
TOLD = {
    "rise": "Rises by",
    "fall": "Falls by",
    "up": "Model rises on by",
    "end": "True, end",
    "modelled": "Modelled, end",
}
STEPWISE = 4  # the level from which a rule is told which step paid
BINS = 24  # of training, closer together at the start


class Models(NamedTuple):
    """Conditions by what pays. truth: the one that is paid the true reward. numbers: {condition: comparisons}, ascending, of its
    models. blind: the one whose comparisons were shuffled, "" for none. refitted: {condition whose model is fitted anew on the way:
    those of `numbers` whose models have as many comparisons at first, and as many in all}. tests: {condition: the evaluation in its
    world}.
    """

    truth: str
    numbers: dict[str, int]
    blind: str
    refitted: dict[str, list[str]]
    tests: dict[str, str]


class Course(NamedTuple):
    """What is lived on the way, float[seeds, P]: true and modelled return of an episode; at: float[P], where, steps or n. halves:
    true return of two halves of the episodes: a peak is found in one and measured in the other, so that luck makes none. seeds:
    int[seeds], their numbers, by which pairs are made.

    Figures float[seeds]: rise, of true return from the start to its peak; fall, from the peak to the end; up, of modelled return
    from that peak to the end; end, true return there.
    """

    at: np.ndarray
    true: np.ndarray
    modelled: np.ndarray
    halves: tuple[np.ndarray, np.ndarray]
    seeds: np.ndarray

    def of(self, seeds: np.ndarray) -> Course:
        """That of some of its seeds, by their numbers, int[n]."""
        at = np.searchsorted(self.seeds, seeds)
        one, other = self.halves
        return Course(self.at, self.true[at], self.modelled[at], (one[at], other[at]), seeds)

    @property
    def figures(self) -> dict[str, np.ndarray]:
        found, measured = self.halves
        every, peak = np.arange(len(found)), found.argmax(1) if len(found) else np.zeros(0, int)
        top, end = measured[every, peak], measured[:, -1]
        up = self.modelled[:, -1] - self.modelled[every, peak]
        return {"rise": top - measured[:, 0], "fall": top - end, "up": up, "end": end}


def models(results: xarray.Dataset) -> Models:
    """Raises InputError where the world tells of no learned reward, where no condition is paid the true reward or the first is not,
    where none is paid by a model, or where no evaluation is in the world of one.
    """
    told_of = results["signal"].values if "signal" in results.coords else ()
    if not {"true", "displayed"} <= {*map(str, told_of)}:
        raise InputError(
            "asks = learned_reward needs a world that tells what is true and what is paid; allowed: learned_reward"
        )
    plan = reading.config_of(results)
    params = {str(c): plan["conditions"][str(c)].get("params", {}) for c in results.condition.values}
    tests = {name: [test for test, of in plan["evaluations"].items() if of == own] for name, own in params.items()}
    for name, found in tests.items():
        if not found:
            raise InputError(
                f"no evaluation is in the world of condition {name!r}, {params[name]}; allowed: one for each"
            )
    shuffled = [name for name, own in params.items() if own.get("shuffled")]
    anew = {c: len(own["phases"]) for c in params if (own := plan["conditions"][c]).get("phases")}
    every = {name: int(own.get("compared", 0)) for name, own in params.items() if name not in shuffled}
    numbers = {name: n for name, n in every.items() if name not in anew}
    truth = [name for name, n in numbers.items() if n == 0]
    if not truth:
        raise InputError("no condition is paid the true reward; allowed: one without `compared`")
    if truth[0] != next(iter(params)):
        raise InputError(
            f"the first condition, in which rules have to be competent, is {next(iter(params))!r}; allowed: {truth[0]!r}, which is "
            "paid the true reward"
        )
    if len(numbers) == len(truth):
        raise InputError("no condition is paid by a model; allowed: one with `compared`, for one")
    several = dict(sorted(((name, n) for name, n in numbers.items() if n), key=lambda item: item[1]))
    fresh = plan.get("env_kwargs", {}).get("fresh", FRESH)
    beside = {
        c: [name for name, n in several.items() if n in (every[c], every[c] + k * fresh)] for c, k in anew.items()
    }
    first = {name: found[0] for name, found in tests.items()}
    return Models(truth[0], several, next(iter(shuffled), ""), beside, first)


def course(results: xarray.Dataset, runs: Runs, rule: str, condition: str) -> Course:
    """Of the seeds of a rule under a condition, in bins of training; failed ones are left out."""
    i, j = runs.rules.index(rule), runs.conditions.index(condition)
    there = runs.trained[i, j] & ~runs.failed[i, j]
    run = results.sel(rule=rule, condition=condition)
    steps = run["record_steps"].transpose("seed", "record").values[there].astype(float)
    some = np.isfinite(steps).all(0)  # an update may be longer than the time between two records
    sums = (
        run["met"]
        .sel(signal=["true", "displayed"])
        .transpose("signal", "seed", "record")
        .values[:, there]
        .astype(float)
    )
    lived = np.diff(np.concatenate([steps[None], sums])[:, :, some], axis=2, prepend=0.0)
    longest = float(results["length"].max())  # all episodes are as long, in training and in tests

    def returns(lived: np.ndarray) -> np.ndarray:
        """float[true and modelled, seeds, bins]."""
        steps, *of = np.diff(np.cumsum(lived, 2)[:, :, ends], axis=2, prepend=0.0)
        return np.stack(of) / steps * longest

    two = lived.shape[2] // 2
    pairs = lived[:, :, : 2 * two].reshape(*lived.shape[:2], two, 2) if two else lived[..., None]
    ends = np.unique(np.ceil(pairs.shape[2] * (np.arange(1, BINS + 1) / BINS) ** 2).astype(int)) - 1
    true, modelled = returns(pairs.sum(3))
    at = np.cumsum(pairs[0].sum(2), 1)[:, ends]
    at = at.mean(0) if len(at) else np.full(len(ends), np.nan)
    halves = returns(pairs[..., 0])[0], returns(pairs[..., -1])[0]
    return Course(at, true, modelled, halves, np.flatnonzero(there))


def figures_of(found: Course) -> dict[str, Any]:
    """What the summary says: means over seeds, which are right also where a part of the seeds falls and the rest does not; peak:
    where the mean of all seeds is highest.
    """
    figures = {name: mean(values) for name, values in found.figures.items()}
    peak = float(found.at[found.true.mean(0).argmax()]) if len(found.true) else None
    return figures | {"modelled": mean(found.modelled[:, -1]), "peak": peak}


def chosen(results: xarray.Dataset, runs: Runs, test: str) -> Course:
    """Best of n in one evaluation; a seed's is the same whatever the rule and the condition."""
    first = {"rule": runs.rules[0], "condition": runs.conditions[0], "evaluation": test}
    there, run = runs.trained[0, 0], results.sel(first)
    true, paid = (
        run[name].transpose("seed", "best_of").values[there].astype(float) for name in ("chosen_true", "chosen_paid")
    )
    return Course(results.best_of.values.astype(float), true, paid, (true, true), np.flatnonzero(there))


def at_level(found: Course, level: np.ndarray) -> np.ndarray:
    """True return where modelled return first comes to a level, float[seeds]; NaN where it does not. Between two points both are
    taken to change evenly.
    """
    reached = found.modelled >= level[:, None] - 1e-9
    at, every = reached.argmax(1), np.arange(len(level))
    before = np.maximum(at - 1, 0)
    low, high = found.modelled[every, before], found.modelled[every, at]
    part = np.clip(np.where(at > before, (level - low) / np.where(high > low, high - low, 1.0), 0.0), 0.0, 1.0)
    value = found.true[every, before] + part * (found.true[every, at] - found.true[every, before])
    return np.where(reached.any(1), value, np.nan)


def alike(one: Course, other: Course) -> tuple[np.ndarray, np.ndarray]:
    """True returns of two optimisers of the same models at the highest modelled return that both come to, seed by seed."""
    level = np.minimum(one.modelled.max(1), other.modelled.max(1))
    return at_level(one, level), at_level(other, level)


def contrasts(results: xarray.Dataset, runs: Runs, of: Models, rules: dict[str, int]) -> dict[str, list[Contrast]]:
    """In pairs of seeds, which share initial parameters and models. "fall": under each model against the true reward. "fewer": the
    fall under the fewest comparisons against the most. "short": true return at the end, under each model against the true reward;
    "blind": of the shuffled model against it; "refitted": of a model that is fitted anew against one that has as many comparisons
    at first, or in all. "alike": true return at equal modelled return, the mean over models: each rule against best of n, and those
    that select by whole episodes against those that are told of steps. rules: {rule: its level}.
    """
    found = {(rule, c): course(results, runs, rule, c) for rule in rules for c in runs.conditions}
    best = {c: chosen(results, runs, of.tests[c]) for c in of.numbers}
    numbers = [*of.numbers]

    def pair(what: str, rule: str, a: str, b: str) -> Contrast:
        one, two = (of_it.figures[what][:, None] for of_it in together(found[rule, a], found[rule, b]))
        return Contrast([{"a": rule, "b": rule, "models": [a, b]}], one, two, paired=True)

    def equal(a: str, b: str) -> Contrast:
        def own(who: str, c: str) -> Course:
            return best[c] if who == BEST else found[who, c]

        both = together(*(own(who, c) for c in numbers for who in (a, b)))
        each = [alike(*two) for two in zip(both[::2], both[1::2], strict=True)]
        one, two = (np.mean(np.stack(x), axis=0) for x in zip(*each, strict=True))
        known = np.isfinite(one) & np.isfinite(two)
        return Contrast([{"a": a, "b": b}], one[known][:, None], two[known][:, None], paired=True)

    others = [(a, b) for a in rules for b in rules if rules[a] < STEPWISE <= rules[b]]
    tables = {
        "fall": [pair("fall", rule, c, of.truth) for rule in rules for c in numbers],
        "fewer": [pair("fall", rule, numbers[0], numbers[-1]) for rule in rules if len(numbers) > 1],
        "short": [pair("end", rule, c, of.truth) for rule in rules for c in numbers],
        "blind": [pair("end", rule, of.blind, of.truth) for rule in rules if of.blind],
        "refitted": [
            pair("end", rule, c, other) for rule in rules for c, of_it in of.refitted.items() for other in of_it
        ],
        "alike": [equal(*two) for two in [*((rule, BEST) for rule in rules), *others]],
    }
    return {name: rows for name, rows in tables.items() if rows}


def together(*courses: Course) -> list[Course]:
    """Those of the seeds that all of them have, in the same order: some may have failed, or have been trained for one alone."""
    common = functools.reduce(np.intersect1d, (of.seeds for of in courses))
    return [of.of(common) for of in courses]


def judged(summary: dict[str, Any], rule: str) -> dict[str, list[int]]:
    """{"over", "misled": numbers of comparisons of the models that a rule over-optimises, and that mislead it otherwise}."""
    of, own = summary["learned_reward"], summary["rules"][rule]["learned_reward"]
    found: dict[str, list[int]] = {"over": [], "misled": []}
    # No tables where all rules are controls.
    fall, short = (summary["pairwise"].get(table, []) for table in ("fall", "short"))
    for condition, number in of["numbers"].items():
        row, up = {"a": rule, "models": [condition, of["truth"]]}, own[condition]["up"]["low"]
        if side(fall, **row) > 0 and up is not None and up > 0:
            found["over"].append(number)
        elif side(short, **row) < 0:
            found["misled"].append(number)
    return found


def table(summary: dict[str, Any]) -> Table:
    """Rise, fall and end of every rule under every model, and of best of n."""
    said, rows = words_of(summary), []
    for condition, best in summary["learned_reward"]["best"].items():
        every = {said.rule(rule): entry["learned_reward"][condition] for rule, entry in summary["rules"].items()}
        for who, of in (every | {BEST: best}).items():
            at = of["peak"]
            peak = "–" if at is None else f"{at:,.0f} steps" if who != BEST else f"n = {at:.0f}, {nats(at):.1f} nats"
            rows.append([plain(condition), who, *(told(of[name], "return") for name in TOLD), peak])
    note = "Means over seeds [95 % interval]. What a model says is in spreads of what it says of random episodes."
    return Table(["Paid by", "Rule", *TOLD.values(), "Mean peaks at"], rows, note)
