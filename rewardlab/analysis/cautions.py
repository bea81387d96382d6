"""What a reader of any run has to bear in mind, whatever it was asked: sentences from a summary's figures."""

from __future__ import annotations

from rewardlab.analysis.wording import CONTROL_RULES, Words, count, listed, number, percent, sentence


def warnings(summary: dict) -> list[str]:
    """What a reader has to bear in mind: few seeds, seeds that failed, and a bar that who has learned nothing clears, too."""
    conditions, least, advised = (summary["seeds"][key] for key in ("conditions", "minimum", "advised"))
    texts, said = list(_low_bar(summary)), words_of(summary)
    for n in dict.fromkeys(conditions.values()):
        start = f"{count(n, 'seed')} under {listed(f'“{c}”' for c in conditions if conditions[c] == n)}"
        if n < least:
            texts.append(f"{start}: no intervals below {least}; at least {advised} are advised.")
        elif n < advised:
            texts.append(f"{start}, fewer than the {advised} advised: small differences will be missed.")
    for rule, entry in summary["rules"].items():
        for condition, n in entry["trained"].items():
            if n < conditions[condition] and n < advised:
                few = f"fewer than the {advised} advised" if n >= least else f"too few for intervals (at least {least})"
                texts.append(f"{sentence(said.rule(rule))} has {count(n, 'seed')} under “{condition}”, {few}.")
        for condition, lost in entry["failed"].items():
            what = f"{lost} of {count(conditions[condition], 'seed')} ended without finite results"
            if lost:
                texts.append(f"{sentence(said.rule(rule))} under “{condition}”: {what} and {count_as(summary, lost)}.")
    for rule, lost in summary.get("diverged", {}).items():
        for condition, n in lost.items():
            what = f"the parameters or rewards of {n} of {count(conditions[condition], 'seed')} did not stay finite numbers"
            texts.append(f"{sentence(said.rule(rule))} under “{condition}”: {what}.")
    for rule, of in summary.get("unnamed", {}).items():
        for condition, share in of.items():
            what = f"{100 * share:.2g} % of the evaluation episodes ended in none of the outcomes that the world names"
            texts.append(f"{sentence(said.rule(rule))} under “{condition}”: {what}, and count as none.")
    for rule, entry in summary["rules"].items():
        if entry["contradiction"]:
            texts.append(f"{sentence(said.rule(rule))}: {entry['contradiction']}{no_control(entry)}.")
    if summary.get("mixed"):
        texts.append(f"Not all seeds were computed alike, and rounding may differ between them: {_mixed(summary)}.")
    return texts


def _low_bar(summary: dict):
    """Who clears the bar of capability without having learned anything: then it says nothing about learning."""
    said, first, bar = words_of(summary), summary["evaluations"][0], summary["capability"]
    of = {rule: entry.get("untrained", 0) for rule, entry in summary["rules"].items()}
    of = {rule: n for rule, n in of.items() if n}
    nothing = f"capability ({bar_of(summary)} {said.place(first)}) then says little about learning"
    if of:
        who = listed(f"{n} of {count(summary['rules'][r]['seeds'], 'seed')} of {said.rule(r)}" for r, n in of.items())
        yield f"Before any training, {who} {'is' if sum(of.values()) == 1 else 'are'} capable: {nothing}."
    random = summary["references"].get("random", {}).get(first, {}).get("return")
    if random is not None and random >= bar:
        yield f"A random policy has a return of {random:.3g} {said.place(first)}: {nothing}."


def bar_of(summary: dict) -> str:
    """ "at least 81 % success", or "a return of at least 475"."""
    bar, share = summary["capability"], summary.get("capability_share")
    text = f"a return of at least {bar:.4g}" if summary["score"] == "return" else f"at least {number(bar)} % success"
    way = "" if share is None else f", {percent(share)} % of the way from a random policy to the optimum"
    return text + way


def is_control(entry: dict) -> bool:
    """Whether a rule shows what comes about without reward: its level says so, the audit says nothing else, and it is shown no
    demonstrator, of which it learns in reward's place.
    """
    return entry.get("level") in CONTROL_RULES and not (entry.get("contradiction") or entry.get("shown"))


def no_control(entry: dict) -> str:
    return ", so it is no control" if entry["level"] in CONTROL_RULES else ""


def count_as(summary: dict, lost: int) -> str:
    worst = "with the lowest return of the run" if summary["score"] == "return" else "as reaching nothing"
    return f"{'counts' if lost == 1 else 'count'} {worst}"


def words_of(summary: dict) -> Words:
    return Words(**summary["words"])


def _mixed(summary: dict) -> str:
    """ "jax 0.10.1 or 0.10.2, width 8 or 4"."""
    every = summary["mixed"]
    values = {name: dict.fromkeys(str(one.get(name)) for one in every) for name in {k: 0 for one in every for k in one}}
    return ", ".join(f"{name} {' or '.join(found)}" for name, found in values.items() if len(found) > 1)
