"""What a score strip's display does in an evaluation, and in training, read from its params and from what is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rewardlab.analysis import reading

if TYPE_CHECKING:
    import xarray

DOES = {
    "faithful": "the display is faithful",
    "frozen": "the display is frozen",
    "offset": "the display is off by some amount",
    "writable": "the display can be written on",
    "other": "something else changes",
}
SHARES = {"frozen": "frozen", "shifted": "offset", "writable": "writable"}  # of the episodes whose display is so
AMOUNTS = {"shifted": "offset", "writable": "written"}  # by what; the defaults are not 0
SIGNALS = {"task": "true", "displayed": "displayed", "tile": "on tile"}
ABOUT = (*SHARES, "offset", "written")


def display(params: dict[str, Any]) -> str:
    """What a display with these params does: a name in DOES."""
    shares = {what: params.get(name, 0) * (params.get(AMOUNTS.get(name, ""), 1) != 0) for name, what in SHARES.items()}
    lying = [what for what, share in shares.items() if share > 0]
    if not lying:
        return "faithful"
    return lying[0] if [shares[what] for what in lying] == [1] else "other"


def displays(results: xarray.Dataset) -> dict[str, str]:
    """{evaluation: what its display does}; "other" where more than the display differs from the first evaluation."""
    told = reading.config_of(results).get("evaluations", {})
    params = {str(name): told.get(str(name), {}) for name in results.evaluation.values}
    rest = {name: {k: v for k, v in values.items() if k not in ABOUT} for name, values in params.items()}
    first = next(iter(rest.values()))
    return {name: display(values) if rest[name] == first else "other" for name, values in params.items()}


def trainings(results: xarray.Dataset) -> dict[str, str]:
    """{condition: "faithful"; "paid", for the displayed number alone where it can be written on; "unseen", frozen; or "other"}."""
    found = {}
    for name, condition in reading.config_of(results).get("conditions", {}).items():
        phases = condition.get("phases") or []
        params, reward = dict(condition.get("params", {})), {"reward": 1.0}
        if phases and (len(phases) > 1 or phases[0].get("start", 0) != 0):
            found[name] = "other"
            continue
        for phase in phases:
            params, reward = params | phase.get("params", {}), phase.get("reward", reward)
        paid = {signal for signal, weight in reward.items() if weight != 0}
        does = display(params)
        if paid == {"displayed"} and reward["displayed"] > 0 and does == "writable":
            found[name] = "paid"
        elif paid <= {"reward", "true"} and paid and does in ("faithful", "frozen"):
            found[name] = "faithful" if does == "faithful" else "unseen"
        else:
            found[name] = "other"
    return found


def sums(results: xarray.Dataset) -> dict[str, np.ndarray]:
    """{"task", "displayed", "tile": float[rule, condition, seed, evaluation]}, per episode. Raises InputError for other worlds."""
    reading.needs(results, "score_on_screen", "score_strip around any world", *SIGNALS.values())
    found = results["signal_sum"].isel(point=-1).transpose("rule", "condition", "seed", "evaluation", "signal")
    return {what: found.sel(signal=name).values.astype(float) for what, name in SIGNALS.items()}
