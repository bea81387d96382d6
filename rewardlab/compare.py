"""Results -> summary: what each rule reached, what it did under the shift, which rules differ, and the verdict in words.

The first outcome is success, the second the proxy (what else a policy may have been selected for), the first evaluation the
training distribution, every other one a shift. Two readings: the last point (equal environment steps), and each seed's first
point at which its return on the training distribution is at least `capability` (matched capability).

A rule supports a *claim* about goals under a shift only if it learned (at least half of its seeds, and no fewer than an
interval needs, are competent at the last point) and its control, the same rule trained on the shift, reaches an interquartile
mean success of `control_capability` there: a rule that misses moved coins even so may lack the ability. A seed without finite
results stays in: it counts as a seed whose episodes reached nothing.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rewardlab import stats

if TYPE_CHECKING:
    import xarray

ALPHA = 0.05
# What a rule reads of reward where results do not say (`level`): 1 a bar, 2 order, 3 return, 4 steps, 5 prediction.
LEVELS = {"shuffled": 0, "guess_and_check": 1, "truncation": 2, "openai_es": 3, "reinforce": 4, "ppo": 4, "parallel_q": 5}
NAMES = {"reinforce": "REINFORCE", "ppo": "PPO", "parallel_q": "parallel Q", "truncation": "truncation selection",
         "openai_es": "OpenAI-ES", "guess_and_check": "guess-and-check", "shuffled": "shuffled reward"}
ENDED = {"coin": "reached the coin", "end": "ran past it to the end", "died": "died", "time": "ran out of time"}
PLACES = {"train": "on training levels", "held-out": "on held-out levels", "detour": "with the coin at a detour",
          "behind": "with the coin behind the start"}


class Runs(NamedTuple):
    """A results Dataset as plain arrays.

    values: float64[rule, condition, seed, point, evaluation, measure], the outcome shares, or the return in a world without
    outcomes; a failed seed's are 0 (return: the lowest that was seen). returns, steps: [rule, condition, seed, point] of the
    training distribution, NaN where a seed failed. seeds: {condition: how many of the seed axis it has}.
    """

    values: np.ndarray
    returns: np.ndarray
    steps: np.ndarray
    failed: np.ndarray
    rules: list[str]
    seeds: dict[str, int]
    evaluations: list[str]
    measures: list[str]
    shares: bool
    capability: float
    control: str
    control_capability: float
    control_words: str

    @property
    def compared(self) -> list[int]:
        """The evaluations on which rules are compared: the shifts, or the training distribution if there is none."""
        return list(range(1, len(self.evaluations))) or [0]


def summarise(results: xarray.Dataset) -> dict:
    """The figures, comparisons and verdicts of a run, as plain JSON values (None for what cannot be said, never NaN).

    results: as a run stores them; dims rule, condition, seed, point, evaluation, outcome. A figure is {"iqm", "low", "high",
    "n"}: interquartile mean over n seeds and its 95 % interval, None below `stats.MIN_SEEDS`.
    Keys: name, question, seeds, rules {rule: final, return, competent, matched, control (each {evaluation: {outcome:
    figure}}), steps_to_capability, never, learned, shifts, claim, verdict, short}, conditions (final figures per rule,
    condition and evaluation, where there are several), pairwise {final, matched}, references, verdict, warnings.
    `claim` of a rule is true if every shift supports one; `shifts` tells them apart.
    """
    runs = _runs(results)
    rules = {rule: _rule(runs, i) for i, rule in enumerate(runs.rules)}
    for i, (rule, entry) in enumerate(rules.items()):
        entry["return"] = _returns(results, runs, i)
        entry["level"] = int(results["level"].sel(rule=rule)) if "level" in results else LEVELS.get(rule)
        entry["verdict"], entry["short"] = _rule_words(runs, rule, entry)
    pairwise = _pairwise(runs)
    summary = {
        "name": results.attrs.get("name", ""),
        "question": results.attrs.get("question", ""),
        "seeds": {"conditions": runs.seeds, "minimum": stats.MIN_SEEDS, "advised": stats.ADVISED_SEEDS},
        "capability": runs.capability,
        "control": {"condition": runs.control, "capability": runs.control_capability} if runs.control else None,
        "evaluations": runs.evaluations,
        "outcomes": runs.measures if runs.shares else [],
        "rules": rules,
        "pairwise": pairwise,
        "comparisons": sum(row["p"] is not None for rows in pairwise.values() for row in rows),
        "alpha": ALPHA,
        "references": _references(results),
    }
    if len(runs.seeds) > 1:
        summary["conditions"] = {
            rule: {name: _figures(runs, runs.values[i, j, :count, -1]) for j, (name, count) in enumerate(runs.seeds.items())}
            for i, rule in enumerate(runs.rules)
        }
    summary["verdict"] = _verdict(runs, summary)
    summary["warnings"] = _warnings(runs, summary)
    return summary


# ------------------------------------------------------------------------------------------------------------- figures


def _runs(results: xarray.Dataset) -> Runs:
    dims = ("rule", "condition", "seed", "point", "evaluation")
    returns = results["return"].transpose(*dims).values
    shares = results.sizes.get("outcome", 0) > 0
    values = results.outcome_share.transpose(*dims, "outcome").values.astype(float) if shares else returns.astype(float)[..., None]
    conditions = [str(name) for name in results.condition.values]
    finite = np.isfinite(values).all((-2, -1)) & np.isfinite(returns).all(-1)
    experiment = json.loads(results.attrs.get("experiment") or "{}")
    seeds = {}
    for j, name in enumerate(conditions):
        planned = experiment.get("conditions", {}).get(name, {}).get("seeds") or experiment.get("seeds")
        ran = np.flatnonzero(finite[:, j].any((0, -1)))  # without a plan: up to the last seed that gave anything
        seeds[name] = min(planned, results.sizes["seed"]) if planned else int(ran.max(initial=-1)) + 1
    lowest = np.zeros(values.shape[-2:]) if shares else np.nanmin(np.where(np.isfinite(values), values, np.nan), (0, 1, 2, 3))
    control = results.attrs.get("control", "")
    control = control if control in conditions else ""
    params = experiment.get("conditions", {}).get(control, {}).get("params", {})
    return Runs(
        values=np.where(finite[..., None, None], values, np.nan_to_num(lowest)),
        returns=np.where(finite, returns[..., 0], returns.dtype.type(np.nan)),
        steps=results.steps.transpose(*dims[:4]).values,
        failed=~finite[..., -1],
        rules=[str(name) for name in results.rule.values],
        seeds=seeds,
        evaluations=[str(name) for name in results.evaluation.values],
        measures=[str(name) for name in results.outcome.values] if shares else ["return"],
        shares=shares,
        capability=float(results.attrs["capability"]),
        control=control,
        control_capability=float(results.attrs.get("control_capability", 0.5)),
        control_words="; ".join([control, *(f"{key} = {value}" for key, value in params.items())]),
    )


def _plain(value) -> float | None:
    return float(value) if np.isfinite(value) else None


def _figure(centre, low, high, n: int) -> dict:
    return {"iqm": _plain(centre), "low": _plain(low), "high": _plain(high), "n": n}


def _estimate(values: np.ndarray) -> dict:
    """float[seeds] -> figure; all None for no seeds."""
    return _figure(*(stats.iqm_interval(values) if len(values) else (np.nan,) * 3), len(values))


def _figures(runs: Runs, values: np.ndarray) -> dict:
    """float[seeds, evaluation, measure] -> {evaluation: {measure: figure}}."""
    centre, low, high = stats.iqm_interval(values) if len(values) else np.full((3, *values.shape[1:]), np.nan)
    return {
        evaluation: {m: _figure(centre[e, k], low[e, k], high[e, k], len(values)) for k, m in enumerate(runs.measures)}
        for e, evaluation in enumerate(runs.evaluations)
    }


def _matched(runs: Runs, rule: int) -> tuple[np.ndarray, np.ndarray]:
    """Main condition: values [reaching seeds, evaluation, measure] and steps [reaching seeds] at each seed's first capable point."""
    count = next(iter(runs.seeds.values()))
    first = stats.first_reaching(runs.returns[rule, 0, :count], runs.capability)
    reached = np.flatnonzero(first >= 0)
    return runs.values[rule, 0, reached, first[reached]], runs.steps[rule, 0, reached, first[reached]]


def _rule(runs: Runs, i: int) -> dict:
    count = next(iter(runs.seeds.values()))
    final, (matched, steps) = runs.values[i, 0, :count, -1], _matched(runs, i)
    competent = stats.first_reaching(runs.returns[i, 0, :count, -1:], runs.capability) == 0
    entry = {
        "seeds": count,
        "failed": int(runs.failed[i, 0, :count].sum()),
        "competent_seeds": int(competent.sum()),
        "learned": bool(2 * competent.sum() >= count > 0),
        "final": _figures(runs, final),
        "competent": _figures(runs, final[competent]),
        "matched": _figures(runs, matched),
        "steps_to_capability": _estimate(steps),
        "never": count - len(steps),
        "control": None,
    }
    if runs.control:
        entry["control"] = _figures(runs, runs.values[i, list(runs.seeds).index(runs.control), : runs.seeds[runs.control], -1])
    entry["shifts"] = {evaluation: _shift(runs, entry, evaluation) for evaluation in runs.evaluations[1:]}
    entry["claim"] = bool(entry["shifts"]) and all(shift["claim"] for shift in entry["shifts"].values())
    return entry


def _shift(runs: Runs, entry: dict, evaluation: str) -> dict:
    """What competent seeds mostly do under a shift, whether the control can do better, and so whether that is about goals.

    reading: "success" or "proxy" if the interval of its share lies above one half, else "neither"; None without an interval.
    """
    competent = entry["competent"][evaluation]
    measures = runs.measures[:2] if runs.shares else []
    above = [competent[m]["low"] is not None and competent[m]["low"] > 0.5 for m in measures]
    known = bool(measures) and competent[measures[0]]["low"] is not None
    reading = ("success" if above[0] else "proxy" if any(above) else "neither") if known else None
    able = None
    if entry["control"]:
        reached = entry["control"][evaluation][runs.measures[0]]["iqm"]
        able = runs.shares and reached is not None and reached >= runs.control_capability
    return {"reading": reading, "able": able, "claim": bool(entry["learned"] and known and (reading == "success" if able is None else able))}


def _returns(results: xarray.Dataset, runs: Runs, rule: int) -> dict:
    """{evaluation: figure} of the final return over the seeds that have one."""
    final = results["return"].transpose("rule", "condition", "seed", "point", "evaluation").values[rule, 0, : next(iter(runs.seeds.values())), -1]
    return {evaluation: _estimate(column[np.isfinite(column)]) for evaluation, column in zip(runs.evaluations, final.T, strict=True)}


def _references(results: xarray.Dataset) -> dict:
    """{reference: {evaluation: {outcome: share}}} of the scripted policies."""
    if "reference_share" not in results:
        return {}
    table = results.reference_share.transpose("reference", "evaluation", "outcome")
    return {
        str(r): {str(e): {str(o): _plain(table.sel(reference=r, evaluation=e, outcome=o)) for o in table.outcome.values} for e in table.evaluation.values}
        for r in table.reference.values
    }


def _pairwise(runs: Runs) -> dict:
    """Every pair of rules under every shift, in success and proxy, in both readings; one Holm correction over all of them."""
    count, measures = next(iter(runs.seeds.values())), list(range(min(2, len(runs.measures))))
    pairs = list(itertools.combinations(range(len(runs.rules)), 2))
    family = 2 * len(pairs) * len(runs.compared) * len(measures)
    permutations = max(stats.PERMUTATIONS, 100 * family)  # so that the smallest p can pass the correction
    readings = {"final": [runs.values[i, 0, :count, -1] for i in range(len(runs.rules))],
                "matched": [_matched(runs, i)[0] for i in range(len(runs.rules))]}
    table = {reading: [] for reading in readings}
    for (reading, samples), (i, j) in itertools.product(readings.items(), pairs):
        a, b = (samples[k][:, runs.compared][:, :, measures] for k in (i, j))
        enough = min(len(a), len(b)) >= 2
        if enough:
            gap, effect, p = stats.difference_interval(a, b), stats.improvement(a, b), stats.permutation_test(a, b, permutations=permutations)
        for (e, evaluation), m in itertools.product(enumerate(runs.compared), measures):
            row = {"a": runs.rules[i], "b": runs.rules[j], "evaluation": runs.evaluations[evaluation], "outcome": runs.measures[m],
                   "n_a": len(a), "n_b": len(b), "difference": None, "low": None, "high": None, "effect": None, "magnitude": None, "p": None}
            if enough:
                row |= {"difference": float(gap.centre[e, m]), "low": _plain(gap.low[e, m]), "high": _plain(gap.high[e, m]), "effect": float(effect[e, m]),
                        "magnitude": stats.magnitude(2 * effect[e, m] - 1), "p": float(p[e, m])}
            table[reading].append(row)
    rows = [row for reading in table.values() for row in reading]
    for row, p in zip(rows, stats.holm([np.nan if row["p"] is None else row["p"] for row in rows]), strict=True):
        row |= {"p_holm": _plain(p), "significant": bool(p <= ALPHA)}
    return table


# --------------------------------------------------------------------------------------------------------------- words


def _ended(outcome: str) -> str:
    return ENDED.get(outcome, f"ended with “{outcome}”")


def _place(evaluation: str) -> str:
    return PLACES.get(evaluation.replace("_", "-"), f"on “{evaluation}”")


def _name(rule: str) -> str:
    return NAMES.get(rule, rule)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _names(rules) -> str:
    *most, last = map(_name, rules)
    return f"{', '.join(most)} and {last}" if most else last


def _number(x: float, share: bool) -> str:
    if not share:
        return f"{x:.3g}"
    percent = 100 * x
    return f"{percent:.1f}" if 0 < percent < 0.95 or 99.05 < percent < 100 else f"{percent:.0f}"


def _text(figure: dict, share: bool = True) -> str:
    """A figure as "93 % [91–95]"; without the interval where there is none."""
    if figure["iqm"] is None:
        return "–"
    interval = "" if figure["low"] is None else f" [{_number(figure['low'], share)}–{_number(figure['high'], share)}]"
    return _number(figure["iqm"], share) + (" %" if share else "") + interval


def _did(runs: Runs, figures: dict, outcomes: list[str]) -> str:
    """"reached the coin in 3 % [2–4] and ran past it to the end in 95 % [94–96]"."""
    if not runs.shares:
        return f"had a return of {_text(figures['return'], False)}"
    return " and ".join(f"{_ended(o)} in {_text(figures[o])}" for o in outcomes)


def _rule_words(runs: Runs, rule: str, entry: dict) -> tuple[str, str]:
    """The verdict on one rule, and the same in a few words."""
    first, both = runs.evaluations[0], runs.measures[:2]
    n, k = entry["seeds"], entry["competent_seeds"]
    text = [f"{_name(rule)} ({n} seeds) {_did(runs, entry['final'][first], both[:1])}{' of episodes' if runs.shares else ''} {_place(first)}."]
    if entry["failed"]:
        text.append(f"{entry['failed']} of them ended without finite results and count as reaching nothing.")
    for evaluation, shift in entry["shifts"].items():
        sentence = f"{_capital(_place(evaluation))} it {_did(runs, entry['final'][evaluation], both)}"
        if 0 < k < n and runs.shares:
            shares = " and ".join(_text(entry["competent"][evaluation][o]) for o in both)
            sentence += f" (among its {k} competent seeds {shares})"
        text.append(sentence + _conclusion(runs, entry, evaluation, shift))
    if not entry["shifts"]:
        return " ".join([*text, "No shift was evaluated, so nothing is said about goals."]), "no shift"
    if not runs.shares:
        return " ".join([*text, "The world tells no outcomes apart: no claim about goals."]), "no claim: no outcomes"
    if not entry["learned"]:
        text.append(f"No claim: only {k} of {n} seeds became competent (a return of at least {runs.capability:g} {_place(first)}).")
        return " ".join(text), f"no claim: {k}/{n} competent"
    if k < stats.MIN_SEEDS:
        text.append(f"No claim: {k} competent seeds are too few for an interval (at least {stats.MIN_SEEDS} are needed).")
        return " ".join(text), f"no claim: {k} competent seeds"
    short = {e: _short(runs, shift) for e, shift in entry["shifts"].items()}
    return " ".join(text), next(iter(short.values())) if len(set(short.values())) == 1 else "; ".join(f"{e}: {s}" for e, s in short.items())


def _short(runs: Runs, shift: dict) -> str:
    if not shift["claim"]:
        return "no claim: no control" if shift["able"] is None else "no claim: control fails"
    return {"success": f"pursues {runs.measures[0]}", "proxy": f"pursues {runs.measures[-1 if len(runs.measures) < 2 else 1]}"}.get(
        shift["reading"], "neither prevails")


def _conclusion(runs: Runs, entry: dict, evaluation: str, shift: dict) -> str:
    """The end of a rule's sentence about a shift: what its control did, and what follows."""
    success = runs.measures[0]
    judged = entry["learned"] and shift["reading"] is not None
    if not runs.shares:
        return "."
    if not entry["control"]:
        return "." if not judged else f": it pursued the {success} even so." if shift["claim"] else (
            ". No control was trained on this shift, so a miss may be lack of ability: no claim about goals.")
    control = entry["control"][evaluation][success]
    reached = f". Its control ({runs.control_words}; {control['n']} seeds) {_ended(success)} in {_text(control)} there"
    if not shift["able"]:
        return f"{reached}, below the {_number(runs.control_capability, True)} % that show the ability: no claim about goals."
    return reached + {
        "success": f"; it pursued the {success} even without that training." if judged else ".",
        "proxy": ", so the miss is about what it learned to pursue, not about ability." if judged else ".",
        "neither": f", so it is able to; of {' and '.join(runs.measures[:2])} neither prevails." if judged else ".",
        None: ".",
    }[shift["reading"]]


def _verdict(runs: Runs, summary: dict) -> list[str]:
    """The whole experiment in sentences: what the rules pursued, which of them differ, selection against gradient, the sweep."""
    rules, sentences = summary["rules"], []
    for evaluation in runs.evaluations[1:] if runs.shares else []:
        claims = {rule: entry["shifts"][evaluation]["reading"] for rule, entry in rules.items() if entry["shifts"][evaluation]["claim"]}
        said = []
        for reading, words in (("proxy", _ended(runs.measures[:2][-1])), ("success", _ended(runs.measures[0]))):
            if chosen := [rule for rule in rules if claims.get(rule) == reading]:
                said.append(f"{_names(chosen)} {words} in most episodes")
        if undecided := [rule for rule in rules if claims.get(rule) == "neither"]:
            said.append(f"neither prevailed for {_names(undecided)}")
        if silent := [rule for rule in rules if rule not in claims]:
            said.append(f"no claim about goals for {_names(silent)}")
        sentences.append(f"{_capital(_place(evaluation))}: {'; '.join(said)}.")
        for outcome in runs.measures[:2] if len(claims) > 1 else []:
            sentences.append(_differences(runs, summary, evaluation, outcome, list(claims)))
        sentences += _kinds(runs, summary, evaluation, list(claims))
    if not (runs.shares and runs.evaluations[1:]) and len(rules) > 1:
        sentences += [_differences(runs, summary, runs.evaluations[e], runs.measures[0], list(rules)) for e in runs.compared]
    if len(runs.seeds) > 2:
        for rule, evaluation in itertools.product(rules, runs.evaluations[1:]):
            dose = ", ".join(f"{name}: {_text(figures[evaluation][runs.measures[0]], runs.shares)}" for name, figures in summary["conditions"][rule].items())
            sentences.append(f"{_name(rule)} {_place(evaluation)}, {runs.measures[0]} by condition of training: {dose}.")
    return sentences


READINGS = {"final": "at equal environment steps", "matched": "at matched capability"}


def _rows(summary: dict, reading: str, evaluation: str, outcome: str, rules: list[str]) -> list[dict]:
    return [row for row in summary["pairwise"][reading] if row["evaluation"] == evaluation and row["outcome"] == outcome
            and row["a"] in rules and row["b"] in rules and row["p"] is not None]


def _differences(runs: Runs, summary: dict, evaluation: str, outcome: str, rules: list[str]) -> str:
    """Which of the rules differ in an outcome under a shift, in both readings; the three largest differences are named."""
    parts = []
    for reading, words in READINGS.items():
        rows = _rows(summary, reading, evaluation, outcome, rules)
        found = sorted((row for row in rows if row["significant"]), key=lambda row: -abs(row["difference"]))
        if not rows:
            parts.append(f"{words} too few seeds to compare")
        elif not found:
            parts.append(f"{words} no difference was found between {_names(rules)}")
        else:
            named = "; ".join(map(lambda row: _pair(runs, row), found[:3])) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
            parts.append(f"{words} {len(found)} of {len(rows)} pairs of rules differ ({named})")
    what = f"how often they {_ended(outcome)}" if runs.shares else "return"
    return f"{_capital(_place(evaluation))}, in {what}: {', and '.join(parts)} (Holm-corrected over {summary['comparisons']} comparisons)."


def _pair(runs: Runs, row: dict) -> str:
    a, b, sign = (row["a"], row["b"], 1) if row["effect"] >= 0.5 else (row["b"], row["a"], -1)
    gap = sign * row["difference"]
    ends = [] if row["low"] is None else sorted((sign * row["low"], sign * row["high"]))
    interval = f" [{' to '.join(_number(x, runs.shares) for x in ends)}]" if ends else ""
    better = row["effect"] if sign > 0 else 1 - row["effect"]
    return f"{_name(a)} over {_name(b)} by {_number(gap, runs.shares)}{' points' if runs.shares else ''}{interval}, higher in {_number(better, True)} % of pairs of seeds"


def _kinds(runs: Runs, summary: dict, evaluation: str, claims: list[str]) -> list[str]:
    """Rules that are told how an episode went (selection, levels 1 to 3) against rules that are told which step paid (gradient)."""
    level = {rule: entry["level"] or 0 for rule, entry in summary["rules"].items()}
    kinds = {"selection": [r for r in level if 1 <= level[r] <= 3], "gradient": [r for r in level if level[r] >= 4]}
    if not all(kinds.values()):
        return []
    able = {kind: [rule for rule in rules if rule in claims] for kind, rules in kinds.items()}
    if silent := [kind for kind, rules in able.items() if not rules]:
        return [f"{_capital(_place(evaluation))} no {' and no '.join(silent)} rule supports a claim about goals, so selection and gradient cannot be compared there."]
    parts = []
    for reading, words in READINGS.items():
        rows = [row for row in _rows(summary, reading, evaluation, runs.measures[0], claims) if (row["a"] in able["selection"]) != (row["b"] in able["selection"])]
        higher = [row["a"] if row["effect"] > 0.5 else row["b"] for row in rows if row["significant"]]
        by = ", ".join(f"{kind} the higher in {count}" for kind in able if (count := sum(rule in able[kind] for rule in higher)))
        parts.append(f"{words} {f'{len(higher)} of {len(rows)} pairs differ ({by})' if higher else f'no difference was found in {len(rows)} pairs'}")
    return [f"Selection ({_names(able['selection'])}) against gradient ({_names(able['gradient'])}) {_place(evaluation)}, in how often they "
            f"{_ended(runs.measures[0])}: {', and '.join(parts)}."]


def _warnings(runs: Runs, summary: dict) -> list[str]:
    texts = []
    for condition, count in runs.seeds.items():
        if count < stats.MIN_SEEDS:
            texts.append(f"Condition “{condition}” has {count} seeds: no intervals below {stats.MIN_SEEDS}; at least {stats.ADVISED_SEEDS} are advised.")
        elif count < stats.ADVISED_SEEDS:
            texts.append(f"Condition “{condition}” has {count} seeds, fewer than the {stats.ADVISED_SEEDS} advised: small differences will be missed.")
    for i, rule in enumerate(runs.rules):
        for j, (condition, count) in enumerate(runs.seeds.items()):
            if failed := int(runs.failed[i, j, :count].sum()):
                texts.append(f"{_name(rule)}, condition “{condition}”: {failed} of {count} seeds ended without finite results; they count as reaching nothing.")
    for (name, figures), evaluation in itertools.product(summary["references"].items(), runs.evaluations[1:]):
        share = figures.get(evaluation, {}).get(runs.measures[0])
        if name != "optimal" and share is not None and share > 0.05:
            texts.append(f"{_capital(_place(evaluation))} the scripted policy “{name}” {_ended(runs.measures[0])} in {_number(share, True)} % of episodes: "
                         "read that shift among competent seeds.")
    return texts


def format_table(summary: dict) -> str:
    """The summary for a terminal, one line per rule: success on every evaluation, steps to capability, control, verdict in short."""
    shifts, share = summary["evaluations"][1:], bool(summary["outcomes"])
    success = summary["outcomes"][0] if share else "return"
    lines = [["rule", *summary["evaluations"], "steps to capability", *(["control"] if summary["control"] and shifts else []), "verdict"]]
    for rule, entry in summary["rules"].items():
        steps, reached = entry["steps_to_capability"]["iqm"], entry["seeds"] - entry["never"]
        row = [_name(rule), *(_text(entry["final"][e][success], share) for e in summary["evaluations"])]
        row.append((f"{steps:,.0f} " if steps is not None else "never ") + f"({reached}/{entry['seeds']} seeds)")
        if summary["control"] and shifts:
            row.append(", ".join(_text({**entry["control"][e][success], "low": None}, share) for e in shifts))
        lines.append([*row, entry["short"]])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
