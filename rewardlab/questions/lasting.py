"""What lasts of a penalty, by the order of training: which answer a rule's figures give, or why they give none."""

from __future__ import annotations

from typing import Any

from rewardlab.analysis.cautions import is_control
from rewardlab.analysis.wording import figure
from rewardlab.questions.claims import few_seeds, unable
from rewardlab.questions.penalties import EARLY, HALF, LATE, NEVER

FIRST, LAST = "what is trained first lasts", "what is trained last lasts"
PAY, BOTH = "pay alone decides", "either order lasts"
UNCLEAR = "no clear difference between the orders"
ANSWERS = {
    FIRST: "penalised before they can do the task, agents of {who} go on leaving it be once it pays (they do it in {figures} of "
    "steps); penalised after, they come back to it",
    LAST: "penalised after they can do the task, agents of {who} go on leaving it be once it pays; penalised before, they do not",
    PAY: "agents of {who} do what pays, whichever was trained first",
    BOTH: "agents of {who} go on leaving be what was penalised, whichever was trained first",
    UNCLEAR: "of {who} no difference between the orders is clear",
}


def named(summary: dict[str, Any], when: str) -> str:
    """The first condition with such a penalty; "" for none."""
    return next((name for name, one in summary["order"].items() if one[0] == when), "")


def apart(summary: dict[str, Any], table: str, rule: str, a: str, b: str) -> int:
    """1 where condition a lies significantly above b, -1 below, 0 else."""
    for row in summary["pairwise"][table]:
        if row["a"] == rule and {row["one"], row["other"]} == {a, b} and row["significant"]:
            return (1 if row["effect"] > 0.5 else -1) * (1 if row["one"] == a else -1)
    return 0


def why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    missing = [when for when in (NEVER, EARLY, LATE) if not named(summary, when)]
    if missing and not is_control(entry):
        return f"no condition is tempted and penalised {missing[0]}"
    if why := unable(entry):
        return why
    never = entry["order"][named(summary, NEVER)]["end"]
    weak = never["low"] is not None and never["low"] <= HALF
    return few_seeds(never) or f"never penalised, it does what tempts in {figure(never)} of its steps" * weak


def what_lasts(summary: dict[str, Any], rule: str) -> str:
    """The answer that a rule gives, in a few words."""
    early, late = (named(summary, when) for when in (EARLY, LATE))
    of = summary["rules"][rule]["order"]
    if lies := apart(summary, "later", rule, early, late):
        return FIRST if lies < 0 else LAST
    both = [of[name]["later"] for name in (early, late)]
    if all(x["low"] is not None and x["low"] > HALF for x in both):
        return PAY
    return BOTH if all(x["high"] is not None and x["high"] < HALF for x in both) else UNCLEAR
