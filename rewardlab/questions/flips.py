"""What seeds do in each way of deploying the same parameters, and how many turn over with the reward that is consulted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import stats
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.reading import has_goals
from rewardlab.analysis.wording import count, listed
from rewardlab.inputs.errors import InputError
from rewardlab.probes.ways import REWARD
from rewardlab.questions.claims import unable

if TYPE_CHECKING:
    import xarray

KINDS = {"search": "with its habit", "long": "with its habit and a longer search", "bare": "without its habit"}
FOLLOWS = "follows the prediction that it consults"
STAYS = "does not follow the prediction that it consults"
UNSURE = "follows the prediction that it consults in some seeds"


def rewards(results: xarray.Dataset) -> tuple[str, str] | None:
    """(the reward that rules were told beside what trained, what trained); None where they were told none."""
    told = [str(name) for name in results["paid"].values if name != REWARD]
    return (told[0], REWARD) if told else None


def done(share: np.ndarray) -> np.ndarray:
    """float[..., outcome] -> int[...], the outcome of more than half of the episodes, -1 for none."""
    return np.where(np.nan_to_num(share).max(-1) > 0.5, np.nan_to_num(share).argmax(-1), -1)


def ended(results: xarray.Dataset) -> np.ndarray:
    """float[rule, condition, seed, way, outcome], how episodes end on the first evaluation. Raises InputError."""
    if not has_goals(results):
        raise InputError("asks = planner needs a world that names its outcomes; allowed: lever, for one")
    dims = ("rule", "condition", "seed", "way", "outcome")
    return results["way_outcome_share"].isel(evaluation=0).transpose(*dims).values


def flipped(told: np.ndarray, paid: np.ndarray) -> dict[str, Any]:
    """How many seeds turn over. told, paid: int[seeds], the outcome that each does while it consults either reward."""
    turned = int(((told == 0) & (paid == 1)).sum())
    low, high = stats.share_interval(turned, len(told))
    return {"flipped": turned, "n": len(told), "low": low, "high": high}


def why_not(summary: dict[str, Any], rule: str) -> str:
    """Why no claim is made about a rule, in a few words; "" where one is."""
    entry = summary["rules"][rule]
    if not is_control(entry) and "bare" not in entry["flips"]:
        return "it can't be deployed by two rewards"
    audited = [row for row in summary["audit"] if row["rule"] == rule]
    consulted = any({*row["reads"]} & {*row["fitted"]} for row in audited)
    found = "the audit finds no predictor of reward that is consulted to act" if audited else "it was not audited"
    return unable(entry) or found * (not consulted)


def follows(flips: dict[str, Any]) -> str:
    """Whether seeds follow the prediction that they consult, in words."""
    return FOLLOWS if flips["low"] > 0.5 else STAYS if flips["high"] < 0.5 else UNSURE


def told(flips: dict[str, Any]) -> str:
    """ "10 of 10 seeds [69–100 %]"."""
    ends = "" if flips["low"] is None else f" [{100 * flips['low']:.0f}–{100 * flips['high']:.0f} %]"
    return f"{flips['flipped']} of {count(flips['n'], 'seed')}{ends}"


def habit(summary: dict[str, Any], rule: str) -> str:
    """What the policy head alone does: "worked in 8 of 10 seeds, pulled the lever in 2"."""
    said, entry = words_of(summary), summary["rules"][rule]
    did = {outcome: n for outcome, n in entry["ways"]["habit"].items() if n}
    each = [f"{said.ended(outcome)} in {n} of {count(entry['competent_seeds'], 'seed')}" for outcome, n in did.items()]
    return listed(each) or "did nothing in most episodes of any seed"
