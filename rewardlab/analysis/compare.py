"""Results -> summary: what each rule reached, what its question makes of that, and which rules differ.

The first outcome is success, the second the proxy (what else a policy may have been selected for), the first evaluation
the training distribution. Two readings: equal environment steps (the last point, or where rules live unlike many steps the
last that all of them share), and each seed's first point at which its return on the training distribution is at least
`capability` (matched capability), which is a return here: `assembly.threshold` works it out.

One estimator throughout: the interquartile mean over seeds. It is always said over which: all of a rule's, or the competent ones.

What follows from these figures is the question's (`questions/`): what counts as evidence, which samples are compared, and what is
said. All comparisons of a run are under one Holm correction.

A seed that was trained has finite `steps`; others are padding and are absent from everything. A trained seed without
finite results stays in: it counts as one whose episodes reached nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab import questions
from rewardlab.analysis import cautions, levels, naming, stats
from rewardlab.analysis.reading import (
    config_of,
    of_founders,
    sweep,
)
from rewardlab.analysis.results import checked
from rewardlab.analysis.runs import Runs, runs_of, samples
from rewardlab.analysis.wording import plain
from rewardlab.questions import Contrast, Effect, Found, Question

if TYPE_CHECKING:
    import xarray

ALPHA = 0.05
UNNAMED_SHARE = 1e-4  # shares are sums of float32: less is rounding


def summarise(results: xarray.Dataset, question: Question | None = None) -> dict:
    """The figures, comparisons and verdicts of a run, as plain JSON values (None for what cannot be said, never NaN).

    question: what is asked of them; None: what their experiment says. Each adds what its file says to what is here.
    results: as a run stores them; dims rule, condition, seed, point, evaluation, outcome. A figure is {"iqm", "low",
    "high", "n"}: interquartile mean over n seeds and its 95 % interval, None below `stats.MIN_SEEDS`.
    rules: {rule: {final, competent, matched, control (each {evaluation: {outcome or "return": figure}}),
    steps_to_capability, never, untrained (seeds that are capable before any step), failed {condition: seeds}, learned, level,
    contradiction (what of the audit does not go with the level, in words, or ""), shown (whether it is shown a demonstrator),
    verdict, short}}.
    alike: whether seeds of all rules live equally many steps; figures `final` are at the end of each rule's own.
    pairwise: {table: rows of a against b}; `effect` is the probability that a seed of a scores above one of b.
    audit: a row a rule, with the fields of `auditing.Reach`; none where the run made none.
    conditions: final figures {rule: {condition: {evaluation: {outcome or "return": figure}}}}.
    words: the fields of `wording.Words`. sweep: of three or more conditions, the param that orders them and each one's value
    of it, {"param": name, "values": {condition: number}}; "" and {} where they have no order.
    effect: the fields of `questions.Effect`, or None.
    Raises InputError as `results.checked` and `questions.of` do.
    """
    results = of_founders(checked(results, question))
    question = question or questions.of(results)
    runs = runs_of(results)
    rules = {rule: _rule(runs, i) for i, rule in enumerate(runs.rules)}
    declared, wrong, shown = levels.declared(results), levels.contradictions(results), levels.shown(results)
    for rule, entry in rules.items():
        entry["level"], entry["contradiction"] = declared[rule], wrong.get(rule, "")
        entry["shown"] = shown[rule]
    evidence = question.evidence(Found(results, runs, rules))
    for rule, added in evidence.rules.items():
        rules[rule] |= added
    pairwise = tested(evidence.tables)
    most = runs.trained.sum(-1).max(0)
    seeds = dict(zip(runs.conditions, map(int, most), strict=True))
    planned = config_of(results).get("conditions", {})
    control = {"condition": runs.control, "params": planned.get(runs.control, {}).get("params", {})}
    summary = {
        "name": results.attrs.get("name", ""),
        "question": results.attrs.get("question", ""),
        "seeds": {"conditions": seeds, "minimum": stats.MIN_SEEDS, "advised": stats.ADVISED_SEEDS},
        "alike": runs.alike,
        "capability": float(results.attrs["capability"]),
        "capability_share": _share_of_the_way(results),
        "control": control if runs.control else None,
        "control_capability": runs.control_capability,
        "evaluations": runs.evaluations,
        "shifts": runs.shifts,
        "compared": runs.compared,
        "outcomes": runs.measures[:-1],
        "goals": runs.goals,
        "score": runs.score,
        "judged": runs.judged,
        "rules": rules,
        "pairwise": pairwise,
        "alpha": ALPHA,
        "comparisons": sum(row["p"] is not None for rows in pairwise.values() for row in rows),
        "references": _references(results),
        "words": {field: dict(told) for field, told in naming.read(results)._asdict().items()},
        "sweep": dict(zip(("param", "values"), sweep(results), strict=True)) if len(seeds) > 2 else None,
        "published": config_of(results).get("published", {}),
        "audit": levels.audited(results),
        "diverged": _diverged(results),
        "unnamed": _unnamed(results),
        "mixed": json.loads(results.attrs.get("mixed") or "[]"),
        "conditions": {rule: entry.pop("conditions") for rule, entry in rules.items()},
    } | dict(evidence.more)
    verdict = question.verdict(summary)
    effect = verdict.effect or clearest(summary)
    for rule, entry in rules.items():
        entry["verdict"], entry["short"] = verdict.rules[rule]
    told = {"verdict": verdict.headline, "effect": effect and effect._asdict(), "answer": verdict.answer}
    return summary | told | {"warnings": [*cautions.warnings(summary), *verdict.warnings]}


def clearest(summary: dict) -> Effect | None:
    """The difference of the first table that chance explains least, and among equals the largest; None where none was tested."""
    table, rows = next(iter(summary["pairwise"].items()), ("", []))
    rows = [row for row in rows if row["p"] is not None]
    if not rows:
        return None
    row, said = min(rows, key=lambda row: (row["p"], -abs(row["effect"] - 0.5))), cautions.words_of(summary)
    pair = list(dict.fromkeys(str(row[side]) for side in ("a", "b") if side in row))  # rules, where a row names any
    told = [text for name, value in row.items() if name not in ("a", "b") and (text := _text(value))]
    what = ", ".join([plain(table), *[" less ".join(map(said.rule, pair))] * bool(pair), *told])
    what += f" (the clearest of {len(rows)} differences)" * (len(rows) > 1)
    return Effect(
        what, {"iqm": row["difference"], "low": row["low"], "high": row["high"], "n": row["n_a"] + row["n_b"]}, "return"
    )


def _text(value: Any) -> str:
    """What a field of a row says: a name, or what is compared with what; "" for a number."""
    if isinstance(value, list) and value and all(isinstance(x, str) for x in value):
        return " less ".join(map(plain, value[:2])) + "".join(f", {plain(x)}" for x in value[2:])
    return plain(value) if isinstance(value, str) else ""


def tested(tables: Mapping[str, list[Contrast]]) -> dict[str, list[dict]]:
    """{table: rows}, each with the fields of `stats.Difference`, n_a, n_b, and p by one Holm correction over all of them.

    paired: True where the runs of both go in pairs, which then have a mean difference. smallest: the effect that such a row finds
    with a power of `stats.POWER`, were it the first to pass: so at the level over the number of comparisons; None for none.
    """
    count = sum(len(contrast.rows) for contrasts in tables.values() for contrast in contrasts)
    permutations = max(stats.PERMUTATIONS, 100 * count)  # so that the smallest p can pass
    found = {
        name: [row for contrast in contrasts for row in _tested(contrast, permutations)]
        for name, contrasts in tables.items()
    }
    rows = [row for table in found.values() for row in table]
    made = max(sum(row["p"] is not None for row in rows), 1)
    for row, p in zip(rows, stats.holm([np.nan if row["p"] is None else row["p"] for row in rows]), strict=True):
        smallest = (
            stats.smallest_paired(row["n_a"], ALPHA / made)
            if row.get("paired")
            else stats.smallest_effect(row["n_a"], row["n_b"], ALPHA / made)
        )
        row |= {"p_holm": stats.plain(p), "significant": bool(p <= ALPHA), "smallest": stats.plain(smallest)}
    return found


def _tested(contrast: Contrast, permutations: int) -> list[dict]:
    by = stats.compare_paired if contrast.paired else stats.compare
    found = by(contrast.one, contrast.other, permutations)._asdict()
    counts = {"n_a": len(contrast.one), "n_b": len(contrast.other)} | ({"paired": True} if contrast.paired else {})
    return [
        row | counts | {name: stats.plain(x[k]) for name, x in found.items()} for k, row in enumerate(contrast.rows)
    ]


def _diverged(results: xarray.Dataset) -> dict[str, dict[str, int]]:
    """{rule: {condition: seeds whose parameters or rewards did not stay finite}}, where there are any."""
    if "finite" not in results:
        return {}
    lost = (results["finite"] == 0).any("point").sum("seed")
    counts = {
        str(r): {str(c): int(lost.sel(rule=r, condition=c)) for c in lost.condition.values} for r in lost.rule.values
    }
    return {rule: {c: n for c, n in of.items() if n} for rule, of in counts.items() if any(of.values())}


def _unnamed(results: xarray.Dataset) -> dict[str, dict[str, float]]:
    """{rule: {condition: share}} of the evaluation episodes that ended in none of the world's outcomes, where there are any."""
    lacking = 1 - results.outcome_share.sum("outcome", skipna=False)
    lacking = lacking.where(lacking > UNNAMED_SHARE, 0 * lacking).mean(["seed", "point", "evaluation"])
    shares = {
        str(r): {str(c): float(lacking.sel(rule=r, condition=c)) for c in lacking.condition.values}
        for r in lacking.rule.values
    }
    return {rule: kept for rule, of in shares.items() if (kept := {c: share for c, share in of.items() if share > 0})}


def _share_of_the_way(results: xarray.Dataset) -> float | None:
    """The share of the way from the random policy's return to the optimum that counts as capable, if it was said so."""
    share = results.attrs.get("capability_share")
    return None if share is None else float(share)


def _figures(runs: Runs, values: np.ndarray) -> dict:
    """float[seeds, evaluation, measure] -> {evaluation: {measure: figure}}."""
    return {
        evaluation: {m: stats.figure(values[:, e, k]) for k, m in enumerate(runs.measures)}
        for e, evaluation in enumerate(runs.evaluations)
    }


def _rule(runs: Runs, i: int) -> dict:
    there = runs.trained[i, 0]
    sample, n, able, first = samples(runs, i), int(there.sum()), runs.competent[i, there], runs.first[i, there]
    lived = runs.steps[i, 0, there]
    steps = lived[first >= 0, first[first >= 0]]
    conditions = {
        name: _figures(runs, runs.values[i, j, runs.trained[i, j], -1]) for j, name in enumerate(runs.conditions)
    }
    entry = {
        "seeds": n,
        "trained": dict(zip(runs.conditions, map(int, runs.trained[i].sum(-1)), strict=True)),
        "competent_seeds": int(able.sum()),
        "learned": bool(2 * able.sum() >= n > 0),
        "failed": dict(zip(runs.conditions, map(int, runs.failed[i].sum(-1)), strict=True)),
        "final": next(iter(conditions.values())),
        "control": conditions.get(runs.control),
        "conditions": conditions,
        "competent": _figures(runs, sample["last"][able]),
        "matched": _figures(runs, sample["matched"]),
        "steps_to_capability": stats.figure(steps),
        "never": n - len(steps),
        "untrained": int((steps == 0).sum()),
    }
    return entry


def _references(results: xarray.Dataset) -> dict:
    """{reference: {evaluation: {outcome: share, and "return": its mean}}} of the scripted policies."""
    if "reference_share" not in results:
        return {}
    table = results.reference_share.transpose("reference", "evaluation", "outcome")
    r, e, o = ([str(name) for name in table[dim].values] for dim in table.dims)
    values = table.values
    if "reference_return" in results:
        returns = results.reference_return.transpose("reference", "evaluation").values
        values, o = np.concatenate([values, returns[..., None]], -1), [*o, "return"]
    return {
        r[i]: {e[j]: dict(zip(o, map(stats.plain, row), strict=True)) for j, row in enumerate(rows)}
        for i, rows in enumerate(values)
    }
