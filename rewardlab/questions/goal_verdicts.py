"""The sentences of `goal_shift`: a summary's figures -> the verdict on each rule, and the headline of the whole run.

Everything that is said follows from the summary of `compare.summarise`; nothing is known here about any result.
"""

from __future__ import annotations

from rewardlab.analysis import doses
from rewardlab.analysis.cautions import bar_of, count_as, is_control, no_control, words_of
from rewardlab.analysis.wording import (
    CONTROL_RULES,
    NO_CLAIM,
    count,
    counts,
    figure,
    listed,
    number,
    plain,
    readings,
    sentence,
)


def of_rule(summary: dict, rule: str) -> tuple[str, str]:
    """The verdict on one rule, and the same in a few words."""
    entry, goals, score, said = summary["rules"][rule], summary["goals"], summary["score"], words_of(summary)
    first, shown = summary["evaluations"][0], [*goals, *["return"] * (score == "return")]
    n, k, shifts, lost = entry["seeds"], entry["competent_seeds"], entry["shifts"], _failed(summary, rule)
    role = f"; {CONTROL_RULES[entry['level']]}" if is_control(entry) else ""
    episodes = " of episodes" * (score != "return")
    learned = _did(summary, entry["final"][first], [score]) + episodes
    text = [f"{said.rule(rule)} ({count(n, 'seed')}{role}) {learned} {said.place(first)}."]
    if lost:
        text.append(f"{lost} of the {count(n, 'seed')} ended without finite results and {count_as(summary, lost)}.")
    if entry["contradiction"]:
        text.append(f"{entry['contradiction']}{no_control(entry)}.")
    for shift in shifts:
        some = 0 < k < n
        who, figures = (f"its {count(k, 'competent seed')}", "competent") if some else ("it", "final")
        whole = listed(figure(entry["final"][shift][m], m) for m in shown)
        beside = f" (all {count(n, 'seed')}: {whole})" * some
        did = _did(summary, entry[figures][shift], shown) + beside + _conclusion(summary, entry, shift)
        text.append(f"{said.place(shift)}, {who} {did}")
    role = "control rule; " if role else ""
    if entry["learned"] and not (goals and shifts):
        why = "no shift was evaluated" if goals else "the world names no outcomes"
        return _paragraph([*text, f"{NO_CLAIM}: {why}."]), f"{role}{NO_CLAIM}: {why}"
    if not entry["learned"]:
        few = "is" if k == 1 else "are"
        bar = f"{bar_of(summary)} {said.place(first)}"
        text.append(f"{NO_CLAIM}: only {k} of {count(n, 'seed')} {few} competent at the end ({bar}).")
    elif k < summary["seeds"]["minimum"]:
        few = "is" if k == 1 else "are"
        least = summary["seeds"]["minimum"]
        text.append(f"{NO_CLAIM}: {count(k, 'competent seed')} {few} too few for an interval (at least {least}).")
    mostly = {"neither": "no goal prevails"}
    mostly |= {which: f"mostly {said.ended(name)}" for which, name in zip(("success", "proxy"), goals, strict=False)}
    short = {
        name: mostly[shift["reading"]] if shift["claim"] else f"{NO_CLAIM}: {why_not(summary, entry, name)}"
        for name, shift in shifts.items()
    } or {"": f"{NO_CLAIM}: {why_not(summary, entry)}"}
    alike = len({*short.values()}) == 1
    return _paragraph(text), role + (next(iter(short.values())) if alike else "; ".join(map(": ".join, short.items())))


def headline(summary: dict) -> list[str]:
    """The run in a few sentences: the two kinds of rules compared, what the rules did on each shift, then which differ (in
    a sweep: under which training they succeed), and the control rules."""
    rules, goals, shifts = summary["rules"], summary["goals"], summary["shifts"]
    if not goals or not shifts:
        found = [_ranking(summary, evaluation) for evaluation in summary["compared"]]
        found += _pairs(summary, {evaluation: list(rules) for evaluation in summary["compared"]}, [summary["score"]])
        return list(map(sentence, found))
    told = [rule for rule, entry in rules.items() if not is_control(entry)] or list(rules)
    claims = {shift: [rule for rule in told if rules[rule]["shifts"][shift]["claim"]] for shift in shifts}
    if summary.get("doses"):
        text = [*doses.told(summary, words_of(summary)), *_silent(summary, claims, told)]
        text += [controls(summary, [rule for rule in rules if rule not in told])] * (len(told) < len(rules))
        return list(map(sentence, text))
    compared, kinds = _kinds(summary, claims, told)
    text = [*kinds * compared, *(pursued(summary, shift, told) for shift in shifts)]
    swept = len(summary["seeds"]["conditions"]) > 2
    text += [_dose(summary, told)] if swept else _pairs(summary, claims, summary["judged"])
    text += kinds * (not compared)
    text += [controls(summary, [rule for rule in rules if rule not in told])] * (len(told) < len(rules))
    return list(map(sentence, text))


def _paragraph(text: list[str]) -> str:
    return " ".join(map(sentence, text))


def _failed(summary: dict, rule: str) -> int:
    return next(iter(summary["rules"][rule]["failed"].values()))


def _did(summary: dict, figures: dict, measures: list[str]) -> str:
    """ "reached the coin in 3 % [2–4] and ran past the coin to the end in 95 % [94–96]"."""
    did = {m: "had a return of" if m == "return" else f"{words_of(summary).ended(m)} in" for m in measures}
    return listed(f"{did[m]} {figure(figures[m], m)}" for m in measures)


def why_not(summary: dict, entry: dict, shift: str = "", exact: bool = False) -> str:
    """Why no claim is made about a rule, in a few words; exact: with what its control reached."""
    if not entry["learned"]:
        return f"{entry['competent_seeds']} of {count(entry['seeds'], 'seed')} competent"
    if entry["competent_seeds"] < summary["seeds"]["minimum"]:
        return f"only {count(entry['competent_seeds'], 'competent seed')}"
    if entry["shifts"][shift]["able"] is None:
        return "no control"
    reached = entry["control"][shift][summary["goals"][0]]
    return "control fails" + f": {figure(reached)}, {count(reached['n'], 'seed')}" * exact


def _conclusion(summary: dict, entry: dict, shift: str) -> str:
    """The end of a rule's sentence about a shift: what its control did there, and what follows."""
    if not summary["goals"]:
        return "."
    found, success, control = entry["shifts"][shift], summary["goals"][0], summary["control"]
    reached_it = words_of(summary).ended(success)
    judged = found["reading"] if entry["learned"] else None
    if found["able"] is None:
        miss = f". No control was trained on the shift, so a miss may be lack of ability: {NO_CLAIM}."
        return {None: ".", "success": ", and that without any training on the shift."}.get(judged, miss)
    reached = entry["control"][shift][success]
    params = "".join(f", {key} = {value:g}" for key, value in control["params"].items())
    trained = f"“{control['condition']}”{params}; {count(reached['n'], 'seed')}"
    said = f"Its control ({trained}) {reached_it} in {figure(reached, success)} there"
    lack = f", below the {number(summary['control_capability'])} % that would show the ability"
    lack += f": {NO_CLAIM}." if entry["learned"] else "."
    follows = {
        None: ".",
        "success": ", and the rule itself did so in most episodes even without that training.",
        "proxy": ", so the miss is about what it learned to pursue, not about ability.",
        "neither": ", so it has the ability; no goal prevails.",
    }
    return f". {said}{follows[judged] if found['able'] else lack}"


def pursued(summary: dict, shift: str, told: list[str]) -> str:
    """What the rules with a claim did on a shift, and for which there is no claim."""
    rules, goals, named = summary["rules"], summary["goals"], words_of(summary)
    claimed = {rule: rules[rule]["shifts"][shift]["reading"] for rule in told if rules[rule]["shifts"][shift]["claim"]}
    shown = {"proxy": [goals[-1]], "success": [goals[0]], "neither": goals}
    said = []
    for reading, measures in shown.items():
        who = [rule for rule in told if claimed.get(rule) == reading]
        figures = [[figure(rules[rule]["competent"][shift][m], m) for m in measures] for rule in who]
        seeds = counts((rules[rule]["competent_seeds"] for rule in who), "competent seed")
        if reading == "neither":
            each = [f"{named.rule(r)}, which {_did(summary, rules[r]['competent'][shift], measures)}" for r in who]
            said += [f"no goal prevailed for {listed(each)} ({seeds})"] * bool(who)
        elif len(who) == 1:
            said.append(f"{named.rule(who[0])} {named.ended(measures[0])} in {figures[0][0]} of episodes ({seeds})")
        elif who:
            rates = listed(f"{named.rule(r)} {f[0]}" for r, f in zip(who, figures, strict=True))
            said.append(
                f"{len(who)} of {len(told)} rules {named.ended(measures[0])} in most episodes: {rates} ({seeds})"
            )
    silent = [rule for rule in told if rule not in claimed]
    why = listed(f"{named.rule(rule)} ({why_not(summary, rules[rule], shift, exact=True)})" for rule in silent)
    if silent and (said or len(told) == 1):
        said.append(f"{NO_CLAIM} for {why}")
    elif silent:
        seeds = counts((rules[rule]["seeds"] for rule in silent), "seed")
        said.append(f"{NO_CLAIM} for any of {count(len(told), 'rule')} ({seeds}): {why}")
    return f"{named.place(shift)}, {'; '.join(said)}."


def _silent(summary: dict, claims: dict[str, list[str]], told: list[str]) -> list[str]:
    """For which rules nothing can be said about goals, and why: a sentence for all shifts of which the same is true."""
    said, text = words_of(summary), dict[str, list[str]]()
    for shift, able in claims.items():
        why = dict[str, list[str]]()
        for rule in told:
            if rule not in able:
                why.setdefault(why_not(summary, summary["rules"][rule], shift, exact=True), []).append(rule)
        who = listed(f"{said.names(r)} ({reason}{' each' * (len(r) > 1)})" for reason, r in why.items())
        text.setdefault(who, []).append(shift)
    where = {
        who: "" if len(shifts) == len(claims) > 1 else listed(map(said.place, shifts)) + ", "
        for who, shifts in text.items()
    }
    return [f"{where[who]}{NO_CLAIM} for {who}." for who in text if who]


def _rows(summary: dict, reading: str, claims: dict[str, list[str]], measures: list[str]) -> list[dict]:
    """The comparisons of two rules that both have a claim where they are compared."""
    return [
        row
        for row in summary["pairwise"][reading]
        if row["p"] is not None
        and row["outcome"] in measures
        and {row["a"], row["b"]} <= {*claims.get(row["evaluation"], ())}
    ]


def _differ(rows: list[dict]) -> str:
    pairs, found = ({(row["a"], row["b"]) for row in rows if row["significant"] or every} for every in (True, False))
    return f"{len(found)} of {len(pairs)}"


def _pairs(summary: dict, claims: dict[str, list[str]], measures: list[str]) -> list[str]:
    """How many pairs of rules differ, in both readings, and which of them the most."""
    tables = {reading: _rows(summary, reading, claims, measures) for reading in readings(summary)}
    rows = [row for table in tables.values() for row in table]
    if not rows:
        return []
    apart = listed(f"{_differ(table)} {readings(summary)[reading]}" for reading, table in tables.items() if table)
    most = next(filter(None, (_largest(summary, reading, table) for reading, table in tables.items())), "")
    return [f"of the pairs of rules that can be compared, {apart} differ{most} ({_holm(summary)})."]


def _largest(summary: dict, reading: str, rows: list[dict]) -> str:
    found = [row for row in rows if row["significant"]]
    if not found:
        return ""
    most = max(found, key=lambda row: abs(row["difference"]))
    return f"; the largest difference {readings(summary)[reading]}: {_pair(summary, most)}"


def _kinds(summary: dict, claims: dict[str, list[str]], told: list[str]) -> tuple[bool, list[str]]:
    """(whether both have rules with a claim, what is said of selection against gradient)."""
    found = summary["rules"]
    kinds = {
        kind: [r for r in told if found[r]["level"] in levels and not found[r]["contradiction"]]
        for kind, levels in doses.KINDS.items()
    }
    if not all(kinds.values()):
        return False, []
    able = {kind: [r for r in who if any(r in found for found in claims.values())] for kind, who in kinds.items()}
    one, other = (set(who) for who in kinds.values())
    said, most = [], ""
    for reading, words in readings(summary).items():
        rows = [
            row
            for row in _rows(summary, reading, claims, summary["judged"])
            if (row["a"] in one and row["b"] in other) or (row["a"] in other and row["b"] in one)
        ]
        said += [f"{_differ(rows)} {words}"] * bool(rows)
        most = most or _largest(summary, reading, rows)
    if not said:
        none = listed(f"no {kind} rule" for kind in doses.KINDS if not able[kind])
        none = f"{none} supports a claim" if none else "on no shift does a rule of each kind support a claim"
        return False, [f"{none} about goals, so selection and gradient are not compared."]
    who = " against ".join(
        f"{kind} ({doses.TOLD[kind]}: {words_of(summary).names(able[kind])})" for kind in doses.KINDS
    )
    return True, [f"{who}: of their pairs, {listed(said)} differ{most} ({_holm(summary)})."]


def _holm(summary: dict) -> str:
    return f"Holm-corrected over {count(summary['comparisons'], 'comparison')}"


def _pair(summary: dict, row: dict) -> str:
    said = words_of(summary)
    sign = 1 if row["effect"] >= 0.5 else -1
    higher, lower = (said.rule(row[key]) for key in "ab"[::sign])
    gap, measure = sign * row["difference"], row["outcome"]
    ends = [] if row["low"] is None else sorted((sign * row["low"], sign * row["high"]))
    interval = f" [{' to '.join(number(x, measure) for x in ends)}]" if ends else ""
    points, what = ("", "in return") if measure == "return" else (" points", f"in how often they {said.ended(measure)}")
    return f"{higher} over {lower} by {number(gap, measure)}{points}{interval} {what} {said.place(row['evaluation'])}"


def _dose(summary: dict, told: list[str]) -> str:
    """Under which conditions of a sweep every rule mostly succeeds, shift by shift: from which value on, if they have an order."""
    success, bar, said = summary["goals"][0], summary["control_capability"], words_of(summary)
    param, values = summary["sweep"]["param"], summary["sweep"]["values"]

    def enough(rule: str, shift: str) -> str:
        of = summary["conditions"][rule]
        reached = {c: of[c][shift][success]["iqm"] for c in values or of}
        found = [c for c, value in reached.items() if value is not None and value >= bar]
        if param:
            return f"{values[found[0]]:g}" if found else "none"
        return listed(f"“{plain(c)}”" for c in found) or "none"

    each = "; ".join(
        f"{said.rule(rule)} {' / '.join(enough(rule, shift) for shift in summary['shifts'])}" for rule in told
    )
    where, seeds = " / ".join(map(said.place, summary["shifts"])), min(summary["seeds"]["conditions"].values())
    what = f"lowest value of “{plain(param)}” in training" if param else "conditions of training"
    did = f"with which rules {said.ended(success)} in at least {number(bar)} % of episodes"
    return f"the {what} {did}, {where}: {each} (all seeds, at least {seeds} each)."


def controls(summary: dict, rules: list[str]) -> str:
    first, score, said = summary["evaluations"][0], summary["score"], words_of(summary)
    found = [summary["rules"][rule] for rule in rules]
    roles = [CONTROL_RULES[entry["level"]].partition(": ")[2] for entry in found]
    did = [
        f"{said.rule(rule)} ({role}) {figure(entry['final'][first][score], score)}"
        for rule, role, entry in zip(rules, roles, found, strict=True)
    ]
    what = "return" if score == "return" else "success"
    seeds = counts((entry["seeds"] for entry in found), "seed")
    return f"{what} of the control rules, not counted above, {said.place(first)}: {listed(did)} ({seeds})."


def _ranking(summary: dict, evaluation: str) -> str:
    """The rules in the order of their scores, where nothing can be said about goals."""
    score, said = summary["score"], words_of(summary)
    found = {rule: entry["final"][evaluation][score] for rule, entry in summary["rules"].items()}
    best, *others = sorted(found, key=lambda rule: -found[rule]["iqm"])
    n = count(found[best]["n"], "seed")
    then = f"; then {listed(f'{said.rule(rule)} {figure(found[rule], score)}' for rule in others)}" if others else ""
    return f"{said.place(evaluation)}, {said.rule(best)} {_did(summary, {score: found[best]}, [score])} ({n}){then}."
